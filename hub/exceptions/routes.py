"""`/v1/exceptions`: what a human must look at, and what is done about it."""

from datetime import datetime
from functools import partial
from typing import Any, Final, Literal

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody
from msgspec import Struct

from hub.access.guards import requires
from hub.access.rules import Caller
from hub.approvals.documented import WAITS
from hub.errors import problems, request_id_of
from hub.exceptions import lists, resolving, service
from hub.exceptions.documented import MayMoveMoney
from hub.exceptions.resolving import Settling
from hub.exceptions.rules import Posting
from hub.exceptions.showing import ExceptionBody, ExceptionShown, exception_body, shown_at
from hub.exceptions.tracing import Step, Trace, history_of, trace_of
from hub.exceptions.types import ExceptionType, Severity
from hub.idempotency.keyed import answer, key_of
from hub.idempotency.service import Reply
from hub.pages import LIMIT_DEFAULT, Cursor, Limit, page, read_cursor
from hub.payments.asked import Amount, Text
from hub.payments.routes import instant
from hub.payments.shell import Shell, shielded

READ: Final = [requires("exceptions:read")]
WRITE: Final = [requires("exceptions:write")]
_STEPS: Final = problems(404, 409, 413, 415, 422)
_SETTLES: Final = _STEPS | WAITS


class ExceptionTraced(ExceptionShown, frozen=True, kw_only=True):
    """An exception with what was done about it, and everything that it leads to."""

    history: list[Step]
    trace: Trace


class Exceptions(Struct, frozen=True):
    """A page of exceptions, newest first."""

    data: list[ExceptionShown]
    next_cursor: str | None


class Assignment(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who settles it; null takes the owner off."""

    owner: Text | None


class TransferAsked(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to book, in the exception's currency; one side is where its money stands unsettled."""

    debit: Text
    credit: Text
    amount: Amount


class ResolveRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How it is settled: by a `transfer`, or by a reason alone; why is said in both cases."""

    how: Literal["reason", "transfer"]
    reason: Text
    transfer: TransferAsked | None = None

    def __post_init__(self) -> None:
        if (self.how == "transfer") != (self.transfer is not None):
            raise ValueError("transfer: goes with how `transfer`, and only with that")


class ReopenRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why it is not settled after all."""

    reason: Text


@get("/v1/exceptions", guards=READ, responses=problems(422), tags=["exceptions"])
async def list_exceptions(  # noqa: PLR0913, PLR0917 - one argument for each query parameter of the API
    caller: NamedDependency[Caller],
    shell: NamedDependency[Shell],
    type: FromQuery[ExceptionType | None] = None,
    severity: FromQuery[Severity | None] = None,
    status: FromQuery[Literal["open", "resolved"] | None] = None,
    owner: FromQuery[str | None] = None,
    merchant_account: FromQuery[str | None] = None,
    payment: FromQuery[str | None] = None,
    settlement: FromQuery[str | None] = None,
    overdue: FromQuery[bool] = False,  # noqa: FBT002 - a query parameter
    created_after: FromQuery[datetime | None] = None,
    created_before: FromQuery[datetime | None] = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> Exceptions:
    """List exceptions, newest first; `overdue` leaves those that are open and past their time."""
    at = shell.clock()
    wanted = lists.Filter(
        livemode=caller.livemode,
        before=read_cursor(cursor),
        type=type,
        severity=severity,
        status=status,
        owner=owner,
        merchant_account=merchant_account,
        payment=payment,
        settlement=settlement,
        overdue_at=at if overdue else None,
        created_after=instant("created_after", created_after),
        created_before=instant("created_before", created_before),
        merchant_accounts=caller.merchant_accounts,
    )
    async with shell.database.reading() as connection:
        rows, following = page(await lists.exceptions_before(connection, wanted, limit + 1), limit)
    return Exceptions([shown_at(exception_body(row), at) for row in rows], following)


@get("/v1/exceptions/{exception_id:str}", guards=READ, responses=problems(404), tags=["exceptions"])
async def get_exception(
    exception_id: FromPath[str], caller: NamedDependency[Caller], shell: NamedDependency[Shell]
) -> ExceptionTraced:
    """Show one exception with its history, and the row, answers, webhook, transfers and events that it leads to."""
    async with shell.database.reading() as connection:
        row = await lists.one(connection, livemode=caller.livemode, exception_id=exception_id)
        if row is None or not caller.may_use(row["merchant_account"]):
            raise resolving.not_found()
        history, trace = await history_of(connection, row), await trace_of(connection, row)
    shown = msgspec.structs.asdict(shown_at(exception_body(row), shell.clock()))
    return ExceptionTraced(**shown, history=history, trace=trace)


@post("/v1/exceptions/{exception_id:str}/assign", status_code=200, guards=WRITE, responses=_STEPS, tags=["exceptions"])
async def assign_exception(
    request: Request[Any, Any, Any],
    exception_id: FromPath[str],
    data: JSONBody[Assignment],
    caller: NamedDependency[Caller],
    shell: NamedDependency[Shell],
) -> ExceptionShown:
    """Say who settles it."""
    do = partial(resolving.assign, exception_id=exception_id, owner=data.owner)
    return shown_at(await service.step(shell, caller, request_id_of(request), do), shell.clock())


@post(
    "/v1/exceptions/{exception_id:str}/resolve",
    status_code=200,
    guards=WRITE,
    responses=_SETTLES,
    operation_class=MayMoveMoney,
    tags=["exceptions"],
)
async def resolve_exception(
    request: Request[Any, Any, Any],
    exception_id: FromPath[str],
    data: JSONBody[ResolveRequest],
    caller: NamedDependency[Caller],
    shell: NamedDependency[Shell],
) -> Response[ExceptionBody]:
    """Settle it by a transfer or a reason; of two people at once one does, the other is told so."""
    path, asked = f"/v1/exceptions/{exception_id}", data.transfer
    posting = None if asked is None else Posting(debit=asked.debit, credit=asked.credit, amount_minor=asked.amount)
    wish = service.Wish(
        exception_id=exception_id,
        caller=caller,
        request_id=request_id_of(request),
        settling=Settling(reason=data.reason, posting=posting),
        key=None if posting is None else key_of(request, data, f"POST {path}/resolve", path),
    )
    return answer(await shielded(shell, service.settle(shell, wish)))


@post(
    "/v1/exceptions/{exception_id:str}/reopen", status_code=200, guards=WRITE, responses=_SETTLES, tags=["exceptions"]
)
async def reopen_exception(
    request: Request[Any, Any, Any],
    exception_id: FromPath[str],
    data: JSONBody[ReopenRequest],
    caller: NamedDependency[Caller],
    shell: NamedDependency[Shell],
) -> Response[ExceptionShown]:
    """Open it again; what was booked to settle it is booked back."""
    doing = service.reopen(shell, caller, request_id_of(request), exception_id, data.reason)
    done = await shielded(shell, doing)
    return answer(done) if isinstance(done, Reply) else Response(shown_at(done, shell.clock()))


HANDLERS = [list_exceptions, get_exception, assign_exception, resolve_exception, reopen_exception]
