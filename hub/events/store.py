"""All SQL of events: the outbox gets its order, and is read in it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from msgspec import Struct
from sqlalchemy import BigInteger, ColumnElement, RowMapping, Text, cast, func, literal, select, text, update
from sqlalchemy.dialects.postgresql import JSON
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.database import Database
from hub.events.cursors import BEGINNING, Place
from hub.events.tables import events

_LOCK: Final = 7_204_118_937
"""Whoever gives positions holds this advisory lock of PostgreSQL until its commit."""
_PLAN_BY_VALUES: Final = text("SET LOCAL plan_cache_mode = force_custom_plan")
"""A plan made for any type takes each for a common one, and reads all events for a rare one: 2 s where 2 ms do."""
_NEWEST: Final = select(func.coalesce(func.max(events.c.position), 0)).where(events.c.position.is_not(None))

_LAST: Final = (
    select(events.c.position, events.c.id)
    .where(events.c.position.is_not(None))
    .order_by(events.c.position.desc())
    .limit(1)
)


class Wanted(Struct, frozen=True, kw_only=True):
    """Which events to list, those after the position `after`; None does not narrow."""

    livemode: bool
    after: int = 0
    types: Sequence[str] | None = None
    object_id: str | None = None
    merchant_accounts: frozenset[str] | None = None


async def oldest_unpublished(database: Database) -> datetime | None:
    """Tell when the oldest event without a position was written; None: all have theirs."""
    oldest = select(events.c.created_at).where(events.c.position.is_(None)).order_by(events.c.id).limit(1)
    async with database.reading() as connection:
        written_at: datetime | None = await connection.scalar(oldest)
    return written_at


async def publish(database: Database, most: int) -> int:
    """Give positions to at most *most* events, in the order of their ids; returns to how many.

    Nothing happens while somebody else does it: positions become visible in their order because each giver starts
    from what the one before has committed.
    """
    async with database.transaction() as connection:
        return await give_positions(connection, most) if await become_relay(database, connection) else 0


async def become_relay(database: Database, connection: AsyncConnection) -> bool:
    """Become the one relay until the transaction ends, or learn that another is; SQLite has one writer anyway."""
    if not database.is_postgresql:
        return True
    lock = select(func.pg_try_advisory_xact_lock(_LOCK))
    return bool(await connection.scalar(lock))


async def give_positions(connection: AsyncConnection, most: int) -> int:
    """Number events on from the newest position; the caller is the one relay."""
    newest = await connection.scalar(_NEWEST)  # A statement of its own: it sees what was committed before the lock.
    due = select(events.c.id).where(events.c.position.is_(None)).order_by(events.c.id).limit(most).subquery()
    place = literal(newest, BigInteger) + func.row_number().over(order_by=due.c.id)
    numbered = select(due.c.id, place.label("position")).subquery()
    given = update(events).where(events.c.id == numbered.c.id).values(position=numbered.c.position)
    return (await connection.execute(given)).rowcount


async def stands(database: Database, place: Place) -> bool:
    """Whether the event that *place* names has its position here."""
    if place == BEGINNING:
        return True
    named = select(events.c.id).where(events.c.position == place.position)
    async with database.reading() as connection:
        return await connection.scalar(named) == place.event_id


async def published(database: Database, wanted: Wanted, most: int) -> tuple[Sequence[RowMapping], Place]:
    """Read at most *most* events in the order of their positions, and where the newest is, of either mode.

    The newest is read first, and nothing behind it: up to there the events read are all that match, for good.
    """
    async with database.reading() as connection:
        if database.is_postgresql and wanted.types is not None:
            await connection.execute(_PLAN_BY_VALUES)
        last = (await connection.execute(_LAST)).one_or_none()
        newest = BEGINNING if last is None else Place(last.position, last.id)
        listed = (
            select(events)
            .where(events.c.position > wanted.after, events.c.position <= newest.position, *_narrowed(database, wanted))
            .order_by(events.c.position)
            .limit(most)
        )
        if wanted.types is None:
            return (await connection.execute(listed)).mappings().all(), newest
        rows: list[RowMapping] = []
        for type_ in wanted.types:  # One by one each is read in the order of the index, up to the limit.
            rows += (await connection.execute(listed.where(events.c.type == type_))).mappings()
        return sorted(rows, key=lambda row: int(row["position"]))[:most], newest


async def published_event(database: Database, wanted: Wanted, event_id: str) -> RowMapping | None:
    """Read one event that has its position."""
    one = select(events).where(events.c.id == event_id, events.c.position > wanted.after, *_narrowed(database, wanted))
    async with database.reading() as connection:
        return (await connection.execute(one)).mappings().one_or_none()


def _narrowed(database: Database, wanted: Wanted) -> list[ColumnElement[bool]]:
    narrow: list[ColumnElement[bool]] = [events.c.livemode == wanted.livemode]
    if wanted.object_id is not None:
        narrow.append(events.c.object_id == wanted.object_id)
    if wanted.merchant_accounts is not None:
        narrow.append(_account_then(database).in_(sorted(wanted.merchant_accounts)))
    return narrow


def _account_then(database: Database) -> ColumnElement[str]:
    """Find the account that the object had when the event was written: what a key is shown must not change later."""
    account: ColumnElement[str]
    if database.is_postgresql:
        account = cast(func.convert_from(events.c.data, "UTF8"), JSON)["merchant_account"].astext
    else:
        account = func.json_extract(cast(events.c.data, Text), "$.merchant_account")
    return account
