"""A payment tells what captures took for which it had no room."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0032"
down_revision: Final = "0031"
branch_labels: Final = None
depends_on: Final = None


def upgrade() -> None:
    """Add the column; processes of an older version leave it at its default."""
    op.add_column("payments", sa.Column("beyond_minor", sa.BigInteger(), nullable=False, server_default="0"))


def downgrade() -> None:
    """Books are not taken apart."""
    raise NotImplementedError("restore a backup instead: a downgrade would lose what was written since")
