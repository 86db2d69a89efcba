"""What rotating keys, chaining the audit log and erasing persons need.

A report or an event may have a person taken out of it, once, and into nothing but a value that says so.
"""

from typing import Final

import sqlalchemy as sa
from alembic import op

from hub.database import Instant

revision: Final = "0028"
down_revision: Final = "0027"
branch_labels: Final = None
depends_on: Final = None

MARK: Final = b'{"erased":true'
ERASABLE: Final = {
    "reports": ("report", ("id", "payment_id", "operation_id", "source", "recorded_at")),
    "events": ("data", ("id", "livemode", "type", "object_id", "position", "created_at")),
}
"""The column that a person may be taken out of, and those that stay."""


def upgrade() -> None:
    """Add the table and the indexes, and write the triggers anew."""
    _indexes()
    op.create_table(
        "erasures",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("livemode", sa.Boolean(), nullable=False),
        sa.Column("customer", sa.Text(), nullable=False),
        sa.Column("needles", sa.LargeBinary(), nullable=True),
        sa.Column("passes", sa.Integer(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("due_at", Instant(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("passed_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erasures")),
        sa.UniqueConstraint("customer", name=op.f("uq_erasures_customer")),
    )
    due = sa.text("due_at IS NOT NULL")
    op.create_index("ix_erasures_due", "erasures", ["due_at"], postgresql_where=due, sqlite_where=due)
    if op.get_bind().dialect.name == "postgresql":
        _postgresql()
    else:
        _sqlite()


def downgrade() -> None:
    """Books are not taken apart."""
    raise NotImplementedError("restore a backup instead: a downgrade would lose what was written since")


def _indexes() -> None:
    for name, table, which in (
        ("ix_audit_log_unsealed", "audit_log", sa.text("position IS NULL")),
        ("ix_operations_action", "operations", sa.text("action IS NOT NULL")),
    ):
        op.create_index(name, table, ["id"], postgresql_where=which, sqlite_where=which)


def _postgresql() -> None:
    mark = f"decode('{MARK.hex()}', 'hex')"
    for table, (column, _) in ERASABLE.items():
        positioned = """
            IF OLD.position IS NULL AND to_jsonb(NEW) - 'position' = to_jsonb(OLD) - 'position' THEN
                RETURN NEW;
            END IF;
            """
        op.execute(
            f"""
            CREATE FUNCTION refuse_change_of_{table}_but_erasure() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                {positioned if table == "events" else ""}
                IF substring(NEW.{column} FROM 1 FOR {len(MARK)}) = {mark}
                    AND substring(OLD.{column} FROM 1 FOR {len(MARK)}) <> {mark}
                    AND to_jsonb(NEW) - '{column}' = to_jsonb(OLD) - '{column}' THEN
                    RETURN NEW;
                END IF;
                RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
            END $$
            """
        )
        op.execute(f"DROP TRIGGER {table}_no_update ON {table}")
        op.execute(
            f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} "
            f"FOR EACH ROW EXECUTE FUNCTION refuse_change_of_{table}_but_erasure()"
        )


def _sqlite() -> None:
    for table, (column, others) in ERASABLE.items():
        erased = f"substr({{}}.{column}, 1, {len(MARK)}) = X'{MARK.hex()}'"
        same = [f"NEW.{name} IS OLD.{name}" for name in others]
        allowed = [f"{erased.format('NEW')} AND NOT {erased.format('OLD')} AND {' AND '.join(same)}"]
        if table == "events":
            fixed = [one for one in same if "position" not in one]
            allowed.append(f"OLD.position IS NULL AND NEW.{column} IS OLD.{column} AND {' AND '.join(fixed)}")
        op.execute(f"DROP TRIGGER {table}_no_update")
        op.execute(
            f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} WHEN NOT (({') OR ('.join(allowed)})) "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        )
