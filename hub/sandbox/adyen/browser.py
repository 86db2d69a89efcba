"""The bank's pages over HTTP: opened by GET or by a posted MD and PaReq, answered by a button."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Final

from aiohttp import web

from hub.sandbox.adyen import pages
from hub.sandbox.adyen.desk import Desk
from hub.sandbox.adyen.payments import PAGE, page_answered
from hub.sandbox.adyen.records import Ticket

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_HTML: Final = "text/html"


def routes(desk: Desk) -> list[web.RouteDef]:
    """Return the pages a payer's browser sees."""
    return [
        web.get(f"{PAGE}/{{id}}", _by_link(desk)),
        web.post(PAGE, _by_form(desk)),
        web.post(f"{PAGE}/{{id}}/complete", _choice(desk, passed=True)),
        web.post(f"{PAGE}/{{id}}/fail", _choice(desk, passed=False)),
    ]


def _by_link(desk: Desk) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        return _asked(desk, _open(desk, request.match_info["id"]))

    return handler


def _by_form(desk: Desk) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        form = await request.post()
        if not form.get("PaReq"):
            return web.Response(status=HTTPStatus.BAD_REQUEST, text="PaReq: missing; post it with MD")
        return _asked(desk, _open(desk, str(form.get("MD", ""))))

    return handler


def _choice(desk: Desk, *, passed: bool) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        ticket = _open(desk, request.match_info["id"])
        payment = desk.payment(ticket.account, ticket.payment)
        if payment is None or ticket.used:
            return web.Response(body=pages.spent(), status=HTTPStatus.GONE, content_type=_HTML)
        with desk.book.transaction():
            brought = page_answered(desk, ticket, passed=passed)
        if ticket.form:
            page = pages.sent_back(payment.return_url, {"MD": ticket.id, "PaRes": brought.id})
            return web.Response(body=page, content_type=_HTML)
        raise web.HTTPSeeOther(pages.with_result(payment.return_url, brought.id))

    return handler


def _open(desk: Desk, id: str) -> Ticket:
    ticket = desk.ticket(id)
    if ticket is None or ticket.step != "open":
        raise web.HTTPNotFound(text="no such page")
    return ticket


def _asked(desk: Desk, ticket: Ticket) -> web.Response:
    payment = desk.payment(ticket.account, ticket.payment)
    if payment is None or ticket.used:
        return web.Response(body=pages.spent(), status=HTTPStatus.GONE, content_type=_HTML)
    told = f"{payment.reference}: {payment.amount_minor} {payment.currency} minor units"
    page = pages.question(f"{PAGE}/{ticket.id}/complete", f"{PAGE}/{ticket.id}/fail", told)
    return web.Response(body=page, content_type=_HTML)
