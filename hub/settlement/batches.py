"""All SQL of batches: one that is received, waits, is worked at by one worker at a time, and ends."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec import Struct
from sqlalchemy import (
    ColumnElement,
    Float,
    RowMapping,
    and_,
    bindparam,
    delete,
    exists,
    func,
    insert,
    literal,
    literal_column,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.database import ConflictError, Database, in_seconds
from hub.settlement.reading import Total
from hub.settlement.tables import settlement_batches as batches
from hub.settlement.tables import settlement_files as files

RECEIVING: Final = "receiving"
WAITING: Final = "waiting"
IMPORTING: Final = "importing"
DONE: Final = "done"
REFUSED: Final = "refused"
FAILED: Final = "failed"
_COUNTS: Final = (
    "bytes_total", "bytes_read", "rows_read", "lines_added", "lines_known", "lines_restated", "rows_broken",
    "rows_skipped", "lines_matched", "lines_excepted",
)  # fmt: skip
_CLAIMING: Final = 7_204_118_941
"""Whoever takes up a batch holds this advisory lock of PostgreSQL until its commit: accounts are told apart then."""
_NOW: Final = in_seconds(literal_column("0"))


class Batch(Struct, frozen=True, kw_only=True):
    """One that a worker has in hand, and how far it has come."""

    id: str
    livemode: bool
    merchant_account: str
    fence: int
    tries: int
    bytes_total: int
    bytes_read: int
    rows_read: int
    lines_added: int
    lines_known: int
    lines_restated: int
    rows_broken: int
    rows_skipped: int
    lines_matched: int
    lines_excepted: int
    totals: dict[str, Total]


class LostError(Exception):
    """The batch is not as this worker knows it: somebody else took it up, or a database that crashed is behind."""


def to_batch(row: Mapping[Any, Any]) -> Batch:
    """Read a batch from its row."""
    columns = {name: row[name] for name in Batch.__struct_fields__ if name not in {"totals", "livemode"}}
    return Batch(livemode=bool(row["livemode"]), totals=totals_of(row), **columns)


def totals_of(row: Mapping[Any, Any]) -> dict[str, Total]:
    """Read what a batch's lines add up to, by currency."""
    return msgspec.json.decode(row["totals"], type=dict[str, Total]) if row["totals"] else {}


async def begin(database: Database, row: Mapping[str, Any], lease_s: float) -> None:
    """Keep a new batch whose file is about to be received; without more of it within *lease_s* it counts as cut off."""
    counts = dict.fromkeys(_COUNTS, 0)
    fixed = {"status": RECEIVING, "fence": 0, "tries": 0}
    unknown = dict.fromkeys(("error", "file_hash", "totals", "due_at", "ended_at"))
    async with database.transaction() as connection:
        values: dict[str, Any] = {**counts, **fixed, **unknown, **row}
        await connection.execute(insert(batches).values({**values, "lease_until": in_seconds(literal(lease_s))}))


async def add_piece(database: Database, batch_id: str, number: int, content: bytes, size: int, lease_s: float) -> None:
    """Keep one piece of the file, of *size* bytes before it was deflated.

    Raises:
        ConflictError: when the batch was given up meanwhile.
    """
    grown = (
        update(batches)
        .where(batches.c.id == batch_id, batches.c.status == RECEIVING)
        .values(bytes_total=batches.c.bytes_total + size, lease_until=in_seconds(bindparam("s", lease_s, type_=Float)))
    )
    async with database.transaction() as connection:
        if (await connection.execute(grown)).rowcount != 1:
            raise ConflictError
        await connection.execute(insert(files), {"batch_id": batch_id, "n": number, "content": content})


async def standing(database: Database, merchant_account: str, file_hash: str) -> RowMapping | None:
    """Find the batch that the same file became before."""
    same = select(batches).where(
        batches.c.merchant_account == merchant_account,
        batches.c.file_hash == file_hash,
        batches.c.status.not_in((REFUSED, FAILED)),
    )
    async with database.reading() as connection:
        return (await connection.execute(same)).mappings().one_or_none()


async def received(database: Database, batch_id: str, file_hash: str) -> RowMapping:
    """Let a worker have the batch.

    Raises:
        ConflictError: when the same file stands already, or the batch was given up meanwhile.
    """
    whole = (
        update(batches)
        .where(batches.c.id == batch_id, batches.c.status == RECEIVING)
        .values(status=WAITING, file_hash=file_hash, due_at=_NOW)
        .returning(batches)
    )
    async with database.transaction() as connection:
        row: RowMapping | None = (await connection.execute(whole)).mappings().one_or_none()
        if row is None:
            raise ConflictError
        return row


async def discard(database: Database, batch_id: str) -> None:
    """Leave nothing of a batch that was not received whole."""
    async with database.transaction() as connection:
        await _discard(connection, [batch_id])


async def discard_cut_off(database: Database) -> int:
    """Leave nothing of batches whose sender went away and whose process could not tell."""
    old = select(batches.c.id).where(batches.c.status == RECEIVING, batches.c.lease_until < _NOW)
    async with database.reading() as connection:
        ids = (await connection.execute(old)).scalars().all()
    if ids:
        async with database.transaction() as connection:
            await _discard(connection, ids)
    return len(ids)


async def _discard(connection: AsyncConnection, ids: Sequence[str]) -> None:
    still = select(batches.c.id).where(batches.c.id.in_(ids), batches.c.status == RECEIVING).with_for_update()
    gone = (await connection.execute(still)).scalars().all()
    await connection.execute(delete(files).where(files.c.batch_id.in_(gone)))
    await connection.execute(delete(batches).where(batches.c.id.in_(gone)))


async def claim(database: Database, lease_s: float, *, only: str | None = None) -> RowMapping | None:
    """Take up the oldest batch that is due, or *only* that one; nobody else gets it for *lease_s*.

    The batches of one merchant account are imported one after the other, in the order in which they came: of a line
    that is told twice the later word stands.
    """
    other = batches.alias("other")
    blocked = exists().where(
        other.c.merchant_account == batches.c.merchant_account,
        other.c.id != batches.c.id,
        or_(
            other.c.status == IMPORTING,
            and_(batches.c.status == WAITING, other.c.status == WAITING, other.c.id < batches.c.id),
        ),
    )
    due = select(batches.c.id).where(batches.c.due_at <= _NOW, ~blocked)
    if only is not None:
        due = due.where(batches.c.id == only)
    due = due.order_by(batches.c.due_at, batches.c.id).limit(1)
    async with database.reading() as connection:
        if await connection.scalar(due) is None:
            return None  # So that an idle worker does not take SQLite's one writer every second.
    async with database.transaction() as connection:
        if database.is_postgresql:
            await connection.execute(text(f"SELECT pg_advisory_xact_lock({_CLAIMING})"))
        found = await connection.scalar(due)
        taken = (
            update(batches)
            .where(batches.c.id == found)
            .values(
                status=IMPORTING,
                due_at=in_seconds(bindparam("lease_s", lease_s, type_=Float)),
                fence=batches.c.fence + 1,
                tries=batches.c.tries + 1,
            )
            .returning(batches)
        )
        return None if found is None else (await connection.execute(taken)).mappings().one_or_none()


async def advance(connection: AsyncConnection, before: Batch, batch: Batch, lease_s: float) -> None:
    """Write how far *batch* has come since *before*, in the transaction of what it has come by; its lease begins anew.

    Raises:
        LostError: when somebody else has it now, or the database has forgotten what it had come by before.
    """
    progress = {name: getattr(batch, name) for name in _COUNTS} | {
        "totals": msgspec.json.encode(batch.totals).decode(),
        "tries": 0,
        "error": None,
    }
    lease = {"due_at": in_seconds(bindparam("lease_s", lease_s, type_=Float))}
    await _write(connection, batch, progress | lease, batches.c.rows_read == before.rows_read)


async def hold(database: Database, batch: Batch, lease_s: float) -> None:
    """Say that *batch* is still worked at.

    Raises:
        LostError: when somebody else has it now.
    """
    async with database.transaction() as connection:
        await _write(connection, batch, {"due_at": in_seconds(bindparam("lease_s", lease_s, type_=Float))})


async def end(connection: AsyncConnection, batch: Batch, values: Mapping[str, Any], *, keep_file: bool) -> None:
    """Write that *batch* has ended, as *values* say; the file is kept for another try, or not needed any more.

    Raises:
        LostError: when somebody else has it now, or the database has forgotten the last of what it had come by.
    """
    await _write(connection, batch, {**values, "due_at": None}, batches.c.rows_read == batch.rows_read)
    if not keep_file:
        await connection.execute(delete(files).where(files.c.batch_id == batch.id))


async def put_off(database: Database, batch: Batch, seconds: float, *, error: str | None = None) -> None:
    """Give *batch* back, to whoever comes after *seconds*; who has lost it changes nothing."""
    later = in_seconds(bindparam("s", seconds, type_=Float))
    still = and_(batches.c.id == batch.id, batches.c.fence == batch.fence, batches.c.status == IMPORTING)
    async with database.transaction() as connection:
        await connection.execute(update(batches).where(still).values(due_at=later, error=error))


async def _write(
    connection: AsyncConnection, batch: Batch, values: Mapping[str, Any], *so_far: ColumnElement[bool]
) -> None:
    still = and_(batches.c.id == batch.id, batches.c.fence == batch.fence, batches.c.status == IMPORTING, *so_far)
    if (await connection.execute(update(batches).where(still).values(**values))).rowcount != 1:
        raise LostError


async def again(database: Database, *, livemode: bool, batch_id: str) -> RowMapping | None:
    """Let a failed batch go on where it was; None where it has not failed.

    Raises:
        ConflictError: when the same file was handed in again meanwhile.
    """
    failed = (
        update(batches)
        .where(batches.c.id == batch_id, batches.c.livemode == livemode, batches.c.status == FAILED)
        .values(status=WAITING, error=None, tries=0, due_at=_NOW, ended_at=None)
        .returning(batches)
    )
    async with database.transaction() as connection:
        row: RowMapping | None = (await connection.execute(failed)).mappings().one_or_none()
        return row


async def find(database: Database, *, livemode: bool, batch_id: str) -> RowMapping | None:
    """Read one as it stands."""
    async with database.reading() as connection:
        wanted = select(batches).where(batches.c.livemode == livemode, batches.c.id == batch_id)
        return (await connection.execute(wanted)).mappings().one_or_none()


async def read(connection: AsyncConnection, batch_id: str) -> RowMapping:
    """Read one as its worker's transaction has it."""
    return (await connection.execute(select(batches).where(batches.c.id == batch_id))).mappings().one()


async def piece(database: Database, batch_id: str, number: int) -> bytes | None:
    """Read one piece of the file, deflated; None behind the last."""
    wanted = select(files.c.content).where(files.c.batch_id == batch_id, files.c.n == number)
    async with database.reading() as connection:
        content: bytes | None = await connection.scalar(wanted)
    return content


async def oldest_waiting(database: Database) -> datetime | None:
    """Tell when the batch came that has waited longest to be imported, or to be finished."""
    waiting = select(func.min(batches.c.created_at)).where(batches.c.due_at.is_not(None))
    async with database.reading() as connection:
        at: datetime | None = await connection.scalar(waiting)
    return at
