"""Every request of the Adyen adapter and every reply of the sandbox, held against Adyen's own OpenAPI document."""

import os
import tempfile
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any, TypeVar

from aiohttp import ClientSession
from msgspec.structs import replace

from adapters.abilities import (
    AcceptDispute,
    CompleteVerification,
    EvidenceFile,
    OpenTokenSession,
    SubmitEvidence,
    TokenSession,
    Verify,
)
from adapters.adyen.adapter import AdyenAdapter
from adapters.contract import Authentication, Authorize, Complete, FollowUp, Recurring
from adapters.errors import AdapterError
from normalization.disputes import AnswerRefused, DisputeReport
from normalization.money import Currency, Money
from normalization.outcome import ActionRequired, Approved, Declined, Operation, Pending, Report, Verification
from normalization.tokens import ProcessorToken
from tests.adapters.adyen.asked import NOON, authorization, capture, follow_up, purchase
from tests.adapters.adyen.sandboxed import Merchant, merchant
from tests.adapters.adyen.scripted import Answer, ScriptedAdyen, received
from tests.outside import prism
from tests.outside.report import MissingError
from tests.outside.report import Report as Findings

VARIABLE = "ADYEN_OPENAPI"
HOW_TO_GET_IT = (
    f"Set {VARIABLE} to Adyen's CheckoutService-v72.json. Adyen publishes it at https://github.com/Adyen/adyen-openapi"
    " in the folder json; it is Adyen's file and not ours to ship."
)
DISPUTES_VARIABLE = "ADYEN_DISPUTES_OPENAPI"
HOW_TO_TRY_DISPUTES = (
    f"Answers to disputes are not tried: set {DISPUTES_VARIABLE} to Adyen's DisputeService-v30.json, of the same"
    " folder."
)
Told = TypeVar("Told", Report, Verification)
Given = TypeVar("Given")

PREFIX = "/v72"
DISPUTES_PREFIX = "/ca/services/DisputeService/v30"
CARD = {
    "type": "scheme",
    "encryptedCardNumber": "test_4111111111111111",
    "encryptedExpiryMonth": "test_03",
    "encryptedExpiryYear": "test_2030",
    "encryptedSecurityCode": "test_737",
    "holderName": "Ada Lovelace",
}
BROWSER = {
    "acceptHeader": "text/html",
    "colorDepth": 24,
    "javaEnabled": False,
    "language": "nl-NL",
    "screenHeight": 723,
    "screenWidth": 1536,
    "timeZoneOffset": 0,
    "userAgent": "Mozilla/5.0",
}
ONE_TIME = {
    "paymentMethod": CARD,
    "browserInfo": BROWSER,
    "origin": "https://shop.example",
    "riskData": {"clientData": "eyJ2ZXJzaW9uIjoiMS4wLjAifQ=="},
    "billingAddress": {
        "city": "Amsterdam",
        "country": "NL",
        "houseNumberOrName": "6",
        "postalCode": "1011DJ",
        "street": "Simon Carmiggeltstraat",
    },
    "shopperIP": "192.0.2.1",
    "clientStateDataIndicator": True,
}

REFUSED_TOKENS = ("declined", "insufficient_funds", "expired", "stolen", "fraud", "unavailable")
PROOF = EvidenceFile(name="proof.pdf", content_type="application/pdf", content=b"%PDF-1.7", purpose="DefenseMaterial")
TEN_EUROS = Money(1000, Currency.EUR)


def stored(name: str) -> ProcessorToken:
    return ProcessorToken(processor="adyen", token=f"stored_{name}", customer_reference="shopper-1")


VISA = stored("visa")


class Held:
    """Calls of the adapter through Prism: each must end as expected, and Prism must object to nothing."""

    def __init__(self, adapter: AdyenAdapter, proxy: prism.Prism, findings: Findings) -> None:
        self.adapter = adapter
        self.proxy = proxy
        self.findings = findings

    async def pays(self, what: str, request: Authorize, expected: type = Approved) -> Report | None:
        return await self.ends(what, self.adapter.authorize(request), expected)

    async def follows(self, what: str, request: FollowUp, expected: type = Pending) -> Report | None:
        return await self.ends(what, self.adapter.follow_up(request), expected)

    async def ends(self, what: str, call: Awaitable[Told], expected: type) -> Told | None:
        return await self.gives(what, call, lambda told: isinstance(told.outcome, expected))

    async def gives(self, what: str, call: Awaitable[Given], fits: Callable[[Given], bool]) -> Given | None:
        given, told = None, ""
        try:
            given = await call
            told = "" if fits(given) else f"ended as {given}"
        except AdapterError as failure:
            told = str(failure)
        objections = await self.proxy.violations()
        self.findings.hold(
            what, good=not told and not objections, because=" / ".join(filter(None, [told, *objections]))
        )
        return given


async def run(findings: Findings) -> None:
    """Charge, decline, challenge, capture, refund and cancel with Prism between adapter and sandbox.

    Raises:
        MissingError: when Adyen's document or npm is not there.
    """
    openapi = _document(os.environ.get(VARIABLE, ""))
    with tempfile.TemporaryDirectory() as folder:
        async with merchant(Path(folder) / "book.db") as shop, prism.proxy(openapi, shop.url) as proxy:
            await proxy.violations()
            held = Held(shop.connect(base_url=proxy.url), proxy, findings)
            await _payments(held)
            await _refusals(held)
            await _challenges(held, shop)
            await _follow_ups(held)
            await held.gives("a stored card", held.adapter.describe(VISA), lambda facts: facts is not None)
            await _stores(held, shop)
            wanting = shop.connect(base_url=proxy.url, client_key="test_ABC", send_network_reference=True)
            await _sessions(Held(wanting, proxy, findings))
            manual = Held(shop.connect(base_url=proxy.url, capture="manual"), proxy, findings)
            await manual.pays("a purchase that we capture", purchase(operation_id="att_m", token=VISA), Pending)
    await _objects_to_nonsense(openapi, findings)
    await _disputes(findings)


def _document(named: str) -> Path:
    if not named or not Path(named).is_file():
        raise MissingError(HOW_TO_GET_IT)
    return prism.under(PREFIX, Path(named), "adyen.json")


def _disputes_document(named: str) -> Path | None:
    found = bool(named) and Path(named).is_file()
    return prism.under(DISPUTES_PREFIX, Path(named), "adyen_disputes.json") if found else None


async def _payments(held: Held) -> None:
    tried = {
        "a purchase": purchase(token=VISA),
        "an authorization": authorization(token=VISA),
        "a subscription's first": purchase(token=VISA, recurring=Recurring.INITIAL),
        "a subscription's next": purchase(
            token=VISA, recurring=Recurring.SUBSEQUENT, payer_present=False, return_url=None
        ),
        "one without the payer": purchase(token=VISA, payer_present=False, return_url=None),
        "one without a challenge": purchase(token=VISA, authentication=Authentication.AVOID),
        "one-time data": purchase(token=None, data=ONE_TIME),
        "a statement text": purchase(token=VISA, statement_descriptor="ACME"),
        **{
            f"{minor} {currency}": purchase(token=VISA, money=Money(minor, currency))
            for minor, currency in ((500, Currency.JPY), (5124, Currency.KWD), (5, Currency.ISK))
        },
    }
    for number, (what, request) in enumerate(tried.items()):
        await held.pays(what, _with_id(request, f"att_p{number}"))


async def _refusals(held: Held) -> None:
    for name in REFUSED_TOKENS:
        await held.pays(f"a refusal: {name}", purchase(operation_id=f"att_{name}", token=stored(name)), Declined)
    unknown = purchase(operation_id="att_u", token=stored("nowhere"))
    await held.pays("a token that Adyen does not know", unknown, Declined)


async def _challenges(held: Held, shop: Merchant) -> None:
    for name in ("3ds_redirect", "3ds_post"):
        for button, expected in (("complete", Approved), ("fail", Declined)):
            request = purchase(operation_id=f"att_{name}_{button}", token=stored(name))
            begun = await held.pays(f"{name} begun", request, ActionRequired)
            if begun is None or not isinstance(begun.outcome, ActionRequired):
                continue
            returned = await shop.challenged(begun.outcome, button)
            completed = Complete(request=request, continuation=begun.outcome.continuation, returned=returned)
            await held.ends(f"{name}: {button}", held.adapter.complete(completed), expected)


def _check(operation_id: str, **changes: Any) -> Verify:
    request = Verify(operation_id=operation_id, currency=Currency.EUR, requested_at=NOON, customer_id="shopper-9")
    return replace(request, **changes)


async def _stores(held: Held, shop: Merchant) -> None:
    """Store cards with a charge and by a check, charge one without the payer, delete it."""
    saved = purchase(operation_id="att_s", token=None, data=ONE_TIME, save=True, customer_id="shopper-9")
    charged = await held.pays("a charge that stores the card", saved)
    checked = await held.ends(
        "a check that stores the card", held.adapter.verify(_check("ver_1", data=ONE_TIME)), Approved
    )
    for told in (charged, checked):
        token = told.stored if told else None
        held.findings.hold("a stored card is told", good=token is not None)
        if token is None:
            continue
        later = purchase(operation_id=f"att_{token.token}", token=token, payer_present=False, return_url=None)
        await held.pays("a stored card without the payer", later)
        again = held.adapter.verify(_check(f"ver_{token.token}", token=token))
        await held.ends("a check of a stored card", again, Approved)
        # Only once: Adyen's document lists no refusal of a deletion.
        await held.gives("a stored card deleted", held.adapter.detach(token), lambda kept: kept is None)
    refused = {**ONE_TIME, "paymentMethod": {**CARD, "holderName": "CARD_EXPIRED"}}
    await held.ends("a check that is refused", held.adapter.verify(_check("ver_2", data=refused)), Declined)
    by_bank = {**ONE_TIME, "paymentMethod": {**CARD, "encryptedCardNumber": "test_4212345678901237"}}
    request = _check("ver_3", data=by_bank, return_url="https://shop.example/return")
    begun = await held.ends("a check that is challenged", held.adapter.verify(request), ActionRequired)
    if begun is not None and isinstance(begun.outcome, ActionRequired):
        returned = await shop.challenged(begun.outcome, "complete")
        completed = CompleteVerification(request=request, continuation=begun.outcome.continuation, returned=returned)
        await held.ends("its challenge completed", held.adapter.complete_verification(completed), Approved)


async def _sessions(held: Held) -> None:
    whole = OpenTokenSession(session_id="ps_1", customer_id="shopper-1", money=TEN_EUROS, country="NL", locale="nl-NL")
    for what, request in {"a session": OpenTokenSession(session_id="ps_2"), "a session that says all": whole}.items():
        opened = held.adapter.open_token_session(request)
        await held.gives(what, opened, lambda told: isinstance(told, TokenSession))
    chained = purchase(
        operation_id="att_n", token=VISA, payer_present=False, return_url=None, network_transaction_id="MCC123456789"
    )
    await held.pays("a charge that names the first one", chained)


async def _follow_ups(held: Held) -> None:
    for name in ("a", "b"):
        request = authorization(operation_id=f"att_f{name}", token=VISA)
        report = await held.pays("an authorization to follow up", request)
        if report is None:
            return
        psp = report.processor_reference
        if name == "a":
            half = Money(500, Currency.EUR)
            await held.follows("a partial capture", capture(parent_reference=psp, money=half))
            refund = follow_up(Operation.REFUND, "ref_1", parent_reference=psp, money=half)
            await held.follows("a refund", refund)
        else:
            await held.follows("a void", follow_up(Operation.VOID, "can_1", parent_reference=psp))
            await _cancels_by_reference(held, request)
    lost = follow_up(Operation.CAPTURE, "cap_2", parent_reference="NOSUCHPSP1234567", money=TEN_EUROS)
    await held.follows("a capture of nothing", lost, Declined)


async def _cancels_by_reference(held: Held, request: Authorize) -> None:
    told = ""
    try:
        await held.adapter.cancel_by_reference(request)
    except AdapterError as failure:
        told = str(failure)
    objections = [told, *await held.proxy.violations()]
    held.findings.hold("a cancel by our reference", good=not any(objections), because=" / ".join(objections))


async def _disputes(findings: Findings) -> None:
    """Accept and defend disputes with Prism in front of the dispute service, where its document is there."""
    openapi = _disputes_document(os.environ.get(DISPUTES_VARIABLE, ""))
    if openapi is None:
        findings.say(HOW_TO_TRY_DISPUTES)
        return
    with tempfile.TemporaryDirectory() as folder:
        async with merchant(Path(folder) / "book.db") as shop, prism.proxy(openapi, shop.url) as proxy:
            held = Held(shop.connect(base_url=proxy.url), proxy, findings)
            await proxy.violations()
            accepted, defended, open_still = [await _disputed(shop, f"att_d{number}") for number in range(3)]
            accepting = held.adapter.accept_dispute(AcceptDispute(operation_id="dpa_1", told=accepted))
            await held.gives("a dispute accepted", accepting, lambda told: isinstance(told, DisputeReport))
            whole = _evidence(defended, defense="SupplyDefenseMaterial", files=(PROOF,))
            defending = held.adapter.submit_evidence(whole)
            await held.gives("a dispute defended", defending, lambda told: isinstance(told, DisputeReport))
            for what, request in {
                "a defense that lacks a document": _evidence(open_still, defense="SupplyDefenseMaterial"),
                "a defense of a dispute that was accepted": _evidence(accepted, defense="SupplyDefenseMaterial"),
            }.items():
                refused = held.adapter.submit_evidence(request)
                await held.gives(what, refused, lambda told: isinstance(told, AnswerRefused))
            again = held.adapter.accept_dispute(AcceptDispute(operation_id="dpa_2", told=defended))
            await held.gives(
                "a dispute accepted that was defended", again, lambda told: isinstance(told, AnswerRefused)
            )


async def _disputed(shop: Merchant, tag: str) -> DisputeReport:
    """Charge a card and have its bank take the money back; the first word of that."""
    paid = await shop.adapter.authorize(purchase(operation_id=tag, token=VISA))
    await shop.control("POST", "/dashboard", {"do": "dispute", "processor_reference": paid.processor_reference})
    return next(told for told in await shop.disputes() if told.parent_reference == paid.processor_reference)


def _evidence(told: DisputeReport, **changes: Any) -> SubmitEvidence:
    return replace(SubmitEvidence(operation_id="dpe_1", told=told), **changes)


async def _objects_to_nonsense(openapi: Path, findings: Findings) -> None:
    """Without this, a proxy that lets everything through would look like one that finds nothing wrong."""
    cancel = {"merchantAccount": "Shop", "paymentReference": "att_1", "reference": "can_1"}
    tried = {"a request": (cancel | {"reference": 1}, received()), "a reply": (cancel, Answer({"status": "odd"}, 201))}
    async with ScriptedAdyen() as wrong, prism.proxy(openapi, wrong.base_url) as proxy, ClientSession() as http:
        for what, (body, reply) in tried.items():
            await proxy.violations()
            wrong.script.clear()
            wrong.will_answer(reply)
            async with http.post(f"{proxy.url}{PREFIX}/cancels", json=body, headers={"x-api-key": "key"}) as answer:
                refused = answer.status >= HTTPStatus.BAD_REQUEST
            objected = bool(await proxy.violations())
            findings.hold(f"Prism objects to {what} that is wrong", good=refused and objected)


def _with_id(request: Authorize, operation_id: str) -> Authorize:
    return replace(request, operation_id=operation_id)
