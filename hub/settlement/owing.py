"""All SQL of what processors still owe: expected settlements that are not settled, the one that was due first first.

What was due by the day until which it was looked for late money is in an exception where it is not settled, so of the
years before only those are read, and behind that day everything. What had taken something back and is left alone,
since that was settled after all, is there from the next day's look on.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, Final

from msgspec import Struct
from sqlalchemy import (
    ColumnElement,
    Date,
    RowMapping,
    Select,
    Subquery,
    and_,
    case,
    exists,
    func,
    literal,
    or_,
    select,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.exceptions.opening import OPEN
from hub.exceptions.store import HUB
from hub.ledger.chart import receivable
from hub.ledger.tables import transfers
from hub.merchants.tables import merchant_accounts
from hub.settlement.missing import NEVER_MISSING, TYPE, still_owed
from hub.settlement.tables import exceptions, expected_settlements, settlement_days_checked, settlement_matches

_expected: Final = expected_settlements.c
_checked: Final = settlement_days_checked.c
_EVER: Final = literal(date.min, Date)


class Wanted(Struct, frozen=True, kw_only=True):
    """Which of them to list; None does not narrow. `missing` leaves those that are in an open exception as late.

    `after` is the day on which the one that was listed last was due, and its id.
    """

    livemode: bool
    missing: bool = False
    merchant_account: str | None = None
    currency: str | None = None
    due_before: date | None = None
    merchant_accounts: frozenset[str] | None = None
    after: tuple[date, str] | None = None


class Due(Struct, frozen=True, kw_only=True):
    """What a merchant account's processor owes of one day and currency; `lines` is how many settlements that is."""

    due_on: date
    merchant_account: str
    currency: str
    lines: int
    missing: int
    gross_minor: int
    outstanding_minor: int


async def owed_after(connection: AsyncConnection, wanted: Wanted, most: int) -> Sequence[RowMapping]:
    """Read at most *most*, with `outstanding_minor`: what is left of its gross after what people have booked for it."""
    both = _both(wanted, most)
    listed = select(both).order_by(both.c.due_on, both.c.id).limit(most)
    return (await connection.execute(listed)).mappings().all()


async def owed_by_day(connection: AsyncConnection, wanted: Wanted) -> list[Due]:
    """Add all of them up by day, merchant account and currency, oldest first."""
    each = _both(wanted).c
    of = each.due_on, each.merchant_account, each.currency
    missing = func.sum(case((exists().where(exceptions.c.expected_id == each.id, *_late()), 1), else_=0))
    sums = func.count(), missing, func.sum(each.gross_minor), func.sum(each.outstanding_minor)
    rows = (await connection.execute(select(*of, *sums).group_by(*of).order_by(*of))).all()
    return [
        Due(
            due_on=row[0],
            merchant_account=row[1],
            currency=row[2],
            lines=row[3],
            missing=int(row[4]),
            gross_minor=int(row[5]),
            outstanding_minor=int(row[6]),
        )
        for row in rows
    ]


async def missing_of(connection: AsyncConnection, rows: Iterable[Mapping[Any, Any]]) -> Mapping[str, str]:
    """Read the open exceptions that say that *rows* are late, by the rows' ids."""
    ids = [row["id"] for row in rows]
    about = select(exceptions.c.expected_id, exceptions.c.id).where(exceptions.c.expected_id.in_(ids), *_late())
    return {row[0]: row[1] for row in await connection.execute(about)}


def _both(wanted: Wanted, most: int | None = None) -> Subquery:
    parts = [_behind(wanted), _before(wanted)]
    if most is not None:
        parts = [part.order_by(_expected.due_on, _expected.id).limit(most) for part in parts]
    return union_all(*(select(part.subquery()) for part in parts)).subquery()


def _behind(wanted: Wanted) -> Select[Any]:
    """Select what was or will be due behind the day until which it was looked."""
    if wanted.merchant_account is not None:  # The day is known before the index is read: nothing before it is.
        looked_until = select(_checked.due_on).where(_checked.merchant_account == wanted.merchant_account)
        day = func.coalesce(looked_until.scalar_subquery(), _EVER)
        return _selected(wanted).where(_expected.due_on > day)
    account = merchant_accounts.c.id
    behind = and_(_expected.merchant_account == account, _expected.due_on > func.coalesce(_checked.due_on, _EVER))
    looked = merchant_accounts.outerjoin(settlement_days_checked, _checked.merchant_account == account)
    return _selected(wanted).select_from(looked.join(expected_settlements, behind))


def _before(wanted: Wanted) -> Select[Any]:
    """Select what was due until that day: all of it is in an exception that is open, or was resolved by a human."""
    known = select(exceptions.c.expected_id).where(
        exceptions.c.expected_id.is_not(None),
        exceptions.c.type == TYPE,
        or_(exceptions.c.status == OPEN, exceptions.c.resolved_by != HUB),
    )
    until = and_(_expected.merchant_account == _checked.merchant_account, _expected.due_on <= _checked.due_on)
    looked = expected_settlements.join(settlement_days_checked, until)
    return _selected(wanted).select_from(looked).where(_expected.id.in_(known))


def _selected(wanted: Wanted) -> Select[Any]:
    left = _outstanding()
    settled_by = select(settlement_matches.c.line_id).where(settlement_matches.c.expected_id == _expected.id)
    narrow: list[ColumnElement[bool]] = [
        _expected.livemode == wanted.livemode, _expected.type != NEVER_MISSING,
        # Looked up for each of the few that are read: as a join, PostgreSQL would read all that was ever matched.
        settled_by.correlate(expected_settlements).scalar_subquery().is_(None), still_owed() != 0, left != 0,
    ]  # fmt: skip
    if wanted.missing:
        narrow.append(exists().where(exceptions.c.expected_id == _expected.id, *_late()))
    if wanted.merchant_account is not None:
        narrow.append(_expected.merchant_account == wanted.merchant_account)
    if wanted.merchant_accounts is not None:
        narrow.append(_expected.merchant_account.in_(sorted(wanted.merchant_accounts)))
    if wanted.currency is not None:
        narrow.append(_expected.currency == wanted.currency)
    if wanted.due_before is not None:
        narrow.append(_expected.due_on < wanted.due_before)
    if wanted.after is not None:
        day, id_ = wanted.after
        narrow.append(or_(_expected.due_on > day, and_(_expected.due_on == day, _expected.id > id_)))
    return select(expected_settlements, left.label("outstanding_minor")).where(*narrow)


def _late() -> tuple[ColumnElement[bool], ...]:
    return exceptions.c.type == TYPE, exceptions.c.status == OPEN


def _outstanding() -> ColumnElement[int]:
    """Take off what is expected what people have booked for it: to write it off, most of the time."""
    owed, about = receivable("") + _expected.merchant_account, exceptions.alias("about").c
    signed = case((transfers.c.debit == owed, transfers.c.amount_minor), else_=-transfers.c.amount_minor)
    booked = select(func.coalesce(func.sum(signed), 0)).where(
        transfers.c.exception_id == about.id,
        about.expected_id == _expected.id,
        or_(transfers.c.debit == owed, transfers.c.credit == owed),
    )
    return _expected.gross_minor + booked.correlate(expected_settlements).scalar_subquery()
