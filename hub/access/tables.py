"""API keys (only their hashes) and the audit log."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Table, Text, text

from hub.database import Instant, metadata

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("livemode", Boolean, nullable=False),
    Column("hash", Text, nullable=False, unique=True),
    Column("hint", Text, nullable=False),  # The first characters, to tell keys apart.
    Column("name", Text, nullable=False),
    Column("principal", Text, nullable=False),
    Column("role", Text),
    Column("scopes", Text, nullable=False),
    Column("merchant_accounts", Text),
    Column("refund_max", Text),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant),
    Column("revoked_at", Instant),
)

audit_log = Table(
    "audit_log",
    metadata,
    Column("id", Text, primary_key=True),
    Column("livemode", Boolean, nullable=False),
    Column("key_id", Text),  # None: the hub itself.
    Column("principal", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("object_id", Text, nullable=False),
    Column("details", Text, nullable=False),
    Column("request_id", Text),
    Column("created_at", Instant, nullable=False),
    Column("position", BigInteger),  # Both are set once, by the sealer.
    Column("hash", Text),
    Index("ix_audit_log_object_id", "object_id"),
    Index(
        "uq_audit_log_position",
        "position",
        unique=True,
        postgresql_where=text("position IS NOT NULL"),
        sqlite_where=text("position IS NOT NULL"),
    ),
    Index(
        "ix_audit_log_unsealed",
        "id",
        postgresql_where=text("position IS NULL"),
        sqlite_where=text("position IS NULL"),
    ),
)
"""Append-only: a row is written in the transaction of its change, and only sealed after."""
