"""Payments are found by the ruleset and the rule that decided them."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0022"
down_revision: Final = "0021"
branch_labels: Final = None
depends_on: Final = None

TOLD: Final = {
    "postgresql": "convert_from(routing, 'UTF8')::json ->> '{name}'",
    "sqlite": "json_extract(CAST(routing AS TEXT), '$.{name}')",
}
DECIDED: Final = "ruleset IS NOT NULL"


def upgrade() -> None:
    """Add the columns, filled from what each payment says of its routing, and the index."""
    told = TOLD[op.get_bind().dialect.name]
    for name in ("ruleset", "rule"):
        op.add_column("payments", sa.Column(name, sa.Text(), nullable=True))
    filled = sa.table("payments", sa.column("ruleset"), sa.column("rule")).update()
    op.execute(filled.values({name: sa.literal_column(told.format(name=name)) for name in ("ruleset", "rule")}))
    op.create_index(
        "ix_payments_ruleset",
        "payments",
        ["ruleset", "id", "rule"],
        postgresql_where=sa.text(DECIDED),
        sqlite_where=sa.text(DECIDED),
    )


def downgrade() -> None:
    """Books are not taken apart."""
    raise NotImplementedError("restore a backup instead: a downgrade would lose what was written since")
