"""Writes the first revision anew from the tables as they are declared: `python -m tests.hub.migrations.draft`.

For as long as nothing has been released; afterwards a change of tables is a revision of its own.
"""

from pathlib import Path

from alembic.autogenerate import produce_migrations
from alembic.autogenerate.api import AutogenContext
from alembic.autogenerate.render import render_op
from alembic.migration import MigrationContext
from alembic.operations.ops import CreateIndexOp, CreateTableOp
from sqlalchemy import create_engine

from hub.database import Instant
from hub.migrations.tables import metadata

INDEXES_MAX = 2  # More of them stand in a function of their own, which stays short.
TARGET = Path(__file__).parents[3] / "hub/migrations/versions/0001_tables.py"
HEAD = '''"""The tables of the first version."""

from typing import Final

import sqlalchemy as sa
from alembic import op

from hub.database import Instant

revision: Final = "0001"
down_revision: Final = None
branch_labels: Final = None
depends_on: Final = None


def upgrade() -> None:
    """Make every table, those before that others refer to."""
'''
FOOT = '''

def downgrade() -> None:
    """Books are not taken apart."""
    raise NotImplementedError("restore a backup instead: a downgrade would lose what was written since")
'''


def render_item(kind: str, item: object, _context: AutogenContext) -> str | bool:
    return "Instant()" if kind == "type" and isinstance(item, Instant) else False


def draft() -> str:
    with create_engine("sqlite://").connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "render_item": render_item,
                "sqlalchemy_module_prefix": "sa.",
                "alembic_module_prefix": "op.",
                "user_module_prefix": None,
                "render_as_batch": False,
            },
        )
        found = produce_migrations(context, metadata).upgrade_ops
        rendering = AutogenContext(context, metadata)
        tables: dict[str, list[str]] = {}
        for operation in found.ops if found else ():
            parts = operation.ops if hasattr(operation, "ops") else [operation]
            for part in parts:
                assert isinstance(part, CreateTableOp | CreateIndexOp)
                apart = isinstance(part, CreateIndexOp) and len(metadata.tables[part.table_name].indexes) > INDEXES_MAX
                name = f"{part.table_name}_indexes" if apart else part.table_name
                tables.setdefault(name, []).extend(render_op(rendering, part))
    calls = "".join(f"    _{table}()\n" for table in tables)
    made = (
        f"\n\ndef _{table}() -> None:\n" + "\n".join(f"    {line}" for text in lines for line in text.split("\n"))
        for table, lines in tables.items()
    )
    return HEAD + calls + FOOT + "".join(made) + "\n"


if __name__ == "__main__":
    TARGET.write_text(draft())
