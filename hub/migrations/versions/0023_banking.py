"""What processors hold, what our bank received, and which lines of reports are payouts."""

from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa
from alembic import op

from hub.database import Instant

revision: Final = "0023"
down_revision: Final = "0022"
branch_labels: Final = None
depends_on: Final = None

MOMENTS: Final = (("UPDATE", "ROW"), ("DELETE", "ROW"), ("TRUNCATE", "STATEMENT"))
PAYOUTS: Final = "type IN ('payout', 'payout_reversal') AND status <> 'superseded'"


def upgrade() -> None:
    """Add the tables, with triggers for what is only appended."""
    _balances()
    _statements()
    _partial("ix_settlement_lines_payouts", "settlement_lines", ["merchant_account", "payout"], PAYOUTS)


def downgrade() -> None:
    """Books are not taken apart."""
    raise NotImplementedError("restore a backup instead: a downgrade would lose what was written since")


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=nullable)


def _partial(name: str, table: str, columns: Sequence[str], where: str, *, unique: bool = False) -> None:
    op.create_index(
        op.f(name), table, list(columns), unique=unique, postgresql_where=sa.text(where), sqlite_where=sa.text(where)
    )


def _balances() -> None:
    table = "processor_balances"
    op.create_table(
        table,
        _text("id"),
        sa.Column("livemode", sa.Boolean(), nullable=False),
        _text("merchant_account"),
        sa.Column("as_of", Instant(), nullable=False),
        _text("currency"),
        *(sa.Column(f"{name}_minor", sa.BigInteger(), nullable=False) for name in ("held", "owed", "fees", "drift")),
        _text("stated_by"),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_processor_balances")),
    )
    op.create_index(op.f("ix_processor_balances_account"), table, ["merchant_account", "as_of"])
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


def _statements() -> None:
    op.create_table(
        "bank_statements",
        _text("id"),
        sa.Column("livemode", sa.Boolean(), nullable=False),
        _text("file_hash"),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("entries_known", sa.Integer(), nullable=False),
        _text("broken"),
        _text("stated_by"),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bank_statements")),
        sa.UniqueConstraint("livemode", "file_hash", name=op.f("uq_bank_statements_livemode_file_hash")),
    )
    op.create_table(
        "bank_entries",
        _text("id"),
        sa.Column("livemode", sa.Boolean(), nullable=False),
        _text("statement_id"),
        _text("key"),
        _text("account", nullable=True),
        sa.Column("booked_on", sa.Date(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        *(_text(name) for name in ("currency", "texts", "status")),
        *(_text(name, nullable=True) for name in ("merchant_account", "payout")),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["statement_id"], ["bank_statements.id"], name=op.f("fk_bank_entries_statement_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bank_entries")),
        sa.UniqueConstraint("livemode", "key", name=op.f("uq_bank_entries_livemode_key")),
    )
    op.create_index(op.f("ix_bank_entries_statement"), "bank_entries", ["statement_id", "id"])
    _partial("ix_bank_entries_unmatched", "bank_entries", ["livemode", "booked_on"], "status = 'unmatched'")
    of = ["merchant_account", "payout", "currency"]
    _partial("uq_bank_entries_payout", "bank_entries", of, "status = 'matched'", unique=True)
