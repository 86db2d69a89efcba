"""Writing rulesets, and every change of which one decides; each is audited with who made it and why."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
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
from hub.merchants.connecting import account_from
from hub.merchants.store import all_accounts, bump
from hub.rulesets import reading, store
from routing.accounts import MerchantAccount
from routing.review import Review, review
from routing.rollout import WHOLE, Change, Kind, Standing, standing
from routing.rules import RuleSet

AHEAD_MAX: Final = timedelta(days=366)
"""How far ahead something can be scheduled."""
SCHEDULED_MAX: Final = 50
"""How many rulesets can be scheduled at a time in a mode."""

_WITH_REASON: Final = frozenset({Kind.ACTIVATE, Kind.ROLLBACK, Kind.UNSCHEDULE})


class Author(Struct, frozen=True, kw_only=True):
    """Who changes the rules of a mode, and why; *caller* None is the command, and *details* say whose."""

    caller: Caller | None
    livemode: bool
    reason: str | None = None
    request_id: str | None = None
    details: Mapping[str, str] = {}


class Written(Struct, frozen=True):
    """A version as it was stored, and what to look at."""

    row: Mapping[str, Any]
    review: Review


async def accounts_of(connection: AsyncConnection, *, livemode: bool) -> list[MerchantAccount]:
    """Read the merchant accounts of a mode as routing sees them, without what their processors take."""
    found: list[MerchantAccount] = []
    for row in await all_accounts(connection):
        if bool(row["livemode"]) is livemode:
            with suppress(msgspec.DecodeError, ValueError):  # One that cannot be read can be used in no rule.
                found.append(account_from(row))
    return found


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
            at = await database.now(connection)
            row = {
                "id": new_id("rs_"),
                "livemode": author.livemode,
                "name": ruleset.name,
                "version": await store.next_version(connection, livemode=author.livemode, name=ruleset.name),
                "document": msgspec.json.encode(ruleset).decode(),
                "created_at": at,
            }
            await store.add_ruleset(connection, row)
            told = {"name": ruleset.name, "version": row["version"]}
            await _audit(connection, author, at, "ruleset.created", str(row["id"]), told)
    except ConflictError as second:
        raise ProblemError("conflict", "another version of this ruleset was written at the same moment") from second
    return Written(row, found)


async def activate(
    database: Database,
    author: Author,
    ruleset_id: str,
    *,
    percent: int = WHOLE,
    starts_at: datetime | None = None,
    also: Callable[[AsyncConnection], Awaitable[None]] | None = None,
) -> RowMapping:
    """Let a ruleset decide *percent* of the payments, from *starts_at* on or at once; gives the ruleset.

    *also* is done in the same transaction.

    Raises:
        ProblemError: not_found, validation_failed, conflict, ruleset_unreadable.
    """

    def change(now: Standing, at: datetime) -> Change:
        later = starts_at if starts_at is not None and starts_at > at else None
        if later is not None and later > at + AHEAD_MAX:
            _refuse("starts_at", f"is more than {AHEAD_MAX.days} days ahead; schedule it when it is nearer")
        if later is not None and len(now.scheduled) >= SCHEDULED_MAX:
            _refuse("starts_at", f"cannot be: {SCHEDULED_MAX} rulesets are scheduled; wait for one, or call them off")
        if percent < WHOLE and later is None and now.base is not None and now.base.ruleset == ruleset_id:
            _refuse("rollout_percent", "must be 100: this ruleset is the base, and only another can take a part of it")
        return _change(author, at, Kind.ACTIVATE, ruleset_id, percent, later)

    return await _make(database, author, "ruleset.activated", change, also)


async def roll_back(database: Database, author: Author, *, scheduled_only: bool = False) -> None:
    """Return to what decided before; or, with *scheduled_only*, call off what has not begun.

    Raises:
        ProblemError: nothing_to_undo, validation_failed, conflict.
    """

    def change(now: Standing, at: datetime) -> Change:
        if scheduled_only:
            if not now.scheduled:
                raise ProblemError("nothing_to_undo", "nothing is scheduled")
            return _change(author, at, Kind.UNSCHEDULE, now.scheduled[0].ruleset)
        if now.rollout is not None:
            return _change(author, at, Kind.ROLLBACK, now.rollout.ruleset, now.rollout.percent)
        if now.base is None or len(now.bases) == 1:
            told = "no ruleset was active before this one; activate another, or call off what is scheduled alone"
            raise ProblemError("nothing_to_undo", told)
        return _change(author, at, Kind.ROLLBACK, now.base.ruleset)

    action = "ruleset.unscheduled" if scheduled_only else "ruleset.rolled_back"
    await _make(database, author, action, change)


async def shadow(database: Database, author: Author, ruleset_id: str, percent: int) -> None:
    """Have a ruleset planned beside the one that decides, for *percent* of the payments; an earlier shadow ends.

    Raises:
        ProblemError: not_found, conflict, ruleset_unreadable.
    """

    def change(_: Standing, at: datetime) -> Change:
        return _change(author, at, Kind.SHADOW, ruleset_id, percent)

    await _make(database, author, "ruleset.shadowed", change)


async def end_shadow(database: Database, author: Author) -> None:
    """End the shadow; what was counted stays.

    Raises:
        ProblemError: nothing_to_undo, conflict.
    """

    def change(now: Standing, at: datetime) -> Change:
        if now.shadow is None:
            raise ProblemError("nothing_to_undo", "no ruleset is a shadow")
        return _change(author, at, Kind.END_SHADOW, now.shadow.ruleset, now.shadow.percent)

    await _make(database, author, "ruleset.shadow_ended", change)


async def _make(
    database: Database,
    author: Author,
    action: str,
    decide: Callable[[Standing, datetime], Change],
    also: Callable[[AsyncConnection], Awaitable[None]] | None = None,
) -> RowMapping:
    """Store the change that *decide* makes of how things stand at an instant; gives its ruleset.

    The instant is the database's, and never before the last change: whichever process is asked, it goes by what had
    begun when the change was made.
    """
    try:
        async with database.transaction() as connection:
            changes = await store.changes(connection, livemode=author.livemode)
            at = max([await database.now(connection), *(last.made_at for last in changes[-1:])])
            change = decide(standing(changes, at), at)
            found = await store.ruleset(connection, livemode=author.livemode, ruleset_id=change.ruleset)
            if found is None:
                raise no_ruleset()
            if author.livemode and author.reason is None and change.kind in _WITH_REASON:
                _refuse("reason", "must say why: it changes what decides live payments; the audit log keeps it")
            if change.kind in {Kind.ACTIVATE, Kind.SHADOW}:
                await asyncio.to_thread(reading.compiled, found["document"], id=found["id"], version=found["version"])
            # Numbered by what was read, so that nobody's change comes between.
            await store.add_change(connection, change, livemode=author.livemode, number=len(changes) + 1)
            told = {"name": found["name"], "version": found["version"], "percent": change.percent}
            if change.starts_at is not None:
                told["starts_at"] = change.starts_at
            await _audit(connection, author, at, action, change.ruleset, told)
            await bump(connection, livemode=author.livemode)
            if also is not None:
                await also(connection)
    except ConflictError as second:
        raise ProblemError("conflict", "what decides was changed by somebody else at the same moment") from second
    return found


def no_ruleset() -> ProblemError:
    """Make the problem of a ruleset that is not there."""
    return ProblemError("not_found", "there is no such ruleset in this mode")


async def standing_now(database: Database, connection: AsyncConnection, *, livemode: bool) -> Standing:
    """Tell who decides in a mode now, by the database's clock."""
    return standing(await store.changes(connection, livemode=livemode), await database.now(connection))


def _change(
    author: Author, at: datetime, kind: Kind, ruleset: str, percent: int = WHOLE, starts_at: datetime | None = None
) -> Change:
    return Change(
        id=new_id("rsa_"),
        kind=kind,
        ruleset=ruleset,
        percent=percent,
        starts_at=starts_at,
        made_at=at,
        reason=author.reason,
    )


def _refuse(field: str, message: str) -> NoReturn:
    raise ProblemError("validation_failed", "the change cannot be carried out", errors=[FieldError(field, message)])


async def _audit(
    connection: AsyncConnection, author: Author, at: datetime, action: str, ruleset_id: str, told: Mapping[str, Any]
) -> None:
    details = {**told, **author.details, **({"reason": author.reason} if author.reason else {})}
    row = audit_row(
        author.caller,
        action,
        ruleset_id,
        details,
        livemode=author.livemode,
        at=at,
        request_id=author.request_id,
    )
    await connection.execute(AUDIT, row)
