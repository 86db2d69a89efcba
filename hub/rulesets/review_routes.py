"""A ruleset looked at before it is written or activated: what is wrong with it, and what it says otherwise."""

from typing import Final

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.access.rules import Caller
from hub.database import Database
from hub.errors import FieldError, ProblemError, problems
from hub.rulesets import reading, service, store
from hub.rulesets.routes import READ
from routing.differences import Difference, differences
from routing.rules import RuleSet


class RulesetChecked(Struct, frozen=True, kw_only=True):
    """What was found, with its places: with `problems` it cannot be used, `warnings` are to be looked at."""

    object: str = "ruleset_check"
    usable: bool
    problems: list[FieldError]
    warnings: list[FieldError]


class RulesetCompared(Struct, frozen=True, kw_only=True):
    """What a ruleset says otherwise than `against`, null where none is active; `before` and `after` are JSON."""

    object: str = "ruleset_differences"
    ruleset: str
    against: str | None
    differences: list[Difference]


@post(
    "/v1/routing/rulesets/check",
    guards=READ,
    status_code=200,
    tags=["routing"],
    responses=problems(400, 413, 415, 422),
)
async def check_ruleset(
    data: JSONBody[RuleSet], caller: NamedDependency[Caller], database: NamedDependency[Database]
) -> RulesetChecked:
    """Say what is wrong with a ruleset, and what to look at; nothing is stored."""
    found = await service.look_through(database, data, livemode=caller.livemode)
    return RulesetChecked(
        usable=not found.problems,
        problems=[FieldError(one.place, one.message) for one in found.problems],
        warnings=[FieldError(one.place, one.message) for one in found.warnings],
    )


@get(
    "/v1/routing/rulesets/{ruleset_id:str}/diff",
    guards=READ,
    tags=["routing"],
    responses=problems(404, 409, 422),
)
async def compare_ruleset(
    ruleset_id: FromPath[str],
    caller: NamedDependency[Caller],
    database: NamedDependency[Database],
    against: FromQuery[str | None] = None,
) -> RulesetCompared:
    """Say what a ruleset says otherwise than another version, or than the base where none is named."""
    async with database.reading() as connection:
        after = await _ruleset(connection, caller, ruleset_id)
        if after is None:
            raise service.no_ruleset()
        if against is None:
            base = (await service.standing_now(database, connection, livemode=caller.livemode)).base
            against = base.ruleset if base else None
        before = await _ruleset(connection, caller, against) if against else None
    if against is not None and before is None:
        error = FieldError("against", "is no ruleset of this mode; GET /v1/routing/rulesets lists them")
        raise ProblemError("validation_failed", "there is nothing to compare with", errors=[error])
    return RulesetCompared(ruleset=ruleset_id, against=against, differences=differences(before, after))


async def _ruleset(connection: AsyncConnection, caller: Caller, ruleset_id: str) -> RuleSet | None:
    row = await store.ruleset(connection, livemode=caller.livemode, ruleset_id=ruleset_id)
    return None if row is None else reading.read(row["document"], id=row["id"])


HANDLERS: Final = [check_ruleset, compare_ruleset]
