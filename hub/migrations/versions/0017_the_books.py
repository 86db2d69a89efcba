"""What settlement reports say, what of it was expected, and transfers that no payment is the cause of."""

from collections.abc import Iterable
from typing import Final

import sqlalchemy as sa
from alembic import op

from hub.database import Instant

revision: Final = "0017"
down_revision: Final = "0016"
branch_labels: Final = None
depends_on: Final = None

COUNTS: Final = (
    "bytes_total", "bytes_read", "rows_read", "lines_added", "lines_known", "lines_restated", "rows_broken",
    "rows_skipped", "lines_matched", "lines_excepted",
)  # fmt: skip
REQUIRED: Final = ("payment_id", "operation_id")


def upgrade() -> None:
    """Add the tables and columns."""
    _batches()
    _notices()
    _lines()
    _payouts()
    _expected()
    _exceptions()
    _transfers()


def downgrade() -> None:
    """Books are not taken apart."""
    raise NotImplementedError("restore a backup instead: a downgrade would lose what was written since")


def _partial(name: str, table: str, columns: list[str], where: str, *, unique: bool = False) -> None:
    op.create_index(
        op.f(name), table, columns, unique=unique, postgresql_where=sa.text(where), sqlite_where=sa.text(where)
    )


def _texts(names: Iterable[str], *, nullable: bool) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=nullable) for name in names]


def _batches() -> None:
    op.create_table(
        "settlement_batches",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("livemode", sa.Boolean(), nullable=False),
        *_texts(("merchant_account", "processor", "status", "source"), nullable=False),
        *_texts(("format", "header", "error", "file_hash"), nullable=True),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in COUNTS),
        sa.Column("totals", sa.Text()),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("lease_until", Instant(), nullable=False),
        sa.Column("due_at", Instant()),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("ended_at", Instant()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_settlement_batches")),
    )
    op.create_index(op.f("ix_settlement_batches_list"), "settlement_batches", ["livemode", "id"])
    standing = "file_hash IS NOT NULL AND status NOT IN ('refused', 'failed')"
    of = ["merchant_account", "file_hash"]
    _partial("uq_settlement_batches_file", "settlement_batches", of, standing, unique=True)
    _partial("ix_settlement_batches_due", "settlement_batches", ["due_at"], "due_at IS NOT NULL")
    batch = ["batch_id"], ["settlement_batches.id"]
    op.create_table(
        "settlement_files",
        sa.Column("batch_id", sa.Text(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(*batch, name=op.f("fk_settlement_files_batch_id")),
        sa.PrimaryKeyConstraint("batch_id", "n", name=op.f("pk_settlement_files")),
    )
    op.create_table(
        "broken_rows",
        sa.Column("batch_id", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("column", sa.Text()),
        *_texts(("message", "raw"), nullable=False),
        sa.ForeignKeyConstraint(*batch, name=op.f("fk_broken_rows_batch_id")),
        sa.PrimaryKeyConstraint("batch_id", "number", name=op.f("pk_broken_rows")),
    )


def _lines() -> None:
    op.create_table(
        "settlement_lines",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("livemode", sa.Boolean(), nullable=False),
        sa.Column("batch_id", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        *_texts(("merchant_account", "key", "type", "raw_type"), nullable=False),
        *(sa.Column(f"{name}_minor", sa.BigInteger(), nullable=False) for name in ("gross", "fee", "net")),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("presented_minor", sa.BigInteger()),
        *_texts(("presented_currency", "exchange_rate"), nullable=True),
        sa.Column("booked_at", Instant(), nullable=False),
        *_texts(("payout", "tag", "processor_reference", "parent_reference", "facts"), nullable=True),
        *_texts(("raw", "digest", "status"), nullable=False),
        *_texts(("match_id", "subject", "payment_id", "operation_id"), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["settlement_batches.id"], name=op.f("fk_settlement_lines_batch_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_settlement_lines")),
    )
    op.create_index(op.f("ix_settlement_lines_batch"), "settlement_lines", ["batch_id", "number"])
    of = ["merchant_account", "key"]
    _partial("uq_settlement_lines_key", "settlement_lines", of, "status <> 'superseded'", unique=True)
    about = ["merchant_account", "subject", "id"]
    _partial("ix_settlement_lines_open", "settlement_lines", about, "status = 'open'")
    of = ["merchant_account", "id"]
    _partial("ix_settlement_lines_exception", "settlement_lines", of, "status = 'exception'")
    _partial("ix_settlement_lines_match", "settlement_lines", ["match_id"], "match_id <> id")
    op.create_table(
        "settlement_matches",
        *_texts(("expected_id", "line_id"), nullable=False),
        sa.Column("matched_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["expected_id"], ["expected_settlements.id"], name=op.f("fk_settlement_matches_expected_id")
        ),
        sa.ForeignKeyConstraint(["line_id"], ["settlement_lines.id"], name=op.f("fk_settlement_matches_line_id")),
        sa.PrimaryKeyConstraint("expected_id", name=op.f("pk_settlement_matches")),
    )
    op.create_index(op.f("ix_settlement_matches_line"), "settlement_matches", ["line_id"])


def _notices() -> None:
    op.add_column("settlement_notices", sa.Column("tries", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("settlement_notices", sa.Column("due_at", Instant()))
    for column in _texts(("batch_id", "error"), nullable=True):
        op.add_column("settlement_notices", column)
    _partial("ix_settlement_notices_due", "settlement_notices", ["due_at"], "due_at IS NOT NULL")


def _payouts() -> None:
    op.create_table(
        "settlement_payouts",
        *_texts(("merchant_account", "payout", "currency"), nullable=False),
        sa.Column("livemode", sa.Boolean(), nullable=False),
        *(
            sa.Column(name, sa.BigInteger(), nullable=False)
            for name in ("lines", "net_minor", "paid_lines", "paid_minor")
        ),
        sa.Column("batch_id", sa.Text(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["settlement_batches.id"], name=op.f("fk_settlement_payouts_batch_id")),
        sa.PrimaryKeyConstraint("merchant_account", "payout", "currency", name=op.f("pk_settlement_payouts")),
    )
    op.create_index(op.f("ix_settlement_payouts_batch"), "settlement_payouts", ["batch_id"])
    op.create_table(
        "settlement_days_checked",
        sa.Column("merchant_account", sa.Text(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("merchant_account", name=op.f("pk_settlement_days_checked")),
    )


def _expected() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column("expected_settlements", "fee_minor", nullable=True)
    else:
        _let_be_null("expected_settlements", ("fee_minor",), "BIGINT")
    op.add_column("expected_settlements", sa.Column("settle_minor", sa.BigInteger()))
    op.add_column("expected_settlements", sa.Column("settle_currency", sa.Text()))


def _refer(table: str, column: str, to: str) -> None:
    """Add a column that refers to another table; SQLite takes the reference with the column only."""
    if op.get_bind().dialect.name == "postgresql":
        op.add_column(table, sa.Column(column, sa.Text()))
        op.create_foreign_key(op.f(f"fk_{table}_{column}"), table, to, [column], ["id"])
    else:
        name = f"fk_{table}_{column}"
        op.execute(f"ALTER TABLE {table} ADD COLUMN {column} TEXT CONSTRAINT {name} REFERENCES {to} (id)")


def _exceptions() -> None:
    op.add_column("exceptions", sa.Column("variance_minor", sa.BigInteger()))
    for of, to in (("line", "settlement_lines"), ("expected", "expected_settlements"), ("batch", "settlement_batches")):
        _refer("exceptions", f"{of}_id", to)
    for column in _texts(("context", "owner", "resolution", "resolved_by"), nullable=True):
        op.add_column("exceptions", column)
    op.add_column("exceptions", sa.Column("resolved_at", Instant()))
    for of in ("line", "expected"):
        _partial(f"ix_exceptions_{of}", "exceptions", [f"{of}_id"], f"{of}_id IS NOT NULL")


def _transfers() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for column in REQUIRED:
            op.alter_column("transfers", column, nullable=True)
    else:
        _let_be_null("transfers", REQUIRED)
    _refer("transfers", "line_id", "settlement_lines")
    _refer("transfers", "exception_id", "exceptions")
    for added in _texts(("approval_id", "bank_entry_id"), nullable=True):
        op.add_column("transfers", added)


def _let_be_null(table: str, columns: Iterable[str], kind: str = "TEXT") -> None:
    """Take NOT NULL off columns without copying the table, whose triggers and references so stay as they are.

    Source: https://www.sqlite.org/lang_altertable.html, "Making Other Kinds Of Table Schema Changes".
    """
    bind = op.get_bind()
    written = bind.execute(
        sa.text("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = :name"), {"name": table}
    )
    sql = str(written.scalar_one())
    for column in columns:
        required = f"{column} {kind} NOT NULL"
        if sql.count(required) != 1:
            raise RuntimeError(f"{table}.{column} is not as it was made; restore a backup")
        sql = sql.replace(required, f"{column} {kind}")
    version = bind.execute(sa.text("PRAGMA schema_version")).scalar_one()
    bind.execute(sa.text("PRAGMA writable_schema = ON"))
    bind.execute(
        sa.text("UPDATE sqlite_master SET sql = :sql WHERE type = 'table' AND name = :name"),
        {"sql": sql, "name": table},
    )
    bind.execute(sa.text(f"PRAGMA schema_version = {int(version) + 1}"))
    bind.execute(sa.text("PRAGMA writable_schema = OFF"))
