"""Disputes: every word about them, the money they moved, and what was answered."""

from typing import Final

import sqlalchemy as sa
from alembic import op

from hub.database import Instant

revision: Final = "0009"
down_revision: Final = "0008"
branch_labels: Final = None
depends_on: Final = None

FIXED: Final = ("dispute_reports", "dispute_movements")
_WAITS: Final = sa.text("status = 'needs_response' AND evidence_due_at IS NOT NULL")
_DUE: Final = sa.text("due_at IS NOT NULL")
_UNDER_WAY: Final = sa.text("status IN ('sending', 'unknown')")


def upgrade() -> None:
    """Add the tables, and keep what was said and moved as it was written."""
    _disputes()
    _dispute_reports()
    _dispute_movements()
    _dispute_submissions()
    _dispute_files()
    for table in FIXED:
        _fix(table)


def downgrade() -> None:
    """Books are not taken apart."""
    raise NotImplementedError("restore a backup instead: a downgrade would lose what was written since")


def _disputes() -> None:
    op.create_table(
        "disputes",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("livemode", sa.Boolean(), nullable=False),
        sa.Column("payment_id", sa.Text(), nullable=False),
        sa.Column("operation_id", sa.Text(), nullable=False),
        sa.Column("merchant_account", sa.Text(), nullable=False),
        sa.Column("processor", sa.Text(), nullable=False),
        sa.Column("processor_reference", sa.Text(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("processor_reason", sa.Text(), nullable=True),
        sa.Column("network_reason", sa.Text(), nullable=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("evidence_due_at", Instant(), nullable=True),
        sa.Column("defendable", sa.Boolean(), nullable=True),
        sa.Column("accepted", sa.Boolean(), nullable=False),
        sa.Column("contested_minor", sa.BigInteger(), nullable=False),
        sa.Column("concerns", sa.Text(), nullable=False),
        sa.Column("reminded_stage", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.CheckConstraint("contested_minor >= 0", name=op.f("ck_disputes_contested")),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name=op.f("fk_disputes_payment_id")),
        sa.ForeignKeyConstraint(["operation_id"], ["operations.id"], name=op.f("fk_disputes_operation_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_disputes")),
        sa.UniqueConstraint(
            "merchant_account", "processor_reference", name=op.f("uq_disputes_merchant_account_processor_reference")
        ),
    )
    op.create_index("ix_disputes_listed", "disputes", ["livemode", "id"])
    op.create_index("ix_disputes_payment", "disputes", ["payment_id"])
    op.create_index("ix_disputes_due", "disputes", ["evidence_due_at"], postgresql_where=_WAITS, sqlite_where=_WAITS)


def _dispute_reports() -> None:
    op.create_table(
        "dispute_reports",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("dispute_id", sa.Text(), nullable=False),
        sa.Column("payment_id", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("report", sa.LargeBinary(), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["dispute_id"], ["disputes.id"], name=op.f("fk_dispute_reports_dispute_id")),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name=op.f("fk_dispute_reports_payment_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dispute_reports")),
        sa.UniqueConstraint("dispute_id", "fingerprint", name=op.f("uq_dispute_reports_dispute_id_fingerprint")),
    )
    op.create_index("ix_dispute_reports_payment", "dispute_reports", ["payment_id"])


def _dispute_movements() -> None:
    op.create_table(
        "dispute_movements",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("dispute_id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("reinstated", sa.Boolean(), nullable=False),
        sa.Column("transfer_id", sa.Text(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["dispute_id"], ["disputes.id"], name=op.f("fk_dispute_movements_dispute_id")),
        sa.ForeignKeyConstraint(["transfer_id"], ["transfers.id"], name=op.f("fk_dispute_movements_transfer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dispute_movements")),
        sa.UniqueConstraint("dispute_id", "key", name=op.f("uq_dispute_movements_dispute_id_key")),
    )


def _dispute_submissions() -> None:
    op.create_table(
        "dispute_submissions",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("livemode", sa.Boolean(), nullable=False),
        sa.Column("dispute_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("request", sa.LargeBinary(), nullable=True),
        sa.Column("decline", sa.LargeBinary(), nullable=True),
        sa.Column("idempotency_key", sa.Text(), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("due_at", Instant(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("finished_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["dispute_id"], ["disputes.id"], name=op.f("fk_dispute_submissions_dispute_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dispute_submissions")),
    )
    table = "dispute_submissions"
    op.create_index("ix_dispute_submissions_dispute", table, ["dispute_id"])
    op.create_index("ix_dispute_submissions_due", table, ["due_at"], postgresql_where=_DUE, sqlite_where=_DUE)
    op.create_index(
        "uq_dispute_submissions_under_way",
        table,
        ["dispute_id"],
        unique=True,
        postgresql_where=_UNDER_WAY,
        sqlite_where=_UNDER_WAY,
    )


def _dispute_files() -> None:
    op.create_table(
        "dispute_files",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("submission_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=True),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["submission_id"], ["dispute_submissions.id"], name=op.f("fk_dispute_files_submission_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dispute_files")),
    )
    op.create_index("ix_dispute_files_submission", "dispute_files", ["submission_id"])


def _fix(table: str) -> None:
    if op.get_bind().dialect.name == "postgresql":
        for moment, each in (("UPDATE", "ROW"), ("DELETE", "ROW"), ("TRUNCATE", "STATEMENT")):
            op.execute(
                f"CREATE TRIGGER {table}_no_{moment.lower()} BEFORE {moment} ON {table} "
                f"FOR EACH {each} EXECUTE FUNCTION refuse_change()"
            )
        return
    for moment in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {table}_no_{moment.lower()} BEFORE {moment} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        )
