"""What `hub routes check|apply|diff` do: a ruleset as a TOML file under review, against what is in the database."""

import getpass
import tomllib
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import click
import msgspec
from msgspec import Struct
from rich.console import Console
from rich.table import Table
from rich.text import Text

from hub.database import Database, open_database
from hub.decoding import decode
from hub.errors import FieldError, ProblemError
from hub.merchants.service import CHANNEL
from hub.redis import SharedMemory
from hub.rulesets import reading, service, store
from hub.rulesets.service import Author
from hub.serving import CannotServeError, checked_settings, run_async
from routing.differences import Difference, differences
from routing.rollout import WHOLE
from routing.rules import OTHERWISE, RuleSet

SAME: Final = 0
DIFFERENT: Final = 1
_TOO_DEEP: Final = "is nested too deep to be a ruleset; write conditions side by side in `all` and `any`"
_DECODER: Final = msgspec.json.Decoder(RuleSet)


class Activation(Struct, frozen=True, kw_only=True):
    """For how much of the payments, and from when on, what is written is to decide; *wanted* False: not at all."""

    wanted: bool = False
    percent: int = WHOLE
    starts_at: datetime | None = None
    reason: str | None = None


def check(path: Path, *, livemode: bool) -> int:
    """Say what is wrong with the file and what to look at; 1 where it cannot be used."""
    written = _parsed(path)

    async def work(database: Database, _: SharedMemory) -> int:
        ruleset = await _read(database, written, livemode=livemode)
        found = await service.look_through(database, ruleset, livemode=livemode)
        _tell([FieldError(one.place, one.message) for one in found.problems], "error")
        _tell([FieldError(one.place, one.message) for one in found.warnings], "warning")
        if not found.problems:
            click.echo(f"{path}: {len(ruleset.rules)} rules, which can be used; {len(found.warnings)} warnings")
        return DIFFERENT if found.problems else SAME

    return _with_database(work)


def diff(path: Path, *, livemode: bool) -> int:
    """Show what the file says otherwise than the ruleset that is active; 1 where it does."""
    written = _parsed(path)

    async def work(database: Database, _: SharedMemory) -> int:
        ruleset = await _read(database, written, livemode=livemode)
        async with database.reading() as connection:
            base = (await service.standing_now(database, connection, livemode=livemode)).base
            stored = await store.documents(connection, [base.ruleset]) if base else {}
            names = {one.id: one.name for one in await service.accounts_of(connection, livemode=livemode)}
        active = reading.read(stored[base.ruleset][1], id=base.ruleset) if base else None
        against = f"{active.name!r} version {stored[base.ruleset][0]}" if base and active else "nothing: none is active"
        found = differences(active, ruleset)
        click.echo(f"{path} against {against}: {f'{len(found)} differences' if found else 'the same'}")
        if found:
            Console().print(_table(found, names))
        return DIFFERENT if found else SAME

    return _with_database(work)


def apply(path: Path, activation: Activation, *, livemode: bool) -> int:
    """Store the file as its name's next version, unless the last one says the same; and activate it, where wanted."""
    written = _parsed(path)

    async def work(database: Database, shared: SharedMemory) -> int:
        ruleset = await _read(database, written, livemode=livemode)
        details = {"command": "hub routes apply", "user": _user()}
        author = Author(caller=None, livemode=livemode, reason=activation.reason, details=details)
        ruleset_id = await _standing_version(database, ruleset, livemode=livemode)
        if ruleset_id is None:
            stored = await service.write(database, ruleset, author)
            ruleset_id = str(stored.row["id"])
            _tell([FieldError(one.place, one.message) for one in stored.review.warnings], "warning")
            click.echo(f"{ruleset_id}: {ruleset.name!r} version {stored.row['version']} is written")
        else:
            click.echo(f"{ruleset_id}: the last version of {ruleset.name!r} says the same")
        if activation.wanted:
            percent, starts_at = activation.percent, activation.starts_at
            await service.activate(database, author, ruleset_id, percent=percent, starts_at=starts_at)
            await shared.publish(CHANNEL, "changed")
            since = f"from {activation.starts_at:%Y-%m-%d %H:%M:%S} UTC on" if activation.starts_at else "from now on"
            click.echo(f"{ruleset_id} decides {activation.percent}% of the payments {since}")
        return SAME

    return _with_database(work)


async def _standing_version(database: Database, ruleset: RuleSet, *, livemode: bool) -> str | None:
    """Find the last version of the ruleset's name, if it says the same."""
    async with database.reading() as connection:
        last = await store.last_version(connection, livemode=livemode, name=ruleset.name)
    if last is None:
        return None
    with suppress(ProblemError):  # What cannot be read says something else.
        return last["id"] if reading.read(last["document"], id=last["id"]) == ruleset else None
    return None


def _parsed(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as wrong:
        raise CannotServeError(f"{path} is no TOML: {wrong}") from wrong
    except RecursionError as wrong:
        raise CannotServeError(f"{path} {_TOO_DEEP}") from wrong


async def _read(database: Database, written: dict[str, Any], *, livemode: bool) -> RuleSet:
    """Read a file as strictly as a request is, accounts by id or by name."""
    async with database.reading() as connection:
        ids = {one.name: one.id for one in await service.accounts_of(connection, livemode=livemode)}
    for use in _uses(written):
        if isinstance(named := use.get("accounts"), list):
            use["accounts"] = [ids.get(name, name) if isinstance(name, str) else name for name in named]
    try:
        return decode(msgspec.json.encode(written), _DECODER)
    except RecursionError as wrong:
        raise CannotServeError(f"the file {_TOO_DEEP}") from wrong


def _uses(written: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    rules = written.get("rules")
    uses = [rule.get("use") for rule in rules if isinstance(rule, dict)] if isinstance(rules, list) else []
    return [use for use in (*uses, written.get(OTHERWISE)) if isinstance(use, dict)]


def _with_database(work: Callable[[Database, SharedMemory], Coroutine[Any, Any, int]]) -> int:
    """Do *work*, which may tell running processes of a change; what the API would refuse is told with its places."""
    settings = checked_settings()

    async def run() -> int:
        database = await open_database(settings.database_url)
        shared = SharedMemory(settings.redis_url)
        try:
            return await work(database, shared)
        except ProblemError as wrong:
            click.echo(wrong.detail, err=True)
            _tell(wrong.errors or (), "error")
            return DIFFERENT
        finally:
            await shared.close()
            await database.close()

    return run_async(run())


def _tell(found: Sequence[FieldError], kind: str) -> None:
    for one in found:
        click.echo(f"{kind}: {one.field}: {one.message}", err=True)


def _table(found: Sequence[Difference], names: Mapping[str, str]) -> Table:
    table = Table("rule", "", "before", "after")
    for one in found:
        what = f"{one.kind}: {one.part}" if one.part else str(one.kind)
        table.add_row(Text(one.name), what, _named(one.before, names), _named(one.after, names))
    return table


def _named(text: str | None, names: Mapping[str, str]) -> Text:
    """Show accounts by name: that is how people know them."""
    for account_id, name in names.items():
        text = text and text.replace(f'"{account_id}"', f'"{name}"')
    return Text(text or "")


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # A user without a name, as in containers.
        return "unknown"
