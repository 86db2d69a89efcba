"""Stripe's objects as the hub's reports: pure, and the only place that knows what a status means.

Only an explicit yes or no is final; a status that is not known here is `OutcomeUnknownError`.
Source: https://docs.stripe.com/payments/paymentintents/lifecycle and https://docs.stripe.com/api/refunds/object.
"""

from typing import Final

from adapters.contract import OPERATION_PREFIX, Authorize, FollowUp
from adapters.errors import OutcomeUnknownError
from adapters.stripe.currencies import from_stripe
from adapters.stripe.declines import REFUND_FAILURES, decline_of
from adapters.stripe.parameters import CAPTURE, OPERATION
from adapters.stripe.wire import Card, Charge, Error, PaymentIntent, Refund, id_of
from adapters.tagging import read_back
from normalization.declines import Decline, DeclineCode
from normalization.money import InexactAmountError, Money
from normalization.outcome import ActionRequired, Approved, Declined, Operation, Outcome, Pending, Report
from normalization.tokens import CardFacts, ProcessorToken

CANCELED_BY_ITSELF: Final = frozenset({"automatic", "expired"})
"""Stripe's `cancellation_reason` when nobody cancelled: the authorization ran out."""

MONEY_MOVES: Final = frozenset({"succeeded", "requires_capture", "processing"})
"""Statuses of a PaymentIntent under which money is taken, held or on its way."""


def money_of(value: int, currency: str) -> Money:
    """Read an amount.

    Raises:
        OutcomeUnknownError: when it is in no currency or unit that we know.
    """
    try:
        return from_stripe(value, currency)
    except (ValueError, InexactAmountError) as failure:
        raise _unclear(f"cannot read an amount in {currency[:3]!r}") from failure


def opening_kind(intent: PaymentIntent) -> Operation:
    """Tell which operation made *intent*."""
    return Operation.AUTHORIZE if intent.capture_method == "manual" else Operation.PURCHASE


def opening(intent: PaymentIntent, kind: Operation) -> Report:
    """Report on the operation that created *intent*.

    Raises:
        OutcomeUnknownError: when its status is none that such an operation ends in.
    """
    charge = intent.latest_charge if isinstance(intent.latest_charge, Charge) else None
    details = charge.payment_method_details if charge else None
    method = details or (intent.last_payment_error.payment_method if intent.last_payment_error else None)
    card = method.card if method else None
    return Report(
        kind=kind,
        tag=intent.metadata.get(OPERATION),
        processor_reference=intent.id,
        money=_opened(intent),
        livemode=intent.livemode,
        outcome=_opening_outcome(intent, kind),
        card=facts(card) if card else None,
        avs=address_checks(card),
        cvc=card.checks.cvc_check if card and card.checks else None,
        raw_status=intent.status,
        tags=read_back(intent.metadata),
        network_transaction_id=details.card.network_transaction_id if details and details.card else None,
        stored=_stored(intent),
    )


def _stored(intent: PaymentIntent) -> ProcessorToken | None:
    """Give the PaymentMethod that a successful payment attached to its customer, to be charged without the payer."""
    method, customer = id_of(intent.payment_method), id_of(intent.customer)
    kept = intent.setup_future_usage == "off_session" and intent.status in {"succeeded", "requires_capture"}
    if not kept or method is None or customer is None:
        return None
    return ProcessorToken(processor="stripe", token=method, customer_reference=customer)


def capture(intent: PaymentIntent, tag: str | None, *, multicapture: bool = False) -> Report:
    """Report on a capture of *intent*.

    With several captures on one PaymentIntent, Stripe has no object for one of them: no processor reference.

    Raises:
        OutcomeUnknownError: when the status is none that a capture ends in.
    """
    return Report(
        kind=Operation.CAPTURE,
        tag=tag,
        processor_reference=None if multicapture else intent.id,
        parent_reference=intent.id,
        money=_captured(intent, tag),
        livemode=intent.livemode,
        outcome=_capture_outcome(intent, tag),
        raw_status=intent.status,
        tags=read_back(intent.metadata),
    )


def begun_capture(intent: PaymentIntent, tag: str) -> Report:
    """Report a capture of ours that Stripe had accepted, where *intent* is still on its way or was refused after all.

    What it is about is not said again.
    """
    refused = intent.status == "requires_payment_method"
    return Report(
        kind=Operation.CAPTURE,
        tag=tag,
        processor_reference=None if tag in intent.metadata else intent.id,
        parent_reference=intent.id,
        money=None,
        livemode=intent.livemode,
        outcome=Declined(_why_not(intent)) if refused else Pending(),
        raw_status=intent.status,
    )


def expired(charge: Charge, payment_intent: str) -> Report:
    """Report that a hold ran out, which ends the whole payment.

    Raises:
        OutcomeUnknownError: when the charge says too little.
    """
    if charge.amount is None or charge.currency is None or charge.livemode is None:
        raise _unclear("an expired charge without an amount or mode")
    return Report(
        kind=Operation.VOID,
        tag=None,
        processor_reference=payment_intent,
        parent_reference=payment_intent,
        money=money_of(charge.amount, charge.currency),
        livemode=charge.livemode,
        outcome=Approved(),
        reason="expired",
        raw_status=charge.status or "",
    )


def void(intent: PaymentIntent, tag: str | None) -> Report:
    """Report on the cancelling of *intent*, by whomever.

    Raises:
        OutcomeUnknownError: when it is not cancelled.
    """
    if intent.status != "canceled":
        raise _unclear(f"PaymentIntent {intent.status} after a cancel")
    why = intent.cancellation_reason
    return Report(
        kind=Operation.VOID,
        tag=tag,
        processor_reference=intent.id,
        parent_reference=intent.id,
        money=money_of(intent.amount, intent.currency),
        livemode=intent.livemode,
        outcome=Approved(),
        reason="expired" if why in CANCELED_BY_ITSELF else why,
        raw_status=intent.status,
        tags=read_back(intent.metadata),
    )


def refund(told: Refund, *, livemode: bool) -> Report:
    """Report on a refund.

    Raises:
        OutcomeUnknownError: when its status is none that we know.
    """
    return Report(
        kind=Operation.REFUND,
        tag=told.metadata.get(OPERATION),
        processor_reference=told.id,
        parent_reference=id_of(told.payment_intent),
        money=money_of(told.amount, told.currency),
        livemode=livemode,
        outcome=_refund_outcome(told),
        raw_status=told.status or "",
        tags=read_back(told.metadata),
    )


def refused(request: Authorize | FollowUp, error: Error, *, livemode: bool) -> Report:
    """Report a request that Stripe answered with an error.

    Raises:
        OutcomeUnknownError: when the PaymentIntent beside the error says that an opening operation went through.
    """
    intent = error.payment_intent
    opens = isinstance(request, Authorize)
    if opens and intent and intent.status in MONEY_MOVES:
        raise _unclear(f"PaymentIntent {intent.status} beside a refusal")
    card = error.payment_method.card if error.payment_method else None
    return Report(
        kind=request.operation,
        tag=request.operation_id,
        processor_reference=intent.id if opens and intent else None,
        parent_reference=None if isinstance(request, Authorize) else request.parent_reference,
        money=money_of(intent.amount, intent.currency) if opens and intent else request.money,
        livemode=livemode,
        outcome=Declined(decline_of(error)),
        card=facts(card) if card else None,
        avs=address_checks(card),
        cvc=card.checks.cvc_check if card and card.checks else None,
        raw_status=intent.status if opens and intent else "",
    )


def never_sent(request: Authorize | FollowUp, decline: Decline, *, livemode: bool) -> Report:
    """Report a request that was not sent, because Stripe cannot take it."""
    return Report(
        kind=request.operation,
        tag=request.operation_id,
        processor_reference=None,
        parent_reference=None if isinstance(request, Authorize) else request.parent_reference,
        money=request.money,
        livemode=livemode,
        outcome=Declined(decline),
    )


def _opening_outcome(intent: PaymentIntent, kind: Operation) -> Outcome:
    match intent.status:
        case "succeeded":
            return Approved()
        case "requires_capture" if kind is Operation.AUTHORIZE:
            return Approved()
        case "processing":
            return Pending()
        case "requires_action":
            return _action(intent)
        case "requires_payment_method" | "canceled":
            return Declined(_why_not(intent))
        case _:
            raise _unclear(f"PaymentIntent {intent.status}")


def _action(intent: PaymentIntent) -> Outcome:
    """Send the payer to a page; what needs Stripe's JavaScript instead cannot be done from here and is a decline."""
    step = intent.next_action
    if step and step.redirect_to_url and step.redirect_to_url.url:
        return ActionRequired(method="GET", url=step.redirect_to_url.url, continuation=intent.id)
    kind = step.type if step else "none"
    return Declined(Decline(code=DeclineCode.AUTHENTICATION_REQUIRED, processor_code=f"requires_action/{kind}"))


def _why_not(intent: PaymentIntent) -> Decline:
    if intent.last_payment_error:
        return decline_of(intent.last_payment_error)
    if intent.status == "canceled":
        raw = f"canceled/{intent.cancellation_reason}" if intent.cancellation_reason else "canceled"
        return Decline(code=DeclineCode.CUSTOMER_CANCELLED, processor_code=raw)
    return Decline(code=DeclineCode.GENERIC_DECLINE, processor_code=intent.status)


def _capture_outcome(intent: PaymentIntent, tag: str | None) -> Outcome:
    match intent.status:
        case "succeeded":
            return Approved()
        case "requires_capture" if tag is not None and tag in intent.metadata:  # One of several.
            return Approved()
        case "processing":
            return Pending()
        case _:
            raise _unclear(f"PaymentIntent {intent.status} after a capture")


def _refund_outcome(told: Refund) -> Outcome:
    match told.status:
        case "succeeded":
            return Approved()
        case "pending" | "requires_action":
            return Pending()
        case "failed" | "canceled":
            why = told.failure_reason
            code = REFUND_FAILURES.get(why or "", DeclineCode.GENERIC_DECLINE)
            raw = f"refund_{told.status}/{why}" if why else f"refund_{told.status}"
            return Declined(Decline(code=code, processor_code=raw))
        case _:
            raise _unclear("a refund of unknown status")


def _opened(intent: PaymentIntent) -> Money:
    """Give what was taken or is held, which may be less than asked for; else what was asked for."""
    value = intent.amount
    if intent.status == "succeeded" and opening_kind(intent) is Operation.PURCHASE:
        value = intent.amount if intent.amount_received is None else intent.amount_received
    elif intent.status == "requires_capture" and intent.amount_capturable is not None:
        value = intent.amount_capturable + (intent.amount_received or 0)
    return money_of(value, intent.currency)


def _captured(intent: PaymentIntent, tag: str | None) -> Money:
    """Give what one capture took: noted under its own id where there can be several, else all that was received."""
    noted = intent.metadata.get(tag or "", "")
    if _is_amount(noted):
        return money_of(min(int(noted), intent.amount_received or int(noted)), intent.currency)
    received = intent.amount if intent.amount_received is None else intent.amount_received
    return money_of(received, intent.currency)


def noted_captures(intent: PaymentIntent) -> list[str]:
    """List our captures whose amounts are noted on *intent*, as they are where there can be several.

    Where the notes are of more than was received, only the latest is sure.
    """
    noted = _noted(intent)
    if sum(noted.values()) <= (intent.amount_received or 0):
        return list(noted)
    return [tag for tag in noted if tag == latest_capture(intent)]


def _noted(intent: PaymentIntent) -> dict[str, int]:
    ours = OPERATION_PREFIX[Operation.CAPTURE]
    return {key: int(text) for key, text in intent.metadata.items() if key.startswith(ours) and _is_amount(text)}


def _is_amount(text: str) -> bool:
    return text.isascii() and text.isdecimal()


def captured_by_others(intent: PaymentIntent) -> Money | None:
    """Give what was captured beyond the amounts noted under our captures' ids; None where there is nothing."""
    beyond = (intent.amount_received or 0) - sum(_noted(intent).values())
    return money_of(beyond, intent.currency) if beyond > 0 else None


def latest_capture(intent: PaymentIntent) -> str | None:
    """Give our id of the last capture, missing where it was made by other hands."""
    return intent.metadata.get(CAPTURE)


def facts(card: Card) -> CardFacts:
    """Give what Stripe tells of a card."""
    return CardFacts(
        brand=card.brand,
        last4=card.last4,
        bin=card.iin,
        exp_month=card.exp_month,
        exp_year=card.exp_year,
        funding=card.funding,
        country=card.country,
        fingerprint=card.fingerprint,
    )


def address_checks(card: Card | None) -> str | None:
    """Stripe gives a word for the street and one for the postal code, no letter: "pass/fail"."""
    if card is None or card.checks is None:
        return None
    words = (card.checks.address_line1_check, card.checks.address_postal_code_check)
    return "/".join(word or "unchecked" for word in words) if any(words) else None


def _unclear(what: str) -> OutcomeUnknownError:
    return OutcomeUnknownError("stripe", what)
