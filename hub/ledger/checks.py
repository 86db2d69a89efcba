"""Checking the books: what holds by construction is read back, and what must agree is compared."""

from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from datetime import date, datetime
from itertools import islice
from typing import Any, Final

import msgspec
import structlog
from msgspec import Struct
from sqlalchemy import ColumnElement, CompoundSelect, Table, case, exists, func, insert, or_, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.database import ConflictError, Database
from hub.ledger import chart, findings
from hub.ledger.closing import last_closing
from hub.ledger.findings import SHOWN_MAX, Group, Owed, Unexplained, mode
from hub.ledger.places import position, utc_day
from hub.ledger.summing import Day, Sums
from hub.ledger.tables import ledger_checks, ledger_closings, ledger_days, transfers
from hub.merchants.tables import merchant_accounts
from hub.payments.tables import operations, payments
from hub.settlement.tables import exceptions, expected_settlements, settlement_lines, settlement_matches
from normalization.money import written

CAUSES: Final[tuple[tuple[str, Table], ...]] = (
    ("payment", payments),
    ("operation", operations),
    ("line", settlement_lines),
    ("exception", exceptions),
)
"""What a transfer may name as its cause, and where that stands."""
_NAMED: Final = ("payment_id", "operation_id", "line_id", "exception_id", "approval_id", "bank_entry_id")
_EXAMPLES: Final = 3
_FEE: Final = "fee"
"""Expected of a processor's bill, and booked against nothing that it owes us."""
_MODES: Final = select(merchant_accounts.c.id, merchant_accounts.c.livemode)
_log = structlog.get_logger(__name__)


class Check(Struct, frozen=True):
    """What one day's check of the books found."""

    day: date
    findings: int


async def last_check(database: Database) -> Check | None:
    """Read what the last daily check found."""
    last = select(ledger_checks.c.day, ledger_checks.c.findings).order_by(ledger_checks.c.day.desc()).limit(1)
    async with database.reading() as connection:
        row = (await connection.execute(last)).one_or_none()
    return None if row is None else Check(*row)


async def check(database: Database, at: datetime) -> Check:
    """Check the books and write down what was found; of two who do it on one day the first is kept."""
    found = await verify(database)
    for told in found[:SHOWN_MAX]:
        _log.error("ledger_does_not_agree", finding=told)
    made = Check(at.date(), len(found))
    told_as = msgspec.json.encode(found[:SHOWN_MAX]).decode()
    try:
        async with database.transaction() as connection:
            row = {"day": made.day, "findings": made.findings, "told": told_as, "checked_at": at}
            await connection.execute(insert(ledger_checks), row)
    except ConflictError:
        pass
    return made


async def verify(database: Database) -> list[str]:
    """Find what is wrong with the books, a sentence each; nothing else is written meanwhile as far as it sees."""
    async with _at_one_instant(database) as connection:
        modes = {row.id: row.livemode for row in await connection.execute(_MODES)}
        groups = await _groups(database, connection)
        found = [
            *_some("names and codes", findings.misnamed(groups, modes)),
            *await _sums(connection, groups),
        ]
        for cause, table in CAUSES:
            found += _some(f"causes that are a {cause}", await _causes(connection, cause, table))
        found += _some("transfers without a cause", await _without_cause(connection))
        expected, resolved = await _expected(connection), await _resolved(connection)
        for gap in findings.unexplained(findings.owed(groups, modes), expected, resolved):
            found.append(await _told(connection, gap))
    return found


@asynccontextmanager
async def _at_one_instant(database: Database) -> AsyncIterator[AsyncConnection]:
    """Read one committed state with all that follows; SQLite's transactions do so by themselves."""
    async with database.reading() as connection:
        if database.is_postgresql:
            await connection.execution_options(isolation_level="REPEATABLE READ")
        yield connection


def _some(what: str, told: Iterable[str]) -> list[str]:
    rest = iter(told)
    shown = list(islice(rest, SHOWN_MAX))
    more = sum(1 for _ in rest)
    return [*shown, f"{more} more findings about {what}"] if more else shown


async def _groups(database: Database, connection: AsyncConnection) -> list[Group]:
    closed, table = await last_closing(connection), transfers.c
    counted = position(database) <= closed.position
    alike = (counted, table.livemode, utc_day(table.created_at), table.debit, table.credit, table.currency, table.code)
    whole = func.sum(table.amount_minor), func.count(), func.min(table.id)
    rows = await connection.execute(select(*alike, *whole).group_by(*alike))
    return [Group._make((bool(row[0]), *row[1:7], int(row[7]), *row[8:])) for row in rows]


async def _sums(connection: AsyncConnection, groups: list[Group]) -> list[str]:
    table = ledger_days.c
    alike = (table.livemode, table.day, table.account, table.currency, table.code)
    sums = func.sum(table.debits_minor), func.sum(table.credits_minor)
    rows = await connection.execute(select(*alike, *sums).group_by(*alike))
    days = {Day(*row[:5]): Sums(int(row[5]), int(row[6])) for row in rows}
    counted = await connection.scalar(select(func.coalesce(func.sum(ledger_closings.c.transfers), 0)))
    return _some("sums of days", findings.miscounted(groups, days, int(counted or 0)))


async def _causes(connection: AsyncConnection, cause: str, table: Table) -> Iterator[str]:
    """Tell of transfers whose cause is not there, or is of the other mode."""
    named = transfers.c[f"{cause}_id"]
    other = or_(table.c.id.is_(None), table.c.livemode != transfers.c.livemode)
    found = (
        select(transfers.c.id, transfers.c.livemode, named.label("named"), table.c.id.label("there"))
        .outerjoin(table, table.c.id == named)
        .where(named.is_not(None), other)
        .order_by(transfers.c.id)
    )
    rows = (await connection.execute(found)).all()
    return (
        f"{row.id} names the {cause} {row.named}, which is not there"
        if row.there is None
        else f"{row.id} is of {mode(row.livemode)}, and its {cause} {row.named} is not"
        for row in rows
    )


async def _without_cause(connection: AsyncConnection) -> Iterator[str]:
    none = [transfers.c[name].is_(None) for name in _NAMED]
    found = (await connection.execute(select(transfers.c.id).where(*none).order_by(transfers.c.id))).scalars().all()
    return (f"{id_} names nothing that caused it" for id_ in found)


def _signed(account: ColumnElement[str] | str) -> ColumnElement[int]:
    table = transfers.c
    return case((table.debit == account, table.amount_minor), else_=-table.amount_minor)


async def _expected(connection: AsyncConnection) -> Owed:
    """Add up what must still arrive on receivables."""
    table = expected_settlements.c
    alike = (table.livemode, table.merchant_account, table.currency)
    settled = exists().where(settlement_matches.c.expected_id == table.id)
    still = select(*alike, func.sum(table.gross_minor)).where(~settled, table.type != _FEE).group_by(*alike)
    rows = await connection.execute(still)
    return {(row[0], row[1], row[2]): int(row[3]) for row in rows}


async def _resolved(connection: AsyncConnection) -> Owed:
    """Add up what resolving exceptions has booked on receivables."""
    table = transfers.c
    owner = merchant_accounts.c.id
    name = chart.receivable("") + owner
    alike = (table.livemode, owner, table.currency)
    rows = await connection.execute(
        select(*alike, func.sum(_signed(name)))
        .join_from(transfers, merchant_accounts, or_(table.debit == name, table.credit == name))
        .where(table.exception_id.is_not(None))
        .group_by(*alike)
    )
    return {(row[0], row[1], row[2]): int(row[3]) for row in rows}


async def _told(connection: AsyncConnection, gap: Unexplained) -> str:
    """Say what is off, and with which operations and lines it may have begun."""
    off = gap.stands - gap.expected - gap.resolved
    account = chart.receivable(gap.merchant_account)
    stands, expected, human, by = (
        written(minor, gap.currency) for minor in (gap.stands, gap.expected, gap.resolved, abs(off))
    )
    resolved = f", {human} by resolved exceptions" if gap.resolved else ""
    told = (
        f"{mode(gap.livemode)}: {account} stands at {stands}, and {expected} is expected and "
        f"not settled{resolved}: {by} too {'much' if off > 0 else 'little'}"
    )
    at = [
        f"{id_} by {written(minor, gap.currency)}"
        for parts in (_by_operation(gap, account), _by_line(gap, account))
        for id_, minor in await _differing(connection, parts)
    ]
    return f"{told}; see {', '.join(at)}" if at else told


def _by_operation(gap: Unexplained, account: str) -> CompoundSelect[Any]:
    """List what was booked because of each operation, less what is to arrive because of it."""
    table, due = transfers.c, expected_settlements.c
    booked = select(table.operation_id.label("id"), _signed(account).label("minor")).where(
        *_on(gap, account), table.line_id.is_(None), table.exception_id.is_(None)
    )
    arriving = select(due.operation_id, -due.gross_minor).where(*_due(gap))
    return union_all(booked, arriving)


def _by_line(gap: Unexplained, account: str) -> CompoundSelect[Any]:
    """List what was booked because of the lines of each match, and what was to arrive by them."""
    line, due, match = settlement_lines.c, expected_settlements.c, settlement_matches.c
    first = func.coalesce(line.match_id, line.id)
    booked = (
        select(first.label("id"), _signed(account).label("minor"))
        .join_from(transfers, settlement_lines, line.id == transfers.c.line_id)
        .where(*_on(gap, account), transfers.c.exception_id.is_(None))
    )
    arrived = (
        select(match.line_id, due.gross_minor)
        .join_from(settlement_matches, expected_settlements, due.id == match.expected_id)
        .where(*_due(gap))
    )
    return union_all(booked, arrived)


def _on(gap: Unexplained, account: str) -> list[ColumnElement[bool]]:
    table = transfers.c
    sides = or_(table.debit == account, table.credit == account)
    return [table.livemode == gap.livemode, table.currency == gap.currency, sides]


def _due(gap: Unexplained) -> list[ColumnElement[bool]]:
    due = expected_settlements.c
    return [
        due.livemode == gap.livemode, due.currency == gap.currency, due.merchant_account == gap.merchant_account,
        due.type != _FEE,
    ]  # fmt: skip


async def _differing(connection: AsyncConnection, parts: CompoundSelect[Any]) -> list[tuple[str, int]]:
    sides = parts.subquery()
    total = func.sum(sides.c.minor)
    off = select(sides.c.id, total).group_by(sides.c.id).having(total != 0).order_by(sides.c.id).limit(_EXAMPLES)
    return [(row[0], int(row[1])) for row in await connection.execute(off)]
