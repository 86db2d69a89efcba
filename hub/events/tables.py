"""The outbox: what happened, written in the same commit as the change."""

from sqlalchemy import BigInteger, Boolean, Column, Index, LargeBinary, Table, Text, text

from hub.database import Instant, metadata

events = Table(
    "events",
    metadata,
    Column("id", Text, primary_key=True),
    Column("livemode", Boolean, nullable=False),
    Column("type", Text, nullable=False),
    Column("object_id", Text, nullable=False),
    Column("data", LargeBinary, nullable=False),  # The object as the API showed it then.
    Column("position", BigInteger),  # Given by the one relay that publishes; NULL: not shown yet.
    Column("created_at", Instant, nullable=False),
    Index("ix_events_object", "object_id"),
    Index(
        "uq_events_position",
        "position",
        unique=True,
        postgresql_where=text("position IS NOT NULL"),
        sqlite_where=text("position IS NOT NULL"),
    ),
    Index(
        "ix_events_type",
        "type",
        "livemode",
        "position",
        postgresql_where=text("position IS NOT NULL"),
        sqlite_where=text("position IS NOT NULL"),
    ),
    Index(
        "ix_events_unpublished",
        "id",
        postgresql_where=text("position IS NULL"),
        sqlite_where=text("position IS NULL"),
    ),
)
