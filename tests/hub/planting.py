"""Rows of any table, with whatever its columns need: for tests that look at every table alike."""

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Boolean, Column, Date, Integer, LargeBinary, Table, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.database import Instant
from hub.ids import new_id

AT = datetime(2026, 11, 22, 9, tzinfo=UTC)
AS_THE_RULES_WANT = {"amount_minor": 1, "credit": "sales"}
"""What columns must hold that have a CHECK on them."""


async def plant(connection: AsyncConnection, table: Table, **values: Any) -> str:
    """Insert a row, and rows that it refers to where none are named; gives its id."""
    row = dict(values)
    for column in table.columns:
        if column.name in row or (column.nullable and not column.primary_key):
            continue
        if column.server_default is not None:
            continue
        row[column.name] = await _fitting(connection, column)
    await connection.execute(insert(table).values(row))
    return str(row.get("id", ""))


async def _fitting(connection: AsyncConnection, column: Column[Any]) -> Any:
    """Make a value that a column takes; where it refers to another table, the id of a new row there."""
    for key in column.foreign_keys:
        return await plant(connection, key.column.table)
    if column.name in AS_THE_RULES_WANT:
        return AS_THE_RULES_WANT[column.name]
    match column.type:
        case Boolean():
            return False
        case Instant():
            return AT
        case Date():
            return date(2026, 11, 22)
        case LargeBinary():
            return b"{}"
        case Integer():
            return 0
        case _:
            return new_id("any_")  # Which is unique, where that is wanted.
