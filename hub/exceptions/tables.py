"""What was done about exceptions."""

from sqlalchemy import Column, ForeignKey, Index, Table, Text

from hub.database import Instant, metadata

exception_history = Table(
    "exception_history",
    metadata,
    Column("id", Text, primary_key=True),
    Column("exception_id", Text, ForeignKey("exceptions.id"), nullable=False),
    Column("action", Text, nullable=False),  # assigned, resolved, reopened
    Column("principal", Text, nullable=False),  # `hub` where the hub did it by itself.
    Column("details", Text, nullable=False),  # JSON
    Column("created_at", Instant, nullable=False),
    Index("ix_exception_history_exception", "exception_id", "id"),
)
"""One row for each step after the opening; append-only."""
