"""The values a dispute is made of: what was said of it, the money it moved, and what follows from both."""

from datetime import datetime
from enum import StrEnum
from typing import Final, Literal

from msgspec import Struct

from hub.exceptions.types import ExceptionType
from hub.payments.states import Booking, Payment
from normalization.disputes import AnswerRefused, DisputeReason, DisputeReport, DisputeStatus, FundsMovement, Stage
from normalization.money import Money

DECIDED: Final = frozenset({DisputeStatus.WON, DisputeStatus.LOST, DisputeStatus.CLOSED})
"""What ends a stage."""


class Case(Struct, frozen=True, kw_only=True):
    """All that is known of one dispute: every word once, every movement once. Neither has an order that counts."""

    words: tuple[DisputeReport, ...] = ()
    movements: tuple[FundsMovement, ...] = ()


class Standing(Struct, frozen=True, kw_only=True):
    """Where a dispute stands, as its words say together."""

    stage: Stage
    status: DisputeStatus
    reason: DisputeReason
    processor_reason: str | None
    network_reason: str | None
    money: Money
    evidence_due_at: datetime | None
    defendable: bool | None
    accepted: bool


class Dispute(Struct, frozen=True, kw_only=True):
    """One dispute as it is kept.

    `operation_id` is the attempt or capture that it is about. `contested_minor` is its part of the payment's
    `disputed_minor`. `concerns` are the types of the exceptions it has opened, `reminded_stage` the last stage whose
    `evidence_due_at` was reminded of.
    """

    id: str
    livemode: bool
    payment_id: str
    operation_id: str
    merchant_account: str
    processor: str
    processor_reference: str
    standing: Standing
    contested_minor: int
    concerns: frozenset[str]
    reminded_stage: Stage | None
    version: int
    created_at: datetime
    updated_at: datetime


class Told(Struct, frozen=True, kw_only=True):
    """One word, who brought it first, and when."""

    report: DisputeReport
    source: str
    recorded_at: datetime


class SubmissionStatus(StrEnum):
    """Where one answer of ours to the payer's bank stands."""

    SENDING = "sending"
    UNKNOWN = "unknown"  # It may have arrived: the worker sends it again, which is safe.
    DONE = "done"
    REFUSED = "refused"  # The processor does not take it.
    EXCEPTION = "exception"  # A human must find out.


UNDER_WAY: Final = frozenset({SubmissionStatus.SENDING, SubmissionStatus.UNKNOWN})
SubmissionKind = Literal["accept", "evidence"]


class FileKept(Struct, frozen=True, kw_only=True):
    """What is kept of a document when it was handed in."""

    name: str
    content_type: str
    purpose: str | None
    size_bytes: int
    sha256: str


class Submission(Struct, frozen=True, kw_only=True):
    """One acceptance, or one answer with evidence."""

    id: str
    dispute_id: str
    kind: SubmissionKind
    status: SubmissionStatus
    created_at: datetime
    finished_at: datetime | None
    refusal: AnswerRefused | None
    files: tuple[FileKept, ...] = ()


class Decided(Struct, frozen=True, kw_only=True):
    """What one more word changes.

    `moved` are the new movements, each with its posting; `bookings` the postings besides. `concerns` are all types of
    exceptions that the dispute has opened by now, `exceptions` those that it opens with this word.
    """

    standing: Standing
    payment: Payment
    contested_minor: int
    moved: tuple[tuple[FundsMovement, Booking], ...]
    bookings: tuple[Booking, ...]
    events: tuple[str, ...]
    concerns: frozenset[str]
    exceptions: tuple[tuple[ExceptionType, str], ...]
