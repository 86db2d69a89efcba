"""Whose turn it is to write about an account's lines stands in a row, numbered, where it was a lock without a trace."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0031"
down_revision: Final = "0030"
branch_labels: Final = None
depends_on: Final = None


def upgrade() -> None:
    """Make the table; code that waits for the lock would not wait for the row, and stays out."""
    op.create_table(
        "settlement_turns",
        sa.Column("merchant_account", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("merchant_account", name=op.f("pk_settlement_turns")),
    )
    op.execute("UPDATE schema_floor SET revision = '0031'")


def downgrade() -> None:
    """Books are not taken apart."""
    raise NotImplementedError("restore a backup instead: a downgrade would lose what was written since")
