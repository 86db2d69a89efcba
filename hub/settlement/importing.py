"""Working at a batch: rows are read a chunk at a time, each chunk with its progress in a transaction of its own.

Who is killed in the middle of a chunk leaves nothing of it; who goes on reads the rows before it once more, because a
report counts lines that have no names, and writes none of them.
"""

import asyncio
import time
import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from itertools import islice
from typing import Final, TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.abilities import BearsName
from hub import metrics
from hub.database import Database
from hub.events.rows import event_row
from hub.events.tables import events
from hub.merchants.service import Connected
from hub.payments.shell import Shell
from hub.settlement import batches, foreseeing, settling, telling
from hub.settlement.batches import Batch
from hub.settlement.cells import Row
from hub.settlement.foreseeing import Foresight, Turn
from hub.settlement.reading import Chunk, ReportReader, merge
from hub.settlement.showing import batch_body
from hub.settlement.tables import broken_rows, settlement_lines
from hub.settlement.turns import take_turn
from hub.settlement.uploads import open_report
from hub.settlement.values import Terms
from hub.stopping import stopped

ROWS_AT_ONCE: Final = 2_000
LEASE_S: Final = 60.0
HOLD_EVERY_S: Final = 15.0
_AT_LEISURE: Final = text("SET LOCAL synchronous_commit = off")
"""A chunk's commit reaches the disk while the next chunk is worked at.

A database that crashes before has neither the chunk nor the progress that counts it, so it is read once more: a worker
that knows of more progress than the database goes no further. Nobody is told of it earlier: the batch's end and the
relay's positions are commits that wait for the disk, and take along what was committed before them.

Source: https://www.postgresql.org/docs/18/wal-async-commit.html
"""

T = TypeVar("T")
Told = Callable[[Batch], None]
"""What is told after each chunk: how far the batch is."""


class Importer(Struct, frozen=True, kw_only=True):
    """What one batch is worked at with; `stop` ends it after a chunk, and whoever comes next goes on there."""

    shell: Shell
    connected: Connected
    stop: asyncio.Event
    told: Told = lambda _batch: None
    rows_at_once: int = ROWS_AT_ONCE

    async def run(self, batch: Batch) -> bool:
        """Go on with *batch*, which was claimed, until it is done; false where `stop` was set before.

        Raises:
            NotAReportError: where its header is, by now, that of no report of this processor.
            LostError: when somebody else took it up meanwhile.
        """
        holding = asyncio.create_task(self._hold(batch))
        working = asyncio.create_task(self._work(batch))
        try:
            await asyncio.wait({holding, working}, return_when=asyncio.FIRST_COMPLETED)
            if not working.done():
                await holding  # It ends by raising only.
            return await working
        finally:
            await stopped([holding, working])

    async def _hold(self, batch: Batch) -> None:
        while True:
            await asyncio.sleep(HOLD_EVERY_S)
            await batches.hold(self.shell.database, batch, LEASE_S)

    async def _work(self, batch: Batch) -> bool:
        reader = ReportReader(lambda header: open_report(self.connected, header))
        writer = _Writer(self, batch)
        try:
            async with aclosing(_ahead(self._read(reader, batch))) as chunks:
                async for chunk, bytes_read in chunks:
                    await writer.take(chunk, bytes_read)
                    if self.stop.is_set():
                        break
            await writer.rest()
        finally:
            await writer.stop()
        if self.stop.is_set():
            await batches.put_off(self.shell.database, writer.batch, 0.0)
            return False
        await self._finish(writer.batch)
        return True

    async def _read(self, reader: ReportReader, batch: Batch) -> AsyncGenerator[tuple[Chunk, int], None]:
        async for rows, bytes_read in self._chunks(reader, batch):
            yield await asyncio.to_thread(reader.read, rows), bytes_read

    async def _chunks(self, reader: ReportReader, batch: Batch) -> AsyncIterator[tuple[list[Row], int]]:
        """Give the rows that nobody has written yet, and how many bytes of the file are read with them."""
        skip, waiting, bytes_read = batch.rows_read, list[Row](), 0
        async for content, last in _file(self.shell.database, batch.id):
            bytes_read += len(content)
            rows = await asyncio.to_thread(reader.feed, content, last=last)
            if skip:
                await asyncio.to_thread(reader.skip, list(islice(rows, skip)))
                skip, rows = max(0, skip - len(rows)), rows[skip:]
            waiting += rows
            while len(waiting) >= self.rows_at_once:
                yield waiting[: self.rows_at_once], bytes_read
                del waiting[: self.rows_at_once]
        if waiting:
            yield waiting, bytes_read

    async def _finish(self, batch: Batch) -> None:
        """Let what is still open be decided, then end the batch with its event; the file is not needed any more."""
        await settling.finish(self.shell, self.terms(batch))
        at = self.shell.clock()
        async with self.shell.database.transaction() as connection:
            matched, excepted = await _came_of(connection, batch.id)
            ended = {"status": batches.DONE, "ended_at": at, "lines_matched": matched, "lines_excepted": excepted}
            await batches.end(connection, batch, ended | {"bytes_read": batch.bytes_total}, keep_file=False)
            await tell_of(connection, batch, "settlement.imported", self.shell)

    def terms(self, batch: Batch) -> Terms:
        """Say what the batch's lines are settled by now."""
        adapter = self.connected.adapter
        return Terms(
            batch_id=batch.id,
            livemode=batch.livemode,
            merchant_account=batch.merchant_account,
            account=self.connected.terms,
            now=self.shell.clock(),
            account_name=adapter.account_name if isinstance(adapter, BearsName) else None,
        )


class _Writer:
    """Writes a batch's chunks one after the other, and foresees the next one meanwhile; `batch` is how far it is."""

    def __init__(self, importer: Importer, batch: Batch) -> None:
        self.batch = batch
        self._importer = importer
        self._database = importer.shell.database
        self._foresight: Foresight | None = None
        self._turn: Turn | None = None
        self._writing: asyncio.Task[None] | None = None
        self._ended_at = time.monotonic()

    async def take(self, chunk: Chunk, bytes_read: int) -> None:
        """Begin to write *chunk* as soon as the one before is written.

        Raises:
            LostError: when somebody else took the batch up before that one was written.
        """
        if self._foresight is None:
            await self.rest()  # Nothing is known of what it comes to before it is written.
        terms = self._importer.terms(self.batch)
        async with self._database.reading() as connection:
            foresight = await foreseeing.foresee(connection, terms, chunk.lines, self._foresight)
        await self.rest()
        self._foresight = foresight
        self._writing = asyncio.create_task(self._write(chunk, bytes_read, foresight))

    async def rest(self) -> None:
        """Wait until the last chunk that was taken is written.

        Raises:
            LostError: when somebody else took the batch up before.
        """
        if self._writing is not None:
            await self._writing
            self._writing = None

    async def stop(self) -> None:
        """Leave a chunk that is not written by now to whoever goes on."""
        await stopped([self._writing] if self._writing is not None else [])

    async def _write(self, chunk: Chunk, bytes_read: int, foresight: Foresight | None) -> None:
        terms = self._importer.terms(self.batch)
        async with self._database.transaction() as connection:
            if self._database.is_postgresql:
                await connection.execute(_AT_LEISURE)
            number = await take_turn(connection, terms.merchant_account)
            if foresight is not None and foreseeing.holds(foresight, number, self._turn):
                came_of, as_foreseen = await foreseeing.write(connection, terms, foresight), True
            else:
                came_of, as_foreseen = await telling.tell(connection, terms, chunk.lines), False
            if chunk.broken:
                broken = [{"batch_id": terms.batch_id, **msgspec.structs.asdict(row)} for row in chunk.broken]
                await connection.execute(insert(broken_rows), broken)
            batch = _advanced(self.batch, chunk, came_of, bytes_read)
            await batches.advance(connection, self.batch, batch, LEASE_S)
        self.batch, self._turn = batch, Turn(number=number, as_foreseen=as_foreseen)
        began, self._ended_at = self._ended_at, time.monotonic()
        _count(chunk, came_of, self._ended_at - began)
        self._importer.told(batch)


async def _next(source: AsyncIterator[T]) -> T | None:
    return await anext(source, None)


async def _ahead(source: AsyncGenerator[T, None]) -> AsyncGenerator[T, None]:
    """Have the next one made while the present one is worked at: the database writes while rows are read."""
    following = asyncio.create_task(_next(source))
    try:
        while (one := await following) is not None:
            following = asyncio.create_task(_next(source))
            yield one
    finally:
        await stopped([following])
        await source.aclose()


async def tell_of(connection: AsyncConnection, batch: Batch, type_: str, shell: Shell) -> None:
    """Write the event that shows *batch* as it is in this transaction."""
    row = await batches.read(connection, batch.id)
    data = msgspec.json.encode(batch_body(row))
    event = event_row(type_, batch.id, data, livemode=batch.livemode, at=shell.clock())
    await connection.execute(insert(events), event)


async def _file(database: Database, batch_id: str) -> AsyncIterator[tuple[bytes, bool]]:
    """Give a file's pieces in their order, and with each whether it is the last."""
    number, piece = 0, await batches.piece(database, batch_id, 0)
    while piece is not None:
        number += 1
        following = await batches.piece(database, batch_id, number)
        yield zlib.decompress(piece), following is None
        piece = following


def _advanced(batch: Batch, chunk: Chunk, came_of: telling.CameOf, bytes_read: int) -> Batch:
    totals = {currency: replace(total) for currency, total in batch.totals.items()}
    merge(totals, chunk.totals)
    return replace(
        batch,
        bytes_read=bytes_read,
        rows_read=batch.rows_read + chunk.rows,
        lines_added=batch.lines_added + came_of.added,
        lines_known=batch.lines_known + came_of.known,
        lines_restated=batch.lines_restated + came_of.restated,
        rows_broken=batch.rows_broken + len(chunk.broken),
        rows_skipped=batch.rows_skipped + chunk.skipped,
        lines_matched=batch.lines_matched + came_of.settled.matched,
        lines_excepted=batch.lines_excepted + came_of.settled.excepted,
        totals=totals,
    )


async def _came_of(connection: AsyncConnection, batch_id: str) -> tuple[int, int]:
    """Count a batch's lines that are matched, and those in exceptions."""
    columns = settlement_lines.c
    counted = select(columns.status, func.count()).where(columns.batch_id == batch_id).group_by(columns.status)
    found = {status: int(count) for status, count in await connection.execute(counted)}
    return found.get("matched", 0), found.get("exception", 0)


def _count(chunk: Chunk, came_of: telling.CameOf, seconds: float) -> None:
    counts = {
        "added": came_of.added,
        "known": came_of.known,
        "restated": came_of.restated,
        "broken": len(chunk.broken),
        "skipped": chunk.skipped,
    }
    for status, count in counts.items():
        metrics.SETTLEMENT_LINES.labels(status).inc(count)
    metrics.MASKED.inc(chunk.masked)
    metrics.SETTLEMENT_ROWS_PER_SECOND.set(chunk.rows / max(seconds, 1e-6))
