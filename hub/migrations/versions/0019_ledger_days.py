"""Transfers are numbered as they are written, and added up once: balances need not read them all."""

from typing import Final

import sqlalchemy as sa
from alembic import op

from hub.database import Instant

revision: Final = "0019"
down_revision: Final = "0018"
branch_labels: Final = None
depends_on: Final = None

FIXED: Final = ("ledger_closings", "ledger_days", "ledger_checks")


def upgrade() -> None:
    """Add the number, the tables and their triggers."""
    _number()
    for of in ("line", "exception"):
        where = sa.text(f"{of}_id IS NOT NULL")
        op.create_index(
            op.f(f"ix_transfers_{of}"), "transfers", [f"{of}_id"], postgresql_where=where, sqlite_where=where
        )
    _sums()
    for table in FIXED:
        _fix(table)


def downgrade() -> None:
    """Books are not taken apart."""
    raise NotImplementedError("restore a backup instead: a downgrade would lose what was written since")


def _number() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("CREATE SEQUENCE transfers_position")
        op.execute("ALTER TABLE transfers ADD COLUMN position BIGINT NOT NULL DEFAULT nextval('transfers_position')")
        op.execute("ALTER SEQUENCE transfers_position OWNED BY transfers.position")
        op.execute("CREATE INDEX ix_transfers_position ON transfers USING brin (position) WITH (autosummarize = on)")
        op.execute("ALTER INDEX ix_transfers_created SET (autosummarize = on)")
    else:
        op.execute("ALTER TABLE transfers ADD COLUMN position BIGINT NOT NULL DEFAULT 0")
        given = sa.text("position > 0")  # None is: SQLite goes by its rowid.
        op.create_index(op.f("ix_transfers_position"), "transfers", ["position"], sqlite_where=given)


def _sums() -> None:
    op.create_table(
        "ledger_closings",
        sa.Column("number", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("transfers", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_ledger_closings")),
    )
    op.create_table(
        "ledger_days",
        sa.Column("closing", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("livemode", sa.Boolean(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("account", "currency", "code")),
        sa.Column("debits_minor", sa.BigInteger(), nullable=False),
        sa.Column("credits_minor", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["closing"], ["ledger_closings.number"], name=op.f("fk_ledger_days_closing")),
        sa.PrimaryKeyConstraint(
            "closing", "livemode", "day", "account", "currency", "code", name=op.f("pk_ledger_days")
        ),
    )
    op.create_index(op.f("ix_ledger_days_account"), "ledger_days", ["account", "day"])
    op.create_table(
        "ledger_checks",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("findings", sa.Integer(), nullable=False),
        sa.Column("told", sa.Text(), nullable=False),
        sa.Column("checked_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_ledger_checks")),
    )


def _fix(table: str) -> None:
    if op.get_bind().dialect.name == "postgresql":
        for moment, each in (("UPDATE", "ROW"), ("DELETE", "ROW"), ("TRUNCATE", "STATEMENT")):
            op.execute(
                f"CREATE TRIGGER {table}_no_{moment.lower()} BEFORE {moment} ON {table} "
                f"FOR EACH {each} EXECUTE FUNCTION refuse_change()"
            )
        return
    refuse = f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
    for moment in ("UPDATE", "DELETE"):
        op.execute(f"CREATE TRIGGER {table}_no_{moment.lower()} BEFORE {moment} ON {table} {refuse}")
