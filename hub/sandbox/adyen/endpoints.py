"""Adyen's endpoints over HTTP, each through the one door where faults wait."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, Final

import msgspec
from aiohttp import web
from msgspec import Struct

from hub.sandbox.adyen import modify, payments, stored
from hub.sandbox.adyen.admission import admit_account, told
from hub.sandbox.adyen.decide import capture_delay_s
from hub.sandbox.adyen.desk import Desk
from hub.sandbox.adyen.errors import WireError
from hub.sandbox.adyen.once import HEADER, once
from hub.sandbox.adyen.wire import (
    DetailsRequest,
    ModificationRequest,
    PaymentMethodsRequest,
    PaymentRequest,
    SessionRequest,
    body_of,
    read,
)
from hub.sandbox.book import Body
from hub.sandbox.faults import Act, Answer, Operation, answer
from hub.sandbox.processor import RefusedError

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Work = Callable[[Desk, Any, str], tuple[int, Body]]

LIVE_PREFIX: Final = "/checkout"


class Endpoint(Struct, frozen=True):
    """A POST of the API: what it takes, what it does, and its word for faults."""

    path: str
    takes: type[Struct]
    work: Work
    operation: Operation = "other"


def _modifies(what: modify.What) -> Work:
    def work(desk: Desk, request: ModificationRequest, psp: str) -> tuple[int, Body]:
        return modify.modify(desk, psp, request, what)

    return work


ENDPOINTS: Final = (
    Endpoint("/payments", PaymentRequest, lambda desk, request, _: payments.pay(desk, request), "purchase"),
    Endpoint(
        "/payments/details",
        DetailsRequest,
        lambda desk, request, _: payments.complete(desk, request),
        "complete",
    ),
    Endpoint("/payments/{psp}/captures", ModificationRequest, _modifies("capture"), "capture"),
    Endpoint("/payments/{psp}/refunds", ModificationRequest, _modifies("refund"), "refund"),
    Endpoint("/payments/{psp}/cancels", ModificationRequest, _modifies("cancel"), "void"),
    Endpoint("/payments/{psp}/reversals", ModificationRequest, _modifies("reversal"), "void"),
    Endpoint(
        "/cancels",
        ModificationRequest,
        lambda desk, asked, _: modify.cancel_by_reference(desk, asked),
        "void",
    ),
    Endpoint("/paymentMethods", PaymentMethodsRequest, lambda desk, request, _: stored.methods(desk, request)),
    Endpoint("/sessions", SessionRequest, lambda desk, request, _: stored.session(desk, request)),
)


def routes(desk: Desk) -> list[web.RouteDef]:
    """Return the API under the test URL's path and the live one's, and the control of the stored cards."""
    found = [web.put("/_control/tokens/{id}", _put_token(desk))]
    for prefix in ("/v72", f"{LIVE_PREFIX}/v72"):
        found += [web.post(prefix + endpoint.path, _post(desk, endpoint)) for endpoint in ENDPOINTS]
        found.append(web.get(f"{prefix}/storedPaymentMethods", _list_tokens(desk)))
        found.append(web.delete(f"{prefix}/storedPaymentMethods/{{id}}", _delete_token(desk)))
    return found


def _post(desk: Desk, endpoint: Endpoint) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        psp = request.match_info.get("psp", "")
        path = request.path.removeprefix(LIVE_PREFIX)
        act = _act(desk, endpoint, raw, request.headers.get(HEADER, ""))

        def work() -> Answer:
            body = body_of(raw)
            if endpoint.takes is not DetailsRequest:
                admit_account(body.get("merchantAccount"))
            return _sent(*endpoint.work(desk, read(body, endpoint.takes), psp))

        def carry_out() -> Answer:
            return told(lambda: once(desk, act.key, path, lambda: told(work)), request)

        return await answer(desk.sandbox, request, act, carry_out)

    return handler


def _list_tokens(desk: Desk) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        account, shopper = request.query.get("merchantAccount", ""), request.query.get("shopperReference", "")

        def work() -> Answer:
            admit_account(account)
            return _sent(*stored.listed(desk, account, shopper))

        act = Act(operation="other", account=account)
        return await answer(desk.sandbox, request, act, lambda: told(work, request))

    return handler


def _delete_token(desk: Desk) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        account, shopper = request.query.get("merchantAccount", ""), request.query.get("shopperReference", "")

        def work() -> Answer:
            admit_account(account)
            return _sent(*stored.deleted(desk, account, request.match_info["id"], shopper))

        act = Act(operation="other", account=account)
        return await answer(desk.sandbox, request, act, lambda: told(work, request))

    return handler


def _put_token(desk: Desk) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        try:
            body = stored.put_token(desk, request.match_info["id"], await request.read())
        except (msgspec.DecodeError, RefusedError) as error:
            return web.json_response({"error": str(error)}, status=HTTPStatus.BAD_REQUEST)
        return web.json_response(body)

    return handler


def _act(desk: Desk, endpoint: Endpoint, raw: bytes, key: str) -> Act:
    """Name the request for faults and the log, however wrong it is."""
    try:
        body = body_of(raw)
    except WireError:
        return Act(operation=endpoint.operation, account="", key=key)
    if endpoint.operation == "complete":
        ticket = payments.ticket_in(desk, body)
        payment = desk.payment(ticket.account, ticket.payment) if ticket else None
        account, tag = (payment.account, payment.reference) if payment else ("", "")
        return Act(operation="complete", account=account, tag=tag, key=key)
    account, tag = str(body.get("merchantAccount", "")), str(body.get("reference", ""))
    return Act(operation=_operation(desk, endpoint, body, account), account=account, tag=tag, key=key)


def _operation(desk: Desk, endpoint: Endpoint, body: Body, account: str) -> Operation:
    if endpoint.operation != "purchase":
        return endpoint.operation
    try:
        request = read(body, PaymentRequest)
    except WireError:
        return "purchase"
    return "authorize" if capture_delay_s(request, desk.settings(account)) is None else "purchase"


def _sent(status: int, body: Body) -> Answer:
    if status == HTTPStatus.NO_CONTENT:
        return Answer(status, b"")
    psp = body.get("pspReference")
    return Answer(status, msgspec.json.encode(body), {"pspReference": str(psp)} if psp else {})
