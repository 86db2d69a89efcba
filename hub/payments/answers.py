"""Payments and refunds as the API shows them, and as events and stored answers keep them; pure."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, Literal, cast

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from hub.payments.states import COUNTED, OperationState, OperationStatus, Payment, Status
from hub.retries.rules import Advised
from normalization.declines import MEANING, Advice, Category, Decline, DeclineCode
from normalization.money import Currency
from normalization.outcome import OPENING, Operation
from normalization.regions import Region
from normalization.verdicts import resolve
from routing.choosing import Score
from routing.retries import Retry

ACCEPTED: Final = 202
CREATED: Final = 201
OK: Final = 200
REFUND_LATER: Final = "The refund could not be made just now. Trying again later may work."
REFUND_OUR_FAULT: Final = "The refund could not be made. This is not your bank's fault; we are looking into it."
REFUND_NEVER: Final = "The refund could not be made to the payment method that was charged."
_UNANSWERED: Final = COUNTED


class DeclineBody(Struct, frozen=True, kw_only=True):
    """Why a payment was refused, what to do next, and the raw codes it was decided from."""

    code: DeclineCode
    category: Category
    advice: Advice
    alternatives: list[Advice]
    retry_after: datetime | None
    message: str
    processor_code: str
    network_code: str | None
    network_advice_code: str | None


class NextAction(Struct, frozen=True, kw_only=True):
    """Where to send the payer; a GET opens `url`."""

    type: Literal["redirect"]
    url: str
    expires_at: datetime | None


class ConsideredBody(Struct, frozen=True, kw_only=True):
    """One merchant account that routing looked at."""

    merchant_account: str
    eligible: bool
    reason: str | None


class RoutingBody(Struct, frozen=True, kw_only=True):
    """Why the payment went where it went.

    `scores` are the figures that the accounts were put in order by, where the strategy goes by figures; `snapshot` is
    the version of accounts and rules that it was decided over, `rollout_percent` the share of the payments that the
    ruleset was tried on then, null where it decided all others.
    """

    ruleset: str | None
    version: int | None
    rule: str | None
    strategy: str | None
    unknown_facts: list[str]
    snapshot: int
    figures: int | None = None
    rollout_percent: int | None
    scores: list[Score]
    considered: list[ConsideredBody]


class AttemptBody(Struct, frozen=True, kw_only=True):
    """One try at one merchant account; `reason` says why one followed on another: not_sent, or the decline's code."""

    id: str
    merchant_account: str
    processor: str
    operation: str
    status: OperationStatus
    reason: str | None
    processor_reference: str | None
    decline: DeclineBody | None
    avs: str | None
    cvc: str | None
    started_at: datetime
    latency_ms: int | None


class PaymentBody(Struct, frozen=True, kw_only=True):
    """A payment; amounts are in the minor unit of `currency`."""

    id: str
    object: Literal["payment"] = "payment"
    livemode: bool
    status: Status
    amount: int
    currency: Currency
    amount_authorized: int
    amount_capturing: int
    amount_captured: int
    amount_refunding: int
    amount_refunded: int
    amount_refunded_externally: int
    amount_disputed: int
    canceling: bool
    capture: Literal["automatic", "manual"]
    reference: str
    customer: str | None
    payment_method: str | None
    country: str | None
    region: Region | None
    risk_score: int | None
    brand: str | None
    merchant_account: str | None
    processor: str | None
    processor_reference: str | None
    tag: str | None
    decline: DeclineBody | None
    next_action: NextAction | None
    cancel_reason: str | None
    routing: RoutingBody
    attempts: list[AttemptBody]
    metadata: dict[str, str]
    created_at: datetime
    updated_at: datetime


class RefundBody(Struct, frozen=True, kw_only=True):
    """A refund; `pending` until the processor has told the result."""

    id: str
    object: Literal["refund"] = "refund"
    livemode: bool
    payment: str
    status: Literal["pending", "succeeded", "failed"]
    amount: int
    currency: Currency
    reason: str | None
    reference: str | None
    merchant_account: str
    processor: str
    processor_reference: str | None
    tag: str
    decline: DeclineBody | None
    created_at: datetime


def decline_body(decline: Decline | None, at: datetime) -> DeclineBody | None:
    """Show a decline that was told at *at*."""
    if decline is None:
        return None
    verdict = resolve(decline, at.date())
    told = decline.retry if isinstance(decline, Advised) else None
    if told is None:
        later = None if verdict.wait is None else at + verdict.wait
        told = Retry(advice=verdict.advice, alternatives=verdict.alternatives, retry_after=later)
    return DeclineBody(
        code=verdict.code,
        category=verdict.category,
        advice=told.advice,
        alternatives=list(told.alternatives),
        retry_after=told.retry_after,
        message=MEANING[verdict.code].message,
        processor_code=decline.processor_code,
        network_code=decline.network_code,
        network_advice_code=decline.network_advice_code,
    )


def refund_decline_body(decline: Decline | None, at: datetime) -> DeclineBody | None:
    """Show why a refund was refused: it goes back to where it came from, later or never, and nobody else's way."""
    shown = decline_body(decline, at)
    if shown is None:
        return None
    if shown.advice is Advice.AFTER_DELAY:
        return replace(shown, alternatives=[], message=REFUND_LATER)
    message = REFUND_OUR_FAULT if shown.category is Category.CONFIGURATION else REFUND_NEVER
    return replace(shown, advice=Advice.NEVER, alternatives=[], retry_after=None, message=message)


def payment_body(payment: Payment, operations: Sequence[OperationState]) -> PaymentBody:
    """Show *payment* with its attempts."""
    attempts = [operation for operation in operations if operation.kind in OPENING]
    standing = next((attempt for attempt in attempts if attempt.id == payment.attempt_id), None)
    return PaymentBody(
        id=payment.id,
        livemode=payment.livemode,
        status=payment.status,
        amount=payment.amount_minor,
        currency=payment.currency,
        amount_authorized=payment.authorized_minor,
        amount_capturing=payment.capturing_minor,
        amount_captured=payment.captured_minor,
        amount_refunding=payment.refunding_minor,
        amount_refunded=payment.refunded_minor,
        amount_refunded_externally=payment.refunded_externally_minor,
        amount_disputed=payment.disputed_minor,
        canceling=payment.canceling,
        capture=cast("Literal['automatic', 'manual']", payment.capture),
        reference=payment.reference,
        customer=payment.customer,
        payment_method=payment.payment_method,
        country=payment.country,
        region=Region(payment.region) if payment.region else None,
        risk_score=payment.risk_score,
        brand=payment.brand,
        merchant_account=payment.merchant_account,
        processor=payment.processor,
        processor_reference=payment.processor_reference,
        tag=payment.attempt_id,
        decline=decline_body(payment.decline, payment.updated_at),
        next_action=_next_action(payment, standing),
        cancel_reason=payment.cancel_reason,
        # Stored as JSON and shown as it is: encoding copies the bytes.
        routing=cast("RoutingBody", msgspec.Raw(payment.routing)),
        attempts=[_attempt_body(attempt, payment.updated_at) for attempt in attempts],
        metadata=cast("dict[str, str]", msgspec.Raw(payment.metadata)),
        created_at=payment.created_at,
        updated_at=payment.updated_at,
    )


def _next_action(payment: Payment, standing: OperationState | None) -> NextAction | None:
    if payment.status is not Status.REQUIRES_ACTION or standing is None or standing.action_url is None:
        return None
    return NextAction(type="redirect", url=standing.action_url, expires_at=standing.action_expires_at)


def _attempt_body(attempt: OperationState, at: datetime) -> AttemptBody:
    return AttemptBody(
        id=attempt.id,
        merchant_account=attempt.merchant_account,
        processor=attempt.processor,
        operation=attempt.kind,
        status=attempt.status,
        reason=attempt.reason,
        processor_reference=attempt.processor_reference,
        decline=decline_body(attempt.decline, at),
        avs=attempt.avs,
        cvc=attempt.cvc,
        started_at=attempt.started_at,
        latency_ms=attempt.latency_ms,
    )


def refund_body(refund: OperationState) -> RefundBody:
    """Show a refund."""
    return RefundBody(
        id=refund.id,
        livemode=refund.livemode,
        payment=refund.payment_id,
        status=_refund_status(refund.status),
        amount=refund.money.minor,
        currency=refund.money.currency,
        reason=refund.reason,
        reference=refund.reference,
        merchant_account=refund.merchant_account,
        processor=refund.processor,
        processor_reference=refund.processor_reference,
        tag=refund.id,
        decline=refund_decline_body(refund.decline, refund.started_at),
        created_at=refund.started_at,
    )


def _refund_status(status: OperationStatus) -> Literal["pending", "succeeded", "failed"]:
    if status is OperationStatus.APPROVED:
        return "succeeded"
    failed = {OperationStatus.DECLINED, OperationStatus.NOT_SENT, OperationStatus.REVERSED}
    return "failed" if status in failed else "pending"


def charge_status(payment: Payment) -> int:
    """Choose the HTTP status of a charge's answer: 202 while its outcome is unknown or pending."""
    return ACCEPTED if payment.status is Status.PROCESSING else CREATED


def follow_up_status(operation: OperationState, done: int) -> int:
    """Choose the HTTP status of a capture's, cancel's or refund's answer: 202 while pending or unknown."""
    waits = operation.kind is Operation.VOID and operation.status is OperationStatus.NOT_SENT  # It is tried again.
    return ACCEPTED if waits or operation.status in _UNANSWERED else done
