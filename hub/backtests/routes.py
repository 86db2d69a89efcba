"""`/v1/routing/backtests`: what a ruleset would have done with stored payments; nothing is charged and none changes."""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from msgspec import Meta, Struct, field

from hub.access.guards import requires
from hub.access.rules import Caller
from hub.backtests import store
from hub.backtests.results import ResultBody
from hub.database import Database
from hub.errors import FieldError, ProblemError, problems
from hub.ids import new_id
from hub.pages import LIMIT_DEFAULT, Cursor, Limit, page, read_cursor
from hub.payments.answers import ACCEPTED
from hub.payments.routes import instant
from hub.payments.shell import Shell

READ: Final = [requires("rulesets:read")]
WRITE: Final = [requires("rulesets:write")]
Clock = Callable[[], datetime]
Status = Literal["waiting", "running", "done", "failed"]
Id = Annotated[str, Meta(min_length=1, max_length=64)]


class BacktestRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Replay the payments made since `from` and before `to` (now, if left out), of one merchant account or of all."""

    ruleset: Id
    from_: datetime = field(name="from")
    to: datetime | None = None
    merchant_account: Id | None = None


class Progress(Struct, frozen=True):
    """How far it is: payments replayed, and how many there are, null until they are counted."""

    done: int
    total: int | None


class BacktestBody(Struct, frozen=True, kw_only=True):
    """A backtest; `result` is there once `status` is done, `error` once it is failed."""

    id: str
    object: Literal["backtest"] = "backtest"
    livemode: bool
    status: Status
    ruleset: str
    from_: datetime = field(name="from")
    to: datetime
    merchant_account: str | None
    progress: Progress
    result: ResultBody | None
    error: str | None
    created_at: datetime
    ended_at: datetime | None


class Backtests(Struct, frozen=True):
    """A page of backtests, newest first, without their results."""

    data: list[BacktestBody]
    next_cursor: str | None


@post(
    "/v1/routing/backtests",
    guards=WRITE,
    status_code=ACCEPTED,
    tags=["routing"],
    responses=problems(400, 413, 415, 422),
)
async def create_backtest(
    data: JSONBody[BacktestRequest],
    caller: NamedDependency[Caller],
    database: NamedDependency[Database],
    clock: NamedDependency[Clock],
    shell: NamedDependency[Shell],
) -> Response[BacktestBody]:
    """Begin a backtest; a worker replays the payments, and `progress` says how far it is."""
    at = clock()
    instant("from", data.from_)
    from_at, to_at = data.from_, instant("to", data.to) or at
    if from_at >= to_at:
        raise _invalid("from", "must be before to")
    found = await store.ruleset(database, data.ruleset)
    if found is None or bool(found["livemode"]) != caller.livemode:
        raise _invalid("ruleset", "is no ruleset of this mode; GET /v1/routing/rulesets lists them")
    if data.merchant_account is not None and not caller.may_use(data.merchant_account):
        raise _invalid("merchant_account", "is none that this key reaches")
    row = new_row(
        livemode=caller.livemode,
        ruleset=data.ruleset,
        between=(from_at, to_at),
        merchant_account=data.merchant_account,
        allowed=caller.merchant_accounts,
        by=caller.principal,
        at=at,
    )
    await store.add(database, row)
    shell.wake()
    body = backtest_body(row)
    return Response(body, headers={"Location": f"/v1/routing/backtests/{body.id}"})


@get("/v1/routing/backtests", guards=READ, tags=["routing"], responses=problems(422))
async def list_backtests(
    caller: NamedDependency[Caller],
    database: NamedDependency[Database],
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> Backtests:
    """List backtests.

    A key of some merchant accounts sees those made with a key of the same ones.
    """
    last = read_cursor(cursor)
    rows = await store.before(
        database, livemode=caller.livemode, last=last, most=limit + 1, allowed=caller.merchant_accounts
    )
    shown, following = page(rows, limit)
    return Backtests([backtest_body({**row, "result": None}) for row in shown], following)


@get("/v1/routing/backtests/{backtest_id:str}", guards=READ, tags=["routing"], responses=problems(404))
async def get_backtest(
    backtest_id: FromPath[str], caller: NamedDependency[Caller], database: NamedDependency[Database]
) -> BacktestBody:
    """Show how far a backtest is, and what came out."""
    row = await store.find(
        database, livemode=caller.livemode, backtest_id=backtest_id, allowed=caller.merchant_accounts
    )
    if row is None:
        raise ProblemError("not_found", "there is no such backtest in this mode that this key may read")
    return backtest_body(row)


def new_row(
    *,
    livemode: bool,
    ruleset: str,
    between: tuple[datetime, datetime],
    merchant_account: str | None,
    allowed: Collection[str] | None = None,
    by: str,
    at: datetime,
    held_s: float = 0.0,
) -> dict[str, Any]:
    """Make the columns of a backtest; a worker may take it up at once, or when its maker held it for so long."""
    return {
        "id": new_id("bt_"),
        "livemode": livemode,
        "ruleset": ruleset,
        "from_at": between[0],
        "to_at": between[1],
        "merchant_account": merchant_account,
        "merchant_accounts": store.reached(allowed),
        "status": "waiting",
        "total": None,
        "done": 0,
        "cursor_at": None,
        "cursor_id": None,
        "tally": None,
        "result": None,
        "error": None,
        "tries": 0,
        "due_at": at + timedelta(seconds=held_s) if held_s else at - _SKEW,
        "requested_by": by,
        "created_at": at,
        "ended_at": None,
    }


_SKEW: Final = timedelta(minutes=1)
"""By how much a process's clock may be ahead of the database's, which says what is due."""


def backtest_body(row: Mapping[Any, Any]) -> BacktestBody:
    """Show a backtest."""
    return BacktestBody(
        id=row["id"],
        livemode=bool(row["livemode"]),
        status=row["status"],
        ruleset=row["ruleset"],
        from_=row["from_at"],
        to=row["to_at"],
        merchant_account=row["merchant_account"],
        progress=Progress(row["done"], row["total"]),
        result=None if row["result"] is None else msgspec.json.decode(row["result"], type=ResultBody),
        error=row["error"],
        created_at=row["created_at"],
        ended_at=row["ended_at"],
    )


def _invalid(name: str, told: str) -> ProblemError:
    return ProblemError("validation_failed", "the backtest cannot be made", errors=[FieldError(name, told)])


HANDLERS: Final = [create_backtest, list_backtests, get_backtest]
