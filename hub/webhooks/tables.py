"""The inbox: verified deliveries, kept before they are acknowledged."""

from sqlalchemy import Boolean, Column, Index, Integer, LargeBinary, Table, Text, UniqueConstraint, text

from hub.database import Instant, metadata

webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("id", Text, primary_key=True),
    Column("livemode", Boolean, nullable=False),
    Column("merchant_account", Text, nullable=False),
    Column("delivery_key", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("status", Text, nullable=False),  # waiting, done, ignored, unmatched, parked
    Column("tries", Integer, nullable=False),
    Column("due_at", Instant),  # When the worker looks at it next; NULL: finished with.
    Column("payment_id", Text),
    Column("error", Text),
    Column("received_at", Instant, nullable=False),
    Column("lease_until", Instant),  # Until when a worker has it in hand, and with it its subject.
    Column("api_version", Text),  # Only where it is another than the adapter was written for.
    UniqueConstraint("merchant_account", "delivery_key"),
    Index(
        "ix_webhook_deliveries_payment",
        "payment_id",
        postgresql_where=text("payment_id IS NOT NULL"),
        sqlite_where=text("payment_id IS NOT NULL"),
    ),
    Index(
        "ix_webhook_deliveries_due",
        "due_at",
        postgresql_where=text("due_at IS NOT NULL"),
        sqlite_where=text("due_at IS NOT NULL"),
    ),
    Index(
        "ix_webhook_deliveries_leased",
        "merchant_account",
        "subject",
        postgresql_where=text("lease_until IS NOT NULL"),
        sqlite_where=text("lease_until IS NOT NULL"),
    ),
    Index(
        "ix_webhook_deliveries_unmatched",
        "merchant_account",
        "subject",
        postgresql_where=text("status = 'unmatched'"),
        sqlite_where=text("status = 'unmatched'"),
    ),
    Index(
        "ix_webhook_deliveries_parked",
        "id",
        postgresql_where=text("status = 'parked'"),
        sqlite_where=text("status = 'parked'"),
    ),
)
