"""The demo's payer: a browser that opens the challenge, presses the button and lets itself be sent back."""

from html.parser import HTMLParser
from typing import Final
from urllib.parse import urljoin

import aiohttp
from msgspec import Struct

PAGES_MAX: Final = 10
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_YES: Final = "complete"


class LostError(Exception):
    """The payer came to a page that leads nowhere; the message names it."""


class Form(Struct):
    """A form as it stands in a page."""

    id: str
    method: str
    action: str
    fields: dict[str, str]


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[Form] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        if tag == "form":
            method = told.get("method", "get").upper()
            self.found.append(Form(told.get("id", ""), method, told.get("action", ""), {}))
        elif self.found and tag == "input" and "name" in told:
            self.found[-1].fields[told["name"]] = told.get("value", "")
        elif self.found and tag == "button" and told.get("value") == _YES:
            self.found[-1].fields[told["name"]] = _YES


async def follow(http: aiohttp.ClientSession, url: str, home: str) -> list[str]:
    """Go where the pages lead, saying yes, until an address begins with *home*; give every address on the way.

    Raises:
        LostError: when a page has no form and leads nowhere, or the way is too long.
    """
    way = [url]
    method, fields = "GET", dict[str, str]()
    for _ in range(PAGES_MAX):
        async with http.request(method, way[-1], data=fields or None, allow_redirects=False) as page:
            if page.status in _REDIRECTS:
                way.append(urljoin(way[-1], page.headers["Location"]))
                method, fields = "GET", {}
            elif page.ok:
                form = _chosen(await page.text(), way[-1])
                way.append(urljoin(way[-1], form.action) if form.action else way[-1])
                method, fields = form.method, form.fields
            else:
                raise LostError(f"{way[-1]} answered {page.status}")
        if way[-1].startswith(home):
            return way
    raise LostError(f"still not back after {PAGES_MAX} pages: {way[-1]}")


def _chosen(page: str, url: str) -> Form:
    forms = _Forms()
    forms.feed(page)
    if not forms.found:
        raise LostError(f"{url} has no form")
    return next((form for form in forms.found if form.id == _YES), forms.found[0])
