"""Writing rulesets, and every change of which one decides; each is audited with who made it and why."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, NoReturn

import msgspec
from msgspec import Struct
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.access.rules import Caller
from hub.access.store import AUDIT, audit_row
from hub.database import ConflictError, Database
from hub.errors import FieldError, ProblemError
from hub.ids import new_id
from hub.merchants.profile import Profile, account_of
from hub.merchants.store import all_accounts, bump
from hub.rulesets import store
from routing.accounts import AccountStatus, MerchantAccount
from routing.review import Review, review
from routing.rollout import WHOLE, Change, Kind, Standing, standing
from routing.rules import RuleSet

AHEAD_MAX: Final = timedelta(days=366)
"""How far ahead something can be scheduled."""


class Author(Struct, frozen=True, kw_only=True):
    """Who changes the rules of a mode, when and why; *caller* None is the command, and *details* say whose."""

    caller: Caller | None
    livemode: bool
    at: datetime
    reason: str | None = None
    request_id: str | None = None
    details: Mapping[str, str] = {}


class Written(Struct, frozen=True):
    """A version as it was stored, and what to look at."""

    row: Mapping[str, Any]
    review: Review


async def accounts_of(connection: AsyncConnection, *, livemode: bool) -> list[MerchantAccount]:
    """Read the merchant accounts of a mode as routing sees them, without what their processors take."""
    return [
        account_of(
            msgspec.json.decode(row["profile"], type=Profile),
            id=row["id"],
            name=row["name"],
            processor=row["processor"],
            livemode=livemode,
            status=AccountStatus(row["status"]),
            amount_ranges=None,
        )
        for row in await all_accounts(connection)
        if bool(row["livemode"]) is livemode
    ]


async def look_through(database: Database, ruleset: RuleSet, *, livemode: bool) -> Review:
    """Find what is wrong with *ruleset* and what is to be looked at, beside the charges that go on meanwhile."""
    async with database.reading() as connection:
        accounts = await accounts_of(connection, livemode=livemode)
    return await asyncio.to_thread(review, ruleset, accounts)


async def write(database: Database, ruleset: RuleSet, author: Author) -> Written:
    """Store *ruleset* as the next version of its name; it decides nothing yet.

    Raises:
        ProblemError: validation_failed, conflict.
    """
    found = await look_through(database, ruleset, livemode=author.livemode)
    if found.problems:
        errors = [FieldError(problem.place, problem.message) for problem in found.problems]
        raise ProblemError("validation_failed", "the ruleset cannot be used as it is", errors=errors)
    try:
        async with database.transaction() as connection:
            row = {
                "id": new_id("rs_"),
                "livemode": author.livemode,
                "name": ruleset.name,
                "version": await store.next_version(connection, livemode=author.livemode, name=ruleset.name),
                "document": msgspec.json.encode(ruleset).decode(),
                "created_at": author.at,
            }
            await store.add_ruleset(connection, row)
            told = {"name": ruleset.name, "version": row["version"]}
            await _audit(connection, author, "ruleset.created", str(row["id"]), told)
    except ConflictError as second:
        raise ProblemError("conflict", "another version of this ruleset was written at the same moment") from second
    return Written(row, found)


async def activate(
    database: Database, author: Author, ruleset_id: str, *, percent: int = WHOLE, starts_at: datetime | None = None
) -> RowMapping:
    """Let a ruleset decide *percent* of the payments, from *starts_at* on or at once; gives the ruleset.

    Raises:
        ProblemError: not_found, validation_failed, conflict.
    """
    later = starts_at if starts_at is not None and starts_at > author.at else None
    if later is not None and later > author.at + AHEAD_MAX:
        _refuse("starts_at", f"is more than {AHEAD_MAX.days} days ahead; schedule it when it is nearer")

    def change(now: Standing) -> Change:
        if percent < WHOLE and later is None and now.base is not None and now.base.ruleset == ruleset_id:
            _refuse("rollout_percent", "must be 100: this ruleset is the base, and only another can take a part of it")
        return _change(author, Kind.ACTIVATE, ruleset_id, percent, later)

    return await _make(database, author, "ruleset.activated", change)


async def roll_back(database: Database, author: Author, *, scheduled_only: bool = False) -> None:
    """Return to what decided before; or, with *scheduled_only*, call off what has not begun.

    Raises:
        ProblemError: nothing_to_undo, conflict.
    """

    def change(now: Standing) -> Change:
        if scheduled_only:
            if not now.scheduled:
                raise ProblemError("nothing_to_undo", "nothing is scheduled")
            return _change(author, Kind.UNSCHEDULE, now.scheduled[0].ruleset)
        if now.rollout is not None:
            return _change(author, Kind.ROLLBACK, now.rollout.ruleset, now.rollout.percent)
        if now.base is None or len(now.bases) == 1:
            told = "no ruleset was active before this one; activate another, or call off what is scheduled alone"
            raise ProblemError("nothing_to_undo", told)
        return _change(author, Kind.ROLLBACK, now.base.ruleset)

    action = "ruleset.unscheduled" if scheduled_only else "ruleset.rolled_back"
    await _make(database, author, action, change)


async def shadow(database: Database, author: Author, ruleset_id: str, percent: int) -> None:
    """Have a ruleset planned beside the one that decides, for *percent* of the payments; an earlier shadow ends.

    Raises:
        ProblemError: not_found, conflict.
    """
    await _make(database, author, "ruleset.shadowed", lambda _: _change(author, Kind.SHADOW, ruleset_id, percent))


async def end_shadow(database: Database, author: Author) -> None:
    """End the shadow; what was counted stays.

    Raises:
        ProblemError: nothing_to_undo, conflict.
    """

    def change(now: Standing) -> Change:
        if now.shadow is None:
            raise ProblemError("nothing_to_undo", "no ruleset is a shadow")
        return _change(author, Kind.END_SHADOW, now.shadow.ruleset, now.shadow.percent)

    await _make(database, author, "ruleset.shadow_ended", change)


async def _make(database: Database, author: Author, action: str, decide: Callable[[Standing], Change]) -> RowMapping:
    """Store the change that *decide* makes of how things stand; gives its ruleset."""
    try:
        async with database.transaction() as connection:
            changes = await store.changes(connection, livemode=author.livemode)
            change = decide(standing(changes, author.at))
            found = await store.ruleset(connection, livemode=author.livemode, ruleset_id=change.ruleset)
            if found is None:
                raise no_ruleset()
            # Numbered by what was read, so that nobody's change comes between.
            await store.add_change(connection, change, livemode=author.livemode, number=len(changes) + 1)
            told = {"name": found["name"], "version": found["version"], "percent": change.percent}
            if change.starts_at is not None:
                told["starts_at"] = change.starts_at
            await _audit(connection, author, action, change.ruleset, told)
            await bump(connection, livemode=author.livemode)
    except ConflictError as second:
        raise ProblemError("conflict", "what decides was changed by somebody else at the same moment") from second
    return found


def no_ruleset() -> ProblemError:
    """Make the problem of a ruleset that is not there."""
    return ProblemError("not_found", "there is no such ruleset in this mode")


def _change(
    author: Author, kind: Kind, ruleset: str, percent: int = WHOLE, starts_at: datetime | None = None
) -> Change:
    return Change(
        id=new_id("rsa_"),
        kind=kind,
        ruleset=ruleset,
        percent=percent,
        starts_at=starts_at,
        made_at=author.at,
        reason=author.reason,
    )


def _refuse(field: str, message: str) -> NoReturn:
    raise ProblemError("validation_failed", "the activation cannot be carried out", errors=[FieldError(field, message)])


async def _audit(
    connection: AsyncConnection, author: Author, action: str, ruleset_id: str, told: Mapping[str, Any]
) -> None:
    details = {**told, **author.details, **({"reason": author.reason} if author.reason else {})}
    row = audit_row(
        author.caller,
        action,
        ruleset_id,
        details,
        livemode=author.livemode,
        at=author.at,
        request_id=author.request_id,
    )
    await connection.execute(AUDIT, row)
