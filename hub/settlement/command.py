"""What `hub settle` does: a report taken in and imported here, with a progress bar; what came of it as a table."""

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import IO, Any, Final

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from hub.app import Parts, assembled
from hub.collecting import leave_alone_what_stays
from hub.merchants.service import Connected
from hub.serving import CannotServeError, checked_settings, configure_logs, run_async, stop_on_signals
from hub.settlement import batches
from hub.settlement.batches import Batch
from hub.settlement.bodies import unpacked
from hub.settlement.jobs import import_next
from hub.settlement.showing import BatchBody, batch_body
from hub.settlement.uploads import PIECE_BYTES, Taken, TooLargeError, Wanted, take
from normalization.money import in_whole_units
from normalization.settlements import NotAReportError

DONE: Final = 0
NOT_DONE: Final = 1
BY: Final = "hub settle"
LOOK_AGAIN_S: Final = 0.5
_GZIP: Final = b"\x1f\x8b"
_COLUMNS: Final = (
    TextColumn("{task.description}"),
    BarColumn(),
    TaskProgressColumn(),
    TimeRemainingColumn(),
    TextColumn("{task.fields[rows]:,} rows"),
)


def run(path: str, account: str, *, as_json: bool) -> int:
    """Import the report in *path*, or on standard input where that is `-`, and say what came of it.

    Raises:
        CannotServeError: where the account is not known, the file is no report of it, and when it was stopped.
    """
    configure_logs(level=logging.WARNING)  # What is printed is all that a terminal needs.
    settings = checked_settings()

    async def work() -> tuple[bool, BatchBody]:
        async with assembled(settings) as parts:
            connected = _account(parts, account)
            leave_alone_what_stays()
            with click.open_file(path, "rb") as file:
                taken = await _take(parts, connected, file)
            return taken.known, await _import(parts, taken, Path(path).name)

    try:
        known, body = run_async(work())
    except (NotAReportError, TooLargeError) as refused:
        raise CannotServeError(f"{path}: {refused}") from refused
    except OSError as failure:
        raise CannotServeError(f"{path}: cannot be read: {failure.strerror}") from failure
    _tell(body, known=known, as_json=as_json)
    return DONE if body.status == batches.DONE else NOT_DONE


def _account(parts: Parts, named: str) -> Connected:
    """Find an account by its id or its name.

    Raises:
        CannotServeError: where there is none, or two have the name.
    """
    found = [one for one in parts.directory.accounts().values() if named in {one.account.id, one.account.name}]
    if len(found) == 1:
        return found[0]
    if found:
        ids = ", ".join(sorted(one.account.id for one in found))
        raise CannotServeError(f"{len(found)} merchant accounts are called {named}; give one's id: {ids}")
    raise CannotServeError(f"there is no merchant account {named}, or it cannot be connected; `hub doctor` says more")


async def _take(parts: Parts, connected: Connected, file: IO[Any]) -> Taken:
    wanted = Wanted(connected=connected, source="upload", by=BY)
    try:
        return await take(parts.shell, wanted, _content(file))
    except ValueError as wrong:
        raise CannotServeError(f"the gzip {wrong}") from wrong


async def _content(file: IO[Any]) -> AsyncIterator[bytes]:
    """Read a file a piece at a time, unpacked where it begins as gzip does."""
    first = await asyncio.to_thread(file.read, PIECE_BYTES)

    async def pieces() -> AsyncIterator[bytes]:
        piece = first
        while piece:
            yield piece
            piece = await asyncio.to_thread(file.read, PIECE_BYTES)

    async for piece in unpacked(pieces()) if first.startswith(_GZIP) else pieces():
        yield piece


async def _import(parts: Parts, taken: Taken, name: str) -> BatchBody:
    """Import the batch here, or look on while a worker does."""
    batch, errors = taken.row["id"], Console(stderr=True)
    stop = stop_on_signals()
    with Progress(*_COLUMNS, console=errors, disable=not errors.is_terminal) as bar:
        task = bar.add_task(name, total=taken.row["bytes_total"] or None, rows=taken.row["rows_read"])

        def told(at: Batch) -> None:
            bar.update(task, completed=at.bytes_read, total=at.bytes_total, rows=at.rows_read)

        while True:
            row = await batches.find(parts.database, livemode=bool(taken.row["livemode"]), batch_id=batch)
            if row is None or row["due_at"] is None:
                return batch_body(row or taken.row)
            told(batches.to_batch(row))
            if stop.is_set():
                told_where = f"a worker goes on with it, and GET /v1/settlements/{batch} shows it"
                raise CannotServeError(f"stopped; {told_where}")
            if not await import_next(parts.shell, stop, only=batch, told=told):
                await asyncio.sleep(LOOK_AGAIN_S)  # A worker has it, or reports before it.


def _tell(body: BatchBody, *, known: bool, as_json: bool) -> None:
    if as_json:
        click.echo(msgspec.json.encode(body))
        return
    console = Console()
    table = Table("lines", "", title=f"{body.id}: {body.status}", title_justify="left")
    for count, meaning in (
        (body.counts.added, "new"),
        (body.counts.known, "told before, alike or by a later report"),
        (body.counts.restated, "told otherwise than before, each with an exception"),
        (body.counts.broken, "rows that could not be read"),
        (body.counts.skipped, "rows that tell of no money"),
        (body.counts.matched, "of the new ones matched with what was expected"),
        (body.counts.excepted, "of the new ones in exceptions"),
    ):
        table.add_row(f"{count:,}", meaning)
    if known:
        told = "This file was handed in before, and became what follows. Nothing was done now."
        console.print(told, highlight=False, soft_wrap=True)
    console.print(table)
    if body.counts.known and not body.counts.added and not body.counts.restated:
        told = "All of it was told before: what it was matched with stands at the reports that told it."
        console.print(told, highlight=False, soft_wrap=True)
    if body.totals:
        console.print(_totals(body))
    if body.error:
        console.print(f"It was not imported: {body.error}", highlight=False, soft_wrap=True)


def _totals(body: BatchBody) -> Table:
    table = Table("currency", title="What its lines add up to, in whole units", title_justify="left")
    for name in ("gross", "fee", "net", "paid out"):
        table.add_column(name, justify="right", no_wrap=True)
    for currency, total in sorted(body.totals.items()):
        shown = (in_whole_units(minor, currency) for minor in (total.gross, total.fee, total.net))
        paid_out = in_whole_units(total.payout, currency) if total.payout else "-"  # Many reports have no line of it.
        table.add_row(currency, *shown, paid_out)
    return table
