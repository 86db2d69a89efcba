"""Importing a file of tokens: batches of lines, each in one transaction with how far it came.

Two files are written beside the database: what each line became, and which lines were refused. They are on disk before
their batch is committed, and the commit says how long they are: whoever goes on after a kill cuts off what is beyond.
"""

import csv
import fcntl
import hashlib
import io
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Final

from msgspec import Struct
from msgspec.structs import replace

from hub.access.store import AUDIT, audit_row
from hub.database import Database
from hub.ids import new_id
from hub.token_imports import store
from hub.token_imports.columns import Line, Read
from hub.token_imports.lines import Form, read_header, read_lines
from hub.token_imports.rules import Batch, sort_out
from hub.token_imports.store import Progress

BATCH_LINES: Final = 1_000
_CHUNK_BYTES: Final = 1024 * 1024
_RESULTS: Final = ("line", "key", "payment_method", "customer", "outcome")
_REJECTS: Final = ("line", "field", "message")


class BusyError(Exception):
    """Another process is importing this file."""


class Wanted(Struct, frozen=True, kw_only=True):
    """What to import, and where to say what became of it; `afresh` begins at the first line again."""

    path: Path
    form: Form
    livemode: bool
    results: Path
    rejects: Path
    afresh: bool = False


class Importer(Struct, frozen=True, kw_only=True):
    """What an import needs; `accounts` are the mode's merchant accounts with their processor."""

    database: Database
    processors: frozenset[str]
    accounts: Mapping[str, str]
    clock: Callable[[], datetime]

    async def run(self, wanted: Wanted, tell: Callable[[Progress], None]) -> Progress:
        """Import what is left of the file, and *tell* after every batch how far it is.

        Raises:
            UnreadableFileError: for a file whose columns are not ours; nothing was imported.
            BusyError: while another process imports the file.
        """
        with ExitStack() as opened:
            file = opened.enter_context(wanted.path.open("rb"))
            columns, first = read_header(file, wanted.form)
            results, rejects = (
                opened.enter_context(_beside(wanted.results)),
                opened.enter_context(_beside(wanted.rejects)),
            )
            async with self.database.transaction() as connection:
                progress = await store.begin(
                    connection,
                    livemode=wanted.livemode,
                    file_hash=_hash(file),
                    at=self.clock(),
                    afresh=wanted.afresh,
                )
            progress = _lengths(progress, results, rejects)
            tell(progress)
            if progress.finished_at is not None:
                return progress
            number, position = (progress.lines + 1, progress.position) if progress.lines else (1 + bool(columns), first)
            for batch in _batches(read_lines(file, columns, number, position)):
                progress = await self._take(batch, progress, results, rejects)
                tell(progress)
            return await self._finish(progress)

    async def _take(self, reads: list[Read], before: Progress, results: BinaryIO, rejects: BinaryIO) -> Progress:
        lines = [read.said for read in reads if isinstance(read.said, Line)]
        at = self.clock()
        async with self.database.transaction() as connection:
            found = await store.locked(connection, before.id)
            if found.position != before.position:
                raise BusyError("another process imports this file")
            standing = await store.standing(
                connection, lines, livemode=before.livemode, processors=self.processors, accounts=self.accounts
            )
            batch = sort_out(reads, standing, new_id)
            await store.write(connection, batch, livemode=before.livemode, at=at)
            _write_down(batch, results, rejects)
            after = _after(before, reads, batch, results, rejects)
            await store.advance(connection, after)
            details = {"lines": [reads[0].number, after.lines], "tokens": len(batch.tokens)}
            audit = audit_row(None, "tokens.imported", after.id, details, livemode=after.livemode, at=at)
            await connection.execute(AUDIT, audit)
        return after

    async def _finish(self, progress: Progress) -> Progress:
        done = replace(progress, finished_at=self.clock())
        async with self.database.transaction() as connection:
            await store.advance(connection, done)
        return done


def default_places(path: Path) -> tuple[Path, Path]:
    """Name the two files beside *path*: what became of the lines, and the refused ones."""
    return path.with_name(f"{path.name}.imported.csv"), path.with_name(f"{path.name}.rejects.csv")


def _hash(file: BinaryIO) -> str:
    file.seek(0)
    digest = hashlib.sha256()
    while chunk := file.read(_CHUNK_BYTES):
        digest.update(chunk)
    return digest.hexdigest()


@contextmanager
def _beside(path: Path) -> Iterator[BinaryIO]:
    """Open a file to go on in, which nobody else does; the lock ends with the process, however that ends."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "r+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as taken:
            raise BusyError(f"another process writes {path}") from taken
        yield file


def _lengths(progress: Progress, results: BinaryIO, rejects: BinaryIO) -> Progress:
    """Cut off what was written and not committed; a file that was taken away begins again with what comes."""
    kept = []
    for file, bytes_, names in (
        (results, progress.results_bytes, _RESULTS),
        (rejects, progress.rejects_bytes, _REJECTS),
    ):
        size = file.seek(0, os.SEEK_END)
        if bytes_ == 0 or size < bytes_:
            file.truncate(0)
            file.seek(0)
            _write_rows(file, [names])
            file.flush()
        else:
            file.truncate(bytes_)
        kept.append(file.seek(0, os.SEEK_END))
    return replace(progress, results_bytes=kept[0], rejects_bytes=kept[1])


def _batches(reads: Iterator[Read]) -> Iterator[list[Read]]:
    while batch := list(islice(reads, BATCH_LINES)):
        yield batch


def _write_down(batch: Batch, results: BinaryIO, rejects: BinaryIO) -> None:
    _write_rows(results, ((p.number, p.key, p.payment_method, p.customer, p.outcome) for p in batch.placed))
    _write_rows(rejects, ((r.number, r.wrong.field, r.wrong.message) for r in batch.rejected))
    for file in (results, rejects):
        file.flush()
        os.fsync(file.fileno())


def _write_rows(file: BinaryIO, rows: Iterable[Iterable[object]]) -> None:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    file.write(text.getvalue().encode())


def _after(before: Progress, reads: list[Read], batch: Batch, results: BinaryIO, rejects: BinaryIO) -> Progress:
    outcomes = [placed.outcome for placed in batch.placed]
    return replace(
        before,
        lines=reads[-1].number,
        position=reads[-1].ends_at,
        results_bytes=results.tell(),
        rejects_bytes=rejects.tell(),
        created=before.created + outcomes.count("new"),
        joined=before.joined + outcomes.count("joined"),
        known=before.known + outcomes.count("known"),
        rejected=before.rejected + len(batch.rejected),
    )
