"""The inbox: who has a delivery in hand, which API version it was written by, and indexes for what is looked for."""

from typing import Final

import sqlalchemy as sa
from alembic import op

from hub.database import Instant

revision: Final = "0006"
down_revision: Final = "0005"
branch_labels: Final = None
depends_on: Final = None

_TABLE: Final = "webhook_deliveries"


def upgrade() -> None:
    """Add what is missing."""
    op.add_column(_TABLE, sa.Column("lease_until", Instant()))
    op.add_column(_TABLE, sa.Column("api_version", sa.Text()))
    op.drop_index("ix_webhook_deliveries_payment", _TABLE)
    _partial("payment", ["payment_id"], "payment_id IS NOT NULL")
    _partial("leased", ["merchant_account", "subject"], "lease_until IS NOT NULL")
    _partial("unmatched", ["merchant_account", "subject"], "status = 'unmatched'")


def downgrade() -> None:
    """Books are not taken apart."""
    raise NotImplementedError("restore a backup instead: a downgrade would lose what was written since")


def _partial(name: str, columns: list[str], where: str) -> None:
    rows = sa.text(where)
    op.create_index(f"ix_{_TABLE}_{name}", _TABLE, columns, postgresql_where=rows, sqlite_where=rows)
