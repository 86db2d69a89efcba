"""Webhook endpoints: what goes to them, every try, and how far events have been fanned out."""

from typing import Final

import sqlalchemy as sa
from alembic import op

from hub.database import Instant

revision: Final = "0008"
down_revision: Final = "0007"
branch_labels: Final = None
depends_on: Final = None

_WAITS: Final = sa.text("due_at IS NOT NULL")


def upgrade() -> None:
    """Add the tables."""
    _webhook_endpoints()
    _event_deliveries()
    _event_delivery_tries()
    _event_fan_out()


def downgrade() -> None:
    """Books are not taken apart."""
    raise NotImplementedError("restore a backup instead: a downgrade would lose what was written since")


def _webhook_endpoints() -> None:
    op.create_table(
        "webhook_endpoints",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("livemode", sa.Boolean(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("events", sa.Text(), nullable=False),
        sa.Column("merchant_accounts", sa.Text(), nullable=True),
        sa.Column("ordered", sa.Boolean(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("secret_previous", sa.LargeBinary(), nullable=True),
        sa.Column("previous_ends_at", Instant(), nullable=True),
        sa.Column("after_position", sa.BigInteger(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_endpoints")),
    )


def _event_deliveries() -> None:
    op.create_table(
        "event_deliveries",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("livemode", sa.Boolean(), nullable=False),
        sa.Column("endpoint_id", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("object_id", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("tries_before", sa.Integer(), nullable=False),
        sa.Column("due_at", Instant(), nullable=True),
        sa.Column("queued_at", Instant(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["endpoint_id"], ["webhook_endpoints.id"], name=op.f("fk_event_deliveries_endpoint_id")
        ),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"], name=op.f("fk_event_deliveries_event_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event_deliveries")),
        sa.UniqueConstraint("event_id", "endpoint_id", name=op.f("uq_event_deliveries_event_id_endpoint_id")),
    )
    op.create_index("ix_event_deliveries_endpoint", "event_deliveries", ["endpoint_id", "position"])
    for name, columns in (
        ("due", ["endpoint_id", "due_at", "position"]),
        ("object", ["endpoint_id", "object_id", "position"]),
    ):
        op.create_index(
            f"ix_event_deliveries_{name}", "event_deliveries", columns, postgresql_where=_WAITS, sqlite_where=_WAITS
        )


def _event_delivery_tries() -> None:
    op.create_table(
        "event_delivery_tries",
        sa.Column("delivery_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("response_code", sa.Integer(), nullable=True),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.Column("latency_ms", sa.Integer(), nullable=False),
        sa.Column("response", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["delivery_id"], ["event_deliveries.id"], name=op.f("fk_event_delivery_tries_delivery_id")
        ),
        sa.PrimaryKeyConstraint("delivery_id", "number", name=op.f("pk_event_delivery_tries")),
    )
    _append_only("event_delivery_tries")


def _append_only(table: str) -> None:
    if op.get_bind().dialect.name == "postgresql":
        for moment, each in (("UPDATE", "ROW"), ("DELETE", "ROW"), ("TRUNCATE", "STATEMENT")):
            op.execute(
                f"CREATE TRIGGER {table}_no_{moment.lower()} BEFORE {moment} ON {table} "
                f"FOR EACH {each} EXECUTE FUNCTION refuse_change()"
            )
        return
    for moment in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {table}_no_{moment.lower()} BEFORE {moment} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        )


def _event_fan_out() -> None:
    """Begin behind what was published before there were endpoints."""
    op.create_table(
        "event_fan_out",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event_fan_out")),
    )
    op.execute(
        "INSERT INTO event_fan_out (id, position, version) "
        "SELECT 1, COALESCE(MAX(position), 0), 1 FROM events WHERE position IS NOT NULL"
    )
