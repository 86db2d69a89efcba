"""Adding up the figures of a stretch of the ledger once, so that a year need not be read again.

The ledger's closings say which transfers are final, see `hub.ledger.closing`; what commits later has a position behind
them and goes into a later stretch, under its own day. An event is final once it has a position.
"""

from datetime import datetime
from typing import Final

from msgspec import Struct
from sqlalchemy import insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.database import Database
from hub.ledger.tables import ledger_closings
from hub.reporting.facts import Part, figures_of, newest_event, rows_of
from hub.reporting.tables import report_days, report_rolls

PLAN_BY_VALUES: Final = text("SET LOCAL plan_cache_mode = force_custom_plan")
"""A plan made for any stretch reads all transfers, where those of a day are asked for."""


class Roll(Struct, frozen=True):
    """How far figures were added up."""

    number: int = 0
    closing: int = 0
    position: int = 0
    events_position: int = 0


NONE_YET: Final = Roll()


async def last_roll(connection: AsyncConnection) -> Roll:
    """Read how far figures were added up."""
    table = report_rolls.c
    last = select(table.number, table.closing, table.position, table.events_position)
    row = (await connection.execute(last.order_by(table.number.desc()).limit(1))).one_or_none()
    return NONE_YET if row is None else Roll(*row)


async def roll_next(database: Database, at: datetime) -> bool:
    """Add up the figures of the next closed stretch; returns whether there was one.

    Raises:
        ConflictError: when somebody else did it meanwhile.
    """
    async with database.reading() as connection:
        if database.is_postgresql:
            await connection.execute(PLAN_BY_VALUES)
        last = await last_roll(connection)
        after = select(ledger_closings.c.number, ledger_closings.c.position)
        following = after.where(ledger_closings.c.number > last.closing).order_by(ledger_closings.c.number).limit(1)
        closed = (await connection.execute(following)).one_or_none()
        if closed is None:
            return False
        newest = await newest_event(connection)
        part = Part(after=last.position, to=closed.position, events_after=last.events_position, events_to=newest)
        found = await figures_of(database, connection, part)
    number = last.number + 1
    roll = {"number": number, "closing": closed.number, "position": closed.position, "events_position": newest}
    async with database.transaction() as connection:
        await connection.execute(insert(report_rolls), roll | {"made_at": at})
        if found:
            await connection.execute(insert(report_days), [*rows_of(number, found)])
    return True
