"""Checkout.com's endpoints over HTTP, each through the one door where faults wait."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

import msgspec
from aiohttp import web
from msgspec import Struct

from hub.sandbox.checkout_com import actions, payments, replies, tokens
from hub.sandbox.checkout_com.desk import Desk
from hub.sandbox.checkout_com.errors import NOT_FOUND, UNAUTHORIZED, WireError
from hub.sandbox.checkout_com.once import HEADER, once
from hub.sandbox.checkout_com.records import What
from hub.sandbox.checkout_com.wire import ActionRequest, InstrumentRequest, PaymentRequest, TokenRequest, read
from hub.sandbox.faults import Act, Answer, Operation, answer
from hub.sandbox.processor import RefusedError

Json = dict[str, Any]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
LIMIT_MAX = 1000
FOR_SERVERS = "Bearer sk_"
FOR_BROWSERS = "Bearer pk_"


class Call(Struct, frozen=True):
    """A request, read once: who asks, about which object, with what."""

    desk: Desk
    business: str  # The key; a business has one in a sandbox.
    id: str
    raw: bytes
    query: dict[str, str]


Work = Callable[[Call], tuple[int, Any]]


class Endpoint(Struct, frozen=True):
    """One endpoint: what it does, its word for faults, and the kind of key it takes."""

    method: str
    path: str
    work: Work
    operation: Operation = "other"
    key: str = FOR_SERVERS


def _acts(what: What) -> Work:
    return lambda call: actions.act(call.desk, call.business, call.id, what, read(call.raw, ActionRequest))


def _details(call: Call) -> tuple[int, Json]:
    payment = call.desk.payment(call.id)
    if payment is None or payment.business != call.business:
        raise WireError(NOT_FOUND)
    return HTTPStatus.OK, replies.details(call.desk.url, payment, call.desk.source(payment))


def _history(call: Call) -> tuple[int, list[Json]]:
    payment = call.desk.payment(call.id)
    if payment is None or payment.business != call.business:
        raise WireError(NOT_FOUND)
    return HTTPStatus.OK, [replies.action(payment, done) for done in call.desk.actions(payment)]


def _listed(call: Call) -> tuple[int, Json]:
    limit, skip = int(call.query.get("limit", 10)), int(call.query.get("skip", 0))
    found = call.desk.by_reference(call.business, call.query.get("reference", ""))
    page = found[skip : skip + min(limit, LIMIT_MAX)]
    data = [replies.details(call.desk.url, payment, call.desk.source(payment)) for payment in page]
    return HTTPStatus.OK, {"limit": limit, "skip": skip, "total_count": len(found), "data": data}


ENDPOINTS = (
    Endpoint(
        "POST", "/payments", lambda call: payments.pay(call.desk, call.business, read(call.raw, PaymentRequest)),
        "purchase",
    ),
    Endpoint("GET", "/payments", _listed, "inquire"),
    Endpoint("GET", "/payments/{id}", _details, "inquire"),
    Endpoint("GET", "/payments/{id}/actions", _history, "inquire"),
    Endpoint("POST", "/payments/{id}/captures", _acts("Capture"), "capture"),
    Endpoint("POST", "/payments/{id}/refunds", _acts("Refund"), "refund"),
    Endpoint("POST", "/payments/{id}/voids", _acts("Void"), "void"),
    Endpoint("POST", "/tokens", lambda call: tokens.make(call.desk, read(call.raw, TokenRequest)), key=FOR_BROWSERS),
    Endpoint("POST", "/instruments", lambda call: tokens.create(call.desk, read(call.raw, InstrumentRequest))),
    Endpoint("GET", "/instruments/{id}", lambda call: tokens.read(call.desk, call.id)),
    Endpoint("DELETE", "/instruments/{id}", lambda call: tokens.delete(call.desk, call.id)),
)  # fmt: skip


def routes(desk: Desk) -> list[web.RouteDef]:
    """Return the API, and the control of the stored cards."""
    found = [web.route(endpoint.method, endpoint.path, _handler(desk, endpoint)) for endpoint in ENDPOINTS]
    return [*found, web.put("/_control/tokens/{id}", _put_token(desk))]


def _handler(desk: Desk, endpoint: Endpoint) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        key = request.headers.get("Authorization", "")
        call = Call(desk, key, request.match_info.get("id", ""), await request.read(), dict(request.query))
        act = _act(endpoint, call, request.headers.get(HEADER, ""))

        def carry_out() -> Answer:
            if not key.startswith(endpoint.key) or "invalid" in key:
                return UNAUTHORIZED.answer()
            return once(desk.book, key, act.key, request.path, desk.now(), lambda: _told(endpoint, call))

        return await answer(desk.sandbox, request, act, carry_out)

    return handler


def _told(endpoint: Endpoint, call: Call) -> Answer:
    try:
        status, body = endpoint.work(call)
    except WireError as error:
        return error.problem.answer()
    return Answer(status, b"" if status == HTTPStatus.NO_CONTENT else msgspec.json.encode(body))


def _act(endpoint: Endpoint, call: Call, key: str) -> Act:
    """Name the request for faults and the log, however wrong it is."""
    payment = call.desk.payment(call.id)
    account, payment_tag = (payment.account, payment.reference) if payment else ("", "")
    try:
        body = msgspec.json.decode(call.raw or b"{}", type=Json)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        body = {}
    operation = endpoint.operation
    if operation == "purchase":
        account = str(body.get("processing_channel_id", ""))
        operation = "purchase" if body.get("capture", True) else "authorize"
    tag = str(body.get("reference") or call.query.get("reference", ""))
    return Act(operation=operation, account=account, tag=tag, payment_tag=payment_tag, key=key)


def _put_token(desk: Desk) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        try:
            body = tokens.put(desk, request.match_info["id"], await request.read())
        except (msgspec.DecodeError, RefusedError) as error:
            return web.json_response({"error": str(error)}, status=HTTPStatus.BAD_REQUEST)
        return web.json_response(body)

    return handler
