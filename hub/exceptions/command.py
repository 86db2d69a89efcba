"""What `hub exceptions` does: what waits for a human, what is due first first."""

import heapq
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.database import Database
from hub.exceptions import lists
from hub.exceptions.lists import Filter
from hub.exceptions.opening import OPEN
from hub.exceptions.showing import ExceptionShown, exception_body, shown_at
from hub.exceptions.types import TYPES
from hub.merchants.named import account_named, livemode_of, read_here
from hub.reporting.table import here
from hub.serving import CannotServeError
from normalization.money import written

AT_ONCE: Final = 500
_COLUMNS: Final = ("severity", "type", "account", "amount", "due", "id")
_FRAME: Final = 3
"""What a column takes besides its cells: a blank on either side and a line."""
_ACCOUNT_MIN: Final = 8


class Asked(Struct, frozen=True, kw_only=True):
    """What `hub exceptions` was asked for: the API's filters, by their names there, and how many to print at most."""

    filters: Mapping[str, Any]
    account: str | None = None
    overdue: bool = False
    mode: str | None = None
    limit: int = 100
    as_json: bool = False


class Found(Struct, frozen=True, kw_only=True):
    """The exceptions that are due first, how many there are with all the others, and how many are `open` at all."""

    livemode: bool
    data: list[ExceptionShown]
    found: int
    open: int


def list_here(asked: Asked) -> int:
    """Print the exceptions that were asked for; gives the command's exit code.

    Raises:
        CannotServeError: for an account or a type that is not there, and where both modes have accounts and none is
            named.
    """
    _check_type(asked.filters.get("type"))
    found, names = read_here(lambda database: _found(database, asked, datetime.now(UTC)))
    if asked.as_json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(found), indent=2).decode() + "\n")
    else:
        print_exceptions(here(), found, names)
    return 0


def print_exceptions(console: Console, found: Found, names: Mapping[str, str]) -> None:
    """Print exceptions: a line each where there is room, else two; *names* of merchant accounts by their id."""
    mode = "live" if found.livemode else "test"
    if not found.data:
        told = f"none of the {found.open:,} that are open is as asked for" if found.open else "no exception is open"
        console.print(f"{mode} mode: {told}.", highlight=False)
        return
    console.print(f"{mode} mode, what is due first first; due in UTC", highlight=False, style="italic")
    lines = [_cells(one, names) for one in found.data]
    wide = sum(max(map(cell_len, column)) + _FRAME for column in zip(_COLUMNS, *lines, strict=True)) + 1
    console.print(_table(_COLUMNS, lines) if wide <= console.width else _stacked(lines))
    if found.found > len(found.data):
        console.print(f"{found.found - len(found.data):,} more; --limit shows them.", highlight=False)


def _check_type(type_: str | None) -> None:
    if type_ is not None and type_ not in TYPES:
        raise CannotServeError(f"--type: there is no type {type_}; docs/exceptions.md lists them")


async def _found(database: Database, asked: Asked, now: datetime) -> Found:
    named = await account_named(database, asked.account) if asked.account is not None else None
    wanted = Filter(
        livemode=await livemode_of(database, named, asked.mode),
        merchant_account=None if named is None else named["id"],
        overdue_at=now if asked.overdue else None,
        **asked.filters,
    )
    async with database.reading() as connection:
        first, many = await _due_first(connection, wanted, asked.limit, now)
        counts = await lists.open_counts(connection, now)
    in_all = sum(one.open for one in counts if one.livemode == wanted.livemode)
    return Found(livemode=wanted.livemode, data=first, found=many, open=in_all)


async def _due_first(
    connection: AsyncConnection, wanted: Filter, most: int, now: datetime
) -> tuple[list[ExceptionShown], int]:
    """Read all, and keep the *most* that are due first."""
    first: list[ExceptionShown] = []
    many, before = 0, None
    while rows := await lists.exceptions_before(connection, replace(wanted, before=before), AT_ONCE):
        many, before = many + len(rows), rows[-1]["id"]
        first += [shown_at(exception_body(row), now) for row in rows]
        first = heapq.nsmallest(most, first, key=lambda one: (one.status != OPEN, one.due_at, one.id))
    return first, many


def _cells(one: ExceptionShown, names: Mapping[str, str]) -> tuple[str, ...]:
    return (
        f"{one.severity} overdue" if one.overdue else one.severity,
        one.type,
        names.get(one.merchant_account, one.merchant_account),
        written(one.amount, one.currency) if one.currency else "",
        f"{one.due_at:%Y-%m-%d %H:%M}" if one.status == OPEN else one.status,
        one.id,
    )


def _table(heads: Sequence[str], lines: Sequence[Sequence[str]]) -> Table:
    table = Table()
    for head in heads:
        table.add_column(head, justify="right" if head == "amount" else "left", no_wrap=True)
    for line in lines:
        table.add_row(*line)
    return table


def _stacked(lines: Sequence[Sequence[str]]) -> Table:
    """Put each on two lines of three cells: what it is and its id over each other, for 80 columns."""
    table = Table(show_lines=True)
    table.add_column("severity\ndue", overflow="fold")
    table.add_column("type\nid", overflow="fold")
    table.add_column("account\namount", overflow="fold", min_width=_ACCOUNT_MIN)
    for severity, type_, account, amount, due, id_ in lines:
        table.add_row(f"{severity}\n{due}", f"{type_}\n{id_}", f"{account}\n{amount}")
    return table
