"""`/v1/routing/rulesets`: written as versions, checked when written, made to decide by activating."""

from datetime import datetime
from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from msgspec import Meta, Struct
from sqlalchemy import RowMapping

from hub.access.guards import of_all_accounts, requires
from hub.access.rules import Caller
from hub.approvals.changes import activation_waits, ask_to_activate
from hub.approvals.documented import WAITS
from hub.database import Database
from hub.errors import FieldError, ProblemError, problems, request_id_of
from hub.idempotency.keyed import answer
from hub.pages import LIMIT_DEFAULT, Cursor, Limit, page, read_cursor
from hub.payments.shell import Shell
from hub.rulesets import reading, service, store
from hub.rulesets.service import Author
from routing.rollout import WHOLE, Standing
from routing.rules import Rule, RuleSet, Use
from routing.validation import Problem

READ = [requires("rulesets:read"), of_all_accounts]
WRITE = [requires("rulesets:write"), of_all_accounts]
Percent = Annotated[int, Meta(ge=1, le=WHOLE)]
Reason = Annotated[str, Meta(min_length=1, max_length=500)]


class RulesetShown(Struct, frozen=True, kw_only=True):
    """One version of a ruleset; `rollout_percent` is the share of the payments that it decides now.

    `unreadable` says why this version of the hub cannot read it: then it decides nothing, and its rules are not shown.
    """

    id: str
    object: str = "ruleset"
    livemode: bool
    name: str
    version: int
    active: bool
    rollout_percent: Annotated[int, Meta(ge=0, le=WHOLE)]
    rules: tuple[Rule, ...]
    otherwise: Use | None
    rates: dict[str, str]
    unreadable: str | None = None
    created_at: datetime


class RulesetWritten(RulesetShown, frozen=True, kw_only=True):
    """A version with what to look at in it: it can be used, but perhaps is not what was meant."""

    warnings: list[FieldError]


class Rulesets(Struct, frozen=True):
    """A page of versions, newest first."""

    data: list[RulesetShown]
    next_cursor: str | None


class Activation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much of the traffic a ruleset is to decide, from when on, and why; without `starts_at` at once.

    In live mode the `reason` must be given.
    """

    rollout_percent: Percent = WHOLE
    starts_at: Annotated[datetime, Meta(tz=True)] | None = None
    reason: Reason | None = None


@post("/v1/routing/rulesets", guards=WRITE, tags=["routing"], responses=problems(400, 409, 413, 415, 422))
async def create_ruleset(
    request: Request[Any, Any, Any],
    data: JSONBody[RuleSet],
    caller: NamedDependency[Caller],
    database: NamedDependency[Database],
) -> RulesetWritten:
    """Write a ruleset; one of a name that is there becomes its next version, and decides nothing yet."""
    written = await service.write(database, data, author_of(request, caller))
    return _written(written.row, Standing(), written.review.warnings)


@get("/v1/routing/rulesets", guards=READ, tags=["routing"], responses=problems(422))
async def list_rulesets(
    caller: NamedDependency[Caller],
    database: NamedDependency[Database],
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> Rulesets:
    """List every version of every ruleset."""
    before = read_cursor(cursor)
    async with database.reading() as connection:
        rows = await store.rulesets_before(connection, livemode=caller.livemode, before=before, limit=limit + 1)
        now = await service.standing_now(database, connection, livemode=caller.livemode)
    shown, following = page(rows, limit)
    return Rulesets([RulesetShown(**_fields(row, now)) for row in shown], following)


@get("/v1/routing/rulesets/{ruleset_id:str}", guards=READ, tags=["routing"], responses=problems(404))
async def get_ruleset(
    ruleset_id: FromPath[str],
    caller: NamedDependency[Caller],
    database: NamedDependency[Database],
) -> RulesetShown:
    """Show one version."""
    async with database.reading() as connection:
        row = await store.ruleset(connection, livemode=caller.livemode, ruleset_id=ruleset_id)
        now = await service.standing_now(database, connection, livemode=caller.livemode)
    if row is None:
        raise service.no_ruleset()
    return RulesetShown(**_fields(row, now))


@post(
    "/v1/routing/rulesets/{ruleset_id:str}/activate",
    guards=WRITE,
    status_code=200,
    tags=["routing"],
    responses=problems(400, 404, 409, 413, 415, 422) | WAITS,
)
async def activate_ruleset(
    request: Request[Any, Any, Any],
    ruleset_id: FromPath[str],
    caller: NamedDependency[Caller],
    shell: NamedDependency[Shell],
    data: JSONBody[Activation] = Activation(),  # noqa: B008 - a frozen value
) -> Response[RulesetWritten]:
    """Let a ruleset decide the payments of its mode, or a part of them by reference, at once or from an instant on."""
    percent, starts_at, database = data.rollout_percent, data.starts_at, shell.database
    if activation_waits(shell, caller):
        waiting = ask_to_activate(
            shell,
            caller,
            request_id_of(request),
            ruleset_id,
            percent=percent,
            starts_at=starts_at,
            reason=data.reason,
        )
        return answer(await waiting)
    author = author_of(request, caller, data.reason)
    row = await service.activate(database, author, ruleset_id, percent=percent, starts_at=starts_at)
    await shell.directory.changed()
    document = reading.read(row["document"], id=row["id"])
    found = await service.look_through(database, document, livemode=caller.livemode)
    async with database.reading() as connection:
        now = await service.standing_now(database, connection, livemode=caller.livemode)
    return Response(_written(row, now, found.warnings))


def author_of(request: Request[Any, Any, Any], caller: Caller, reason: str | None = None) -> Author:
    """Say who asks for a change by a request."""
    return Author(caller=caller, livemode=caller.livemode, reason=reason, request_id=request_id_of(request))


def _written(row: RowMapping | Any, now: Standing, warnings: list[Problem]) -> RulesetWritten:  # noqa: ANN401 - a row
    return RulesetWritten(**_fields(row, now), warnings=[FieldError(one.place, one.message) for one in warnings])


def _fields(row: RowMapping | Any, now: Standing) -> dict[str, Any]:  # noqa: ANN401 - a row
    ruleset, unreadable = _read(row)
    percent = now.percent_of(row["id"])
    return {
        "id": row["id"],
        "livemode": bool(row["livemode"]),
        "name": row["name"],
        "version": row["version"],
        "active": percent > 0,
        "rollout_percent": percent,
        "rules": ruleset.rules,
        "otherwise": ruleset.otherwise,
        "rates": ruleset.rates,
        "unreadable": unreadable,
        "created_at": row["created_at"],
    }


def _read(row: RowMapping | Any) -> tuple[RuleSet, str | None]:  # noqa: ANN401 - a row
    try:
        return reading.read(row["document"], id=row["id"]), None
    except ProblemError as unreadable:
        return RuleSet(name=row["name"]), unreadable.detail


HANDLERS = [create_ruleset, list_rulesets, get_ruleset, activate_ruleset]
