"""Transfers: a debit and a credit that cannot be told apart in amount."""

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, ForeignKey, Index, Table, Text

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
    CheckConstraint("amount_minor > 0", name="amount"),
    CheckConstraint("debit <> credit", name="sides"),
    Index("ix_transfers_payment", "payment_id"),
    # Rows are only appended, so on PostgreSQL the range of each block is enough and costs a charge next to nothing.
    Index("ix_transfers_created", "created_at", postgresql_using="brin"),
)
"""Append-only; a mistake is mended by another transfer."""
