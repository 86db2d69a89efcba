"""Reading a month-end statement of one merchant account; all of it by when it was booked, so that no month reopens."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Final

import structlog
from msgspec import Struct
from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.database import Database
from hub.ledger import chart
from hub.ledger.store import Wanted, totals_on
from hub.ledger.tables import transfers
from hub.reporting.adding_up import Month, Movement, months_of
from hub.reporting.rolling import PLAN_BY_VALUES
from hub.settlement.tables import exceptions

_YEAR: Final = 12
_log = structlog.get_logger(__name__)


class StatementError(Exception):
    """The parts of a statement do not add up, so that it must not be shown; the message says by how much."""


class OpenExceptions(Struct, frozen=True, kw_only=True):
    """Exceptions of one type and currency that were open when the month ended; `amount` is the money at risk."""

    type: str
    currency: str
    count: int
    amount: int


class Statement(Struct, frozen=True, kw_only=True):
    """A month of one merchant account; `until` is when it ended, or when it was read where it has not."""

    first: date
    until: datetime
    ended: bool
    months: Sequence[Month]
    exceptions: Sequence[OpenExceptions]


def month_begins(year: int, month: int) -> datetime:
    """Give the instant at which a month begins, in UTC; the thirteenth is the next year's first."""
    years, months = divmod(month - 1, _YEAR)
    return datetime(year + years, months + 1, 1, tzinfo=UTC)


async def statement_of(
    database: Database, account: str, *, livemode: bool, year: int, month: int, now: datetime
) -> Statement:
    """Read a month of *account*, whose balances and movements are of one committed state.

    Raises:
        StatementError: when the parts do not add up.
    """
    since, ends = month_begins(year, month), month_begins(year, month + 1)
    wanted = Wanted(livemode=livemode, merchant_accounts=frozenset({account}), created_before=since)
    until = Wanted(livemode=livemode, merchant_accounts=frozenset({account}), created_before=ends)
    async with database.reading() as connection:
        if database.is_postgresql:
            await connection.execution_options(isolation_level="REPEATABLE READ")
            await connection.execute(PLAN_BY_VALUES)
        opening = await totals_on(database, connection, wanted)
        closing = await totals_on(database, connection, until)
        moved = await _movements(connection, account, livemode=livemode, since=since, ends=ends)
        open_ = await _open_exceptions(connection, account, livemode=livemode, ends=ends)
    months = months_of(account, opening, moved, closing)
    _check(account, since.date(), months)
    return Statement(first=since.date(), until=min(ends, now), ended=ends <= now, months=months, exceptions=open_)


def _check(account: str, first: date, months: Sequence[Month]) -> None:
    off = {month.currency: month.off for month in months if month.off}
    if off:
        _log.error("statement_does_not_add_up", merchant_account=account, month=f"{first:%Y-%m}", off=off)
        raise StatementError(f"{account}, {first:%Y-%m}: opening and parts are off closing by {off}")


async def _movements(
    connection: AsyncConnection, account: str, *, livemode: bool, since: datetime, ends: datetime
) -> list[Movement]:
    table, own = transfers.c, [chart.receivable(account), chart.bank_clearing(account)]
    alike = (table.debit, table.credit, table.currency, table.code)
    narrow = (
        table.livemode == livemode,
        table.created_at >= since,
        table.created_at < ends,
        or_(table.debit.in_(own), table.credit.in_(own)),
    )
    rows = await connection.execute(select(*alike, func.sum(table.amount_minor)).where(*narrow).group_by(*alike))
    return [Movement(*row[:4], int(row[4])) for row in rows]


async def _open_exceptions(
    connection: AsyncConnection, account: str, *, livemode: bool, ends: datetime
) -> list[OpenExceptions]:
    one = exceptions.c
    narrow = (
        one.livemode == livemode,
        one.merchant_account == account,
        one.created_at < ends,
        or_(one.resolved_at.is_(None), one.resolved_at >= ends),
    )
    alike = (one.type, one.currency)
    counted = select(*alike, func.count().label("many"), func.sum(one.amount_minor).label("minor")).where(*narrow)
    return [
        OpenExceptions(type=row.type, currency=row.currency, count=row.many, amount=int(row.minor))
        for row in await connection.execute(counted.group_by(*alike).order_by(*alike))
    ]
