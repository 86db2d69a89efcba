"""Disputes as the API shows them, and as events and stored answers keep them; pure."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, Literal

from msgspec import Struct

from hub.disputes.rules import reinstated_minor, withdrawn_minor
from hub.disputes.values import UNDER_WAY, Case, Dispute, Submission, Told
from normalization.disputes import AnswerRefused, DisputeReason, DisputeStatus, FundsMovement, RefusalCode, Stage
from normalization.money import Currency

SUBMISSIONS_SHOWN: Final = 100


class WordBody(Struct, frozen=True, kw_only=True):
    """One thing that was said of a dispute, when it was first told, and by which way."""

    at: datetime
    source: str
    stage: Stage
    status: DisputeStatus
    amount: int | None
    currency: Currency | None
    processor_status: str
    accepted: bool


class MovementBody(Struct, frozen=True, kw_only=True):
    """Money that the dispute moved: taken from us, or given back where `reinstated`."""

    amount: int
    currency: Currency
    reinstated: bool


class EvidenceFileBody(Struct, frozen=True, kw_only=True):
    """A document that was handed in; its content is forgotten once the processor has it."""

    name: str
    content_type: str
    purpose: str | None
    size_bytes: int
    sha256: str


class RefusalBody(Struct, frozen=True, kw_only=True):
    """Why an answer was not taken; `message` tells whoever answers what to do.

    `processor_code` is the processor's own; null where it told none or was not asked.
    """

    code: RefusalCode
    message: str
    processor_code: str | None


class SubmissionBody(Struct, frozen=True, kw_only=True):
    """One acceptance or one answer with evidence; `pending` until the processor has said that it has it."""

    id: str
    kind: Literal["accept", "evidence"]
    status: Literal["pending", "done", "refused", "exception"]
    refusal: RefusalBody | None
    files: list[EvidenceFileBody]
    created_at: datetime
    finished_at: datetime | None


class DisputeBody(Struct, frozen=True, kw_only=True):
    """A dispute; `amount` is what is disputed, the other two are what has moved, in the minor unit of `currency`."""

    id: str
    object: Literal["dispute"] = "dispute"
    livemode: bool
    payment: str
    merchant_account: str
    processor: str
    processor_reference: str
    tag: str
    stage: Stage
    status: DisputeStatus
    reason: DisputeReason
    processor_reason: str | None
    network_reason: str | None
    amount: int
    currency: Currency
    amount_withdrawn: int
    amount_reinstated: int
    evidence_due_at: datetime | None
    defendable: bool | None
    accepted: bool
    movements: list[MovementBody]
    history: list[WordBody]
    submissions: list[SubmissionBody]
    created_at: datetime
    updated_at: datetime


def dispute_body(
    dispute: Dispute, history: Sequence[Told], movements: Sequence[FundsMovement], submissions: Sequence[Submission]
) -> DisputeBody:
    """Show *dispute* with all that was said of it, oldest first."""
    now = dispute.standing
    moved = Case(movements=tuple(movements))
    return DisputeBody(
        id=dispute.id,
        livemode=dispute.livemode,
        payment=dispute.payment_id,
        merchant_account=dispute.merchant_account,
        processor=dispute.processor,
        processor_reference=dispute.processor_reference,
        tag=dispute.operation_id,
        stage=now.stage,
        status=now.status,
        reason=now.reason,
        processor_reason=now.processor_reason,
        network_reason=now.network_reason,
        amount=now.money.minor,
        currency=now.money.currency,
        amount_withdrawn=withdrawn_minor(moved, now.money.currency),
        amount_reinstated=reinstated_minor(moved, now.money.currency),
        evidence_due_at=now.evidence_due_at,
        defendable=now.defendable,
        accepted=now.accepted,
        movements=[
            MovementBody(amount=m.money.minor, currency=m.money.currency, reinstated=m.reinstated) for m in movements
        ],
        history=[_word_body(told) for told in history],
        submissions=[_submission_body(one) for one in submissions[-SUBMISSIONS_SHOWN:]],
        created_at=dispute.created_at,
        updated_at=dispute.updated_at,
    )


def _word_body(told: Told) -> WordBody:
    report = told.report
    return WordBody(
        at=told.recorded_at,
        source=told.source,
        stage=report.stage,
        status=report.status,
        amount=report.money.minor if report.money else None,
        currency=report.money.currency if report.money else None,
        processor_status=report.raw_status,
        accepted=report.accepted,
    )


def _submission_body(one: Submission) -> SubmissionBody:
    shown: dict[str, Literal["done", "refused", "exception"]] = {
        "done": "done",
        "refused": "refused",
        "exception": "exception",
    }
    return SubmissionBody(
        id=one.id,
        kind=one.kind,
        status="pending" if one.status in UNDER_WAY else shown[one.status],
        refusal=_refusal_body(one.refusal),
        files=[
            EvidenceFileBody(
                name=file.name,
                content_type=file.content_type,
                purpose=file.purpose,
                size_bytes=file.size_bytes,
                sha256=file.sha256,
            )
            for file in one.files
        ],
        created_at=one.created_at,
        finished_at=one.finished_at,
    )


def _refusal_body(refusal: AnswerRefused | None) -> RefusalBody | None:
    if refusal is None:
        return None
    return RefusalBody(code=refusal.code, message=refusal.message, processor_code=refusal.processor_code)
