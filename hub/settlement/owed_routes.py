"""`/v1/expected_settlements`: what processors still owe."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any, Final, Literal

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromQuery, QueryParameter
from msgspec import Struct

from hub.access.rules import Caller
from hub.errors import problems
from hub.pages import LIMIT_DEFAULT, Cursor, Limit, read_cursor, refused, write_cursor
from hub.payments.shell import Shell
from hub.settlement import owing
from hub.settlement.routes import READ
from normalization.money import Currency

OwedStatus = Literal["open", "missing"]
Status = Annotated[
    OwedStatus,
    QueryParameter(description="`open` are all that are not settled, `missing` those of them that are late."),
]
DueBefore = Annotated[date | None, QueryParameter(description="Leaves what was due before that day, in UTC.")]


class ExpectedBody(Struct, frozen=True, kw_only=True):
    """What a processor owes for an operation; below zero it is what it takes, for a refund or a chargeback.

    `outstanding` is what is left of `gross` after what people have booked to settle its exception; `fee` is what the
    account's schedule says, and comes off both. `settle_amount` is what must arrive where another currency is paid
    out. `overdue`: the day on which it was due is over; `exception` is the open one that says that it is missing.
    """

    id: str
    object: str = "expected_settlement"
    livemode: bool
    merchant_account: str
    payment: str
    operation: str
    type: str
    gross: int
    outstanding: int
    fee: int | None
    currency: str
    settle_amount: int | None
    settle_currency: str | None
    due_on: date
    overdue: bool
    exception: str | None
    created_at: datetime


class ExpectedSettlements(Struct, frozen=True):
    """A page of what is owed, the one that was due first first."""

    data: list[ExpectedBody]
    next_cursor: str | None


@get("/v1/expected_settlements", guards=READ, responses=problems(422), tags=["settlements"])
async def list_expected_settlements(
    caller: NamedDependency[Caller],
    shell: NamedDependency[Shell],
    status: Status = "open",
    merchant_account: FromQuery[str | None] = None,
    currency: FromQuery[Currency | None] = None,
    due_before: DueBefore = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> ExpectedSettlements:
    """List what processors still owe, due or not yet due, the oldest first."""
    wanted = owing.Wanted(
        livemode=caller.livemode,
        missing=status == "missing",
        merchant_account=merchant_account,
        currency=currency,
        due_before=due_before,
        merchant_accounts=caller.merchant_accounts,
        after=_read(cursor),
    )
    async with shell.database.reading() as connection:
        rows = await owing.owed_after(connection, wanted, limit + 1)
        missing = await owing.missing_of(connection, rows)
    today = shell.clock().date()
    shown = [_body(row, missing, today) for row in rows[:limit]]
    following = write_cursor(f"{shown[-1].due_on}/{shown[-1].id}") if len(rows) > limit else None
    return ExpectedSettlements(shown, following)


def _read(cursor: str | None) -> tuple[date, str] | None:
    read = read_cursor(cursor)
    if read is None:
        return None
    day, _, id_ = read.partition("/")
    try:
        return date.fromisoformat(day), id_
    except ValueError:
        raise refused() from None


def _body(row: Mapping[Any, Any], missing: Mapping[str, str], today: date) -> ExpectedBody:
    return ExpectedBody(
        id=row["id"],
        livemode=bool(row["livemode"]),
        merchant_account=row["merchant_account"],
        payment=row["payment_id"],
        operation=row["operation_id"],
        type=row["type"],
        gross=row["gross_minor"],
        outstanding=int(row["outstanding_minor"]),
        fee=row["fee_minor"],
        currency=row["currency"],
        settle_amount=row["settle_minor"],
        settle_currency=row["settle_currency"],
        due_on=row["due_on"],
        overdue=row["due_on"] < today,
        exception=missing.get(row["id"]),
        created_at=row["created_at"],
    )


HANDLERS: Final = [list_expected_settlements]
