"""What a database lacks that was made before revision 0001 had it: the payment methods' version, and leaner indexes.

Nothing happens to a database that was made since: it has the column, and with it all the rest.
"""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0005"
down_revision: Final = "0004"
branch_labels: Final = None
depends_on: Final = None


def upgrade() -> None:
    """Add what is missing."""
    database = op.get_bind()
    if "version" in {column["name"] for column in sa.inspect(database).get_columns("payment_methods")}:
        return
    op.add_column("payment_methods", sa.Column("version", sa.Integer(), server_default="1", nullable=False))
    _indexes()
    if database.dialect.name == "postgresql":
        _positions()


def downgrade() -> None:
    """Books are not taken apart."""
    raise NotImplementedError("restore a backup instead: a downgrade would lose what was written since")


def _indexes() -> None:
    op.drop_index("ix_operations_kind", "operations")
    _partial("ix_operations_refunds", "operations", ["livemode", "id"], "kind = 'refund'")
    op.drop_index("ix_operations_processor_reference", "operations")
    _partial(
        "ix_operations_processor_reference",
        "operations",
        ["merchant_account", "processor_reference"],
        "processor_reference IS NOT NULL",
    )
    op.drop_index("ix_payments_customer", "payments")
    _partial("ix_payments_customer", "payments", ["customer"], "customer IS NOT NULL")
    op.drop_index("ix_transfers_created", "transfers")
    op.create_index("ix_transfers_created", "transfers", ["created_at"], postgresql_using="brin")


def _positions() -> None:
    """Let rows without a position out of the index. SQLite would have to write both tables anew: there it stays."""
    for table in ("audit_log", "events"):
        op.drop_constraint(f"uq_{table}_position", table)
        _partial(f"uq_{table}_position", table, ["position"], "position IS NOT NULL", unique=True)


def _partial(name: str, table: str, columns: list[str], where: str, *, unique: bool = False) -> None:
    rows = sa.text(where)
    op.create_index(name, table, columns, unique=unique, postgresql_where=rows, sqlite_where=rows)
