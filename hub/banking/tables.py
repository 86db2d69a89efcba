"""What processors said they hold, bank statements, and their entries."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from hub.database import Instant, metadata

processor_balances = Table(
    "processor_balances",
    metadata,
    Column("id", Text, primary_key=True),
    Column("livemode", Boolean, nullable=False),
    Column("merchant_account", Text, nullable=False),
    Column("as_of", Instant, nullable=False),
    Column("currency", Text, nullable=False),
    Column("held_minor", BigInteger, nullable=False),  # As the processor says.
    Column("owed_minor", BigInteger, nullable=False),  # As our books said then.
    Column("fees_minor", BigInteger, nullable=False),  # What of it the processor may have kept already.
    Column("drift_minor", BigInteger, nullable=False),  # Positive where the processor holds more.
    Column("stated_by", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Index("ix_processor_balances_account", "merchant_account", "as_of"),
)
"""One row for each currency of each balance that was stated; append-only."""

bank_statements = Table(
    "bank_statements",
    metadata,
    Column("id", Text, primary_key=True),
    Column("livemode", Boolean, nullable=False),
    Column("file_hash", Text, nullable=False),  # SHA-256 in hexadecimal.
    Column("entries", Integer, nullable=False),
    Column("entries_known", Integer, nullable=False),  # Told before by another statement.
    Column("broken", Text, nullable=False),  # What could not be read, as JSON.
    Column("stated_by", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    UniqueConstraint("livemode", "file_hash"),
)

bank_entries = Table(
    "bank_entries",
    metadata,
    Column("id", Text, primary_key=True),
    Column("livemode", Boolean, nullable=False),
    Column("statement_id", Text, ForeignKey("bank_statements.id"), nullable=False),
    Column("key", Text, nullable=False),  # Equal where the entry is told again.
    Column("account", Text),  # Our account at the bank, all but its ends masked.
    Column("booked_on", Date, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),  # Negative where it left.
    Column("currency", Text, nullable=False),
    Column("texts", Text, nullable=False),  # What came with it, as JSON.
    Column("status", Text, nullable=False),  # unmatched, matched, returned
    Column("merchant_account", Text),  # Whose payout it is.
    Column("payout", Text),
    Column("created_at", Instant, nullable=False),
    UniqueConstraint("livemode", "key"),
    Index("ix_bank_entries_statement", "statement_id", "id"),
    Index(
        "ix_bank_entries_unmatched",
        "livemode",
        "booked_on",
        postgresql_where=text("status = 'unmatched'"),
        sqlite_where=text("status = 'unmatched'"),
    ),
    Index(
        "uq_bank_entries_payout",
        "merchant_account",
        "payout",
        "currency",
        unique=True,
        postgresql_where=text("status = 'matched'"),
        sqlite_where=text("status = 'matched'"),
    ),
)
"""What our bank booked; only what an entry is tied to ever changes. A payout arrives once."""
