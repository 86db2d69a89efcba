"""What the API does about exceptions, each in one transaction; a transfer over the limit waits for a second person."""

from collections.abc import Awaitable, Callable
from functools import partial

import msgspec
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.access.rules import Caller
from hub.approvals.asking import Asked, ask, keep_key
from hub.approvals.rules import Kind, passes
from hub.database import ConflictError
from hub.exceptions import resolving
from hub.exceptions.resolving import Author, Settling
from hub.exceptions.showing import ExceptionBody
from hub.idempotency.service import Reply, look_up
from hub.idempotency.store import Key
from hub.payments.shell import Shell
from normalization.money import written

OK = 200


class Wish(Struct, frozen=True, kw_only=True):
    """Which exception somebody wants settled and how; `key` comes with a transfer."""

    exception_id: str
    caller: Caller
    request_id: str
    settling: Settling
    key: Key | None


async def step(
    shell: Shell, caller: Caller, request_id: str, do: Callable[[AsyncConnection, Author], Awaitable[ExceptionBody]]
) -> ExceptionBody:
    """Do one thing about an exception."""
    author = Author(caller=caller, request_id=request_id, at=shell.clock())
    async with shell.database.transaction() as connection:
        return await do(connection, author)


async def settle(shell: Shell, wish: Wish) -> Reply:
    """Resolve an exception at once, or have a second person asked where its transfer passes the limit.

    Raises:
        ProblemError: not_found, exception_not_open, validation_failed, idempotency_key_reused.
    """
    if wish.key is not None and (standing := await look_up(shell.database, wish.key, livemode=wish.caller.livemode)):
        return standing
    if asked := await _beyond_limit(shell, wish):
        return await ask(shell, asked, wish.key)
    author = Author(caller=wish.caller, request_id=wish.request_id, at=shell.clock())
    try:
        async with shell.database.transaction() as connection:
            body = await resolving.resolve(connection, author, wish.exception_id, wish.settling)
            reply = Reply(status=OK, body=msgspec.json.encode(body), location=f"/v1/exceptions/{wish.exception_id}")
            if wish.key is not None:
                await keep_key(connection, wish.key, reply, livemode=wish.caller.livemode, at=author.at)
    except ConflictError:
        standing = await look_up(shell.database, wish.key, livemode=wish.caller.livemode) if wish.key else None
        if standing is None:
            raise
        return standing
    return reply


async def reopen(
    shell: Shell, caller: Caller, request_id: str, exception_id: str, reason: str
) -> ExceptionBody | Reply:
    """Open an exception again at once, or have a second person asked where what that books back passes the limit.

    Raises:
        ProblemError: not_found, exception_not_resolved.
    """
    limit = shell.settings.approvals.exception_transfer
    try:
        return await step(
            shell, caller, request_id, partial(resolving.reopen, exception_id=exception_id, reason=reason, limit=limit)
        )
    except resolving.SecondPersonNeededError as needed:
        row, minor = needed.row, needed.amount_minor
    wanted = Asked(
        kind=Kind.EXCEPTION,
        caller=caller,
        request_id=request_id,
        object_id=exception_id,
        summary=f"open the exception {row['type']} again, which books back {written(minor, row['currency'])}: {reason}",
        request={"exception": exception_id, "reopening": reason},
        merchant_account=row["merchant_account"],
        amount_minor=minor,
        currency=row["currency"],
    )
    return await ask(shell, wanted)


async def _beyond_limit(shell: Shell, wish: Wish) -> Asked | None:
    """Say what a second person has to agree to; None: nothing."""
    posting, limit = wish.settling.posting, shell.settings.approvals.exception_transfer
    if posting is None or limit is None:
        return None
    async with shell.database.transaction() as connection:
        row = await resolving.hold(connection, wish.caller, wish.exception_id)
        resolving.check(row, wish.settling)
    if not passes(limit, posting.amount_minor, row["currency"]):
        return None
    moved = f"{written(posting.amount_minor, row['currency'])} from {posting.credit} to {posting.debit}"
    return Asked(
        kind=Kind.EXCEPTION,
        caller=wish.caller,
        request_id=wish.request_id,
        object_id=wish.exception_id,
        summary=f"settle the exception {row['type']} by {moved}: {wish.settling.reason}",
        request={"exception": wish.exception_id, "settling": msgspec.to_builtins(wish.settling)},
        merchant_account=row["merchant_account"],
        amount_minor=posting.amount_minor,
        currency=row["currency"],
    )
