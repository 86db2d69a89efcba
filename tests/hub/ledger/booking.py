"""Books that are in order, as the charge path and settlement leave them, to look at and to spoil."""

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import insert, text

from hub.database import Database
from hub.ids import new_id
from hub.ledger.tables import transfers
from hub.merchants.tables import merchant_accounts
from hub.payments.rows import operation_values, payment_values
from hub.payments.tables import operations, payments
from hub.settlement.tables import expected_settlements
from tests.hub.payments.making import operation, payment

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
OWED = "settlement_receivable:ma_1"


def transfer(minor: int = 1000, **changes: Any) -> dict[str, Any]:
    """A sale of 10.00 EUR, as a row."""
    row = {
        "id": new_id("trf_"),
        "livemode": False,
        "debit": OWED,
        "credit": "sales",
        "amount_minor": minor,
        "currency": "EUR",
        "code": "capture",
        "payment_id": None,
        "operation_id": None,
        "line_id": None,
        "exception_id": None,
        "created_at": AT,
    }
    return row | changes


async def write(database: Database, *rows: dict[str, Any]) -> None:
    """Commit transfers together."""
    async with database.transaction() as connection:
        await connection.execute(insert(transfers), list(rows))


async def open_account(database: Database, id_: str = "ma_1", *, livemode: bool = False) -> None:
    """Write a merchant account."""
    row = {"id": id_, "livemode": livemode, "name": id_, "processor": "stripe", "status": "active", "profile": "{}"}
    made = {"credentials": b"", "credentials_version": 1, "created_at": AT, "updated_at": AT}
    async with database.transaction() as connection:
        await connection.execute(insert(merchant_accounts), row | made)


async def sell(database: Database, minor: int = 1000) -> dict[str, Any]:
    """Write a captured payment with all that belongs to it; returns its transfer."""
    paid, taken = payment(), operation()
    values = {name.removeprefix("p_"): value for name, value in payment_values(paid).items()}
    of = {name.removeprefix("o_"): value for name, value in operation_values(taken, "o_", None, None).items()}
    of |= {"lease_until": AT, "due_at": None}
    booked = transfer(minor, payment_id=paid.id, operation_id=taken.id)
    async with database.transaction() as connection:
        await connection.execute(insert(payments), values)
        await connection.execute(insert(operations), {column.name: of[column.name] for column in operations.c})
        await connection.execute(insert(expected_settlements), expected(minor))
    await write(database, booked)
    return booked


def expected(minor: int = 1000) -> dict[str, Any]:
    """What must arrive because of `sell`, as a row."""
    return {
        "id": new_id("exs_"), "livemode": False, "merchant_account": "ma_1", "payment_id": "pay_1",
        "operation_id": "att_1", "type": "charge", "gross_minor": minor, "fee_minor": 0, "currency": "EUR",
        "due_on": date(2026, 11, 24), "created_at": AT,
    }  # fmt: skip


async def unguarded(database: Database, *statements: str) -> None:
    """Run what triggers and references forbid, as a mistake in the database would do it."""
    if database.is_postgresql:
        async with database.transaction() as connection:
            await connection.execute(text("SET LOCAL session_replication_role = replica"))
            for statement in statements:
                await connection.execute(text(statement))
        return
    async with database.writer.connect() as connection:
        raw = (await connection.get_raw_connection()).driver_connection
        assert raw is not None
        await raw.execute("PRAGMA foreign_keys = OFF")
        named = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        for (name,) in await (await raw.execute(named)).fetchall():
            await raw.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            await raw.execute(statement)
        await raw.execute("PRAGMA foreign_keys = ON")
