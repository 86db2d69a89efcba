"""Endpoints, what goes to them, and every try; the fan-out's cursor."""

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

_WAITS = text("due_at IS NOT NULL")

webhook_endpoints = Table(
    "webhook_endpoints",
    metadata,
    Column("id", Text, primary_key=True),
    Column("livemode", Boolean, nullable=False),
    Column("url", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("events", Text, nullable=False),  # JSON: patterns of event types.
    Column("merchant_accounts", Text),  # JSON: ids; NULL: of all accounts, and what belongs to none.
    Column("ordered", Boolean, nullable=False),
    Column("status", Text, nullable=False),  # enabled, disabled, deleted
    Column("reason", Text),  # Why it is disabled.
    Column("secret", LargeBinary, nullable=False),  # Sealed.
    Column("secret_previous", LargeBinary),  # Sealed; signs too, until `previous_ends_at`.
    Column("previous_ends_at", Instant),
    Column("after_position", BigInteger, nullable=False),  # Events up to there were published before it was made.
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
)

event_deliveries = Table(
    "event_deliveries",
    metadata,
    Column("id", Text, primary_key=True),
    Column("livemode", Boolean, nullable=False),
    Column("endpoint_id", Text, ForeignKey("webhook_endpoints.id"), nullable=False),
    Column("event_id", Text, ForeignKey("events.id"), nullable=False),
    Column("object_id", Text, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("status", Text, nullable=False),  # pending, delivered, dead, skipped
    Column("tries", Integer, nullable=False),
    Column("tries_before", Integer, nullable=False),  # Those that count for nothing in its present schedule.
    Column("hurried", Integer, nullable=False, server_default="0"),  # After which try of it it was brought forward.
    Column("due_at", Instant),  # When it is sent next; NULL: not by itself.
    Column("queued_at", Instant, nullable=False),  # When its present schedule began.
    Column("created_at", Instant, nullable=False),
    UniqueConstraint("event_id", "endpoint_id"),
    Index("ix_event_deliveries_endpoint", "endpoint_id", "position"),
    Index("ix_event_deliveries_due", "endpoint_id", "due_at", "position", postgresql_where=_WAITS, sqlite_where=_WAITS),
    Index(
        "ix_event_deliveries_object",
        "endpoint_id",
        "object_id",
        "position",
        postgresql_where=_WAITS,
        sqlite_where=_WAITS,
    ),
)

event_delivery_tries = Table(
    "event_delivery_tries",
    metadata,
    Column("delivery_id", Text, ForeignKey("event_deliveries.id"), nullable=False),
    Column("number", Integer, nullable=False),  # A missing one was under way when its worker died.
    Column("url", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("response_code", Integer),
    Column("failure", Text),  # A word of `rules.FAILURES`; NULL where there was a 2xx.
    Column("latency_ms", Integer, nullable=False),
    Column("response", Text, nullable=False),  # How the answer's body begins.
    PrimaryKeyConstraint("delivery_id", "number"),
)

event_fan_out = Table(
    "event_fan_out",
    metadata,
    Column("id", Integer, primary_key=True),  # One row, 1.
    Column("position", BigInteger, nullable=False),  # Up to there every event has its deliveries.
    Column("version", BigInteger, nullable=False),  # One more with every change of an endpoint.
)
