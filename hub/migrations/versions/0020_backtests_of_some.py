"""Backtests of keys that reach some merchant accounts only."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0020"
down_revision: Final = "0019"
branch_labels: Final = None
depends_on: Final = None


def upgrade() -> None:
    """Add the column; all before were made with keys that reach every account."""
    op.add_column("backtests", sa.Column("merchant_accounts", sa.Text(), nullable=True))


def downgrade() -> None:
    """Books are not taken apart."""
    raise NotImplementedError("restore a backup instead: a downgrade would lose what was written since")
