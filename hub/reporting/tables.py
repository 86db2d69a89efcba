"""What the figures of a reconciliation add up to, stretch by stretch of the ledger."""

from sqlalchemy import BigInteger, Boolean, Column, Date, ForeignKey, Index, Table, Text

from hub.database import Instant, metadata
from hub.reporting.rules import NAMES

report_rolls = Table(
    "report_rolls",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("closing", BigInteger, ForeignKey("ledger_closings.number"), nullable=False, unique=True),
    Column("position", BigInteger, nullable=False),  # The last transfer that it covers.
    Column("events_position", BigInteger, nullable=False),  # The last event that it covers.
    Column("made_at", Instant, nullable=False),
)
"""Each adds up one closed stretch of the ledger, and the authorizations told of meanwhile; append-only."""

report_days = Table(
    "report_days",
    metadata,
    Column("roll", BigInteger, ForeignKey("report_rolls.number"), primary_key=True, autoincrement=False),
    Column("livemode", Boolean, primary_key=True),
    Column("day", Date, primary_key=True),
    Column("merchant_account", Text, primary_key=True),
    Column("currency", Text, primary_key=True),
    Column("ruleset", Text, primary_key=True),  # Empty: no ruleset decided, or nobody knows whose money it is.
    Column("rule", Text, primary_key=True),
    *(Column(name, BigInteger, nullable=False) for name in NAMES),
    Index("ix_report_days_day", "livemode", "day"),
)
"""The figures of a stretch; what came late stands under its own day; append-only."""
