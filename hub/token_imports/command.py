"""What `hub tokens import` does: the file, a progress bar, a summary, and the exit code."""

from pathlib import Path
from typing import Final

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.table import Table

from hub.app import assembled, utc_now
from hub.serving import CannotServeError, checked_settings, run_async
from hub.settings import Settings
from hub.token_imports.lines import UnreadableFileError, form_of
from hub.token_imports.service import BusyError, Importer, Wanted, default_places
from hub.token_imports.store import Progress

DONE: Final = 0
SOME_REJECTED: Final = 1


def run(path: Path, *, livemode: bool, given: str | None, afresh: bool, as_json: bool) -> int:
    """Import *path* and say what became of it; 1 when a line was refused.

    Raises:
        CannotServeError: when the database cannot be used, the file is not ours to read, or is being imported.
    """
    settings = checked_settings()
    results, rejects = default_places(path)
    started_at = utc_now()
    try:
        form = form_of(path, given)
        wanted = Wanted(path=path, form=form, livemode=livemode, results=results, rejects=rejects, afresh=afresh)
        done = run_async(_import(settings, wanted))
    except (UnreadableFileError, BusyError) as failure:
        raise CannotServeError(str(failure)) from failure
    except KeyboardInterrupt:
        raise CannotServeError("stopped; the same command goes on where it was") from None
    _tell(done, wanted, as_json=as_json, is_old=done.finished_at is not None and done.finished_at < started_at)
    return SOME_REJECTED if done.rejected else DONE


async def _import(settings: Settings, wanted: Wanted) -> Progress:
    errors = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[lines]} lines, {task.fields[rejected]} refused"),
    )
    async with assembled(settings) as parts:
        importer = Importer(
            database=parts.database,
            processors=frozenset(parts.registrations),
            accounts={
                id_: connected.account.processor
                for id_, connected in parts.directory.accounts().items()
                if connected.account.livemode == wanted.livemode
            },
            clock=utc_now,
        )
        with Bar(*columns, console=errors, disable=not errors.is_terminal) as bar:
            total = wanted.path.stat().st_size
            task = bar.add_task(wanted.path.name, total=total, lines=0, rejected=0)

            def tell(progress: Progress) -> None:
                bar.update(task, completed=progress.position, lines=progress.lines, rejected=progress.rejected)

            return await importer.run(wanted, tell)


def _tell(done: Progress, wanted: Wanted, *, as_json: bool, is_old: bool) -> None:
    counts = {"created": done.created, "joined": done.joined, "known": done.known, "rejected": done.rejected}
    if as_json:
        places = {"results": str(wanted.results), "rejects": str(wanted.rejects)}
        click.echo(msgspec.json.encode({"import": done.id, "lines": done.lines, **counts, **places}))
        return
    table = Table("lines", "are", title=wanted.path.name, title_justify="left")
    for name, meaning in (
        ("created", "a new payment method"),
        ("joined", "one more token behind a payment method of the same key"),
        ("known", "tokens that were kept before; nothing changed"),
        ("rejected", "refused"),
    ):
        table.add_row(f"{counts[name]:,}", meaning)
    console = Console()
    if is_old:
        told = "This file was imported whole before, as follows. Nothing was done now; --afresh looks at it again."
        console.print(told, highlight=False, soft_wrap=True)
    console.print(table)
    console.print(f"What each line became: {wanted.results}", highlight=False, soft_wrap=True)
    if done.rejected:
        told = f"Refused lines, by number and field: {wanted.rejects}. Correct them and import the file again."
        console.print(told, highlight=False, soft_wrap=True)
