"""What was done about exceptions is kept, and an exception names the webhook it is about."""

from typing import Final

import sqlalchemy as sa
from alembic import op

from hub.database import Instant

revision: Final = "0018"
down_revision: Final = "0017"
branch_labels: Final = None
depends_on: Final = None

OF_DELIVERIES: Final = "('delivery_parked', 'dispute_unmatched', 'money_unmatched')"
MOMENTS: Final = (("UPDATE", "ROW"), ("DELETE", "ROW"), ("TRUNCATE", "STATEMENT"))


def upgrade() -> None:
    """Add the table and the column, and fill it: an exception's words began with the id of its webhook."""
    op.add_column("exceptions", sa.Column("delivery_id", sa.Text()))
    op.execute(
        f"UPDATE exceptions SET delivery_id = substr(detail, 1, 29) WHERE type IN {OF_DELIVERIES}"  # noqa: S608 - constants
    )
    of_deliveries = sa.text("delivery_id IS NOT NULL")
    op.create_index(
        op.f("ix_exceptions_delivery"),
        "exceptions",
        ["delivery_id"],
        postgresql_where=of_deliveries,
        sqlite_where=of_deliveries,
    )
    op.create_table(
        "exception_history",
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("id", "exception_id", "action", "principal")),
        sa.Column("details", sa.Text(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["exception_id"], ["exceptions.id"], name=op.f("fk_exception_history_exception_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exception_history")),
    )
    op.create_index(op.f("ix_exception_history_exception"), "exception_history", ["exception_id", "id"])
    _append_only("exception_history")


def downgrade() -> None:
    """Books are not taken apart."""
    raise NotImplementedError("restore a backup instead: a downgrade would lose what was written since")


def _append_only(table: str) -> None:
    if op.get_bind().dialect.name == "postgresql":
        for moment, each in MOMENTS:
            op.execute(
                f"CREATE TRIGGER {table}_no_{moment.lower()} BEFORE {moment} ON {table} "
                f"FOR EACH {each} EXECUTE FUNCTION refuse_change()"
            )
        return
    for moment in ("UPDATE", "DELETE"):
        refuse = f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        op.execute(f"CREATE TRIGGER {table}_no_{moment.lower()} BEFORE {moment} ON {table} {refuse}")
