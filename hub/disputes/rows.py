"""Between the values of disputes and the rows of their tables; pure."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import msgspec

from hub.disputes.values import Dispute, FileKept, Standing, Submission, SubmissionStatus, Told
from normalization.disputes import AnswerRefused, DisputeReason, DisputeReport, DisputeStatus, FundsMovement, Stage
from normalization.money import Currency, Money


def dispute_values(dispute: Dispute) -> dict[str, Any]:
    """Make a dispute's columns."""
    now = dispute.standing
    return {
        "id": dispute.id,
        "livemode": dispute.livemode,
        "payment_id": dispute.payment_id,
        "operation_id": dispute.operation_id,
        "merchant_account": dispute.merchant_account,
        "processor": dispute.processor,
        "processor_reference": dispute.processor_reference,
        "stage": now.stage,
        "status": now.status,
        "reason": now.reason,
        "processor_reason": now.processor_reason,
        "network_reason": now.network_reason,
        "amount_minor": now.money.minor,
        "currency": now.money.currency,
        "evidence_due_at": now.evidence_due_at,
        "defendable": now.defendable,
        "accepted": now.accepted,
        "contested_minor": dispute.contested_minor,
        "concerns": " ".join(sorted(dispute.concerns)),
        "reminded_stage": dispute.reminded_stage,
        "version": dispute.version,
        "created_at": dispute.created_at,
        "updated_at": dispute.updated_at,
    }


def to_dispute(row: Mapping[Any, Any]) -> Dispute:
    """Read a row of `disputes`."""
    standing = Standing(
        stage=Stage(row["stage"]),
        status=DisputeStatus(row["status"]),
        reason=DisputeReason(row["reason"]),
        processor_reason=row["processor_reason"],
        network_reason=row["network_reason"],
        money=Money(row["amount_minor"], Currency(row["currency"])),
        evidence_due_at=row["evidence_due_at"],
        defendable=row["defendable"],
        accepted=row["accepted"],
    )
    return Dispute(
        id=row["id"],
        livemode=row["livemode"],
        payment_id=row["payment_id"],
        operation_id=row["operation_id"],
        merchant_account=row["merchant_account"],
        processor=row["processor"],
        processor_reference=row["processor_reference"],
        standing=standing,
        contested_minor=row["contested_minor"],
        concerns=frozenset(row["concerns"].split()),
        reminded_stage=Stage(row["reminded_stage"]) if row["reminded_stage"] else None,
        version=row["version"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


def told_values(told: Told) -> dict[str, Any]:
    """Make the columns of one word."""
    said = msgspec.json.encode(told.report, order="deterministic")
    return {
        "fingerprint": sha256(said).hexdigest(),
        "source": told.source,
        "report": said,
        "recorded_at": told.recorded_at,
    }


def to_told(row: Mapping[Any, Any]) -> Told:
    """Read a row of `dispute_reports`."""
    report = msgspec.json.decode(row["report"], type=DisputeReport)
    return Told(report=report, source=row["source"], recorded_at=row["recorded_at"])


def movement_values(movement: FundsMovement) -> dict[str, Any]:
    """Make the columns of one movement."""
    return {
        "key": movement.key,
        "amount_minor": movement.money.minor,
        "currency": movement.money.currency,
        "reinstated": movement.reinstated,
    }


def to_movement(row: Mapping[Any, Any]) -> FundsMovement:
    """Read a row of `dispute_movements`."""
    money = Money(row["amount_minor"], Currency(row["currency"]))
    return FundsMovement(key=row["key"], money=money, reinstated=row["reinstated"])


def to_submission(row: Mapping[Any, Any], files: list[FileKept]) -> Submission:
    """Read a row of `dispute_submissions`, with its files."""
    return Submission(
        id=row["id"],
        dispute_id=row["dispute_id"],
        kind=row["kind"],
        status=SubmissionStatus(row["status"]),
        created_at=row["created_at"],
        finished_at=row["finished_at"],
        refusal=msgspec.json.decode(row["refusal"], type=AnswerRefused) if row["refusal"] else None,
        files=tuple(files),
    )


def to_file(row: Mapping[Any, Any]) -> FileKept:
    """Read what is kept of a file, without its content."""
    return FileKept(
        name=row["name"],
        content_type=row["content_type"],
        purpose=row["purpose"],
        size_bytes=row["size_bytes"],
        sha256=row["sha256"],
    )
