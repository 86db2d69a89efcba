"""Events of a rare type are found without reading all the others."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0010"
down_revision: Final = "0009"
branch_labels: Final = None
depends_on: Final = None


def upgrade() -> None:
    """Add the index."""
    published = sa.text("position IS NOT NULL")
    op.create_index(
        "ix_events_type",
        "events",
        ["type", "livemode", "position"],
        postgresql_where=published,
        sqlite_where=published,
    )


def downgrade() -> None:
    """Books are not taken apart."""
    raise NotImplementedError("restore a backup instead: a downgrade would lose what was written since")
