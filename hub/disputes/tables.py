"""Disputes, every word about them, the money they moved, and what was answered."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from hub.database import Instant, metadata

_WAITS = text("status = 'needs_response' AND evidence_due_at IS NOT NULL")
_DUE = text("due_at IS NOT NULL")
_UNDER_WAY = text("status IN ('sending', 'unknown')")

disputes = Table(
    "disputes",
    metadata,
    Column("id", Text, primary_key=True),
    Column("livemode", Boolean, nullable=False),
    Column("payment_id", Text, ForeignKey("payments.id"), nullable=False),
    Column("operation_id", Text, ForeignKey("operations.id"), nullable=False),  # The attempt or capture it is about.
    Column("merchant_account", Text, nullable=False),
    Column("processor", Text, nullable=False),
    Column("processor_reference", Text, nullable=False),
    Column("stage", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("processor_reason", Text),
    Column("network_reason", Text),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("evidence_due_at", Instant),
    Column("defendable", Boolean),
    Column("accepted", Boolean, nullable=False),
    Column("contested_minor", BigInteger, nullable=False),  # What it adds to the payment's disputed_minor.
    Column("concerns", Text, nullable=False),  # The types of exceptions that it has opened, with spaces between.
    Column("reminded_stage", Text),  # The last stage whose evidence_due_at was reminded of.
    Column("version", Integer, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    CheckConstraint("contested_minor >= 0", name="contested"),
    UniqueConstraint("merchant_account", "processor_reference"),
    Index("ix_disputes_listed", "livemode", "id"),
    Index("ix_disputes_status", "livemode", "status", "id"),
    Index("ix_disputes_payment", "payment_id"),
    Index("ix_disputes_due", "evidence_due_at", postgresql_where=_WAITS, sqlite_where=_WAITS),
)

dispute_reports = Table(
    "dispute_reports",
    metadata,
    Column("id", Text, primary_key=True),
    Column("dispute_id", Text, ForeignKey("disputes.id"), nullable=False),
    Column("payment_id", Text, ForeignKey("payments.id"), nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("source", Text, nullable=False),  # webhook, answer, inquiry, listed
    Column("report", LargeBinary, nullable=False),
    Column("recorded_at", Instant, nullable=False),
    UniqueConstraint("dispute_id", "fingerprint"),
    Index("ix_dispute_reports_payment", "payment_id"),
)
"""Every word once, as it was first told; append-only."""

dispute_movements = Table(
    "dispute_movements",
    metadata,
    Column("id", Text, primary_key=True),
    Column("dispute_id", Text, ForeignKey("disputes.id"), nullable=False),
    Column("key", Text, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("reinstated", Boolean, nullable=False),
    Column("transfer_id", Text, ForeignKey("transfers.id"), nullable=False),
    Column("created_at", Instant, nullable=False),
    UniqueConstraint("dispute_id", "key"),
)
"""Money that moved, once, with its transfer; append-only."""

dispute_submissions = Table(
    "dispute_submissions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("livemode", Boolean, nullable=False),
    Column("dispute_id", Text, ForeignKey("disputes.id"), nullable=False),
    Column("kind", Text, nullable=False),  # accept, evidence
    Column("status", Text, nullable=False),  # sending, unknown, done, refused, exception
    Column("request", LargeBinary),  # Sealed; forgotten when the submission has ended.
    Column("refusal", LargeBinary),
    Column("idempotency_key", Text, nullable=False),
    Column("requested_by", Text, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("due_at", Instant),  # When the worker sends it again; NULL: it has ended.
    Column("created_at", Instant, nullable=False),
    Column("finished_at", Instant),
    Index("ix_dispute_submissions_dispute", "dispute_id"),
    Index("ix_dispute_submissions_due", "due_at", postgresql_where=_DUE, sqlite_where=_DUE),
    Index(
        "uq_dispute_submissions_under_way",
        "dispute_id",
        unique=True,
        postgresql_where=_UNDER_WAY,
        sqlite_where=_UNDER_WAY,
    ),
)
"""What was answered to the payer's bank; one at a time for each dispute."""

dispute_files = Table(
    "dispute_files",
    metadata,
    Column("id", Text, primary_key=True),
    Column("submission_id", Text, ForeignKey("dispute_submissions.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("content_type", Text, nullable=False),
    Column("purpose", Text),
    Column("size_bytes", Integer, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("content", LargeBinary),  # Sealed; forgotten when the submission has ended.
    Index("ix_dispute_files_submission", "submission_id"),
)
