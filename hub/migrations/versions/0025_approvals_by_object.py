"""What was approved is found by what it was done to: a payment's timeline tells of it."""

from typing import Final

from alembic import op

revision: Final = "0025"
down_revision: Final = "0024"
branch_labels: Final = None
depends_on: Final = None


def upgrade() -> None:
    """Add the index."""
    op.create_index(op.f("ix_approvals_object"), "approvals", ["object_id"])


def downgrade() -> None:
    """Books are not taken apart."""
    raise NotImplementedError("restore a backup instead: a downgrade would lose what was written since")
