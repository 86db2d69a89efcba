"""The bank's page, where the payer proves who they are or gives up; a form for each choice."""

from collections.abc import Awaitable, Callable
from html import escape
from http import HTTPStatus
from typing import Final

from aiohttp import web

from hub.sandbox.checkout_com.desk import Desk
from hub.sandbox.checkout_com.payments import challenge_answered
from hub.sandbox.checkout_com.records import Payment

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_HTML: Final = "text/html"


def routes(desk: Desk) -> list[web.RouteDef]:
    """Return the pages a payer's browser sees."""
    return [
        web.get("/3ds/{sid}", _question(desk)),
        web.post("/3ds/{sid}/complete", _choice(desk, passed=True)),
        web.post("/3ds/{sid}/fail", _choice(desk, passed=False)),
    ]


def _question(desk: Desk) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        payment = _open(desk, request)
        if payment.status != "pending":
            return _spent()
        told = f"{payment.reference}: {payment.amount_minor} {payment.currency} minor units"
        at = f"/3ds/{payment.sid}"
        return _page(
            f"<h1>3D Secure</h1><p>{escape(told)}</p>"
            f'<form id="complete" method="post" action="{at}/complete"><button>Complete</button></form>'
            f'<form id="fail" method="post" action="{at}/fail"><button>Fail</button></form>'
        )

    return handler


def _choice(desk: Desk, *, passed: bool) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        payment = _open(desk, request)
        if payment.status != "pending":
            return _spent()
        with desk.book.transaction():
            url = challenge_answered(desk, payment, passed=passed)
        desk.sandbox.deliveries.wake()
        raise web.HTTPSeeOther(url)

    return handler


def _open(desk: Desk, request: web.Request) -> Payment:
    payment = desk.payment(request.match_info["sid"])
    if payment is None:
        raise web.HTTPNotFound(text="no such page")
    return payment


def _spent() -> web.Response:
    return _page("<h1>3D Secure</h1><p>This page has been answered already.</p>", HTTPStatus.GONE)


def _page(inside: str, status: int = HTTPStatus.OK) -> web.Response:
    body = f'<!doctype html><html lang="en"><title>Pretend bank</title><body>{inside}</body></html>'
    return web.Response(text=body, status=status, content_type=_HTML)
