"""`/v1/routing/rulesets`: written as versions, checked when written, made to decide by activating."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from msgspec import Meta, Struct
from sqlalchemy import RowMapping

from hub.access.guards import requires
from hub.access.rules import Caller
from hub.database import Database
from hub.errors import FieldError, problems, request_id_of
from hub.merchants.service import Directory
from hub.pages import LIMIT_DEFAULT, Cursor, Limit, page, read_cursor
from hub.rulesets import service, store
from hub.rulesets.service import Author
from routing.rollout import WHOLE, Standing, standing
from routing.rules import Rule, RuleSet, Use
from routing.validation import Problem

READ = [requires("rulesets:read")]
WRITE = [requires("rulesets:write")]
Clock = Callable[[], datetime]
Percent = Annotated[int, Meta(ge=1, le=WHOLE)]
Reason = Annotated[str, Meta(min_length=1, max_length=500)]


class RulesetShown(Struct, frozen=True, kw_only=True):
    """One version of a ruleset; `rollout_percent` is the share of the payments that it decides now."""

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
    created_at: datetime


class RulesetWritten(RulesetShown, frozen=True, kw_only=True):
    """A version with what to look at in it: it can be used, but perhaps is not what was meant."""

    warnings: list[FieldError]


class Rulesets(Struct, frozen=True):
    """A page of versions, newest first."""

    data: list[RulesetShown]
    next_cursor: str | None


class Activation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much of the traffic a ruleset is to decide, from when on, and why; without `starts_at` at once."""

    rollout_percent: Percent = WHOLE
    starts_at: Annotated[datetime, Meta(tz=True)] | None = None
    reason: Reason | None = None


@post("/v1/routing/rulesets", guards=WRITE, tags=["routing"], responses=problems(400, 409, 413, 415, 422))
async def create_ruleset(
    request: Request[Any, Any, Any],
    data: JSONBody[RuleSet],
    caller: NamedDependency[Caller],
    database: NamedDependency[Database],
    clock: NamedDependency[Clock],
) -> RulesetWritten:
    """Write a ruleset; one of a name that is there becomes its next version, and decides nothing yet."""
    written = await service.write(database, data, author_of(request, caller, clock()))
    return _written(written.row, Standing(), written.review.warnings)


@get("/v1/routing/rulesets", guards=READ, tags=["routing"], responses=problems(422))
async def list_rulesets(
    caller: NamedDependency[Caller],
    database: NamedDependency[Database],
    clock: NamedDependency[Clock],
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> Rulesets:
    """List every version of every ruleset."""
    before = read_cursor(cursor)
    async with database.reading() as connection:
        rows = await store.rulesets_before(connection, livemode=caller.livemode, before=before, limit=limit + 1)
        now = standing(await store.changes(connection, livemode=caller.livemode), clock())
    shown, following = page(rows, limit)
    return Rulesets([RulesetShown(**_fields(row, now)) for row in shown], following)


@get("/v1/routing/rulesets/{ruleset_id:str}", guards=READ, tags=["routing"], responses=problems(404))
async def get_ruleset(
    ruleset_id: FromPath[str],
    caller: NamedDependency[Caller],
    database: NamedDependency[Database],
    clock: NamedDependency[Clock],
) -> RulesetShown:
    """Show one version."""
    async with database.reading() as connection:
        row = await store.ruleset(connection, livemode=caller.livemode, ruleset_id=ruleset_id)
        now = standing(await store.changes(connection, livemode=caller.livemode), clock())
    if row is None:
        raise service.no_ruleset()
    return RulesetShown(**_fields(row, now))


@post(
    "/v1/routing/rulesets/{ruleset_id:str}/activate",
    guards=WRITE,
    status_code=200,
    tags=["routing"],
    responses=problems(400, 404, 409, 413, 415, 422),
)
async def activate_ruleset(
    request: Request[Any, Any, Any],
    ruleset_id: FromPath[str],
    caller: NamedDependency[Caller],
    database: NamedDependency[Database],
    directory: NamedDependency[Directory],
    clock: NamedDependency[Clock],
    data: JSONBody[Activation] = Activation(),  # noqa: B008 - a frozen value
) -> RulesetWritten:
    """Let a ruleset decide the payments of its mode, or a part of them by reference, at once or from an instant on."""
    author = author_of(request, caller, clock(), data.reason)
    row = await service.activate(database, author, ruleset_id, percent=data.rollout_percent, starts_at=data.starts_at)
    await directory.changed()
    document = msgspec.json.decode(row["document"], type=RuleSet)
    found = await service.look_through(database, document, livemode=caller.livemode)
    async with database.reading() as connection:
        now = standing(await store.changes(connection, livemode=caller.livemode), clock())
    return _written(row, now, found.warnings)


def author_of(request: Request[Any, Any, Any], caller: Caller, at: datetime, reason: str | None = None) -> Author:
    """Say who asks for a change by a request."""
    request_id = request_id_of(request)
    return Author(caller=caller, livemode=caller.livemode, at=at, reason=reason, request_id=request_id)


def _written(row: RowMapping | Any, now: Standing, warnings: list[Problem]) -> RulesetWritten:  # noqa: ANN401 - a row
    return RulesetWritten(**_fields(row, now), warnings=[FieldError(one.place, one.message) for one in warnings])


def _fields(row: RowMapping | Any, now: Standing) -> dict[str, Any]:  # noqa: ANN401 - a row
    ruleset = msgspec.json.decode(row["document"], type=RuleSet)
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
        "created_at": row["created_at"],
    }


HANDLERS = [create_ruleset, list_rulesets, get_ruleset, activate_ruleset]
