"""Payment sessions: a processor's client-side library, started for one payer at one merchant account."""

from sqlalchemy import Boolean, Column, ForeignKey, Table, Text

from hub.database import Instant, metadata

payment_sessions = Table(
    "payment_sessions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("livemode", Boolean, nullable=False),
    Column("customer", Text, ForeignKey("customers.id")),
    Column("merchant_account", Text, nullable=False),
    Column("processor", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("customer_reference", Text),  # The processor's customer, which its tokens belong to.
    Column("status", Text, nullable=False),  # open, processing, completed, declined
    Column("verification", Text),
    Column("payment_method", Text),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
)
