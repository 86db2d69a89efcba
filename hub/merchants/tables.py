"""Merchant accounts, and a counter that tells every process that accounts or rules have changed."""

from sqlalchemy import BigInteger, Boolean, Column, Integer, LargeBinary, Table, Text, UniqueConstraint

from hub.database import Instant, metadata

merchant_accounts = Table(
    "merchant_accounts",
    metadata,
    Column("id", Text, primary_key=True),
    Column("livemode", Boolean, nullable=False),
    Column("name", Text, nullable=False),
    Column("processor", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("profile", Text, nullable=False),
    Column("credentials", LargeBinary, nullable=False),  # Sealed.
    Column("credentials_version", Integer, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    UniqueConstraint("livemode", "name"),
)

configuration = Table(
    "configuration",
    metadata,
    Column("livemode", Boolean, primary_key=True),
    Column("version", BigInteger, nullable=False),  # One more with every change of accounts or rules.
)
