"""Backtests: stored payments replayed through a ruleset."""

from typing import Final

import sqlalchemy as sa
from alembic import op

from hub.database import Instant

revision: Final = "0014"
down_revision: Final = "0013"
branch_labels: Final = None
depends_on: Final = None

_DUE: Final = sa.text("due_at IS NOT NULL")


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "backtests",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("livemode", sa.Boolean(), nullable=False),
        sa.Column("ruleset", sa.Text(), nullable=False),
        sa.Column("from_at", Instant(), nullable=False),
        sa.Column("to_at", Instant(), nullable=False),
        sa.Column("merchant_account", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=True),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("cursor_at", Instant(), nullable=True),
        sa.Column("cursor_id", sa.Text(), nullable=True),
        sa.Column("tally", sa.LargeBinary(), nullable=True),
        sa.Column("result", sa.LargeBinary(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("due_at", Instant(), nullable=True),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_backtests")),
        sa.ForeignKeyConstraint(["ruleset"], ["rulesets.id"], name=op.f("fk_backtests_ruleset")),
    )
    op.create_index("ix_backtests_due", "backtests", ["due_at"], postgresql_where=_DUE, sqlite_where=_DUE)


def downgrade() -> None:
    """Books are not taken apart."""
    raise NotImplementedError("restore a backup instead: a downgrade would lose what was written since")
