"""What must arrive from the processors, what their reports say, and the disagreements that a human has to settle."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    text,
)

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
    Column("fee_minor", BigInteger),  # By the account's schedule; NULL where it says nothing of such a fee.
    Column("currency", Text, nullable=False),
    Column("due_on", Date, nullable=False),
    Column("settle_minor", BigInteger),  # Where it is paid out in another currency: what must arrive of it.
    Column("settle_currency", Text),
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
    Column("variance_minor", BigInteger),  # Settled less expected; NULL where nothing was held against anything.
    Column("line_id", Text, ForeignKey("settlement_lines.id")),
    Column("expected_id", Text, ForeignKey("expected_settlements.id")),
    Column("batch_id", Text, ForeignKey("settlement_batches.id")),
    Column("delivery_id", Text),  # The webhook it is about.
    Column("context", Text),  # What else its type tells, as JSON.
    Column("owner", Text),
    Column("resolution", Text),  # Why it is no longer open, as JSON.
    Column("resolved_by", Text),
    Column("resolved_at", Instant),
    Column("created_at", Instant, nullable=False),
    Index(
        "ix_exceptions_open",
        "livemode",
        "created_at",
        postgresql_where=text("status = 'open'"),
        sqlite_where=text("status = 'open'"),
    ),
    Index("ix_exceptions_payment", "payment_id"),
    *(
        Index(
            f"ix_exceptions_{of}",
            f"{of}_id",
            postgresql_where=text(f"{of}_id IS NOT NULL"),
            sqlite_where=text(f"{of}_id IS NOT NULL"),
        )
        for of in ("line", "expected", "delivery")
    ),
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
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("due_at", Instant),  # When a worker fetches its report next; NULL: never, or never again.
    Column("batch_id", Text),  # What its report became.
    Column("error", Text),  # Why its report is not here.
    UniqueConstraint("merchant_account", "kind", "processor_reference"),
    Index(
        "ix_settlement_notices_due",
        "due_at",
        postgresql_where=text("due_at IS NOT NULL"),
        sqlite_where=text("due_at IS NOT NULL"),
    ),
)
"""What processors told of their settlements, each once."""

settlement_batches = Table(
    "settlement_batches",
    metadata,
    Column("id", Text, primary_key=True),
    Column("livemode", Boolean, nullable=False),
    Column("merchant_account", Text, nullable=False),
    Column("processor", Text, nullable=False),
    Column("status", Text, nullable=False),  # receiving, waiting, importing, done, refused, failed
    Column("source", Text, nullable=False),  # upload, download
    Column("format", Text),  # NULL until its columns were recognised.
    Column("header", Text),  # The column names, as JSON.
    Column("error", Text),  # Why it was refused or failed.
    Column("file_hash", Text),  # SHA-256 in hexadecimal; NULL while it is received.
    Column("bytes_total", BigInteger, nullable=False),
    Column("bytes_read", BigInteger, nullable=False),
    Column("rows_read", BigInteger, nullable=False),
    Column("lines_added", BigInteger, nullable=False),
    Column("lines_known", BigInteger, nullable=False),  # Told before, alike or by a later report.
    Column("lines_restated", BigInteger, nullable=False),
    Column("rows_broken", BigInteger, nullable=False),
    Column("rows_skipped", BigInteger, nullable=False),
    Column("lines_matched", BigInteger, nullable=False),
    Column("lines_excepted", BigInteger, nullable=False),
    Column("totals", Text),  # What its lines add up to in each currency, as JSON.
    Column("requested_by", Text, nullable=False),
    Column("fence", Integer, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("lease_until", Instant, nullable=False),  # While it is received: when it counts as cut off.
    Column("due_at", Instant),  # When a worker takes it up next; NULL: never again.
    Column("created_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Index("ix_settlement_batches_list", "livemode", "id"),
    Index(
        "uq_settlement_batches_file",
        "merchant_account",
        "file_hash",
        unique=True,
        postgresql_where=text("file_hash IS NOT NULL AND status NOT IN ('refused', 'failed')"),
        sqlite_where=text("file_hash IS NOT NULL AND status NOT IN ('refused', 'failed')"),
    ),
    Index(
        "ix_settlement_batches_due",
        "due_at",
        postgresql_where=text("due_at IS NOT NULL"),
        sqlite_where=text("due_at IS NOT NULL"),
    ),
)
"""One row for each report that was handed in."""

settlement_files = Table(
    "settlement_files",
    metadata,
    Column("batch_id", Text, ForeignKey("settlement_batches.id"), primary_key=True),
    Column("n", Integer, primary_key=True),
    Column("content", LargeBinary, nullable=False),  # A piece of the file, deflated.
)
"""A report's bytes until its rows are read; every worker can reach them here."""

broken_rows = Table(
    "broken_rows",
    metadata,
    Column("batch_id", Text, ForeignKey("settlement_batches.id"), primary_key=True),
    Column("number", BigInteger, primary_key=True),  # The line of the file, the header's being 1.
    Column("column", Text),
    Column("message", Text, nullable=False),
    Column("raw", Text, nullable=False),
)
"""Rows of a report that could not be read."""

settlement_lines = Table(
    "settlement_lines",
    metadata,
    Column("id", Text, primary_key=True),
    Column("livemode", Boolean, nullable=False),
    Column("batch_id", Text, ForeignKey("settlement_batches.id"), nullable=False),
    Column("number", BigInteger, nullable=False),  # The line of the file, the header's being 1.
    Column("merchant_account", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("raw_type", Text, nullable=False),
    Column("gross_minor", BigInteger, nullable=False),
    Column("fee_minor", BigInteger, nullable=False),
    Column("net_minor", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("presented_minor", BigInteger),
    Column("presented_currency", Text),
    Column("exchange_rate", Text),
    Column("booked_at", Instant, nullable=False),
    Column("payout", Text),  # The processor's name of the payout or batch.
    Column("tag", Text),
    Column("processor_reference", Text),
    Column("parent_reference", Text),
    Column("facts", Text),  # Fee parts, card, description, the processor's name of the account: as JSON.
    Column("raw", Text, nullable=False),  # The row's cells, as JSON; card numbers masked.
    Column("digest", Text, nullable=False),  # Of all that the line says: equal where it is told again alike.
    Column("status", Text, nullable=False),  # open, matched, posted, exception, superseded
    Column("match_id", Text),  # The first line of its match: its own id where it is alone.
    Column("subject", Text),  # While it is open: what it is about, the same in lines that are decided together.
    Column("payment_id", Text),
    Column("operation_id", Text),
    Column("created_at", Instant, nullable=False),
    Index("ix_settlement_lines_batch", "batch_id", "number"),
    Index(
        "uq_settlement_lines_key",
        "merchant_account",
        "key",
        unique=True,
        postgresql_where=text("status <> 'superseded'"),
        sqlite_where=text("status <> 'superseded'"),
    ),
    Index(
        "ix_settlement_lines_open",
        "merchant_account",
        "subject",
        "id",
        postgresql_where=text("status = 'open'"),
        sqlite_where=text("status = 'open'"),
    ),
    Index(
        "ix_settlement_lines_payouts",
        "merchant_account",
        "payout",
        postgresql_where=text("type IN ('payout', 'payout_reversal') AND status <> 'superseded'"),
        sqlite_where=text("type IN ('payout', 'payout_reversal') AND status <> 'superseded'"),
    ),
    Index(
        "ix_settlement_lines_exception",
        "merchant_account",
        "id",
        postgresql_where=text("status = 'exception'"),
        sqlite_where=text("status = 'exception'"),
    ),
    Index(
        "ix_settlement_lines_match",
        "match_id",
        postgresql_where=text("match_id <> id"),
        sqlite_where=text("match_id <> id"),
    ),
)
"""What reports say, one row for each line; only `status`, `match_id` and what it is tied to ever change.

Names that the first report did not know are filled in, where a later one tells the same line with them.
"""

settlement_matches = Table(
    "settlement_matches",
    metadata,
    Column("expected_id", Text, ForeignKey("expected_settlements.id"), primary_key=True),
    Column("line_id", Text, ForeignKey("settlement_lines.id"), nullable=False),  # The first line of the match.
    Column("matched_at", Instant, nullable=False),
    Index("ix_settlement_matches_line", "line_id"),
)
"""What must arrive and did: each expected settlement once, each line in one match."""

settlement_payouts = Table(
    "settlement_payouts",
    metadata,
    Column("merchant_account", Text, primary_key=True),
    Column("payout", Text, primary_key=True),  # The processor's name of the payout or batch.
    Column("currency", Text, primary_key=True),
    Column("livemode", Boolean, nullable=False),
    Column("lines", BigInteger, nullable=False),  # How many lines it has, without those of the payout itself.
    Column("net_minor", BigInteger, nullable=False),  # What they add up to.
    Column("paid_lines", BigInteger, nullable=False),  # How many lines say what was paid out.
    Column("paid_minor", BigInteger, nullable=False),  # What they say; positive is on its way to our bank.
    Column("batch_id", Text, ForeignKey("settlement_batches.id"), nullable=False),  # The report that told last.
    Column("updated_at", Instant, nullable=False),
    Index("ix_settlement_payouts_batch", "batch_id"),
)
"""What the lines of each payout add up to, and what was paid out."""

settlement_days_checked = Table(
    "settlement_days_checked",
    metadata,
    Column("merchant_account", Text, primary_key=True),
    Column("due_on", Date, nullable=False),
)
"""Up to which day it was looked, for each account, whether what was due has come."""

settlement_turns = Table(
    "settlement_turns",
    metadata,
    Column("merchant_account", Text, primary_key=True),
    Column("number", BigInteger, nullable=False),
)
"""How often somebody had the turn to write about an account's lines; its row is held by whoever has it."""
