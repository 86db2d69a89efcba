"""What `hub keys rotate` does."""

import sys
from collections import Counter

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from hub.database import open_database
from hub.key_rotation.columns import Sealed
from hub.key_rotation.service import Rotation, Values, census, left, rotate
from hub.sealing import Sealer
from hub.serving import checked_settings, run_async
from hub.settings import Settings


def run(*, as_json: bool) -> int:
    """Wrap everything with the first key, say what is left, and give the command's exit code: 1 where anything is.

    Raises:
        CannotServeError: for settings that cannot be used, and a database that does not answer or is not migrated.
    """
    settings = checked_settings()
    done, found = run_async(_rotate(settings))
    sealer = Sealer(settings.keys)
    rest = left(found, sealer)
    if as_json:
        told = {"active": sealer.key_ids[0], "rewrapped": done.rewrapped, "left": rest, "failures": done.failures}
        sys.stdout.write(msgspec.json.encode(told).decode() + "\n")
    else:
        _tell(done, rest, sealer)
    return 1 if rest else 0


async def _rotate(settings: Settings) -> tuple[Rotation, list[Values]]:
    database, sealer, errors = await open_database(settings.database_url), Sealer(settings.keys), Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    try:
        totals = Counter[str]()
        for one in left(await census(database, sealer), sealer):
            totals[one.column] += one.values
        with Progress(*columns, console=errors, disable=not errors.is_terminal) as bar:
            tasks = {name: bar.add_task(name, total=total) for name, total in totals.items()}

            def told(sealed: Sealed, values: int) -> None:
                if str(sealed) in tasks:
                    bar.advance(tasks[str(sealed)], values)

            done = await rotate(database, sealer, told)
        return done, await census(database, sealer)
    finally:
        await database.close()


def _tell(done: Rotation, rest: list[Values], sealer: Sealer) -> None:
    console, active = Console(width=None if sys.stdout.isatty() else 160), sealer.key_ids[0]
    console.print(f"{done.rewrapped:,} values are wrapped with the key {active} now.", highlight=False)
    for failure in done.failures:
        console.print(failure, highlight=False, markup=False)
    if not rest:
        console.print(f"Nothing is left: every value is wrapped with {active}.", highlight=False)
        return
    table = Table("column", "key", "values left", title="Still wrapped with another key", title_justify="left")
    for one in rest:
        table.add_row(one.column, one.key_id or "(no sealed value)", f"{one.values:,}")
    console.print(table)
    missing = sorted({one.key_id for one in rest if one.key_id not in sealer.key_ids})
    if missing:
        console.print("Put the keys that are missing back into HUB_KEYS, and run this again.", highlight=False)
    elif not done.failures:
        console.print("It was written meanwhile: run this again.", highlight=False)
