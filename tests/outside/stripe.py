"""The Stripe adapter's requests and the sandbox's replies, held against the SDK's types and Stripe's own fixtures."""

import os
import re
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import stripe
from stripe import params

from adapters.abilities import (
    AcceptDispute,
    CompleteVerification,
    EvidenceFile,
    OpenTokenSession,
    SubmitEvidence,
    TokenSession,
    Verify,
)
from adapters.contract import Complete, Delivery
from adapters.errors import AdapterError
from adapters.stripe.account import StripeCredentials
from adapters.stripe.adapter import StripeAdapter
from normalization.disputes import DisputeReport
from normalization.money import Currency
from normalization.outcome import ActionRequired, Approved, Declined, Pending, Report, Verification
from normalization.tokens import ProcessorToken
from tests.adapters.stripe.asking import authorization, capture, purchase, refund, void
from tests.adapters.stripe.sandboxed import ACCOUNT, Shop, shop_at
from tests.outside.recording import Exchange, Recording, recording
from tests.outside.report import MissingError
from tests.outside.report import Report as Findings
from tests.outside.stripe_types import Form, declared, nested, objections

VARIABLE = "STRIPE_FIXTURES"
HOW_TO_GET_THEM = (
    f"Set {VARIABLE} to a folder of Stripe's fixtures, one JSON file an object (payment_intent.json, refund.json …)."
    " Stripe publishes them in openapi/fixtures3.json of https://github.com/stripe/openapi; they are not ours to ship."
)
PARAMETERS: dict[str, type] = {
    r"POST /v1/payment_intents": params.PaymentIntentCreateParams,
    r"GET /v1/payment_intents": params.PaymentIntentListParams,
    r"GET /v1/payment_intents/\w+": params.PaymentIntentRetrieveParams,
    r"POST /v1/payment_intents/\w+": params.PaymentIntentModifyParams,
    r"POST /v1/payment_intents/\w+/capture": params.PaymentIntentCaptureParams,
    r"POST /v1/payment_intents/\w+/cancel": params.PaymentIntentCancelParams,
    r"POST /v1/refunds": params.RefundCreateParams,
    r"GET /v1/refunds": params.RefundListParams,
    r"GET /v1/refunds/\w+": params.RefundRetrieveParams,
    r"GET /v1/payment_methods/\w+": params.PaymentMethodRetrieveParams,
    r"POST /v1/payment_methods/\w+/detach": params.PaymentMethodDetachParams,
    r"POST /v1/customers": params.CustomerCreateParams,
    r"POST /v1/setup_intents": params.SetupIntentCreateParams,
    r"GET /v1/setup_intents/\w+": params.SetupIntentRetrieveParams,
    r"GET /v1/disputes/\w+": params.DisputeRetrieveParams,
    r"POST /v1/disputes/\w+": params.DisputeUpdateParams,
    r"POST /v1/disputes/\w+/close": params.DisputeCloseParams,
    r"POST /v1/files": params.FileCreateParams,
    r"GET /v1/events": params.EventListParams,
}
OBJECTS: dict[str, type[stripe.StripeObject]] = {
    "payment_intent": stripe.PaymentIntent,
    "refund": stripe.Refund,
    "charge": stripe.Charge,
    "payment_method": stripe.PaymentMethod,
    "customer": stripe.Customer,
    "setup_intent": stripe.SetupIntent,
    "dispute": stripe.Dispute,
    "balance_transaction": stripe.BalanceTransaction,
    "file": stripe.File,
    "event": stripe.Event,
}
Told = TypeVar("Told", Report, Verification, Report | None)
Given = TypeVar("Given")


class Held:
    """Calls of the adapter through a recording: each must end as expected, and hold against Stripe's own reading."""

    def __init__(self, adapter: StripeAdapter, kept: Recording, fixtures: Path, findings: Findings) -> None:
        self.adapter = adapter
        self.kept = kept
        self.fixtures = fixtures
        self.findings = findings

    async def ends(self, what: str, call: Awaitable[Told], *expected: type) -> Told | None:
        return await self.gives(what, call, lambda told: told is not None and isinstance(told.outcome, expected))

    async def gives(self, what: str, call: Awaitable[Given], fits: Callable[[Given], bool]) -> Given | None:
        given, told = None, []
        try:
            given = await call
            if not fits(given):
                told.append(f"ended as {given}")
        except AdapterError as failure:
            told.append(str(failure))
        for exchange in self.kept.taken():
            told += [*request_objections(exchange), *reply_objections(exchange, self.fixtures)]
        self.findings.hold(what, good=not told, because=" / ".join(told))
        return given


def request_objections(exchange: Exchange) -> Iterator[str]:
    asked = f"{exchange.method} {exchange.path}"
    wanted = next((kind for path, kind in PARAMETERS.items() if re.fullmatch(path, asked)), None)
    if wanted is None:
        yield f"{asked} is not known here"
    else:
        yield from objections(wanted, _form(exchange), asked)


def _form(exchange: Exchange) -> Form:
    """Read what was asked; of a request in parts, each part is a parameter, and what a file holds is anybody's."""
    if exchange.method != "POST":
        return nested(exchange.query)
    if not exchange.sent.startswith(b"--"):
        return nested(exchange.sent.decode())
    boundary = exchange.sent.partition(b"\r\n")[0][2:]
    parts = message_from_bytes(b"Content-Type: multipart/form-data; boundary=" + boundary + b"\r\n\r\n" + exchange.sent)
    return {
        str(part.get_param("name", header="Content-Disposition")): held.decode("latin-1")
        for part in parts.walk()
        if isinstance(held := part.get_payload(decode=True), bytes)
    }


def reply_objections(exchange: Exchange, fixtures: Path) -> Iterator[str]:
    body = msgspec.json.decode(exchange.reply)
    if exchange.status == 200:
        yield from _shape(body, fixtures)
    elif "type" not in body.get("error", {}):
        yield f"an error of status {exchange.status} without a type"


def _shape(body: dict[str, Any], fixtures: Path) -> Iterator[str]:
    """Decode as the SDK does, and compare with the fixture of the same object, whatever is expanded within included."""
    name = body.get("object", "")
    if name == "list":
        for one in body["data"]:
            yield from _shape(one, fixtures)
    elif name not in OBJECTS:
        yield f"object {name!r} is not known here"
    else:
        known = msgspec.json.decode((fixtures / f"{name}.json").read_bytes())
        fields = declared(OBJECTS[name])
        missing = {field for field in known.keys() - body.keys() if not fields.get(field, True)}
        yield from (f"{name}.{field} is missing" for field in sorted(missing))
        for field, value in body.items():
            yield from _field(f"{name}.{field}", value, known.get(field), fixtures)
            if field not in known and field not in fields:
                yield f"{name}.{field} is no field of Stripe's"
        if OBJECTS[name].construct_from(body, "sk_test_outside").to_dict() != body:
            yield f"{name} is not read back as it was sent"


def _field(where: str, value: object, known: object, fixtures: Path) -> Iterator[str]:
    inner = value.get("object") if isinstance(value, dict) else None
    if isinstance(value, dict) and inner in list(OBJECTS):
        yield from _shape(value, fixtures)
    elif where == "event.data" and isinstance(inner, dict):
        yield from _shape(inner, fixtures)
    elif value is not None and known is not None and type(value) is not type(known):
        yield f"{where} is {type(value).__name__}, at Stripe {type(known).__name__}"


async def run(findings: Findings) -> None:
    """Charge, decline, challenge, capture, void and refund at the sandbox, every exchange recorded.

    Raises:
        MissingError: when the fixtures are not there.
    """
    fixtures = _folder(os.environ.get(VARIABLE, ""))
    with tempfile.TemporaryDirectory() as folder:
        async with shop_at(Path(folder) / "book.db") as shop, recording(shop.url) as kept:
            credentials = StripeCredentials(
                api_key=f"sk_test_{ACCOUNT}", publishable_key=f"pk_test_{ACCOUNT}", base_url=kept.url
            )
            held = Held(StripeAdapter(credentials, shop.transport, livemode=False), kept, fixtures, findings)
            await _charges(held, shop)
            await _follow_ups(held)
            await _keeps(held, shop)
            await _is_disputed(held, shop)
            _objects_to_nonsense(findings)


def _folder(named: str) -> Path:
    if not named or not (Path(named) / "payment_intent.json").is_file():
        raise MissingError(HOW_TO_GET_THEM)
    return Path(named)


def _card(name: str) -> ProcessorToken:
    return ProcessorToken(processor="stripe", token=f"pm_card_{name}")


VISA = _card("visa")


async def _charges(held: Held, shop: Shop) -> None:
    tried = {
        "a purchase": (purchase(token=VISA), Approved),
        "one without the payer": (purchase(token=VISA, payer_present=False, return_url=None), Approved),
        "a statement text": (purchase(token=VISA, statement_descriptor="ACME"), Approved),
        "a refusal": (purchase(token=_card("visa_chargeDeclinedInsufficientFunds")), Declined),
    }
    for number, (what, (asked, expected)) in enumerate(tried.items()):
        request = msgspec.structs.replace(asked, operation_id=f"att_c{number}", requested_at=datetime.now(UTC))
        await held.ends(what, held.adapter.authorize(request), expected)
        await held.ends(f"{what}, inquired", held.adapter.inquire(request), expected)
    challenged = purchase(operation_id="att_3ds", token=_card("threeDSecure2Required"))
    begun = await held.ends("a challenge begun", held.adapter.authorize(challenged), ActionRequired)
    if begun is not None and isinstance(begun.outcome, ActionRequired):
        returned = await shop.challenged(begun.outcome, "complete")
        completed = Complete(request=challenged, continuation=begun.outcome.continuation, returned=returned)
        await held.ends("a challenge completed", held.adapter.complete(completed), Approved)


async def _follow_ups(held: Held) -> None:
    for name in ("captured", "voided"):
        request = authorization(operation_id=f"att_{name}", token=VISA)
        report = await held.ends("an authorization", held.adapter.authorize(request), Approved)
        if report is None:
            return
        psp = report.processor_reference
        if name == "captured":
            await held.ends("a capture", held.adapter.follow_up(capture(parent_reference=psp)), Approved)
            await held.ends("a refund", held.adapter.follow_up(refund(parent_reference=psp)), Approved, Pending)
        else:
            await held.ends("a void", held.adapter.follow_up(void(parent_reference=psp)), Approved)


def _check(operation_id: str, card: str, **changes: Any) -> Verify:
    request = Verify(
        operation_id=operation_id, currency=Currency.EUR, requested_at=datetime.now(UTC), token=_card(card)
    )
    return msgspec.structs.replace(request, **changes)


async def _keeps(held: Held, shop: Shop) -> None:
    """Keep cards with a charge, in a session and by a check, charge one without the payer, let it go."""
    opened = held.adapter.open_token_session(OpenTokenSession(session_id="ps_1", customer_id="cus_of_hub"))
    await held.gives("a session", opened, lambda told: isinstance(told, TokenSession))
    saved = purchase(operation_id="att_s", token=VISA, save=True, customer_id="cus_of_hub")
    charged = await held.ends("a charge that keeps the card", held.adapter.authorize(saved), Approved)
    checked = await held.ends("a check", held.adapter.verify(_check("ver_1", "visa")), Approved)
    for told in (charged, checked):
        token = told.stored if told else None
        held.findings.hold("a kept card is told", good=token is not None)
        if token is None:
            continue
        later = purchase(operation_id=f"att_{token.token}", token=token, payer_present=False, return_url=None)
        await held.ends("a kept card without the payer", held.adapter.authorize(later), Approved)
        for what in ("a kept card let go", "let go again"):
            await held.gives(what, held.adapter.detach(token), lambda kept: kept is None)
    refused = _check("ver_2", "visa_chargeDeclinedInsufficientFunds")
    await held.ends("a check that is refused", held.adapter.verify(refused), Declined)
    request = _check("ver_3", "authenticationRequired", return_url="https://shop.example/return")
    begun = await held.ends("a check that is challenged", held.adapter.verify(request), ActionRequired)
    if begun is not None and isinstance(begun.outcome, ActionRequired):
        returned = await shop.challenged(begun.outcome, "complete")
        completed = CompleteVerification(request=request, continuation=begun.outcome.continuation, returned=returned)
        await held.ends("its challenge completed", held.adapter.complete_verification(completed), Approved)


async def _is_disputed(held: Held, shop: Shop) -> None:
    """Have two payments disputed, look at all that webhooks spoke of, list it, accept the one and contest the other."""
    begun = datetime.now(UTC)
    for operation_id in ("att_d1", "att_d2"):
        request = purchase(operation_id=operation_id, token=_card("createDispute"), requested_at=begun)
        await held.ends("a payment that its bank disputes", held.adapter.authorize(request), Approved)
    await shop.control("POST", "/webhooks/flush", {})
    deliveries = [one for webhook in shop.heard for one in shop.adapter.open_webhook(webhook)]
    found: list[DisputeReport] = []
    for name in dict.fromkeys(filter(None, map(held.adapter.fetched_as, deliveries))):
        told = await held.gives(f"a look at {name}", held.adapter.fetch(name), bool)
        found += [one for one in told or () if isinstance(one, DisputeReport)]
    held.findings.hold("two disputes are told with our tags", good={one.tag for one in found} >= {"att_d1", "att_d2"})
    await shop.control("POST", "/webhooks", {"mode": "drop"})
    unheard = purchase(operation_id="att_d3", token=VISA, requested_at=begun)
    await held.ends("a payment that no webhook tells of", held.adapter.authorize(unheard), Approved)
    await shop.control("POST", "/webhooks/flush", {})
    await held.gives("a list of what did not arrive", _all(held.adapter.undelivered(begun - timedelta(hours=1))), bool)
    await held.gives(
        "a dispute accepted",
        held.adapter.accept_dispute(AcceptDispute(operation_id="dis_1", told=found[0])),
        lambda told: isinstance(told, DisputeReport) and told.accepted,
    )
    letter = EvidenceFile(name="letter.pdf", content_type="application/pdf", content=b"%PDF-1.7 a letter", purpose=None)
    answer = SubmitEvidence(operation_id="dis_2", told=found[1], text="It was delivered.", files=(letter,))
    contested = held.adapter.submit_evidence(answer)
    await held.gives("a dispute contested", contested, lambda told: isinstance(told, DisputeReport))


async def _all(pages: AsyncIterator[list[Delivery]]) -> list[Delivery]:
    return [one async for page in pages for one in page]


def _objects_to_nonsense(findings: Findings) -> None:
    """Without this, a check that lets everything through would look like one that finds nothing wrong."""
    removed = "amount=1&currency=eur&payment_method_types[0]=card"
    for wrong in ("amount=ten&currency=eur", "amount=1&currency=eur&confirn=true", "currency=eur", removed):
        sent = Exchange("POST", "/v1/payment_intents", "", wrong.encode(), 200, b"{}")
        findings.hold(f"the SDK's types object to {wrong}", good=bool(list(request_objections(sent))))
