"""Backtests that were asked for, how far each has come, and what came out."""

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, LargeBinary, Table, Text, text

from hub.database import Instant, metadata

backtests = Table(
    "backtests",
    metadata,
    Column("id", Text, primary_key=True),
    Column("livemode", Boolean, nullable=False),
    Column("ruleset", Text, ForeignKey("rulesets.id"), nullable=False),
    Column("from_at", Instant, nullable=False),
    Column("to_at", Instant, nullable=False),
    Column("merchant_account", Text),
    Column("merchant_accounts", Text),  # The accounts its maker's key reaches, as a sorted list in JSON; NULL: all.
    Column("status", Text, nullable=False),  # waiting, running, done, failed
    Column("total", Integer),  # Payments to replay; NULL until they are counted.
    Column("done", Integer, nullable=False),
    Column("cursor_at", Instant),  # The last payment that is in the tally.
    Column("cursor_id", Text),
    Column("tally", LargeBinary),
    Column("result", LargeBinary),
    Column("error", Text),
    Column("tries", Integer, nullable=False),  # Since it last came further.
    Column("due_at", Instant),  # When a worker may take it up next; NULL: it has ended.
    Column("requested_by", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Index(
        "ix_backtests_due",
        "due_at",
        postgresql_where=text("due_at IS NOT NULL"),
        sqlite_where=text("due_at IS NOT NULL"),
    ),
)
