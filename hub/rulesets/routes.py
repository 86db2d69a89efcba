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
from hub.access.store import audit
from hub.database import ConflictError, Database
from hub.errors import FieldError, ProblemError, problems, request_id_of
from hub.ids import new_id
from hub.merchants.service import Directory
from hub.merchants.store import account_ids, bump
from hub.pages import LIMIT_DEFAULT, Cursor, Limit, page, read_cursor
from hub.rulesets import store
from routing.rules import Rule, RuleSet, Use
from routing.validation import validate

EVERYWHERE = 100
READ = [requires("rulesets:read")]
WRITE = [requires("rulesets:write")]
Clock = Callable[[], datetime]


class RulesetShown(Struct, frozen=True, kw_only=True):
    """One version of a ruleset; `active` says whether it decides now."""

    id: str
    object: str = "ruleset"
    livemode: bool
    name: str
    version: int
    active: bool
    rules: tuple[Rule, ...]
    otherwise: Use | None
    rates: dict[str, str]
    created_at: datetime


class Rulesets(Struct, frozen=True):
    """A page of versions, newest first."""

    data: list[RulesetShown]
    next_cursor: str | None


class Activation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much of the traffic a ruleset is to decide."""

    rollout_percent: Annotated[int, Meta(ge=1, le=100)] = EVERYWHERE


@post("/v1/routing/rulesets", guards=WRITE, tags=["routing"], responses=problems(400, 409, 413, 415, 422))
async def create_ruleset(
    request: Request[Any, Any, Any],
    data: JSONBody[RuleSet],
    caller: NamedDependency[Caller],
    database: NamedDependency[Database],
    clock: NamedDependency[Clock],
) -> RulesetShown:
    """Write a ruleset; one of a name that is there becomes its next version, and decides nothing yet."""
    ruleset_id = new_id("rs_")
    try:
        async with database.transaction() as connection:
            _check(data, await account_ids(connection, livemode=caller.livemode))
            row = {
                "id": ruleset_id,
                "livemode": caller.livemode,
                "name": data.name,
                "version": await store.next_version(connection, livemode=caller.livemode, name=data.name),
                "document": msgspec.json.encode(data).decode(),
                "created_at": clock(),
            }
            await store.add_ruleset(connection, row)
            told = {"name": data.name, "version": row["version"]}
            await audit(connection, caller, "ruleset.created", ruleset_id, told, request_id=request_id_of(request))
    except ConflictError as second:
        raise ProblemError("conflict", "another version of this ruleset was written at the same moment") from second
    return _shown(row, active=None)


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
        active = (await store.active_ids(connection)).get(caller.livemode)
    shown, following = page(rows, limit)
    return Rulesets([_shown(row, active=active) for row in shown], following)


@get("/v1/routing/rulesets/{ruleset_id:str}", guards=READ, tags=["routing"], responses=problems(404))
async def get_ruleset(
    ruleset_id: FromPath[str], caller: NamedDependency[Caller], database: NamedDependency[Database]
) -> RulesetShown:
    """Show one version."""
    async with database.reading() as connection:
        row = await store.ruleset(connection, livemode=caller.livemode, ruleset_id=ruleset_id)
        active = (await store.active_ids(connection)).get(caller.livemode)
    if row is None:
        raise _not_found()
    return _shown(row, active=active)


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
) -> RulesetShown:
    """Let a ruleset decide every payment of its mode from now on."""
    if data.rollout_percent != EVERYWHERE:
        errors = [FieldError("rollout_percent", "must be 100: a ruleset decides all payments or none")]
        raise ProblemError("validation_failed", "a part of the traffic cannot be chosen", errors=errors)
    row = {
        "id": new_id("rsa_"),
        "livemode": caller.livemode,
        "ruleset": ruleset_id,
        "rollout_percent": data.rollout_percent,
        "created_at": clock(),
    }
    try:
        async with database.transaction() as connection:
            found = await store.ruleset(connection, livemode=caller.livemode, ruleset_id=ruleset_id)
            if found is None:
                raise _not_found()
            await store.activate(connection, row)
            told = {"name": found["name"], "version": found["version"], "rollout_percent": data.rollout_percent}
            await audit(connection, caller, "ruleset.activated", ruleset_id, told, request_id=request_id_of(request))
            await bump(connection, livemode=caller.livemode)
    except ConflictError as second:
        raise ProblemError("conflict", "another ruleset was activated at the same moment") from second
    await directory.changed()
    return _shown(found, active=ruleset_id)


def _check(ruleset: RuleSet, known: list[str]) -> None:
    wrong = validate(ruleset, known)
    if wrong:
        errors = [FieldError(problem.place, problem.message) for problem in wrong]
        raise ProblemError("validation_failed", "the ruleset cannot be used as it is", errors=errors)


def _shown(row: RowMapping | dict[str, Any], *, active: str | None) -> RulesetShown:
    ruleset = msgspec.json.decode(row["document"], type=RuleSet)
    return RulesetShown(
        id=row["id"],
        livemode=bool(row["livemode"]),
        name=row["name"],
        version=row["version"],
        active=row["id"] == active,
        rules=ruleset.rules,
        otherwise=ruleset.otherwise,
        rates=ruleset.rates,
        created_at=row["created_at"],
    )


def _not_found() -> ProblemError:
    return ProblemError("not_found", "there is no such ruleset in this mode")


HANDLERS = [create_ruleset, list_rulesets, get_ruleset, activate_ruleset]
