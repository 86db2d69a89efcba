"""Many rows at once into one table: COPY on PostgreSQL, one prepared statement on SQLite."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Table, insert
from sqlalchemy.ext.asyncio import AsyncConnection


async def add_rows(
    connection: AsyncConnection, table: Table, columns: Sequence[str], rows: Sequence[Sequence[Any]]
) -> None:
    """Write *rows* of *columns* in the transaction of *connection*.

    Values are as the drivers take them: an amount is an int, an instant an aware datetime, JSON its text.

    Raises:
        IntegrityError, asyncpg.PostgresError: when the database refuses a row; none is written then.
    """
    if not rows:
        return
    if connection.dialect.name != "postgresql":
        await connection.execute(insert(table), [dict(zip(columns, row, strict=True)) for row in rows])
        return
    driver: Any = (await connection.get_raw_connection()).driver_connection
    if not driver.is_in_transaction():  # SQLAlchemy begins with its first statement, and COPY is none of its own.
        await connection.exec_driver_sql("SELECT 1")
    await driver.copy_records_to_table(table.name, records=rows, columns=columns)
