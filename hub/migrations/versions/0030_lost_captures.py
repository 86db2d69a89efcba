"""A payment tells what of its captured amount failed and stands there only for a refund of it."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0030"
down_revision: Final = "0029"
branch_labels: Final = None
depends_on: Final = None


def upgrade() -> None:
    """Add the column; processes of an older version leave it at its default."""
    op.add_column("payments", sa.Column("lost_minor", sa.BigInteger(), nullable=False, server_default="0"))


def downgrade() -> None:
    """Books are not taken apart."""
    raise NotImplementedError("restore a backup instead: a downgrade would lose what was written since")
