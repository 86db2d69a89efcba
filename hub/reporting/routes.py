"""`/v1/reconciliation` and month-end statements, in the format that Accept asks for."""

import asyncio
import re
from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any, Final

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter
from msgspec import Meta
from sqlalchemy import RowMapping

from hub.access.guards import requires
from hub.access.rules import Caller
from hub.database import Database
from hub.errors import FieldError, ProblemError, problems
from hub.merchants import store as merchants
from hub.payments.shell import Shell
from hub.reporting import showing, statement_showing
from hub.reporting.documented import GivesStatement, GivesTable
from hub.reporting.formats import CSV, FORMATS, JSON, PDF, as_csv, chosen
from hub.reporting.grouping import WAYS, GroupBy
from hub.reporting.parquet import MEDIA_TYPE as PARQUET
from hub.reporting.parquet import parquet
from hub.reporting.reconciling import CELLS_MAX, LAST_DAY, TooManyRowsError, Wanted
from hub.reporting.service import month_end, reconciliation
from hub.reporting.showing import Reconciliation
from hub.reporting.statement_pdf import statement_pdf
from hub.reporting.statement_showing import StatementBody
from normalization.money import Currency

READ: Final = [requires("reports:read")]
_MONTH: Final = re.compile(r"(20\d\d)-(0[1-9]|1[0-2])")
First = Annotated[
    date | None, QueryParameter(name="from", description="The first day, in UTC; without it, the first of its month.")
]
Last = Annotated[
    date | None, QueryParameter(name="to", description="The last day, in UTC; it counts too. Without it, today.")
]
_WAY: Final = f"({'|'.join(WAYS)})"
Way = Annotated[str, Meta(pattern=f"^{_WAY}(,{_WAY})*$")]
By = Annotated[
    list[Way] | None,
    QueryParameter(
        description=f"One or several of {', '.join(WAYS)}, repeated or with commas; always by currency too."
    ),
]


@get(
    "/v1/reconciliation",
    guards=READ,
    responses=problems(406, 422),
    operation_class=GivesTable,
    tags=["reports"],
)
async def get_reconciliation(
    request: Request[Any, Any, Any],
    caller: NamedDependency[Caller],
    shell: NamedDependency[Shell],
    from_: First = None,
    to: Last = None,
    group_by: By = None,
    merchant_account: FromQuery[str | None] = None,
    currency: FromQuery[Currency | None] = None,
) -> Response[Reconciliation]:
    """Say what was expected, captured, settled and paid out in a range of days, what it cost and what is still owed."""
    form = chosen(request.headers.get("accept"), FORMATS)
    last = to or shell.clock().date()
    first = from_ or last.replace(day=1)
    _check_days(first, last)
    wanted = Wanted(
        livemode=caller.livemode,
        first=first,
        last=last,
        ways=_ways(group_by),
        merchant_accounts=_visible(caller, merchant_account),
        currency=currency,
    )
    try:
        made = await reconciliation(shell.database, wanted)
    except TooManyRowsError as many:
        told = f"makes more than {CELLS_MAX:,} rows; ask for fewer days, fewer ways or one merchant account"
        raise _invalid("group_by", told) from many
    return await _given(made.body, form, f"reconciliation_{first}_{last}")


@get(
    "/v1/merchant_accounts/{account_id:str}/statements/{month:str}",
    guards=READ,
    responses=problems(404, 406, 422),
    operation_class=GivesStatement,
    tags=["reports"],
)
async def get_statement(
    request: Request[Any, Any, Any],
    account_id: FromPath[str],
    month: FromPath[str],
    caller: NamedDependency[Caller],
    database: NamedDependency[Database],
    shell: NamedDependency[Shell],
) -> Response[StatementBody]:
    """Give a month's statement of a merchant account: opening, what was booked, closing, which is the next opening."""
    form = chosen(request.headers.get("accept"), (JSON, CSV, PDF))
    account = await _account(database, caller, account_id)
    read = _MONTH.fullmatch(month)
    if read is None:
        raise _invalid("month", "is no month such as 2026-03")
    year, number = int(read[1]), int(read[2])
    body = await month_end(database, account, year=year, month=number, now=shell.clock())
    return await _given(body, form, f"statement_{month}")


async def _given(body: Any, form: str, name: str) -> Response[Any]:  # noqa: ANN401 - a report's body
    """Answer with a report in a format; writing a large one keeps nobody else waiting."""
    if form == JSON:
        return Response(body)
    content = await asyncio.to_thread(_written, body, form)
    suffix = form.rpartition(".")[2].rpartition("/")[2]
    disposition = {"Content-Disposition": f'attachment; filename="{name}.{suffix}"', "Cache-Control": "no-store"}
    media_type = f"{CSV}; charset=utf-8" if form == CSV else form
    return Response(content, media_type=media_type, headers=disposition)


def _written(body: Reconciliation | StatementBody, form: str) -> bytes:
    if isinstance(body, StatementBody):
        if form == PDF:
            return statement_pdf(body)
        return as_csv(statement_showing.COLUMNS, statement_showing.rows(body))
    table = showing.cells(body.data)
    return parquet(showing.COLUMNS, table) if form == PARQUET else as_csv([*showing.COLUMNS], table)


def _ways(given: Sequence[str] | None) -> tuple[GroupBy, ...]:
    """Read how to group: by merchant account, where nothing is said."""
    named = {name.strip() for part in given or ("merchant_account",) for name in part.split(",")}
    if not named <= {*WAYS}:
        raise _invalid("group_by", f"has none but {', '.join(WAYS)}")
    return tuple(way for way in WAYS if way in named)


def _check_days(first: date, last: date) -> None:
    if last > LAST_DAY:
        raise _invalid("to", "is too far from now")
    if first > last:
        raise _invalid("to", "is before `from`")


def _visible(caller: Caller, merchant_account: str | None) -> frozenset[str] | None:
    """Narrow to one merchant account, where one is named, and to those that the key reaches."""
    if merchant_account is None:
        return caller.merchant_accounts
    return frozenset({merchant_account} if caller.may_use(merchant_account) else ())


async def _account(database: Database, caller: Caller, account_id: str) -> RowMapping:
    async with database.reading() as connection:
        row = await merchants.account(connection, livemode=caller.livemode, account_id=account_id)
    if row is None or not caller.may_use(account_id):
        raise ProblemError("not_found", "there is no such merchant account in this mode")
    return row


def _invalid(field: str, message: str) -> ProblemError:
    return ProblemError("validation_failed", "the report cannot be made", errors=[FieldError(field, message)])


HANDLERS: Final = [get_reconciliation, get_statement]
