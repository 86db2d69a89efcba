"""What waits for a second person."""

from typing import Final

import sqlalchemy as sa
from alembic import op

from hub.database import Instant

revision: Final = "0021"
down_revision: Final = "0020"
branch_labels: Final = None
depends_on: Final = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "approvals",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("livemode", sa.Boolean(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("kind", "status", "object_id")),
        sa.Column("merchant_account", sa.Text()),
        sa.Column("amount_minor", sa.BigInteger()),
        sa.Column("currency", sa.Text()),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("request", sa.LargeBinary(), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("decided_by", sa.Text()),
        sa.Column("decision_reason", sa.Text()),
        sa.Column("decided_at", Instant()),
        sa.Column("result", sa.Text()),
        sa.Column("error", sa.Text()),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("due_at", Instant()),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("ended_at", Instant()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approvals")),
    )
    op.create_index(op.f("ix_approvals_list"), "approvals", ["livemode", "id"])
    _partial("ix_approvals_due", "due_at", "due_at IS NOT NULL")
    _partial("ix_approvals_pending", "object_id", "status = 'pending'")


def downgrade() -> None:
    """Books are not taken apart."""
    raise NotImplementedError("restore a backup instead: a downgrade would lose what was written since")


def _partial(name: str, column: str, where: str) -> None:
    op.create_index(op.f(name), "approvals", [column], postgresql_where=sa.text(where), sqlite_where=sa.text(where))
