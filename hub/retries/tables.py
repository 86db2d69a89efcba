"""What counts against a card: its declines, the fingerprints it is known by, and its attempts under way."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from hub.database import Instant, metadata

card_declines = Table(
    "card_declines",
    metadata,
    Column("id", Text, ForeignKey("operations.id"), primary_key=True),  # The attempt's: each counts once.
    Column("livemode", Boolean, nullable=False),
    Column("holder", Text, nullable=False),  # The payment method; the attempt itself for one-time data.
    Column("processor", Text, nullable=False),
    Column("brand", Text),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("decline", LargeBinary, nullable=False),
    Column("stops", Boolean, nullable=False),  # Nothing but a new token ends what it says.
    Column("declined_at", Instant, nullable=False),
    Index("ix_card_declines_holder", "livemode", "holder"),
    Index("ix_card_declines_old", "declined_at", postgresql_where=text("NOT stops"), sqlite_where=text("NOT stops")),
)
"""One row for each attempt whose decline later attempts on the card have to know of; a good card has none."""

card_prints = Table(
    "card_prints",
    metadata,
    Column("livemode", Boolean, nullable=False),
    Column("processor", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("merchant_account", Text, nullable=False),  # Empty: of a token for every account of the processor.
    Column("holder", Text, nullable=False),
    PrimaryKeyConstraint("livemode", "processor", "fingerprint", "merchant_account", "holder"),
    Index("ix_card_prints_holder", "livemode", "holder"),
)
"""By which fingerprints the holders of declines are known: whoever shares one is the same card."""

card_slots = Table(
    "card_slots",
    metadata,
    Column("id", Text, ForeignKey("operations.id"), primary_key=True),  # The attempt's.
    Column("livemode", Boolean, nullable=False),
    Column("holder", Text, nullable=False),
    Column("card", Text, nullable=False),  # One name for all holders that are the same card.
    Column("place", Integer, nullable=False),
    Column("sent_at", Instant, nullable=False),
    UniqueConstraint("livemode", "card", "place"),
    Index("ix_card_slots_holder", "livemode", "holder"),
    Index("ix_card_slots_old", "sent_at"),
)
"""Attempts on a card that has declines, from before they are sent: of two that saw one history one gets the place."""
