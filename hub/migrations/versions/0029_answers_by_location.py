"""Answers that no operation names are found by where their outcome is read: a person is taken out of those, too."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0029"
down_revision: Final = "0028"
branch_labels: Final = None
depends_on: Final = None


def upgrade() -> None:
    """Add the index; a charge's own key names its operation, and so is not in it."""
    which = sa.text("operation_id IS NULL")
    op.create_index(
        "ix_idempotency_keys_location", "idempotency_keys", ["location"], postgresql_where=which, sqlite_where=which
    )


def downgrade() -> None:
    """Books are not taken apart."""
    raise NotImplementedError("restore a backup instead: a downgrade would lose what was written since")
