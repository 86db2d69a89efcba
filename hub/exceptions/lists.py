"""All SQL of lists of exceptions, newest first, and of what is open."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct
from sqlalchemy import ColumnElement, RowMapping, and_, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.exceptions.opening import OPEN
from hub.exceptions.types import DUE_AFTER, SEVERITY, ExceptionType, Severity, types_of
from hub.settlement.tables import exceptions


class Filter(Struct, frozen=True, kw_only=True):
    """Which exceptions to list; None does not narrow. `before` is the id that was listed last.

    `overdue_at` leaves those that are open and were due by that instant.
    """

    livemode: bool
    before: str | None = None
    type: ExceptionType | None = None
    severity: Severity | None = None
    status: str | None = None
    owner: str | None = None
    merchant_account: str | None = None
    payment: str | None = None
    settlement: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    overdue_at: datetime | None = None
    merchant_accounts: frozenset[str] | None = None


class OpenCount(Struct, frozen=True, kw_only=True):
    """How many exceptions of a type and mode are open, and how many of them past their time."""

    type: ExceptionType
    livemode: bool
    open: int
    overdue: int


async def one(
    connection: AsyncConnection, *, livemode: bool, exception_id: str, to_change: bool = False
) -> RowMapping | None:
    """Read one exception; *to_change* keeps others from changing it until the transaction ends."""
    wanted = select(exceptions).where(exceptions.c.id == exception_id, exceptions.c.livemode == livemode)
    found = await connection.execute(wanted.with_for_update() if to_change else wanted)
    return found.mappings().one_or_none()


async def exceptions_before(connection: AsyncConnection, wanted: Filter, most: int) -> Sequence[RowMapping]:
    """Read at most *most* exceptions, newest first: ids ascend with time."""
    columns = exceptions.c
    narrow: list[ColumnElement[bool]] = [columns.livemode == wanted.livemode]
    for column, value in (
        (columns.type, wanted.type),
        (columns.status, wanted.status),
        (columns.owner, wanted.owner),
        (columns.merchant_account, wanted.merchant_account),
        (columns.payment_id, wanted.payment),
        (columns.batch_id, wanted.settlement),
    ):
        if value is not None:
            narrow.append(column == value)
    if wanted.severity is not None:
        narrow.append(columns.type.in_(types_of(wanted.severity)))
    if wanted.created_after is not None:
        narrow.append(columns.created_at > wanted.created_after)
    if wanted.created_before is not None:
        narrow.append(columns.created_at < wanted.created_before)
    if wanted.overdue_at is not None:
        narrow += [columns.status == OPEN, _due_by(wanted.overdue_at)]
    if wanted.merchant_accounts is not None:
        narrow.append(columns.merchant_account.in_(sorted(wanted.merchant_accounts)))
    if wanted.before is not None:
        narrow.append(columns.id < wanted.before)
    listed = select(exceptions).where(*narrow).order_by(columns.id.desc()).limit(most)
    return (await connection.execute(listed)).mappings().all()


def _due_by(at: datetime) -> ColumnElement[bool]:
    return or_(
        *(
            and_(exceptions.c.type.in_(types_of(severity)), exceptions.c.created_at < at - after)
            for severity, after in DUE_AFTER.items()
        )
    )


async def open_counts(connection: AsyncConnection, at: datetime) -> list[OpenCount]:
    """Count what is open and what is overdue at an instant, by type and mode."""
    columns = exceptions.c.type, exceptions.c.livemode
    overdue = func.sum(case((_due_by(at), 1), else_=0)).label("overdue")
    counted = select(*columns, func.count().label("open"), overdue)
    rows = await connection.execute(counted.where(exceptions.c.status == OPEN).group_by(*columns))
    known = [row for row in rows if row.type in SEVERITY]
    return [OpenCount(type=r.type, livemode=bool(r.livemode), open=r.open, overdue=r.overdue) for r in known]


async def oldest_overdue(connection: AsyncConnection, at: datetime) -> RowMapping | None:
    """Read the open exception that was opened first of those past their time."""
    late = select(exceptions).where(exceptions.c.status == OPEN, _due_by(at)).order_by(exceptions.c.id).limit(1)
    found: RowMapping | None = (await connection.execute(late)).mappings().one_or_none()
    return found
