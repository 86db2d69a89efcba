"""What tokens are verified, detached, imported and asked for by; the network's id and the processors' fingerprints."""

from typing import Final

import sqlalchemy as sa
from alembic import op

from hub.database import Instant

revision: Final = "0003"
down_revision: Final = "0002"
branch_labels: Final = None
depends_on: Final = None


def upgrade() -> None:
    """Add columns and tables."""
    _columns()
    _detachments()
    _verifications()
    _payment_sessions()
    _token_imports()


def downgrade() -> None:
    """Books are not taken apart."""
    raise NotImplementedError("restore a backup instead: a downgrade would lose what was written since")


def _columns() -> None:
    for table in ("customers", "payment_methods"):
        op.add_column(table, sa.Column("import_key", sa.Text(), nullable=True))
        op.create_index(f"uq_{table}_import_key", table, ["livemode", "import_key"], unique=True)
    op.add_column("payment_methods", sa.Column("network_transaction_id", sa.Text(), nullable=True))
    op.add_column("processor_tokens", sa.Column("fingerprint", sa.Text(), nullable=True))
    op.create_index("ix_processor_tokens_token", "processor_tokens", ["livemode", "processor", "token"])
    known = sa.text("fingerprint IS NOT NULL")
    op.create_index(
        "ix_processor_tokens_fingerprint",
        "processor_tokens",
        ["livemode", "processor", "fingerprint"],
        postgresql_where=known,
        sqlite_where=known,
    )


def _due(table: str) -> None:
    due = sa.text("due_at IS NOT NULL")
    op.create_index(f"ix_{table}_due", table, ["due_at"], postgresql_where=due, sqlite_where=due)


def _detachments() -> None:
    op.create_table(
        "detachments",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("livemode", sa.Boolean(), nullable=False),
        sa.Column("payment_method", sa.Text(), nullable=False),
        sa.Column("processor", sa.Text(), nullable=False),
        sa.Column("merchant_account", sa.Text(), nullable=False),
        sa.Column("token", sa.Text(), nullable=True),
        sa.Column("customer_reference", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("due_at", Instant(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["payment_method"], ["payment_methods.id"], name=op.f("fk_detachments_payment_method")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_detachments")),
    )
    op.create_index("ix_detachments_payment_method", "detachments", ["payment_method"])
    _due("detachments")


def _verifications() -> None:
    op.create_table(
        "verifications",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("livemode", sa.Boolean(), nullable=False),
        sa.Column("payment_method", sa.Text(), nullable=True),
        sa.Column("session", sa.Text(), nullable=True),
        sa.Column("merchant_account", sa.Text(), nullable=False),
        sa.Column("processor", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("request", sa.LargeBinary(), nullable=True),
        sa.Column("processor_reference", sa.Text(), nullable=True),
        sa.Column("decline", sa.LargeBinary(), nullable=True),
        sa.Column("avs", sa.Text(), nullable=True),
        sa.Column("cvc", sa.Text(), nullable=True),
        sa.Column("idempotency_key", sa.Text(), nullable=True),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("due_at", Instant(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("finished_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(
            ["payment_method"], ["payment_methods.id"], name=op.f("fk_verifications_payment_method")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_verifications")),
    )
    op.create_index("ix_verifications_payment_method", "verifications", ["payment_method", "id"])
    _due("verifications")


def _payment_sessions() -> None:
    op.create_table(
        "payment_sessions",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("livemode", sa.Boolean(), nullable=False),
        sa.Column("customer", sa.Text(), nullable=True),
        sa.Column("merchant_account", sa.Text(), nullable=False),
        sa.Column("processor", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("customer_reference", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("verification", sa.Text(), nullable=True),
        sa.Column("payment_method", sa.Text(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["customer"], ["customers.id"], name=op.f("fk_payment_sessions_customer")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment_sessions")),
    )


def _token_imports() -> None:
    counts = ("created", "joined", "known", "rejected")
    op.create_table(
        "token_imports",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("livemode", sa.Boolean(), nullable=False),
        sa.Column("file_hash", sa.Text(), nullable=False),
        sa.Column("lines", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("position", "results_bytes", "rejects_bytes")),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in counts),
        sa.Column("started_at", Instant(), nullable=False),
        sa.Column("finished_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_token_imports")),
        sa.UniqueConstraint("livemode", "file_hash", name=op.f("uq_token_imports_livemode_file_hash")),
    )
