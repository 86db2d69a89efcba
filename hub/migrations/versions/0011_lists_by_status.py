"""Disputes of one status and parked deliveries are listed without reading all the others."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0011"
down_revision: Final = "0010"
branch_labels: Final = None
depends_on: Final = None


def upgrade() -> None:
    """Add the indexes."""
    parked = sa.text("status = 'parked'")
    op.create_index("ix_disputes_status", "disputes", ["livemode", "status", "id"])
    op.create_index(
        "ix_webhook_deliveries_parked", "webhook_deliveries", ["id"], postgresql_where=parked, sqlite_where=parked
    )


def downgrade() -> None:
    """Books are not taken apart."""
    raise NotImplementedError("restore a backup instead: a downgrade would lose what was written since")
