"""The demo's shop: it speaks to the hub over HTTP as any application would, and checks every figure it is told."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeVar
from urllib.parse import quote

import aiohttp
import msgspec
from msgspec import Struct
from rich.console import Console

Json = dict[str, Any]
T = TypeVar("T")

REQUEST_SECONDS: Final = 20
SETTLE_SECONDS: Final = 30
_POLL_SECONDS: Final = 0.1


class UnexpectedError(Exception):
    """A figure is not as it should be; the message has the figure, what was expected and what came."""


class Place(Struct, frozen=True, kw_only=True):
    """Where a hub with its sandboxes is, as `hub dev --json` tells it."""

    url: str
    api_key: str
    merchant_accounts: dict[str, str]
    sandbox: dict[str, str]

    def account_name(self, id: str | None) -> str:
        """Name a merchant account."""
        return next((name for name, known in self.merchant_accounts.items() if known == id), str(id))


class Reply(Struct, frozen=True):
    """One answer of the hub; header names are in lower case."""

    status: int
    body: bytes
    headers: Mapping[str, str]

    @property
    def json(self) -> Json:
        """The body, read."""
        told: Json = msgspec.json.decode(self.body)
        return told


class Shop:
    """A caller with a key; counts what it has checked."""

    def __init__(self, place: Place, http: aiohttp.ClientSession, console: Console) -> None:
        self.place = place
        self.http = http
        self.console = console
        self.checked = 0

    def expect(self, what: str, got: object, wanted: object) -> None:
        """Go on only if *got* is *wanted*.

        Raises:
            UnexpectedError: when it is not.
        """
        if got != wanted:
            raise UnexpectedError(f"{what}: expected {wanted!r}, got {got!r}")
        self.checked += 1

    async def send(self, method: str, path: str, body: Json | None = None, *, key: str | None = None) -> Reply:
        """Send one request; *key* is its Idempotency-Key."""
        headers = {"Authorization": f"Bearer {self.place.api_key}"}
        if key is not None:
            headers["Idempotency-Key"] = key
        async with self.http.request(method, self.place.url + path, json=body, headers=headers) as answer:
            told = {name.lower(): value for name, value in answer.headers.items()}
            return Reply(answer.status, await answer.read(), told)

    async def ask(self, method: str, path: str, body: Json | None = None, *, key: str | None = None) -> Json:
        """Send one request that must be answered with 2xx.

        Raises:
            UnexpectedError: when it is not.
        """
        reply = await self.send(method, path, body, key=key)
        if reply.status not in range(200, 300):
            raise UnexpectedError(f"{method} {path}: expected 2xx, got {reply.status} {reply.body.decode()[:500]}")
        return reply.json

    async def hand_in(self, path: str, content: bytes, media_type: str) -> Reply:
        """Send a file."""
        headers = {"Authorization": f"Bearer {self.place.api_key}", "Content-Type": media_type}
        async with self.http.post(self.place.url + path, data=content, headers=headers) as answer:
            told = {name.lower(): value for name, value in answer.headers.items()}
            return Reply(answer.status, await answer.read(), told)

    async def payment(self, id: str) -> Json:
        """Read a payment."""
        return await self.ask("GET", f"/v1/payments/{id}")

    async def payments(self) -> list[Json]:
        """Read every payment of this mode."""
        return await self.listed("/v1/payments")

    async def listed(self, path: str) -> list[Json]:
        """Read a list to its end."""
        found: list[Json] = []
        sign, cursor = "&" if "?" in path else "?", ""
        while True:
            page = await self.ask("GET", f"{path}{sign}limit=100{cursor}")
            found += page["data"]
            if page["next_cursor"] is None:
                return found
            cursor = f"&cursor={quote(page['next_cursor'])}"

    async def until(self, what: str, ask: Callable[[], Awaitable[T]], fits: Callable[[T], bool]) -> T:
        """Ask again until the answer fits.

        Raises:
            UnexpectedError: when it does not within half a minute.
        """
        deadline = time.monotonic() + SETTLE_SECONDS
        while True:
            told = await ask()
            if fits(told):
                self.checked += 1
                return told
            if time.monotonic() > deadline:
                raise UnexpectedError(f"{what}: not so after {SETTLE_SECONDS} s; last told: {told!r}")
            await asyncio.sleep(_POLL_SECONDS)

    async def until_status(self, id: str, status: str) -> Json:
        """Read a payment until it has a status."""
        return await self.until(f"{id} {status}", lambda: self.payment(id), lambda told: told["status"] == status)

    async def control(self, processor: str, method: str, path: str, body: Json | None = None) -> Json:
        """Ask a sandbox's control; a real processor has no such thing."""
        url = f"{self.place.sandbox[processor]}/_control{path}"
        async with self.http.request(method, url, json=body) as answer:
            if not answer.ok:
                raise UnexpectedError(f"{method} {url}: expected 2xx, got {answer.status} {await answer.text()}")
            told: Json = await answer.json(content_type=None)
            return told

    async def report(self, processor: str, path: str) -> bytes:
        """Read a settlement report at a sandbox, as a person does on the processor's pages."""
        async with self.http.get(self.place.sandbox[processor] + path) as answer:
            answer.raise_for_status()
            return await answer.read()

    async def travel(self, mode: str, *, delay_s: float = 0.0) -> None:
        """Let both sandboxes' webhooks travel by *mode*: normal, delay, drop."""
        for processor in self.place.sandbox:
            await self.control(processor, "POST", "/webhooks", {"mode": mode, "delay_s": delay_s})

    async def charges(self, tag: str) -> int:
        """Count the charges of one tag at both processors together."""
        told = [await self.control(name, "GET", f"/money?tag={quote(tag)}") for name in self.place.sandbox]
        return sum(money["charges"] for money in told)

    async def payment_method(self, *, stripe: str | None = None, adyen: str | None = None) -> str:
        """Make a payment method out of processor tokens and give its id."""
        tokens = []
        if stripe is not None:
            tokens.append({"processor": "stripe", "token": stripe})
        if adyen is not None:
            tokens.append({"processor": "adyen", "token": adyen, "customer_reference": "shopper-1"})
        made = await self.ask("POST", "/v1/payment_methods", {"type": "card", "processor_tokens": tokens})
        return str(made["id"])


def step(shop: Shop, title: str, told: str) -> None:
    """Say what comes next."""
    shop.console.print()
    shop.console.rule(f"[bold]{title}", align="left")
    shop.console.print(told, style="dim", highlight=False)
