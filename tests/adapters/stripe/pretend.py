"""A server that answers as a test tells it to, in the order told, and keeps what it was asked."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web
from aiohttp.test_utils import TestServer
from msgspec import Struct

Behaviour = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Asked(Struct, frozen=True):
    """One request as it arrived; files by the name of their field, each its own name and content."""

    method: str
    path: str
    form: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    connection: int
    files: Mapping[str, tuple[str, bytes]] = {}


class Pretend:
    """Answers with the behaviours given, the last one again and again."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.behaviours: list[Behaviour] = []
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._answer)
        self._server = TestServer(application)

    async def start(self) -> None:
        await self._server.start_server()

    async def stop(self) -> None:
        await self._server.close()

    @property
    def url(self) -> str:
        return str(self._server.make_url("")).rstrip("/")

    def will(self, *behaviours: Behaviour) -> None:
        self.behaviours = list(behaviours)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        form, files = await _read(request)
        self.asked.append(
            Asked(
                request.method,
                request.path,
                form,
                dict(request.query),
                dict(request.headers),
                id(request.transport),
                files,
            )
        )
        now = self.behaviours.pop(0) if len(self.behaviours) > 1 else self.behaviours[0]
        return await now(request)


async def _read(request: web.Request) -> tuple[dict[str, str], dict[str, tuple[str, bytes]]]:
    if not request.content_type.startswith("multipart/"):
        return dict(parse_qsl((await request.read()).decode(), keep_blank_values=True)), {}
    form, files = {}, {}
    for name, value in (await request.post()).items():
        if isinstance(value, web.FileField):
            files[name] = (value.filename, value.file.read())
        else:
            form[name] = str(value)
    return form, files


def says(status: int, body: object, headers: Mapping[str, str] | None = None) -> Behaviour:
    """Answer with JSON, or with bytes as they are."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()

    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, body=content, content_type="application/json", headers=headers)

    return answer


def refuses(status: int, code: str | None = None, type: str = "invalid_request_error", **fields: object) -> Behaviour:
    """Answer with one of Stripe's errors."""
    return says(status, {"error": {"type": type, "message": "as the test told", "code": code, **fields}})


def resets() -> Behaviour:
    """Close the connection instead of an answer."""

    async def answer(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    return answer


def is_silent(seconds: float = 30) -> Behaviour:
    """Let the caller wait."""

    async def answer(_request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(seconds)
        return web.Response()

    return answer


def stops_halfway(*, then_silent: bool = False) -> Behaviour:
    """Promise a long body and send half of it, then close, or say nothing more."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000", "Content-Type": "application/json"})
        await response.prepare(request)
        await response.write(b'{"id": "pi_')
        if then_silent:
            await asyncio.sleep(30)
        assert request.transport is not None
        request.transport.abort()
        return response

    return answer


def charge(**fields: object) -> dict[str, object]:
    """Make a charge on a Visa card as Stripe shows it."""
    card = {
        "brand": "visa", "last4": "4242", "exp_month": 8, "exp_year": 2030, "funding": "credit", "country": "US",
        "fingerprint": "fp_1", "network": "visa",
        "checks": {"address_line1_check": "pass", "address_postal_code_check": "fail", "cvc_check": "pass"},
    }  # fmt: skip
    return {
        "id": "ch_1", "object": "charge", "payment_intent": "pi_1",
        "payment_method_details": {"type": "card", "card": card}, **fields,
    }  # fmt: skip


def intent(status: str = "succeeded", **fields: Any) -> dict[str, object]:
    """Make a PaymentIntent of 49.99 EUR that operation att_1 created."""
    amount = fields.get("amount", 4999)
    return {
        "id": "pi_1", "object": "payment_intent", "status": status, "amount": 4999, "currency": "eur",
        "amount_capturable": amount if status == "requires_capture" else 0,
        "amount_received": amount if status == "succeeded" else 0,
        "livemode": False, "capture_method": "automatic", "created": 1_795_200_000, "latest_charge": charge(),
        "metadata": {"hub_operation": "att_1", "hub_payment": "pay_1", "reference": "invoice-1"},
        "last_payment_error": None, "next_action": None, "cancellation_reason": None, "unheard_of": [1], **fields,
    }  # fmt: skip


def refund(status: str = "succeeded", **fields: object) -> dict[str, object]:
    """Make a refund of 10.00 EUR that operation ref_1 made."""
    return {
        "id": "re_1", "object": "refund", "status": status, "amount": 1000, "currency": "eur", "charge": "ch_1",
        "payment_intent": "pi_1", "metadata": {"hub_operation": "ref_1"}, "failure_reason": None, **fields,
    }  # fmt: skip


def listing(*objects: object, more: bool = False) -> dict[str, object]:
    """Make one page of a list."""
    return {"object": "list", "data": list(objects), "has_more": more, "url": "/v1/…"}


def dispute(status: str = "needs_response", /, **fields: object) -> dict[str, object]:
    """Make a dispute over 49.99 EUR, for which Stripe has taken the money and its fee."""
    taken = {
        "id": "txn_1", "object": "balance_transaction", "amount": -4999, "currency": "eur", "fee": 1500, "net": -6499,
        "type": "adjustment",
    }  # fmt: skip
    card = {"brand": "visa", "case_type": "chargeback", "network": "visa", "network_reason_code": "10.4"}
    due = {"due_by": 1_795_996_799, "has_evidence": False, "past_due": False, "submission_count": 0}
    return {
        "id": "dp_1", "object": "dispute", "status": status, "amount": 4999, "currency": "eur", "charge": "ch_1",
        "payment_intent": "pi_1", "reason": "fraudulent", "livemode": False, "balance_transactions": [taken],
        "evidence": {}, "evidence_details": due, "payment_method_details": {"type": "card", "card": card},
        "metadata": {}, **fields,
    }  # fmt: skip


def payment_method(**fields: object) -> dict[str, object]:
    """Make a Visa card that customer cus_1 keeps."""
    card = {
        "brand": "visa", "last4": "4242", "exp_month": 8, "exp_year": 2031, "funding": "credit", "country": "US",
        "fingerprint": "fp_2",
    }  # fmt: skip
    return {"id": "pm_1", "object": "payment_method", "type": "card", "card": card, "customer": "cus_1", **fields}


def payout(**fields: object) -> dict[str, object]:
    """Make a payout of 110.42 EUR."""
    return {
        "id": "po_1", "object": "payout", "amount": 11042, "currency": "eur", "livemode": False, "status": "paid",
        **fields,
    }  # fmt: skip
