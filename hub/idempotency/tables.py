"""The callers' keys."""

from sqlalchemy import Boolean, Column, Index, Integer, LargeBinary, PrimaryKeyConstraint, Table, Text, text

from hub.database import Instant, metadata

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("livemode", Boolean, nullable=False),
    Column("key", Text, nullable=False),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("operation_id", Text),
    Column("location", Text, nullable=False),
    Column("status", Integer),
    Column("answer", LargeBinary),
    Column("created_at", Instant, nullable=False),
    PrimaryKeyConstraint("livemode", "key"),
    Index("ix_idempotency_keys_created", "created_at"),
    Index(  # What a rule refused and what was only wished for; all others are found by their operations.
        "ix_idempotency_keys_location",
        "location",
        postgresql_where=text("operation_id IS NULL"),
        sqlite_where=text("operation_id IS NULL"),
    ),
)
"""Small and pruned by age; `status` and `answer` are NULL while the first request is being carried out."""
