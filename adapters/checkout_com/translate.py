"""Checkout.com's answers to the hub's words; pure."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from adapters.abilities import Verify
from adapters.checkout_com import amounts, wire
from adapters.checkout_com.client import PROCESSOR, RequestRefused
from adapters.checkout_com.codes import brand_of, refused, request_refused
from adapters.checkout_com.parameters import STORED, challenge_allowed
from adapters.contract import Authorize, FollowUp
from adapters.errors import OutcomeUnknownError
from normalization.declines import Decline
from normalization.money import Money
from normalization.outcome import (
    ActionRequired,
    Approved,
    Declined,
    Operation,
    Outcome,
    Pending,
    Report,
    Verification,
)
from normalization.tokens import CardFacts, ProcessorToken

APPROVED: Final = "10"
"""How the response codes of what was granted begin."""
CHALLENGE_LASTS: Final = timedelta(minutes=15)
"""Source: response code 20152."""

REFUSED: Final = frozenset({"Declined", "Canceled", "Expired"})
TAKEN: Final = frozenset({"Captured", "Paid", "Refunded", "Partially Refunded"})
RESERVED: Final = frozenset({"Authorized", "Partially Captured"})
LATER: Final = frozenset({"Retry Scheduled"})
VERIFIED: Final = "Card Verified"
PENDING: Final = "Pending"

ACTIONS: Final = {Operation.CAPTURE: "Capture", Operation.REFUND: "Refund", Operation.VOID: "Void"}
OPENINGS: Final = frozenset({"Authorization", VERIFIED, "Card Verification"})


def payment_report(request: Authorize, reply: wire.Payment, *, livemode: bool) -> Report:
    """Read the answer to a payment, or the payment as it now is.

    Raises:
        OutcomeUnknownError: when it says neither yes nor no, or speaks of something else.
    """
    _check_reference(reply, request.operation_id)
    return Report(
        kind=request.operation,
        tag=request.operation_id,
        processor_reference=reply.id,
        money=money_of(reply.amount, reply.currency),
        livemode=livemode,
        outcome=_outcome(request, reply),
        card=card_of(reply.source),
        avs=reply.source.avs_check if reply.source else None,
        cvc=reply.source.cvv_check if reply.source else None,
        raw_status=reply.status,
        network_transaction_id=reply.scheme_id or None,
        stored=_stored(reply) if request.save else None,
    )


def verification_report(request: Verify, reply: wire.Payment, *, livemode: bool) -> Verification:
    """Read the answer to a card verification.

    Raises:
        OutcomeUnknownError: when it says neither yes nor no, or speaks of something else.
    """
    _check_reference(reply, request.operation_id)
    outcome: Outcome
    if reply.status == VERIFIED and reply.approved is not False:
        outcome = Approved()
    elif reply.status in REFUSED:
        outcome = Declined(decline_of(reply))
    elif reply.status == PENDING:
        outcome = _asked(reply, allowed=request.return_url is not None)
    else:
        raise _unknown_status(reply)
    approved = isinstance(outcome, Approved)
    known = request.token if request.token and request.token.token.startswith(STORED) else None
    return Verification(
        tag=request.operation_id,
        processor_reference=reply.id,
        livemode=livemode,
        outcome=outcome,
        card=card_of(reply.source),
        avs=reply.source.avs_check if reply.source else None,
        cvc=reply.source.cvv_check if reply.source else None,
        raw_status=reply.status,
        network_transaction_id=reply.scheme_id or None,
        stored=(known or (_stored(reply) if request.save else None)) if approved else None,
    )


def never_verified(request: Verify, decline: Decline, *, livemode: bool) -> Verification:
    """Report a verification that was refused, by Checkout.com or by us before it was sent."""
    return Verification(
        tag=request.operation_id, processor_reference=None, livemode=livemode, outcome=Declined(decline)
    )


def action_report(request: FollowUp, reply: wire.Accepted, *, livemode: bool) -> Report:
    """Read the answer to a capture, refund or void: taken on, and told later.

    Raises:
        OutcomeUnknownError: when it speaks of something else.
    """
    if reply.reference not in (None, request.operation_id):
        raise OutcomeUnknownError(PROCESSOR, "the answer is about another reference")
    return _follow_up(request, reply.action_id, Pending(), None, "accepted", livemode=livemode)


def done_report(request: FollowUp, actions: Sequence[wire.Action], *, livemode: bool) -> Report | None:
    """Find what became of a capture, refund or void among the payment's actions; None where it is not among them.

    Raises:
        OutcomeUnknownError: when there are no actions at all: a payment has one from the start.
    """
    if not actions:
        raise OutcomeUnknownError(PROCESSOR, "a payment without actions")
    for action in actions:
        if action.type == ACTIONS[request.operation] and action.reference == request.operation_id:
            outcome = action_outcome(action.approved, action.response_code, action.processing)
            told = None if action.amount is None else _amount(action.amount, request.money.currency.value)
            return _follow_up(request, action.id, outcome, told, action.response_code or "", livemode=livemode)
    return None


def action_outcome(approved: bool | None, code: str | None, said: wire.Processing | None) -> Outcome:  # noqa: FBT001 - the wire's own word
    """Read an action: neither approved nor refused is not done yet."""
    if approved is None:
        return Pending()
    return Approved() if approved else Declined(refused(code or "Declined", said))


def refusal_report(request: Authorize | FollowUp, refusal: RequestRefused, *, livemode: bool) -> Report:
    """Read a request that Checkout.com did not carry out."""
    return declined(request, request_refused(refusal.code), livemode=livemode)


def declined(request: Authorize | FollowUp, decline: Decline, *, livemode: bool) -> Report:
    """Report a refusal of the request itself: Checkout.com's, or our own before anything was sent."""
    return Report(
        kind=request.operation,
        tag=request.operation_id,
        processor_reference=None,
        parent_reference=request.parent_reference if isinstance(request, FollowUp) else None,
        money=request.money,
        livemode=livemode,
        outcome=Declined(decline),
    )


def with_reason(reply: wire.Payment, actions: Sequence[wire.Action]) -> wire.Payment:
    """Put the refusal's codes, which only its action tells, into a payment that was looked up."""
    for action in actions:
        if action.type in OPENINGS and action.response_code:
            return wire.Payment(
                id=reply.id,
                status=reply.status,
                reference=reply.reference,
                amount=reply.amount,
                currency=reply.currency,
                approved=reply.approved,
                response_code=action.response_code,
                source=reply.source,
                processing=action.processing,
                customer=reply.customer,
                scheme_id=reply.scheme_id,
            )
    return reply


def lacks_reason(reply: wire.Payment) -> bool:
    """Whether a payment was refused and does not say why."""
    return reply.status in REFUSED and reply.response_code is None


def decline_of(reply: wire.Payment) -> Decline:
    """Decide why a payment was refused."""
    brand = brand_of(reply.source.scheme if reply.source else None)
    return refused(reply.response_code or reply.status, reply.processing, brand)


def card_of(source: wire.Source | None) -> CardFacts | None:
    """Read what is known of the card."""
    if source is None:
        return None
    card = CardFacts(
        brand=brand_of(source.scheme),
        last4=source.last4,
        bin=source.bin,
        exp_month=source.expiry_month,
        exp_year=source.expiry_year,
        funding=source.card_type.lower() if source.card_type else None,
        country=source.issuer_country,
        fingerprint=source.fingerprint,
    )
    return None if card == CardFacts() else card


def money_of(value: int | None, currency: str | None) -> Money | None:
    """Read an amount; None where the answer has none."""
    return None if value is None or currency is None else _amount(value, currency)


def _amount(value: int, currency: str) -> Money:
    try:
        return amounts.from_wire(value, currency)
    except ValueError as wrong:
        raise OutcomeUnknownError(PROCESSOR, f"an amount that cannot be read: {wrong}") from wrong


def _check_reference(reply: wire.Payment, operation_id: str) -> None:
    if reply.reference not in (None, operation_id):
        raise OutcomeUnknownError(PROCESSOR, "the answer is about another reference")


def _outcome(request: Authorize, reply: wire.Payment) -> Outcome:
    """A payment that is to be captured at once is done when it is captured: authorized is half of it."""
    purchase, status = request.operation is Operation.PURCHASE, reply.status
    if status in REFUSED or (purchase and status == "Voided"):
        return Declined(decline_of(reply))
    if status == PENDING:
        return _asked(reply, allowed=challenge_allowed(request), until=request)
    if status in LATER:
        return Pending()
    _check_granted(reply)
    if status in TAKEN or (status in RESERVED | {"Voided"} and not purchase):
        return Approved()
    if status in RESERVED:
        return Pending()
    raise _unknown_status(reply)


def _check_granted(reply: wire.Payment) -> None:
    contradicted = reply.response_code is not None and not reply.response_code.startswith(APPROVED)
    if reply.approved is not True or contradicted:
        raise OutcomeUnknownError(PROCESSOR, f"status {reply.status[:40]!r} without approval")


def _asked(reply: wire.Payment, *, allowed: bool, until: Authorize | None = None) -> Outcome:
    """Send the payer to the challenge; where that cannot be, nothing was authorized and nothing will be."""
    if reply.links.redirect is None:
        return Pending()
    if not allowed:
        return Declined(refused(PENDING))
    expires_at = until.requested_at + CHALLENGE_LASTS if until else None
    return ActionRequired(method="GET", url=reply.links.redirect.href, continuation=reply.id, expires_at=expires_at)


def _stored(reply: wire.Payment) -> ProcessorToken | None:
    if reply.source is None or not (reply.source.id or "").startswith(STORED):
        return None
    customer = reply.customer.id if reply.customer else None
    return ProcessorToken(processor=PROCESSOR, token=reply.source.id or "", customer_reference=customer)


def _follow_up(
    request: FollowUp, reference: str, outcome: Outcome, money: Money | None, raw_status: str, *, livemode: bool
) -> Report:
    return Report(
        kind=request.operation,
        tag=request.operation_id,
        processor_reference=reference,
        parent_reference=request.parent_reference,
        money=money,
        livemode=livemode,
        outcome=outcome,
        raw_status=raw_status,
    )


def _unknown_status(reply: wire.Payment) -> OutcomeUnknownError:
    return OutcomeUnknownError(PROCESSOR, f"unknown status {reply.status[:40]!r}")
