"""What was written stays as it was written: transfers, reports, audit rows and events refuse change.

An audit row and an event are given their position (and hash) once, after they were written.
"""

from typing import Final

from alembic import op

revision: Final = "0002"
down_revision: Final = "0001"
branch_labels: Final = None
depends_on: Final = None

FIXED: Final = ("transfers", "reports")
POSITIONED: Final = {
    "audit_log": (
        "id", "livemode", "key_id", "principal", "action", "object_id", "details", "request_id", "created_at",
    ),
    "events": ("id", "livemode", "type", "object_id", "data", "created_at"),
}  # fmt: skip


def upgrade() -> None:
    """Add the triggers."""
    if op.get_bind().dialect.name == "postgresql":
        _postgresql()
    else:
        _sqlite()


def downgrade() -> None:
    """Books are not taken apart."""
    raise NotImplementedError("restore a backup instead: a downgrade would lose what was written since")


def _postgresql() -> None:
    op.execute(
        """
        CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
        END $$
        """
    )
    op.execute(
        """
        CREATE FUNCTION refuse_change_but_position() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF OLD.position IS NULL
                AND to_jsonb(NEW) - 'position' - 'hash' = to_jsonb(OLD) - 'position' - 'hash' THEN
                RETURN NEW;
            END IF;
            RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
        END $$
        """
    )
    for table in (*FIXED, *POSITIONED):
        changing = "refuse_change" if table in FIXED else "refuse_change_but_position"
        for moment, each, function in (
            ("UPDATE", "ROW", changing),
            ("DELETE", "ROW", "refuse_change"),
            ("TRUNCATE", "STATEMENT", "refuse_change"),
        ):
            op.execute(
                f"CREATE TRIGGER {table}_no_{moment.lower()} BEFORE {moment} ON {table} "
                f"FOR EACH {each} EXECUTE FUNCTION {function}()"
            )


def _sqlite() -> None:
    for table in (*FIXED, *POSITIONED):
        refuse = f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        op.execute(f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} {refuse}")
        same = " AND ".join(f"NEW.{name} IS OLD.{name}" for name in POSITIONED.get(table, ()))
        when = f"WHEN NOT (OLD.position IS NULL AND {same}) " if same else ""
        op.execute(f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} {when}{refuse}")
