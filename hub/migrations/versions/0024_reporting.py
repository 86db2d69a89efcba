"""What the figures of a reconciliation add up to, so that a year need not be read again."""

from typing import Final

import sqlalchemy as sa
from alembic import op

from hub.database import Instant

revision: Final = "0024"
down_revision: Final = "0023"
branch_labels: Final = None
depends_on: Final = None

FIXED: Final = ("report_rolls", "report_days")
FIGURES: Final = (
    "expected", "authorized", "captured", "refunded", "disputed", "surplus", "settled", "adjusted", "unmatched", "fees",
    "reserve", "exchange_loss", "received",
)  # fmt: skip


def upgrade() -> None:
    """Add the tables with their triggers."""
    _rolls()
    _days()
    for table in FIXED:
        _fix(table)


def downgrade() -> None:
    """Books are not taken apart."""
    raise NotImplementedError("restore a backup instead: a downgrade would lose what was written since")


def _rolls() -> None:
    op.create_table(
        "report_rolls",
        sa.Column("number", sa.BigInteger(), nullable=False, autoincrement=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("closing", "position", "events_position")),
        sa.Column("made_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["closing"], ["ledger_closings.number"], name=op.f("fk_report_rolls_closing")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_report_rolls")),
        sa.UniqueConstraint("closing", name=op.f("uq_report_rolls_closing")),
    )


def _days() -> None:
    op.create_table(
        "report_days",
        sa.Column("roll", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("livemode", sa.Boolean(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("merchant_account", "currency", "ruleset", "rule")),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in FIGURES),
        sa.ForeignKeyConstraint(["roll"], ["report_rolls.number"], name=op.f("fk_report_days_roll")),
        sa.PrimaryKeyConstraint(
            "roll", "livemode", "day", "merchant_account", "currency", "ruleset", "rule", name=op.f("pk_report_days")
        ),
    )
    op.create_index(op.f("ix_report_days_day"), "report_days", ["livemode", "day"])


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
