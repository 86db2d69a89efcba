"""What must arrive from the processors, and the disagreements that a human has to settle."""

from sqlalchemy import BigInteger, Boolean, Column, Date, ForeignKey, Index, Table, Text, UniqueConstraint, text

from hub.database import Instant, metadata

expected_settlements = Table(
    "expected_settlements",
    metadata,
    Column("id", Text, primary_key=True),
    Column("livemode", Boolean, nullable=False),
    Column("merchant_account", Text, nullable=False),
    Column("payment_id", Text, ForeignKey("payments.id"), nullable=False),
    Column("operation_id", Text, ForeignKey("operations.id"), nullable=False),
    Column("type", Text, nullable=False),  # As `expecting.SETTLING` has them.
    Column("gross_minor", BigInteger, nullable=False),  # Positive credits us.
    Column("fee_minor", BigInteger, nullable=False),  # By the account's schedule.
    Column("currency", Text, nullable=False),
    Column("due_on", Date, nullable=False),
    Column("created_at", Instant, nullable=False),
    Index("ix_expected_settlements_due", "merchant_account", "due_on"),
    Index("ix_expected_settlements_operation", "operation_id"),
)

exceptions = Table(
    "exceptions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("livemode", Boolean, nullable=False),
    Column("type", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("merchant_account", Text, nullable=False),
    Column("payment_id", Text, ForeignKey("payments.id")),
    Column("operation_id", Text, ForeignKey("operations.id")),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Index(
        "ix_exceptions_open",
        "livemode",
        "created_at",
        postgresql_where=text("status = 'open'"),
        sqlite_where=text("status = 'open'"),
    ),
    Index("ix_exceptions_payment", "payment_id"),
)

settlement_notices = Table(
    "settlement_notices",
    metadata,
    Column("id", Text, primary_key=True),
    Column("livemode", Boolean, nullable=False),
    Column("merchant_account", Text, nullable=False),
    Column("processor", Text, nullable=False),
    Column("kind", Text, nullable=False),  # report_available, payout_paid, payout_failed
    Column("processor_reference", Text, nullable=False),  # The report's or the payout's name at the processor.
    Column("location", Text),  # Where the processor says that the report lies: to be checked, not trusted.
    Column("amount_minor", BigInteger),
    Column("currency", Text),
    Column("received_at", Instant, nullable=False),
    UniqueConstraint("merchant_account", "kind", "processor_reference"),
)
"""What processors told of their settlements, each once."""
