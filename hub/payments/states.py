"""The values a payment is made of: its state, its operations', and what a report changes."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from hub.exceptions.types import ExceptionType
from normalization.declines import Decline
from normalization.money import Currency, Money
from normalization.outcome import Operation


class Status(StrEnum):
    """Where a payment stands; the words are the API's."""

    PROCESSING = "processing"  # Not known yet.
    REQUIRES_ACTION = "requires_action"
    AUTHORIZED = "authorized"
    CAPTURED = "captured"
    CANCELED = "canceled"
    FAILED = "failed"


class OperationStatus(StrEnum):
    """Where one request to a processor stands."""

    SENDING = "sending"
    APPROVED = "approved"
    DECLINED = "declined"
    REQUIRES_ACTION = "requires_action"
    PENDING = "pending"  # Accepted by the processor, which tells the result later.
    NOT_SENT = "not_sent"  # It certainly never arrived.
    UNKNOWN = "unknown"  # It may have happened: inquired, never sent elsewhere.
    EXCEPTION = "exception"  # A human must find out.
    REVERSED = "reversed"  # It had succeeded and failed later.


COUNTED = frozenset(
    {OperationStatus.SENDING, OperationStatus.PENDING, OperationStatus.UNKNOWN, OperationStatus.EXCEPTION}
)
"""While a capture or refund stands here its amount counts as used."""


class Payment(Struct, frozen=True, kw_only=True):
    """The caller's wish to be paid once; one field a column, amounts in ISO minor units of `currency`.

    `attempt_id` is the attempt that stands, None where a rule refused the payment; earlier ones were passed over.
    `version` guards every write.
    `lost_minor` of `captured_minor` failed after all, and stands there only since it was given back, or is being.
    `beyond_minor` was taken by captures for which there was no room beside it; it counts as soon as there is.
    `capture_closed`: a final capture was asked for or made. `routing`, `metadata` and `facts` are JSON. `ruleset` and
    `rule` stand in `routing` too.
    """

    id: str
    livemode: bool
    version: int
    status: Status
    amount_minor: int
    currency: Currency
    capture: str
    reference: str
    holds_reference: bool
    merchant_account: str | None
    processor: str | None
    attempt_id: str | None
    routing: bytes
    metadata: bytes
    facts: bytes
    created_by: str
    created_at: datetime
    updated_at: datetime
    customer: str | None = None
    payment_method: str | None = None
    country: str | None = None
    region: str | None = None
    risk_score: int | None = None
    brand: str | None = None
    return_url: str | None = None
    processor_reference: str | None = None
    authorized_minor: int = 0
    capturing_minor: int = 0
    captured_minor: int = 0
    lost_minor: int = 0
    beyond_minor: int = 0
    refunding_minor: int = 0
    refunded_minor: int = 0
    refunded_externally_minor: int = 0
    disputed_minor: int = 0
    capture_closed: bool = False
    canceling: bool = False
    cancel_reason: str | None = None
    decline: Decline | None = None
    ruleset: str | None = None
    rule: str | None = None


class OperationState(Struct, frozen=True, kw_only=True):
    """One request to a processor; one field a column.

    `request` is the exact request as JSON, to be sent again byte for byte; without the one-time data, which lives in
    its request's memory only. `attempt_id` is the attempt that a follow-up belongs to; an attempt's is its own id.
    `action` is the sealed challenge, `action_url` where the payer goes to answer it. `external`: made outside the hub,
    known by a report.
    """

    id: str
    payment_id: str
    attempt_id: str
    livemode: bool
    kind: Operation
    status: OperationStatus
    merchant_account: str
    processor: str
    money: Money
    request: bytes
    requested_by: str
    key_id: str
    started_at: datetime
    external: bool = False
    one_time: bool = False
    final: bool = True
    reason: str | None = None
    reference: str | None = None
    processor_reference: str | None = None
    decline: Decline | None = None
    avs: str | None = None
    cvc: str | None = None
    action: bytes | None = None
    action_url: str | None = None
    action_expires_at: datetime | None = None
    idempotency_key: str | None = None
    fence: int = 1
    inquiries: int = 0
    due_at: datetime | None = None
    latency_ms: int | None = None


class Booking(Struct, frozen=True, gc=False):
    """One debit and one credit of the same amount, to become a transfer: an unbalanced book cannot be written."""

    debit: str
    credit: str
    money: Money
    code: str  # Why the money moved.


class Transition(Struct, frozen=True):
    """Everything that one report changes, to be stored in one commit."""

    payment: Payment
    operation: OperationState
    bookings: tuple[Booking, ...] = ()
    events: tuple[str, ...] = ()
    exceptions: tuple[tuple[ExceptionType, str], ...] = ()
