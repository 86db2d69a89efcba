"""Why an answer to a dispute was not taken is kept as words for whoever answers, no longer as a payer's decline."""

from typing import Final

import msgspec
import sqlalchemy as sa
from alembic import op

revision: Final = "0012"
down_revision: Final = "0011"
branch_labels: Final = None
depends_on: Final = None

_TOLD: Final = "the processor refused the answer; correct it and send it under a new key"


def upgrade() -> None:
    """Rename the column, then put what stands in it into the new shape; the raw code stays."""
    op.execute("ALTER TABLE dispute_submissions RENAME COLUMN decline TO refusal")
    table = sa.table("dispute_submissions", sa.column("id", sa.Text), sa.column("refusal", sa.LargeBinary))
    connection = op.get_bind()
    refused = connection.execute(sa.select(table).where(table.c.refusal.is_not(None))).all()
    for id_, old in refused:
        raw = msgspec.json.decode(old)["processor_code"]
        new = {"code": "refused_by_processor", "message": _TOLD, "processor_code": raw}
        connection.execute(sa.update(table).where(table.c.id == id_).values(refusal=msgspec.json.encode(new)))


def downgrade() -> None:
    """Books are not taken apart."""
    raise NotImplementedError("restore a backup instead: a downgrade would lose what was written since")
