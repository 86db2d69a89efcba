"""What is told of cards and settlements, and how far processors' lists of events were gone through."""

from typing import Final

import sqlalchemy as sa
from alembic import op

from hub.database import Instant

revision: Final = "0007"
down_revision: Final = "0006"
branch_labels: Final = None
depends_on: Final = None


def upgrade() -> None:
    """Add the tables."""
    _catch_ups()
    _retired_tokens()
    _settlement_notices()


def downgrade() -> None:
    """Books are not taken apart."""
    raise NotImplementedError("restore a backup instead: a downgrade would lose what was written since")


def _catch_ups() -> None:
    op.create_table(
        "catch_ups",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("livemode", sa.Boolean(), nullable=False),
        sa.Column("listed_ends_at", Instant(), nullable=False),
        sa.Column("listed_at", Instant(), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("due_at", Instant(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_catch_ups")),
    )
    op.create_index("ix_catch_ups_due", "catch_ups", ["due_at"])


def _retired_tokens() -> None:
    op.create_table(
        "retired_tokens",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("livemode", sa.Boolean(), nullable=False),
        sa.Column("payment_method", sa.Text(), nullable=False),
        sa.Column("processor", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("merchant_account", sa.Text(), nullable=False),
        sa.Column("retired_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["payment_method"], ["payment_methods.id"], name=op.f("fk_retired_tokens_payment_method")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_retired_tokens")),
    )
    op.create_index("ix_retired_tokens_token", "retired_tokens", ["livemode", "processor", "token_hash"])
    op.create_index("ix_retired_tokens_payment_method", "retired_tokens", ["payment_method"])


def _settlement_notices() -> None:
    key = ("merchant_account", "kind", "processor_reference")
    op.create_table(
        "settlement_notices",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("livemode", sa.Boolean(), nullable=False),
        sa.Column("merchant_account", sa.Text(), nullable=False),
        sa.Column("processor", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("processor_reference", sa.Text(), nullable=False),
        sa.Column("location", sa.Text(), nullable=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("received_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_settlement_notices")),
        sa.UniqueConstraint(*key, name=op.f("uq_settlement_notices_merchant_account_kind_processor_reference")),
    )
