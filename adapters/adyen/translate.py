"""Adyen's wire format to the hub's words and back; pure."""

from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec import Struct

from adapters.adyen import amounts, wire
from adapters.adyen.client import PROCESSOR, RequestRefused
from adapters.adyen.codes import brand_of, error_meaning, refused
from adapters.adyen.credentials import AdyenCredentials
from adapters.contract import Authentication, Authorize, FollowUp
from adapters.errors import OutcomeUnknownError
from adapters.tagging import routing_metadata
from normalization.declines import Decline, DeclineCode
from normalization.money import Money
from normalization.outcome import ActionRequired, Approved, Declined, Operation, Outcome, Pending, Report
from normalization.tokens import CardFacts, ProcessorToken

ONE_TIME_FIELDS: Final = (
    "paymentMethod",
    "billingAddress",
    "browserInfo",
    "deliveryAddress",
    "origin",
    "riskData",
    "shopperEmail",
    "shopperIP",
    "shopperLocale",
    "shopperName",
    "shopperReference",
    "storePaymentMethod",
)
"""What may come with one-time data; the rest, an amount above all, is passed over."""

METADATA_MAX: Final = 80
"""The longest value of a payment's metadata, with names of 20 characters at most; modifications take none.

Source: https://docs.adyen.com/api-explorer/Checkout/72/post/payments.
"""

STORED_CARD: Final = {"type": "scheme"}
UNSCHEDULED: Final = "UnscheduledCardOnFile"
"""Adyen's word for charges at no fixed times that the payer is absent from, and for storing a card for them."""

NOWHERE: Final = "https://no-return.invalid/"
"""Adyen asks for a returnUrl on every payment; where no challenge may come, one that leads nowhere (RFC 2606)."""

TOKEN_FIELDS: Final = ("tokenization.storedPaymentMethodId", "recurring.recurringDetailReference")
"""Where additionalData names the stored card, the newer name first."""

CENTURY: Final = 2000
REFUSED: Final = frozenset({"Refused", "Error", "Cancelled"})
WAITING: Final = frozenset({"Pending", "Received", "PresentToShopper"})
CHALLENGED: Final = frozenset({"RedirectShopper", "IdentifyShopper", "ChallengeShopper"})


class Continuation(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is kept between a redirect and the payer's return: all of it, since Adyen cannot be asked again."""

    method: str
    url: str
    fields: dict[str, str] = {}
    payment_data: str | None = None
    psp_reference: str | None = None


def payment_request(request: Authorize, credentials: AdyenCredentials) -> wire.PaymentRequest:
    """Write the request that begins an attempt; the same *request* gives the same bytes, for replay.

    Raises:
        InexactAmountError: when Adyen's unit cannot hold the amount.
        LookupError: when there is nothing to pay with.
    """
    purchase = request.operation is Operation.PURCHASE
    automatic = credentials.capture == "automatic"
    means = _means(request, credentials)
    optional = {
        "additionalData": None if purchase else {"manualCapture": "true"},
        "captureDelayHours": 0 if purchase and automatic else None,
        "recurringProcessingModel": _recurring_model(request),
        "shopperStatement": request.statement_descriptor,
    }
    required = {
        "amount": amounts.to_wire(request.money),
        "merchantAccount": credentials.merchant_account,
        "reference": request.operation_id,
        "merchantOrderReference": request.reference,
        "returnUrl": request.return_url or NOWHERE,
        "channel": "Web",
        "shopperInteraction": "Ecommerce" if request.payer_present else "ContAuth",
        "metadata": {"hub_payment": request.payment_id, **routing_metadata(request.routed, longest=METADATA_MAX)},
        "authenticationData": authentication(request.authentication, may_challenge=challenge_allowed(request)),
    }
    keeping = storing(shopper_of(request)) if saves(request) else {}
    return msgspec.convert({**means, **required, **optional, **keeping}, wire.PaymentRequest)


def _means(request: Authorize, credentials: AdyenCredentials) -> dict[str, object]:
    if request.token is None:
        return one_time(request.data)
    means = stored(request.token)
    if credentials.send_network_reference and request.network_transaction_id and not request.payer_present:
        # Source: https://docs.adyen.com/api-explorer/Checkout/72/post/payments, paymentMethod of the type scheme.
        means["paymentMethod"] = {
            **STORED_CARD,
            "storedPaymentMethodId": request.token.token,
            "networkPaymentReference": request.network_transaction_id,
        }
    return means


def stored(token: ProcessorToken) -> dict[str, object]:
    """Name a stored card and whose it is."""
    card = {**STORED_CARD, "storedPaymentMethodId": token.token}
    return {"paymentMethod": card, "shopperReference": token.customer_reference}


def one_time(data: Mapping[str, object] | None) -> dict[str, object]:
    """Take what may go on of what Adyen's client-side library gave.

    Raises:
        LookupError: when there is nothing to pay with.
    """
    given = data or {}
    if not given.get("paymentMethod"):
        msg = "payment_method_data.data.paymentMethod"
        raise LookupError(msg)
    return {name: given[name] for name in ONE_TIME_FIELDS if name in given}


def saves(request: Authorize) -> bool:
    """Tell whether the card is to be stored: what is stored already is not, and an absent payer cannot agree."""
    return request.save and request.payer_present and request.token is None


def shopper_of(request: Authorize) -> str:
    """Say under which shopper a new card is stored; one that is for this payment alone where nobody is named."""
    return request.customer_reference or request.customer_id or request.payment_id


def storing(shopper: str) -> dict[str, object]:
    """Ask for the card to be stored.

    Source: https://docs.adyen.com/online-payments/tokenization/create-tokens
    """
    return {"storePaymentMethod": True, "shopperReference": shopper}


def authentication(wanted: Authentication, *, may_challenge: bool) -> wire.AuthenticationData:
    """Say whether a challenge may or must be asked."""
    attempt = None
    if not may_challenge or wanted is Authentication.AVOID:
        attempt = "never"
    elif wanted is Authentication.REQUIRED:
        attempt = "always"
    # The native challenge needs Adyen's JavaScript in the page; a redirect needs a browser only.
    return wire.AuthenticationData(
        attempt_authentication=attempt,
        three_ds_request_data=wire.ThreeDSRequestData(native_three_ds="disabled"),
    )


def challenge_allowed(request: Authorize) -> bool:
    """Whether the payer can be sent away and comes back."""
    return request.payer_present and request.return_url is not None


def _recurring_model(request: Authorize) -> str | None:
    """Name the kind of series in Adyen's words.

    Source: https://docs.adyen.com/online-payments/tokenization#recurring-payment-types
    """
    if request.recurring is not None:
        return "Subscription"
    if saves(request) or not request.payer_present:
        return UNSCHEDULED
    return "CardOnFile" if request.token is not None else None


def details_request(kept: Continuation, returned: Mapping[str, str]) -> wire.DetailsRequest | None:
    """Write the completion of a redirect; None when the payer brought nothing back."""
    if "redirectResult" in returned:
        details = wire.CompletionDetails(redirect_result=returned["redirectResult"])
    elif "MD" in returned and "PaRes" in returned:
        details = wire.CompletionDetails(md=returned["MD"], pa_res=returned["PaRes"])
    elif "payload" in returned:
        details = wire.CompletionDetails(payload=returned["payload"])
    else:
        return None
    return wire.DetailsRequest(details=details, payment_data=kept.payment_data)


def payment_report(request: Authorize, reply: wire.PaymentReply, *, livemode: bool) -> Report:
    """Read the answer to a payment.

    Raises:
        OutcomeUnknownError: when it says neither yes nor no, or speaks of something else.
    """
    if reply.merchant_reference not in (None, request.operation_id):
        raise OutcomeUnknownError(PROCESSOR, "the answer is about another reference")
    facts = reply.additional_data or {}
    outcome = outcome_of(reply, may_challenge=challenge_allowed(request))
    kept = saves(request) and isinstance(outcome, Approved)
    return Report(
        kind=request.operation,
        tag=request.operation_id,
        processor_reference=reply.psp_reference,
        money=_money(reply.amount),
        livemode=livemode,
        outcome=outcome,
        card=card_of(reply),
        avs=result(facts.get("avsResult")),
        cvc=result(facts.get("cvcResult")),
        raw_status=reply.result_code,
        network_transaction_id=network_reference(reply),
        stored=new_token(reply, shopper_of(request)) if kept else None,
    )


def network_reference(reply: wire.PaymentReply) -> str | None:
    """Give the card network's id of the payment, where the account shows it."""
    return _text((reply.additional_data or {}).get("networkTxReference")) or None


def new_token(reply: wire.PaymentReply, shopper: str) -> ProcessorToken | None:
    """Give the card that was stored; None where the account tells it by webhook only."""
    facts = reply.additional_data or {}
    found = (_text(facts.get(name)) for name in TOKEN_FIELDS)
    token = next(filter(None, found), None)
    return ProcessorToken(processor=PROCESSOR, token=token, customer_reference=shopper) if token else None


def outcome_of(reply: wire.PaymentReply, *, may_challenge: bool) -> Outcome:
    """Read what became of it.

    Raises:
        OutcomeUnknownError: when it says neither yes nor no.
    """
    told = reply.result_code
    if told == "Authorised" or (told == "PartiallyAuthorised" and reply.amount is not None):
        if reply.psp_reference is None:
            raise OutcomeUnknownError(PROCESSOR, "authorised without a pspReference")
        return Approved()
    if told in REFUSED:
        return Declined(_decline(reply))
    if told in WAITING:
        return Pending()
    if told in CHALLENGED:
        return _challenge(reply, may_challenge=may_challenge)
    raise OutcomeUnknownError(PROCESSOR, f"unknown resultCode {told[:40]!r}")


def _challenge(reply: wire.PaymentReply, *, may_challenge: bool) -> Outcome:
    """Send the payer to the challenge; where that cannot be, nothing was authorised and nothing will be."""
    action = reply.action
    redirected = reply.result_code == "RedirectShopper" and may_challenge
    if not redirected or action is None or action.url is None:
        decline = Decline(code=DeclineCode.AUTHENTICATION_REQUIRED, processor_code=reply.result_code)
        return Declined(decline)
    kept = Continuation(
        method=action.method.upper(),
        url=action.url,
        fields=action.data or {},
        payment_data=action.payment_data,
        psp_reference=reply.psp_reference,
    )
    return waiting_for_payer(kept)


def waiting_for_payer(kept: Continuation) -> ActionRequired:
    """Say where the payer has to go."""
    return ActionRequired(
        method=kept.method,
        url=kept.url,
        fields=kept.fields,
        continuation=msgspec.json.encode(kept).decode(),
    )


def _decline(reply: wire.PaymentReply) -> Decline:
    facts = reply.additional_data or {}
    raw = facts.get("refusalCodeRaw") or facts.get("refusalReasonRaw")
    code = reply.refusal_reason_code or reply.result_code
    return refused(code, raw, facts.get("merchantAdviceCode"), _brand(reply, facts))


def _brand(reply: wire.PaymentReply, facts: Mapping[str, object]) -> str | None:
    method = reply.payment_method
    return brand_of(method.brand if method else None) or brand_of(facts.get("paymentMethod"))


def card_of(reply: wire.PaymentReply) -> CardFacts | None:
    """Give what the answer tells of the card; None where that is nothing.

    Source: the fields of additionalData in https://docs.adyen.com/development-resources/raw-acquirer-responses.
    """
    facts = reply.additional_data or {}
    month, _, year = _text(facts.get("expiryDate")).partition("/")
    card = CardFacts(
        brand=_brand(reply, facts),
        last4=_text(facts.get("cardSummary")) or None,
        bin=_text(facts.get("cardBin")) or None,
        exp_month=_number(month),
        exp_year=_year(year),
        funding=_text(facts.get("fundingSource")).lower() or None,
        country=_text(facts.get("cardIssuingCountry") or facts.get("issuerCountry")) or None,
    )
    return None if card == CardFacts() else card


def stored_card(listed: wire.StoredPaymentMethods, token: ProcessorToken) -> CardFacts | None:
    """Find *token* among a shopper's stored cards; None where it is not."""
    for method in listed.stored_payment_methods:
        if method.id == token.token:
            return CardFacts(
                brand=brand_of(method.brand),
                last4=method.last_four,
                bin=method.card_bin,
                exp_month=_number(method.expiry_month or ""),
                exp_year=_year(method.expiry_year or ""),
            )
    return None


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() else None


def _year(text: str) -> int | None:
    year = _number(text)
    return year if year is None or year >= CENTURY else CENTURY + year


def modification_report(request: FollowUp, reply: wire.ModificationReply, *, livemode: bool) -> Report:
    """Read the answer to a capture, cancel or refund: accepted, and told later.

    Raises:
        OutcomeUnknownError: when it was not simply accepted.
    """
    if reply.status != "received" or reply.reference not in (None, request.operation_id):
        raise OutcomeUnknownError(PROCESSOR, f"modification answered with status {reply.status[:40]!r}")
    return Report(
        kind=request.operation,
        tag=request.operation_id,
        processor_reference=reply.psp_reference,
        parent_reference=request.parent_reference,
        money=_money(reply.amount),
        livemode=livemode,
        outcome=Pending(),
        raw_status=reply.status,
    )


def refusal_report(request: Authorize | FollowUp, refusal: RequestRefused, *, livemode: bool) -> Report:
    """Read a request that Adyen did not carry out."""
    decline = decline_of(refusal)
    return declined(request, decline, livemode=livemode, processor_reference=refusal.psp_reference)


def decline_of(refusal: RequestRefused) -> Decline:
    """Say what an errorCode means."""
    return Decline(code=error_meaning(refusal.error_code), processor_code=refusal.error_code)


def declined(
    request: Authorize | FollowUp, decline: Decline, *, livemode: bool, processor_reference: str | None = None
) -> Report:
    """Report a refusal of the request itself: Adyen's, or our own before anything was sent."""
    return Report(
        kind=request.operation,
        tag=request.operation_id,
        processor_reference=processor_reference,
        parent_reference=request.parent_reference if isinstance(request, FollowUp) else None,
        money=request.money,
        livemode=livemode,
        outcome=Declined(decline),
    )


def _money(amount: wire.Amount | None) -> Money | None:
    try:
        return None if amount is None else amounts.from_wire(amount)
    except ValueError as wrong:
        raise OutcomeUnknownError(PROCESSOR, f"an amount that cannot be read: {wrong}") from wrong


def result(value: object) -> str | None:
    """Take the result's own letter or number out of "4 AVS not supported for this card type"."""
    return _text(value).partition(" ")[0] or None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
