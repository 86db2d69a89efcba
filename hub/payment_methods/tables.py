"""Customers, their payment methods, and the processor tokens behind those."""

from sqlalchemy import Boolean, Column, ForeignKey, Index, Table, Text, UniqueConstraint

from hub.database import Instant, metadata

customers = Table(
    "customers",
    metadata,
    Column("id", Text, primary_key=True),
    Column("livemode", Boolean, nullable=False),
    Column("person", Text),  # All that tells who it is, as JSON; None once erased.
    Column("created_at", Instant, nullable=False),
    Column("deleted_at", Instant),
)

payment_methods = Table(
    "payment_methods",
    metadata,
    Column("id", Text, primary_key=True),
    Column("livemode", Boolean, nullable=False),
    Column("customer", Text, ForeignKey("customers.id")),
    Column("type", Text, nullable=False),
    Column("card", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("deleted_at", Instant),
    Index("ix_payment_methods_customer", "customer", "id"),
)

processor_tokens = Table(
    "processor_tokens",
    metadata,
    Column("id", Text, primary_key=True),
    Column("livemode", Boolean, nullable=False),
    Column("payment_method", Text, ForeignKey("payment_methods.id"), nullable=False),
    Column("processor", Text, nullable=False),
    Column("token", Text, nullable=False),
    Column("customer_reference", Text),
    Column("merchant_account", Text, nullable=False),  # Empty: every account of the processor.
    Column("created_at", Instant, nullable=False),
    UniqueConstraint("payment_method", "processor", "merchant_account"),
)
