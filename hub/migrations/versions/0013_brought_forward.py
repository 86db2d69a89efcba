"""What waits for an endpoint that works again is sent soon, once for each of its waits."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0013"
down_revision: Final = "0012"
branch_labels: Final = None
depends_on: Final = None


def upgrade() -> None:
    """Add the column; nothing was brought forward yet."""
    op.add_column("event_deliveries", sa.Column("hurried", sa.Integer(), server_default="0", nullable=False))


def downgrade() -> None:
    """Books are not taken apart."""
    raise NotImplementedError("restore a backup instead: a downgrade would lose what was written since")
