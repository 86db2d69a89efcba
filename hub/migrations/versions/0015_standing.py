"""Activations in part, at an instant and taken back; and what shadows would have done otherwise.

Rulesets and the changes of what decides stay as they were written.
"""

from typing import Final

import sqlalchemy as sa
from alembic import op

from hub.database import Instant

revision: Final = "0015"
down_revision: Final = "0014"
branch_labels: Final = None
depends_on: Final = None

FIXED: Final = ("rulesets", "ruleset_activations")


def upgrade() -> None:
    """Add what a change of what decides says, and the counts of shadows."""
    changes = "ruleset_activations"
    op.add_column(changes, sa.Column("kind", sa.Text(), server_default="activate", nullable=False))
    op.add_column(changes, sa.Column("starts_at", Instant(), nullable=True))
    op.add_column(changes, sa.Column("reason", sa.Text(), nullable=True))
    key = ("change", "verdict", "rule", "shadow_rule", "merchant_account", "shadow_merchant_account")
    op.create_table(
        "shadow_counts",
        *(sa.Column(name, sa.Text(), nullable=False) for name in key),
        sa.Column("payments", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["change"], ["ruleset_activations.id"], name=op.f("fk_shadow_counts_change")),
        sa.PrimaryKeyConstraint(*key, name=op.f("pk_shadow_counts")),
    )
    for table in FIXED:
        _fix(table)


def downgrade() -> None:
    """Books are not taken apart."""
    raise NotImplementedError("restore a backup instead: a downgrade would lose what was written since")


def _fix(table: str) -> None:
    if op.get_bind().dialect.name == "postgresql":
        for moment, each in (("UPDATE", "ROW"), ("DELETE", "ROW"), ("TRUNCATE", "STATEMENT")):
            op.execute(
                f"CREATE TRIGGER {table}_no_{moment.lower()} BEFORE {moment} ON {table} "
                f"FOR EACH {each} EXECUTE FUNCTION refuse_change()"
            )
        return
    for moment in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {table}_no_{moment.lower()} BEFORE {moment} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        )
