"""Adding up transfers once, stretch by stretch, so that a balance need not read them all.

A stretch is one of positions, not of instants: a transfer that was stamped before a closing and committed after it has
a position beyond, and so goes into the next stretch, under the day of its stamp. What makes a stretch final is that
every transaction that took a position in it has ended. On PostgreSQL a position is taken while the transaction holds
its lock on the table, which it keeps to its end: the holders that were there when the newest position was read are
waited for, and nobody waits for us. SQLite has one writer, so that what can be read is final.
"""

import asyncio
from datetime import datetime
from typing import Final

from msgspec import Struct
from sqlalchemy import func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.database import Database
from hub.ledger.places import position, utc_day
from hub.ledger.summing import Day, Moved, Sums, by_day
from hub.ledger.tables import ledger_closings, ledger_days, transfers

STRETCH_MAX: Final = 100_000
"""Transfers that one closing adds up at most, and that may be open before there is one."""
LOOKS: Final = 20
LOOK_EVERY_S: Final = 0.05
_NEWEST: Final = text("SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM transfers_position")
_WRITERS: Final = text(
    "SELECT virtualtransaction FROM pg_locks WHERE locktype = 'relation' AND mode = 'RowExclusiveLock' AND granted "
    "AND relation = CAST('transfers' AS regclass) "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


class Closing(Struct, frozen=True):
    """How far transfers were added up: to `position`, by so many closings."""

    number: int = 0
    position: int = 0
    closed_at: datetime | None = None


async def last_closing(connection: AsyncConnection) -> Closing:
    """Read how far transfers were added up."""
    table = ledger_closings.c
    last = select(table.number, table.position, table.closed_at).order_by(table.number.desc()).limit(1)
    row = (await connection.execute(last)).one_or_none()
    return Closing() if row is None else Closing(row.number, row.position, row.closed_at)


async def newest(database: Database) -> int:
    """Read the newest position that was taken, be it committed or not."""
    largest = select(func.coalesce(func.max(position(database)), 0)).select_from(transfers)
    last = _NEWEST if database.is_postgresql else largest
    async with database.reading() as connection:
        return int(await connection.scalar(last) or 0)


async def final_to(database: Database) -> int | None:
    """Tell up to where no transfer can come any more; None where one that is under way takes too long."""
    reached = await newest(database)
    if not database.is_postgresql:
        return reached
    writing = await _writers(database)
    for _ in range(LOOKS):
        if not writing:
            return reached
        await asyncio.sleep(LOOK_EVERY_S)
        writing &= await _writers(database)
    return None


async def _writers(database: Database) -> set[str]:
    async with database.reading() as connection:
        return set((await connection.execute(_WRITERS)).scalars())


async def close_next(database: Database, at: datetime, most: int = STRETCH_MAX) -> int:
    """Add up the next transfers, at most *most*; returns how many there were.

    Raises:
        ConflictError: when somebody else did it meanwhile.
    """
    async with database.reading() as connection:
        last = await last_closing(connection)
    reached = await final_to(database)
    if reached is None or reached <= last.position:
        return 0
    reached = min(reached, last.position + most)
    count, days = await _added_up(database, last.position, reached)
    number = last.number + 1
    closing = {"number": number, "position": reached, "transfers": count, "closed_at": at}
    async with database.transaction() as connection:
        await connection.execute(insert(ledger_closings), closing)
        if days:
            await connection.execute(insert(ledger_days), [_row(number, day, sums) for day, sums in days.items()])
    return count


async def _added_up(database: Database, after: int, to: int) -> tuple[int, dict[Day, Sums]]:
    table, place = transfers.c, position(database)
    alike = (table.livemode, utc_day(table.created_at).label("day"), table.code)
    sides = (table.debit, table.credit, table.currency)
    added_up = (
        select(*alike, *sides, func.sum(table.amount_minor).label("minor"), func.count().label("many"))
        .where(place > after, place <= to)
        .group_by(*alike, *sides)
    )
    async with database.reading() as connection:
        rows = (await connection.execute(added_up)).all()
    moved = [
        (row.livemode, row.day, row.code, Moved(row.debit, row.credit, row.currency, int(row.minor))) for row in rows
    ]
    return sum(row.many for row in rows), by_day(moved)


def _row(number: int, day: Day, sums: Sums) -> dict[str, object]:
    both = {"debits_minor": sums.debits_minor, "credits_minor": sums.credits_minor}
    return {"closing": number, **day._asdict(), **both}
