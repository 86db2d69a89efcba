"""All SQL of the audit log's chain, and of reading it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from msgspec import Struct
from sqlalchemy import RowMapping, bindparam, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.access.tables import audit_log
from hub.audit.chain import Head, link
from hub.database import Database

_LOCK: Final = 7_204_118_939
"""Whoever chains rows holds this advisory lock of PostgreSQL until its commit."""
_log = audit_log.c
_LAST: Final = (
    select(_log.position, _log.hash).where(_log.position.is_not(None)).order_by(_log.position.desc()).limit(1)
)
_CHAIN: Final = (
    update(audit_log)
    .where(_log.id == bindparam("row_id"), _log.position.is_(None))
    .values(position=bindparam("row_position"), hash=bindparam("row_hash"))
)


class Wanted(Struct, frozen=True, kw_only=True):
    """Which rows to list; None does not narrow. `before` is the id that was listed last."""

    livemode: bool
    before: str | None = None
    object_id: str | None = None
    principal: str | None = None
    action: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None


async def oldest_unsealed(connection: AsyncConnection) -> datetime | None:
    """Tell when the oldest row was written that is not chained yet; None: all are."""
    oldest = select(_log.created_at).where(_log.position.is_(None)).order_by(_log.id).limit(1)
    written_at: datetime | None = await connection.scalar(oldest)
    return written_at


async def unsealed(connection: AsyncConnection) -> int:
    """Count the rows that are not chained yet."""
    return int(await connection.scalar(select(func.count()).where(_log.position.is_(None))) or 0)


async def seal(database: Database, most: int) -> tuple[int, Head | None]:
    """Chain at most *most* rows that are committed, in the order of their ids; gives how many, and the new head.

    Nothing happens while somebody else does it: whoever chains starts from what the one before has committed. A row
    that is committed later comes later, whatever its id.
    """
    async with database.transaction() as connection:
        if database.is_postgresql and not await connection.scalar(select(func.pg_try_advisory_xact_lock(_LOCK))):
            return 0, None
        return await chain(connection, most)


async def chain(connection: AsyncConnection, most: int) -> tuple[int, Head]:
    """Chain rows on from the end of the chain; the caller is the one sealer until the transaction ends."""
    head = await last(connection)  # A statement of its own: it sees what was committed before the caller was alone.
    due = select(audit_log).where(_log.position.is_(None)).order_by(_log.id).limit(most)
    chained = []
    for row in (await connection.execute(due)).mappings():
        head = link(head, row)
        chained.append({"row_id": row["id"], "row_position": head.position, "row_hash": head.hash})
    if chained:
        await connection.execute(_CHAIN, chained)
    return len(chained), head


async def last(connection: AsyncConnection) -> Head:
    """Read the end of the chain."""
    row = (await connection.execute(_LAST)).one_or_none()
    return Head() if row is None else Head(row.position, row.hash or "")


async def chained_after(connection: AsyncConnection, position: int, most: int) -> Sequence[Mapping[Any, Any]]:
    """Read chained rows in the order of their positions, those after *position*."""
    following = select(audit_log).where(_log.position > position).order_by(_log.position).limit(most)
    return (await connection.execute(following)).mappings().all()


async def listed(connection: AsyncConnection, wanted: Wanted, most: int) -> Sequence[RowMapping]:
    """Read at most *most* rows, newest first: ids ascend with time."""
    rows = select(audit_log).where(_log.livemode == wanted.livemode)
    for column, value in (
        (_log.object_id, wanted.object_id),
        (_log.principal, wanted.principal),
        (_log.action, wanted.action),
    ):
        if value is not None:
            rows = rows.where(column == value)
    if wanted.before is not None:
        rows = rows.where(_log.id < wanted.before)
    if wanted.created_after is not None:
        rows = rows.where(_log.created_at >= wanted.created_after)
    if wanted.created_before is not None:
        rows = rows.where(_log.created_at < wanted.created_before)
    return (await connection.execute(rows.order_by(_log.id.desc()).limit(most))).mappings().all()
