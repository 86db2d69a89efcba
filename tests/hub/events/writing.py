"""Events as the payments write them: in a commit of their own making, without a position."""

from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import insert, select

from hub.database import Database
from hub.events.tables import events
from hub.ids import new_id


def event(**changes: Any) -> dict[str, Any]:
    """A row; `data` may be given as an object."""
    data = msgspec.json.encode(changes.pop("data", {"object": "payment", "merchant_account": "ma_1"}))
    row = {"id": new_id("evt_"), "livemode": False, "type": "payment.captured", "object_id": "pay_1", "data": data}
    return row | {"position": None, "created_at": datetime.now(UTC)} | changes


async def write(database: Database, *rows: dict[str, Any]) -> list[str]:
    """Commit *rows* together and return their ids."""
    async with database.transaction() as connection:
        for row in rows:
            await connection.execute(insert(events).values(row))
    return [row["id"] for row in rows]


async def positions(database: Database) -> dict[str, int | None]:
    """Each event's id with its position, in the order of the positions."""
    async with database.reading() as connection:
        rows = await connection.execute(select(events.c.id, events.c.position).order_by(events.c.position))
        return {row.id: row.position for row in rows}
