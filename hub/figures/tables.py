"""What accounts really charged, by kind of card, as settled lines show it."""

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Integer, Table, Text, UniqueConstraint

from hub.database import Instant, metadata

effective_fees = Table(
    "effective_fees",
    metadata,
    Column("id", Text, primary_key=True),
    Column("livemode", Boolean, nullable=False),
    Column("merchant_account", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("card_brand", Text, nullable=False),  # Empty here and below: any.
    Column("card_funding", Text, nullable=False),
    Column("card_region", Text, nullable=False),
    Column("percent_ppm", Integer, nullable=False),  # Millionths of the amount.
    Column("fixed_minor", BigInteger, nullable=False),
    Column("lines", Integer, nullable=False),  # How many settled lines say so.
    Column("learned_at", Instant, nullable=False),
    CheckConstraint("percent_ppm BETWEEN 0 AND 1000000", name="percent"),
    CheckConstraint("fixed_minor >= 0", name="fixed"),
    CheckConstraint("lines > 0", name="lines"),
    UniqueConstraint("merchant_account", "currency", "card_brand", "card_funding", "card_region"),
)
"""One row for each kind of card; learning more changes it."""

fee_lessons = Table(
    "fee_lessons",
    metadata,
    Column("merchant_account", Text, primary_key=True),
    Column("seen_until", Instant, nullable=False),  # When the newest report that was looked at had been imported.
    Column("learned_at", Instant, nullable=False),
)
"""How far each account's settled lines were looked at."""
