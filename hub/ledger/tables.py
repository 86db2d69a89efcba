"""Transfers: a debit and a credit that cannot be told apart in amount; and what they add up to, day by day."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    FetchedValue,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    text,
)

from hub.database import Instant, metadata

transfers = Table(
    "transfers",
    metadata,
    Column("id", Text, primary_key=True),
    Column("livemode", Boolean, nullable=False),
    Column("debit", Text, nullable=False),
    Column("credit", Text, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("payment_id", Text, ForeignKey("payments.id")),
    Column("operation_id", Text, ForeignKey("operations.id")),
    Column("line_id", Text, ForeignKey("settlement_lines.id")),
    Column("exception_id", Text, ForeignKey("exceptions.id")),
    Column("approval_id", Text),
    Column("bank_entry_id", Text),
    Column("created_at", Instant, nullable=False),
    # PostgreSQL numbers transfers as they are written, whatever the clocks say. SQLite has its rowid for that.
    Column("position", BigInteger, nullable=False, server_default=FetchedValue()),
    CheckConstraint("amount_minor > 0", name="amount"),
    CheckConstraint("debit <> credit", name="sides"),
    Index("ix_transfers_payment", "payment_id"),
    # Rows are only appended, so on PostgreSQL the range of each block is enough and costs a charge next to nothing.
    Index("ix_transfers_created", "created_at", postgresql_using="brin"),
    Index("ix_transfers_position", "position", postgresql_using="brin", sqlite_where=text("position > 0")),
    *(
        Index(
            f"ix_transfers_{of}",
            f"{of}_id",
            postgresql_where=text(f"{of}_id IS NOT NULL"),
            sqlite_where=text(f"{of}_id IS NOT NULL"),
        )
        for of in ("line", "exception")
    ),
)
"""Append-only; a mistake is mended by another transfer."""

ledger_closings = Table(
    "ledger_closings",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("position", BigInteger, nullable=False),  # The last transfer that it covers.
    Column("transfers", BigInteger, nullable=False),
    Column("closed_at", Instant, nullable=False),
)
"""Stretches of transfers that were added up: each from the position of the one before to its own; append-only."""

ledger_days = Table(
    "ledger_days",
    metadata,
    Column("closing", BigInteger, ForeignKey("ledger_closings.number"), primary_key=True, autoincrement=False),
    Column("livemode", Boolean, primary_key=True),
    Column("day", Date, primary_key=True),  # Of `created_at`, in UTC.
    Column("account", Text, primary_key=True),
    Column("currency", Text, primary_key=True),
    Column("code", Text, primary_key=True),
    Column("debits_minor", BigInteger, nullable=False),
    Column("credits_minor", BigInteger, nullable=False),
    Index("ix_ledger_days_account", "account", "day"),
)
"""What the transfers of a closed stretch add up to; one that was late stands under its own day; append-only."""

ledger_checks = Table(
    "ledger_checks",
    metadata,
    Column("day", Date, primary_key=True),
    Column("findings", Integer, nullable=False),
    Column("told", Text, nullable=False),  # The first of them, as JSON.
    Column("checked_at", Instant, nullable=False),
)
"""What the daily check of the books found; append-only."""
