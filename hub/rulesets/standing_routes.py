"""What decides now: shown, rolled back, and a shadow beside it with what it would have done otherwise."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from msgspec import Struct
from sqlalchemy import RowMapping

from hub.access.rules import Caller
from hub.database import Database
from hub.errors import ProblemError, problems
from hub.merchants.service import Directory
from hub.rulesets import service, store
from hub.rulesets.routes import READ, WRITE, Percent, Reason, author_of
from routing.rollout import WHOLE, Change, Kind, Share, standing
from routing.shadow import Verdict

DIFFERENCES_MAX: Final = 100


class DecidingShown(Struct, frozen=True, kw_only=True):
    """A ruleset that decides, or is to decide, a share of the payments, since an instant, and why."""

    ruleset: str
    name: str
    version: int
    percent: int
    since: datetime
    reason: str | None


class StandingShown(Struct, frozen=True, kw_only=True):
    """What decides: the base, but for the share of the rollout; what is scheduled comes soonest first."""

    object: str = "routing_standing"
    livemode: bool
    base: DecidingShown | None
    rollout: DecidingShown | None
    scheduled: list[DecidingShown]
    shadow: DecidingShown | None


class Rollback(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why to go back, which must be said in live mode; with `scheduled_only` what has begun stays, the rest is off."""

    reason: Reason | None = None
    scheduled_only: bool = False


class ShadowWanted(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """For which share of the payments a ruleset is planned beside the one that decides."""

    percent: Percent = WHOLE
    reason: Reason | None = None


class ShadowEnd(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why a shadow ends."""

    reason: Reason | None = None


class Tally(Struct, frozen=True, kw_only=True):
    """How many payments a shadow would have treated as they were, sent elsewhere first or next, or refused."""

    payments: int
    agreeing: int
    other_account: int
    other_order: int
    refusal: int


class RuleTally(Tally, frozen=True, kw_only=True):
    """The payments that one rule decided and that the shadow's rule would have; null is none."""

    rule: str | None
    shadow_rule: str | None


class AccountTally(Tally, frozen=True, kw_only=True):
    """The payments that went to one account first and would have gone to the shadow's; null is nowhere."""

    merchant_account: str | None
    shadow_merchant_account: str | None


class ShadowShown(Tally, frozen=True, kw_only=True):
    """The last shadow: what was counted, in all and by rule and account, the most payments first, 100 of each."""

    object: str = "routing_shadow"
    livemode: bool
    ruleset: str
    name: str
    version: int
    percent: int
    since: datetime
    ended_at: datetime | None
    by_rule: list[RuleTally]
    by_account: list[AccountTally]


@get("/v1/routing/rulesets/active", guards=READ, tags=["routing"], responses=problems())
async def show_standing(caller: NamedDependency[Caller], database: NamedDependency[Database]) -> StandingShown:
    """Show what decides now: the base, a rollout, what is scheduled, and the shadow."""
    return await _standing(database, caller)


@post(
    "/v1/routing/rulesets/rollback",
    guards=WRITE,
    status_code=200,
    tags=["routing"],
    responses=problems(400, 409, 413, 415, 422),
)
async def roll_back(
    request: Request[Any, Any, Any],
    caller: NamedDependency[Caller],
    database: NamedDependency[Database],
    directory: NamedDependency[Directory],
    data: JSONBody[Rollback] = Rollback(),  # noqa: B008 - a frozen value
) -> StandingShown:
    """Return to what decided before: end a rollout, or else take back the base; what is scheduled is called off."""
    author = author_of(request, caller, data.reason)
    await service.roll_back(database, author, scheduled_only=data.scheduled_only)
    await directory.changed()
    return await _standing(database, caller)


@post(
    "/v1/routing/rulesets/{ruleset_id:str}/shadow",
    guards=WRITE,
    status_code=200,
    tags=["routing"],
    responses=problems(400, 404, 409, 413, 415, 422),
)
async def shadow_ruleset(
    request: Request[Any, Any, Any],
    ruleset_id: FromPath[str],
    caller: NamedDependency[Caller],
    database: NamedDependency[Database],
    directory: NamedDependency[Directory],
    data: JSONBody[ShadowWanted] = ShadowWanted(),  # noqa: B008 - a frozen value
) -> StandingShown:
    """Plan live payments by a ruleset too, without carrying that out, and count where it differs."""
    author = author_of(request, caller, data.reason)
    await service.shadow(database, author, ruleset_id, data.percent)
    await directory.changed()
    return await _standing(database, caller)


@post(
    "/v1/routing/shadow/end",
    guards=WRITE,
    status_code=200,
    tags=["routing"],
    responses=problems(400, 409, 413, 415, 422),
)
async def end_shadow(
    request: Request[Any, Any, Any],
    caller: NamedDependency[Caller],
    database: NamedDependency[Database],
    directory: NamedDependency[Directory],
    data: JSONBody[ShadowEnd] = ShadowEnd(),  # noqa: B008 - a frozen value
) -> StandingShown:
    """End the shadow; what was counted stays readable until the next one begins."""
    await service.end_shadow(database, author_of(request, caller, data.reason))
    await directory.changed()
    return await _standing(database, caller)


@get("/v1/routing/shadow", guards=READ, tags=["routing"], responses=problems(404))
async def show_shadow(caller: NamedDependency[Caller], database: NamedDependency[Database]) -> ShadowShown:
    """Show what the last shadow would have done otherwise, in all and by rule and account."""
    async with database.reading() as connection:
        began, ended_at = _last_shadow(await store.changes(connection, livemode=caller.livemode))
        name, version = (await store.titles(connection, [began.ruleset]))[began.ruleset]
        rows = await store.counts(connection, began.id)
    by_rule = _grouped(rows, "rule", "shadow_rule")
    by_account = _grouped(rows, "merchant_account", "shadow_merchant_account")
    return ShadowShown(
        livemode=caller.livemode,
        ruleset=began.ruleset,
        name=name,
        version=version,
        percent=began.percent,
        since=began.made_at,
        ended_at=ended_at,
        by_rule=[RuleTally(rule=one, shadow_rule=other, **told) for (one, other), told in by_rule],
        by_account=[
            AccountTally(merchant_account=one, shadow_merchant_account=other, **told)
            for (one, other), told in by_account
        ],
        **_tally(rows),
    )


async def _standing(database: Database, caller: Caller) -> StandingShown:
    async with database.reading() as connection:
        changes = await store.changes(connection, livemode=caller.livemode)
        now = standing(changes, await database.now(connection))
        shares = [now.base, now.rollout, *now.scheduled, now.shadow]
        titles = await store.titles(connection, {share.ruleset for share in shares if share is not None})
    reasons = {change.id: change.reason for change in changes}

    def shown(share: Share) -> DecidingShown:
        name, version = titles[share.ruleset]
        return DecidingShown(
            ruleset=share.ruleset,
            name=name,
            version=version,
            percent=share.percent,
            since=share.since,
            reason=reasons[share.change],
        )

    return StandingShown(
        livemode=caller.livemode,
        base=None if now.base is None else shown(now.base),
        rollout=None if now.rollout is None else shown(now.rollout),
        scheduled=[shown(share) for share in now.scheduled],
        shadow=None if now.shadow is None else shown(now.shadow),
    )


def _last_shadow(changes: Sequence[Change]) -> tuple[Change, datetime | None]:
    """Find what began the last shadow, and when that ended."""
    began, ended_at = None, None
    for change in changes:
        if change.kind is Kind.SHADOW:
            began, ended_at = change, None
        elif change.kind is Kind.END_SHADOW:
            ended_at = change.made_at
    if began is None:
        raise ProblemError("not_found", "no ruleset has been a shadow in this mode")
    return began, ended_at


def _grouped(
    rows: Iterable[RowMapping], one: str, other: str
) -> list[tuple[tuple[str | None, str | None], dict[str, Any]]]:
    """Add up the rows with the same two words, the most payments first; "" is none."""
    groups: dict[tuple[str | None, str | None], list[RowMapping]] = {}
    for row in rows:
        groups.setdefault((row[one] or None, row[other] or None), []).append(row)
    tallies = [(words, _tally(those)) for words, those in groups.items()]
    return sorted(tallies, key=lambda told: -told[1]["payments"])[:DIFFERENCES_MAX]


def _tally(rows: Iterable[RowMapping]) -> dict[str, Any]:
    counted = Counter(dict.fromkeys(Verdict, 0))
    for row in rows:
        counted[Verdict(row["verdict"])] += row["payments"]
    return {"payments": counted.total(), **{str(verdict): count for verdict, count in counted.items()}}


HANDLERS = [show_standing, roll_back, shadow_ruleset, end_shadow, show_shadow]
