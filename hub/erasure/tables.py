"""Who was erased, and until when is looked for what is told of them later."""

from sqlalchemy import Boolean, Column, Index, Integer, LargeBinary, Table, Text, text

from hub.database import Instant, metadata

_DUE = text("due_at IS NOT NULL")

erasures = Table(
    "erasures",
    metadata,
    Column("id", Text, primary_key=True),
    Column("livemode", Boolean, nullable=False),
    Column("customer", Text, nullable=False, unique=True),
    Column("needles", LargeBinary),  # By which words messages are searched, sealed; forgotten at the end.
    Column("passes", Integer, nullable=False),  # How often everything was gone through.
    Column("tries", Integer, nullable=False),
    Column("due_at", Instant),  # When everything is gone through next; NULL: never again.
    Column("created_at", Instant, nullable=False),
    Column("passed_at", Instant),  # When it was gone through last.
    Index("ix_erasures_due", "due_at", postgresql_where=_DUE, sqlite_where=_DUE),
)
