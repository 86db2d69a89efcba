"""All SQL that reads the ledger: balances at any instant, and transfers in pages."""

from collections.abc import Sequence
from datetime import UTC, datetime, time
from typing import Any, Final

from msgspec import Struct
from sqlalchemy import ColumnElement, RowMapping, Select, and_, exists, func, or_, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.database import Database
from hub.ledger import chart
from hub.ledger.closing import Closing, last_closing
from hub.ledger.places import position
from hub.ledger.summing import Moved, Sums, Totals, added, by_account
from hub.ledger.tables import ledger_closings, ledger_days, transfers
from hub.payments.tables import operations
from hub.settlement.tables import settlement_lines

_PLAN_BY_VALUES: Final = text("SET LOCAL plan_cache_mode = force_custom_plan")
"""A plan made for any stretch of time reads all transfers, where those of an hour were asked for."""
_STRETCHES: Final = 50
"""Closings that are looked into with one question for where they end."""


class Wanted(Struct, frozen=True, kw_only=True):
    """Which transfers are meant; None does not narrow. `merchant_accounts`: those that the caller may see."""

    livemode: bool
    merchant_accounts: frozenset[str] | None = None
    account: str | None = None
    currency: str | None = None
    code: str | None = None
    payment: str | None = None
    operation: str | None = None
    line: str | None = None
    exception: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None

    @property
    def names(self) -> Sequence[str] | None:
        """The accounts that may be shown; None: all."""
        return None if self.merchant_accounts is None else chart.of_merchant_accounts(self.merchant_accounts)


class Stretch(Struct, frozen=True):
    """Positions after one and up to another; without an end, to the newest."""

    after: int
    to: int | None = None


async def totals(database: Database, wanted: Wanted) -> Totals:
    """Add up what was booked on each account in each currency, before `created_before`."""
    async with database.reading() as connection:
        if database.is_postgresql:
            await connection.execute(_PLAN_BY_VALUES)
        return await totals_on(database, connection, wanted)


async def totals_on(database: Database, connection: AsyncConnection, wanted: Wanted) -> Totals:
    """Add up as `totals`, in the transaction of *connection*.

    What is closed is not read again, but for the transfers of the last day, of which only a part may count. A closing
    that is made meanwhile changes nothing: up to the one that was read first the transfers are final.
    """
    closed = await last_closing(connection)
    found = added(
        await _closed(connection, closed, wanted),
        await _open(connection, _still_open(database, closed, wanted.created_before), wanted),
    )
    names = wanted.names
    return {
        (account, currency): sums
        for (account, currency), sums in found.items()
        if wanted.account in {None, account} and (names is None or account in names)
    }


async def _closed(connection: AsyncConnection, closed: Closing, wanted: Wanted) -> Totals:
    table = ledger_days.c
    narrow = [table.livemode == wanted.livemode, table.closing <= closed.number]
    if wanted.created_before is not None:
        narrow.append(table.day < wanted.created_before.astimezone(UTC).date())
    if wanted.account is not None:
        narrow.append(table.account == wanted.account)
    if wanted.names is not None:
        narrow.append(table.account.in_(wanted.names))
    if wanted.currency is not None:
        narrow.append(table.currency == wanted.currency)
    sums = func.sum(table.debits_minor), func.sum(table.credits_minor)
    query = select(table.account, table.currency, *sums).where(*narrow).group_by(table.account, table.currency)
    rows = (await connection.execute(query)).all()
    return {(account, currency): Sums(int(debited), int(credited)) for account, currency, debited, credited in rows}


def _still_open(database: Database, closed: Closing, before: datetime | None) -> ColumnElement[bool]:
    """Choose the transfers that no row of a whole day counts."""
    beyond = position(database) > closed.position
    if before is None:
        return beyond
    day_began = datetime.combine(before.astimezone(UTC).date(), time(), UTC)
    earlier = and_(beyond, transfers.c.created_at < day_began)
    return or_(earlier, and_(transfers.c.created_at >= day_began, transfers.c.created_at < before))


async def _open(connection: AsyncConnection, uncounted: ColumnElement[bool], wanted: Wanted) -> Totals:
    table = transfers.c
    sides = table.debit, table.credit, table.currency
    narrow = [uncounted, table.livemode == wanted.livemode]
    for names in ([wanted.account] if wanted.account is not None else None, wanted.names):
        narrow += [] if names is None else [or_(table.debit.in_(names), table.credit.in_(names))]
    if wanted.currency is not None:
        narrow.append(table.currency == wanted.currency)
    query = select(*sides, func.sum(table.amount_minor)).where(*narrow).group_by(*sides)
    return by_account(Moved(*row[:3], int(row[3])) for row in (await connection.execute(query)).all())


async def transfers_before(database: Database, wanted: Wanted, before: int | None, most: int) -> Sequence[RowMapping]:
    """Read at most *most* transfers, the newest first, those written before the position *before*; with `place`."""
    place = position(database)
    listed = select(transfers, place.label("place")).where(*_narrowed(wanted)).order_by(place.desc())
    if before is not None:
        listed = listed.where(place < before)
    async with database.reading() as connection:
        if database.is_postgresql:
            await connection.execute(_PLAN_BY_VALUES)
        if wanted.payment or wanted.operation or wanted.line or wanted.exception:
            return (await connection.execute(listed.limit(most))).mappings().all()
        return await _stretch_by_stretch(connection, listed, place, wanted, before, most)


async def _stretch_by_stretch(
    connection: AsyncConnection,
    listed: Select[Any],
    place: ColumnElement[int],
    wanted: Wanted,
    before: int | None,
    most: int,
) -> Sequence[RowMapping]:
    """Read the open transfers, then the closed stretches in which such transfers are, the newest first."""
    closed = await last_closing(connection)
    found: list[RowMapping] = []
    ahead = [Stretch(closed.position)]
    upcoming = closed.number + 1
    while ahead:
        for stretch in ahead:
            within = listed.where(place > stretch.after)
            if stretch.to is not None:
                within = within.where(place <= stretch.to)
            if before is None or stretch.after < before:
                found += (await connection.execute(within.limit(most - len(found)))).mappings()
            if len(found) == most:
                return found
        ahead, upcoming = await _stretches(connection, wanted, before, upcoming)
    return found


async def _stretches(
    connection: AsyncConnection, wanted: Wanted, before: int | None, upcoming: int
) -> tuple[list[Stretch], int]:
    """Find the next closings before *upcoming* whose sums say that such transfers are among theirs."""
    of, days, previous = ledger_closings.c, ledger_days.c, ledger_closings.alias("previous").c
    told = [days.closing == of.number, days.livemode == wanted.livemode]
    for column, value in ((days.account, wanted.account), (days.code, wanted.code), (days.currency, wanted.currency)):
        if value is not None:
            told.append(column == value)
    if wanted.created_after is not None:
        told.append(days.day >= wanted.created_after.astimezone(UTC).date())
    if wanted.created_before is not None:
        told.append(days.day <= wanted.created_before.astimezone(UTC).date())
    began = func.coalesce(select(previous.position).where(previous.number == of.number - 1).scalar_subquery(), 0)
    query = select(of.number, began, of.position).where(of.number < upcoming, exists().where(*told))
    if before is not None:
        query = query.where(began < before)
    rows = (await connection.execute(query.order_by(of.number.desc()).limit(_STRETCHES))).all()
    return [Stretch(after, to) for _, after, to in rows], rows[-1][0] if rows else 0


def _narrowed(wanted: Wanted) -> list[ColumnElement[bool]]:
    table = transfers.c
    narrow = [table.livemode == wanted.livemode]
    for column, value in (
        (table.payment_id, wanted.payment),
        (table.line_id, wanted.line),
        (table.exception_id, wanted.exception),
        (table.code, wanted.code),
        (table.currency, wanted.currency),
    ):
        if value is not None:
            narrow.append(column == value)
    if wanted.operation is not None:
        of_payment = select(operations.c.payment_id).where(operations.c.id == wanted.operation).scalar_subquery()
        narrow += [table.operation_id == wanted.operation, table.payment_id == of_payment]
    if wanted.account is not None:
        narrow.append(or_(table.debit == wanted.account, table.credit == wanted.account))
    if wanted.created_after is not None:
        narrow.append(table.created_at >= wanted.created_after)
    if wanted.created_before is not None:
        narrow.append(table.created_at < wanted.created_before)
    if wanted.merchant_accounts is not None:
        narrow.append(_of_accounts(wanted.merchant_accounts))
    return narrow


def _of_accounts(ids: frozenset[str]) -> ColumnElement[bool]:
    """Choose what moved on the accounts of *ids*, or because of an operation or a line there."""
    table, names, own = transfers.c, chart.of_merchant_accounts(ids), sorted(ids)
    operation = exists().where(operations.c.id == table.operation_id, operations.c.merchant_account.in_(own))
    line = exists().where(settlement_lines.c.id == table.line_id, settlement_lines.c.merchant_account.in_(own))
    return or_(table.debit.in_(names), table.credit.in_(names), operation, line)
