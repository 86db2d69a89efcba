"""What `hub outstanding` does: what processors still owe, by the day on which it is due."""

import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime

import msgspec
from msgspec import Struct
from rich.console import Console
from rich.table import Table

from hub.database import Database
from hub.merchants.named import account_named, livemode_of, read_here
from hub.reporting.table import here
from hub.settlement.owing import Due, Wanted, owed_by_day
from normalization.money import in_whole_units


class Asked(Struct, frozen=True, kw_only=True):
    """What `hub outstanding` was asked for; `mode` None: the one that has merchant accounts."""

    missing: bool = False
    account: str | None = None
    currency: str | None = None
    due_before: date | None = None
    mode: str | None = None
    as_json: bool = False


class Owed(Struct, frozen=True, kw_only=True):
    """What is owed as it stands `today`, in UTC, oldest first; amounts in minor units."""

    livemode: bool
    today: date
    days: list[Due]


def owed_here(asked: Asked) -> int:
    """Print what processors still owe; gives the command's exit code.

    Raises:
        CannotServeError: for an account that is not there, and where both modes have accounts and none is named.
    """
    owed, names = read_here(lambda database: _owed(database, asked))
    if asked.as_json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(owed), indent=2).decode() + "\n")
    else:
        print_owed(here(), owed, names)
    return 0


def print_owed(console: Console, owed: Owed, names: Mapping[str, str]) -> None:
    """Print what is owed; *names* of merchant accounts by their id."""
    mode = "live" if owed.livemode else "test"
    if not owed.days:
        console.print(f"{mode} mode: nothing that was asked for is outstanding.", highlight=False)
        return
    console.print(f"{mode} mode, what processors still owe, in whole units", highlight=False, style="italic")
    table = Table()
    for name in ("due", "account", "currency"):
        table.add_column(name, overflow="fold", min_width=8)
    for name in ("settlements", "outstanding"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for one in owed.days:
        account = names.get(one.merchant_account, one.merchant_account)
        table.add_row(f"{one.due_on}", account, one.currency, *_figures([one]), _standing(one, owed.today))
    table.add_section()
    for currency, days in _by_currency(owed.days).items():
        table.add_row("all", "", currency, *_figures(days), style="bold")
    console.print(table)


async def _owed(database: Database, asked: Asked) -> Owed:
    named = await account_named(database, asked.account) if asked.account is not None else None
    wanted = Wanted(
        livemode=await livemode_of(database, named, asked.mode),
        missing=asked.missing,
        merchant_account=None if named is None else named["id"],
        currency=asked.currency,
        due_before=asked.due_before,
    )
    async with database.reading() as connection:
        days = await owed_by_day(connection, wanted)
    return Owed(livemode=wanted.livemode, today=datetime.now(UTC).date(), days=days)


def _by_currency(days: Sequence[Due]) -> Mapping[str, list[Due]]:
    found: dict[str, list[Due]] = defaultdict(list)
    for one in days:
        found[one.currency].append(one)
    return dict(sorted(found.items()))


def _figures(days: Sequence[Due]) -> tuple[str, str]:
    lines, minor = sum(one.lines for one in days), sum(one.outstanding_minor for one in days)
    return f"{lines:,}", in_whole_units(minor, days[0].currency)


def _standing(one: Due, today: date) -> str:
    """Say whether it is late: as long as nobody has missed it, the account's working days of grace may go on."""
    if one.missing:
        return f"{one.missing:,} missing"
    return "overdue" if one.due_on < today else ""
