"""
The bank's page, where the payer proves who they are or gives up.

Each choice is a form of its own, so that a browser and a test press the same button.
"""

from html import escape
from urllib.parse import urlsplit, urlunsplit


def question(complete_url: str, fail_url: str, told: str) -> bytes:
    """Ask the payer; *told* says for what."""
    return _page(
        f"<h1>3D Secure</h1><p>{escape(told)}</p>"
        f'<form id="complete" method="post" action="{escape(complete_url)}"><button>Complete</button></form>'
        f'<form id="fail" method="post" action="{escape(fail_url)}"><button>Fail</button></form>'
    )


def sent_back(url: str, fields: dict[str, str]) -> bytes:
    """Have the browser post *fields* back to the merchant by itself."""
    inputs = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in fields.items()
    )
    return _page(
        f'<form id="return" method="post" action="{escape(url)}">{inputs}<button>Continue</button></form>'
        "<script>document.getElementById('return').submit()</script>"
    )


def spent() -> bytes:
    """Say that the page has been answered."""
    return _page("<h1>3D Secure</h1><p>This page has been answered already.</p>")


def with_result(return_url: str, redirect_result: str) -> str:
    """Add `redirectResult` to the merchant's return URL, keeping its query."""
    parts = urlsplit(return_url)
    query = f"{parts.query}&redirectResult={redirect_result}".lstrip("&")
    return urlunsplit(parts._replace(query=query))


def _page(inside: str) -> bytes:
    return f'<!doctype html><html lang="en"><title>Pretend bank</title><body>{inside}</body></html>'.encode()
