"""What waits for a second person, and what became of it."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, Table, Text, text

from hub.database import Instant, metadata

approvals = Table(
    "approvals",
    metadata,
    Column("id", Text, primary_key=True),
    Column("livemode", Boolean, nullable=False),
    Column("kind", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("object_id", Text, nullable=False),  # The payment, exception, ruleset or merchant account.
    Column("merchant_account", Text),
    Column("amount_minor", BigInteger),
    Column("currency", Text),
    Column("summary", Text, nullable=False),  # What is asked for, in a sentence.
    Column("request", LargeBinary, nullable=False),  # Exactly what will be done, and for whom: sealed.
    Column("requested_by", Text, nullable=False),
    Column("decided_by", Text),
    Column("decision_reason", Text),
    Column("decided_at", Instant),
    Column("result", Text),  # What came of it: the id of what was made or changed.
    Column("error", Text),
    Column("tries", Integer, nullable=False),
    Column("due_at", Instant),  # When a worker carries it out; NULL: nobody has to.
    Column("expires_at", Instant, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Index("ix_approvals_list", "livemode", "id"),
    Index("ix_approvals_object", "object_id"),
    Index(
        "ix_approvals_due",
        "due_at",
        postgresql_where=text("due_at IS NOT NULL"),
        sqlite_where=text("due_at IS NOT NULL"),
    ),
    Index(
        "ix_approvals_pending",
        "object_id",
        postgresql_where=text("status = 'pending'"),
        sqlite_where=text("status = 'pending'"),
    ),
)
