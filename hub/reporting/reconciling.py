"""Reading a reconciliation: what was added up once, what is still open, payouts and exceptions."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, Final

from msgspec import Struct
from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Text,
    TextClause,
    case,
    cast,
    func,
    literal_column,
    null,
    select,
    text,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.banking.payouts import payouts
from hub.database import Database
from hub.ledger.chart import receivable
from hub.ledger.places import utc_day
from hub.ledger.store import Wanted as WantedBalances
from hub.ledger.store import totals
from hub.merchants.tables import merchant_accounts
from hub.payments.tables import payments
from hub.reporting.facts import Part, figures_of
from hub.reporting.grouping import Cell, Facts, GroupBy, Row, Told, rows_of
from hub.reporting.rolling import PLAN_BY_VALUES, Roll, last_roll
from hub.reporting.rules import NAMES, NOTHING, Figures, Key, figures, unlike_the_ledger
from hub.reporting.tables import report_days
from hub.rulesets.tables import rulesets
from hub.settlement.tables import exceptions, settlement_lines

_RETURNED: Final = literal_column(
    "type = 'payout_reversal' AND type IN ('payout', 'payout_reversal') AND status <> 'superseded'", Boolean
)
"""In the words of the index too, which is used for the same words only."""
_OPEN: Final = literal_column("exceptions.status = 'open'", Boolean)
LAST_DAY: Final = date(9998, 12, 31)


CELLS_MAX: Final = 25_000
"""Rows that one report is made of at most: more take longer to write than anybody waits."""


class TooManyRowsError(Exception):
    """The days and ways that were asked for make more than `CELLS_MAX` rows."""


class Wanted(Struct, frozen=True, kw_only=True):
    """Which reconciliation is meant; both days count. `merchant_accounts` None: all."""

    livemode: bool
    first: date
    last: date
    ways: tuple[GroupBy, ...] = ("merchant_account",)
    merchant_accounts: frozenset[str] | None = None
    currency: str | None = None
    from_start: bool = False  # Leave what was added up once aside, and read every fact.


async def reconcile(database: Database, wanted: Wanted) -> list[Row]:
    """Make the rows of a report, one for each group and currency in which anything happened or is outstanding.

    Raises:
        TooManyRowsError: when there would be too many.
    """
    async with database.reading() as connection:
        if database.is_postgresql:
            await connection.execute(PLAN_BY_VALUES)
        roll = Roll() if wanted.from_start else await last_roll(connection)
        cells = await _rolled(connection, wanted, roll)
        part = Part(after=roll.position, events_after=roll.events_position, livemode=wanted.livemode, until=wanted.last)
        for key, counted in (await figures_of(database, connection, part)).items():
            if _is_wanted(key, wanted):
                cell = _cell(key, wanted)
                cells[cell] = cells.get(cell, NOTHING) + counted
        facts = Facts(
            cells=cells,
            payouts=await _payouts(connection, wanted),
            exceptions=await _exceptions(connection, wanted),
            processors=await _processors(connection, wanted.livemode),
        )
    return await asyncio.to_thread(rows_of, facts, wanted.ways)


async def versions_of(database: Database, ids: Iterable[str | None]) -> Mapping[str, int]:
    """Read which version of its name each ruleset is."""
    named = sorted({id_ for id_ in ids if id_ is not None})
    if not named:
        return {}
    async with database.reading() as connection:
        asked = select(rulesets.c.id, rulesets.c.version).where(rulesets.c.id.in_(named))
        return {row.id: row.version for row in await connection.execute(asked)}


async def unbalanced(database: Database, *, livemode: bool) -> list[str]:
    """Hold what is outstanding by the figures against what the ledger says is owed now; a sentence for each difference.

    What is written between the two readings would differ too, so a difference counts that is found twice.
    """
    first = await _unbalanced_once(database, livemode=livemode)
    return [told for told in await _unbalanced_once(database, livemode=livemode) if told in first] if first else []


async def _unbalanced_once(database: Database, *, livemode: bool) -> list[str]:
    everything = Wanted(livemode=livemode, first=LAST_DAY, last=LAST_DAY)
    rows = await reconcile(database, everything)
    here = {(row.group.merchant_account or "", row.group.currency): row.outstanding for row in rows}
    prefix = receivable("")
    there = {
        (account.removeprefix(prefix), currency): sums.debits_minor - sums.credits_minor
        for (account, currency), sums in (await totals(database, WantedBalances(livemode=livemode))).items()
        if account.startswith(prefix)
    }
    return [*unlike_the_ledger(here, there)]


def _is_wanted(key: Key | Told, wanted: Wanted) -> bool:
    seen = wanted.merchant_accounts is None or key.merchant_account in wanted.merchant_accounts
    return seen and wanted.currency in {None, key.currency}


def _cell(key: Key, wanted: Wanted) -> Cell:
    by_ruleset = "ruleset" in wanted.ways
    return Cell(
        day=None if key.day < wanted.first else key.day if "day" in wanted.ways else wanted.last,
        merchant_account=key.merchant_account,
        currency=key.currency,
        ruleset=key.ruleset if by_ruleset else "",
        rule=key.rule if by_ruleset else "",
    )


async def _rolled(connection: AsyncConnection, wanted: Wanted, roll: Roll) -> dict[Cell, Figures]:
    """Read what was added up, up to *roll*."""
    table = report_days.c
    before = table.day < wanted.first
    days = [case((before, null()), else_=table.day)] if "day" in wanted.ways else []
    account = table.merchant_account if {"merchant_account", "processor"} & {*wanted.ways} else _empty()
    alike = [before, account, table.currency, *_by_ruleset(wanted, table.ruleset, table.rule), *days]
    narrow = [
        table.livemode == wanted.livemode, table.roll <= roll.number, table.day <= wanted.last,
        *_seen(wanted, table.merchant_account, table.currency),
    ]  # fmt: skip
    sums = (cast(func.sum(table[name]), BigInteger) for name in NAMES)
    summed = select(*alike, *sums).where(*narrow).group_by(*_numbered(alike)).limit(CELLS_MAX + 1)
    rows = (await connection.execute(summed)).all()
    if len(rows) > CELLS_MAX:
        raise TooManyRowsError
    found = {}
    for row in rows:
        day = None if row[0] else row[5] if days else wanted.last
        found[Cell(day, *row[1:5])] = figures(row[len(alike) :])
    return found


async def _payouts(connection: AsyncConnection, wanted: Wanted) -> list[Told]:
    """List what processors say they paid out, by the day that they say; what came back from the bank is taken off."""
    told = [
        Told(one.paid_on, one.merchant_account, one.currency, "", "", one.amount_minor, 1)
        for one in await payouts(connection, livemode=wanted.livemode)
    ]
    line, day = settlement_lines.c, utc_day(settlement_lines.c.booked_at)
    alike = [day, line.merchant_account, line.currency, _empty(), _empty()]
    returned = select(*alike, func.sum(line.net_minor), func.count()).where(_RETURNED, line.livemode == wanted.livemode)
    told += [_told(row) for row in (await connection.execute(returned.group_by(*_numbered(alike)))).all()]
    return [one for one in told if wanted.first <= one.day <= wanted.last and _is_wanted(one, wanted)]


async def _exceptions(connection: AsyncConnection, wanted: Wanted) -> list[Told]:
    """Add up the money at risk in exceptions that were opened in these days and are open still."""
    one, day = exceptions.c, utc_day(exceptions.c.created_at)
    of_payment = [func.coalesce(payments.c[name], "") for name in ("ruleset", "rule")]
    alike = [day, one.merchant_account, one.currency, *_by_ruleset(wanted, *of_payment)]
    narrow = [_OPEN, one.livemode == wanted.livemode, day.between(wanted.first, wanted.last)]
    narrow += _seen(wanted, one.merchant_account, one.currency)
    joined = exceptions.outerjoin(payments, payments.c.id == one.payment_id)
    summed = select(*alike, func.sum(one.amount_minor), func.count()).select_from(joined).where(*narrow)
    return [_told(row) for row in (await connection.execute(summed.group_by(*_numbered(alike)))).all()]


def _told(row: Sequence[Any]) -> Told:
    day, account, currency, ruleset, rule, minor, many = row
    return Told(day, account, currency, ruleset, rule, int(minor), many)


async def _processors(connection: AsyncConnection, livemode: bool) -> Mapping[str, str]:  # noqa: FBT001 - a column's value
    named = select(merchant_accounts.c.id, merchant_accounts.c.processor)
    rows = await connection.execute(named.where(merchant_accounts.c.livemode == livemode))
    return {row[0]: row[1] for row in rows}


def _by_ruleset(wanted: Wanted, *columns: ColumnElement[str]) -> Sequence[ColumnElement[str]]:
    return columns if "ruleset" in wanted.ways else [_empty() for _ in columns]


def _empty() -> ColumnElement[str]:
    return literal_column("''", Text)


def _numbered(alike: Sequence[object]) -> list[TextClause]:
    """Group by what is selected, by its place: the same expression twice need not be the same to the database."""
    return [text(str(n + 1)) for n in range(len(alike))]


def _seen(wanted: Wanted, account: ColumnElement[str], currency: ColumnElement[str]) -> Sequence[ColumnElement[bool]]:
    narrow: list[ColumnElement[bool]] = []
    if wanted.merchant_accounts is not None:
        narrow.append(account.in_(sorted(wanted.merchant_accounts)))
    if wanted.currency is not None:
        narrow.append(currency == wanted.currency)
    return narrow
