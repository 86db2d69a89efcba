"""What was approved is carried out, once: by whoever approved it, or after a crash by a worker."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any, Final

import msgspec
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.access.rules import Caller
from hub.access.store import key
from hub.approvals import refunds, store
from hub.approvals.asking import Sealed, opened
from hub.approvals.rules import ApprovalStatus, Kind
from hub.database import ConflictError
from hub.errors import CODES, ProblemError
from hub.exceptions import resolving
from hub.merchants.editing import AccountEditor
from hub.payments.shell import Shell
from hub.rulesets import service as rulesets

TRIES_MAX: Final = 60
"""How often an approved change is tried that another one stands in the way of."""
_log = structlog.get_logger(__name__)


class _EndedError(Exception):
    """Somebody else has carried it out: nothing of ours may stand."""


async def carry_out(shell: Shell, row: Mapping[Any, Any]) -> None:
    """Carry out the approved change of *row*, and say what came of it; where that is not known, a worker goes on.

    Nothing is begun for a key that has been revoked or has expired since it asked.
    """
    approval_id: str = row["id"]
    kind, sealed = Kind(row["kind"]), opened(shell, approval_id, row["request"])
    try:
        if not (kind is Kind.REFUND and await refunds.is_begun(shell, approval_id, sealed)):
            await _check_asker(shell, sealed.caller)
        await _DO[kind](shell, approval_id, sealed)
    except _EndedError:
        return
    except ProblemError as refused:
        under_way = refused.code == "idempotency_in_progress"
        if under_way or (CODES[refused.code].retryable and row["tries"] < TRIES_MAX):
            return
        await _fail(shell, approval_id, f"{refused.code}: {refused.detail}")
    except ConflictError:
        _log.warning("approval_put_off", approval=approval_id)


async def _check_asker(shell: Shell, asker: Caller) -> None:
    """Refuse what was asked for with a key that opens nothing any more.

    Raises:
        ProblemError: forbidden.
    """
    async with shell.database.reading() as connection:
        row = await key(connection, livemode=asker.livemode, key_id=asker.key_id)
    if row is None or row["revoked_at"] is not None:
        closed = "has been revoked"
    elif row["expires_at"] is not None and row["expires_at"] <= shell.clock():
        closed = "has expired"
    else:
        return
    raise ProblemError("forbidden", f"the API key {asker.key_id}, which asked for it, {closed}; ask again with another")


async def _refund(shell: Shell, approval_id: str, sealed: Sealed) -> None:
    refund_id = await refunds.carry_out(shell, approval_id, sealed)
    async with shell.database.transaction() as connection:
        await store.end(connection, approval_id, ApprovalStatus.CARRIED_OUT, shell.clock(), result=refund_id)


async def _settle(shell: Shell, approval_id: str, sealed: Sealed) -> None:
    at = shell.clock()
    author = resolving.Author(caller=sealed.caller, request_id=approval_id, at=at, approval=approval_id)
    async with shell.database.transaction() as connection:
        booked = await resolving.carry_out(connection, author, sealed.request)
        await _ended(connection, approval_id, at, booked)


async def _activate(shell: Shell, approval_id: str, sealed: Sealed) -> None:
    asked, caller = sealed.request, sealed.caller
    author = rulesets.Author(
        caller=caller,
        livemode=caller.livemode,
        reason=asked["reason"],
        request_id=approval_id,
        details={"approval": approval_id},
    )
    starts_at = msgspec.convert(asked["starts_at"], datetime | None)
    also = partial(_ended, approval_id=approval_id, at=shell.clock(), result=asked["ruleset"])
    await rulesets.activate(
        shell.database, author, asked["ruleset"], percent=asked["percent"], starts_at=starts_at, also=also
    )
    await shell.directory.changed()


async def _change_credentials(shell: Shell, approval_id: str, sealed: Sealed) -> None:
    account: str = sealed.request["merchant_account"]
    editor = AccountEditor(
        database=shell.database,
        sealer=shell.sealer,
        registrations=shell.directory.registrations,
        directory=shell.directory,
        clock=shell.clock,
    )
    also = partial(_ended, approval_id=approval_id, at=shell.clock(), result=account)
    await editor.change(sealed.caller, approval_id, account, sealed.request["changes"], also=also)


_DO: Final[Mapping[Kind, Callable[[Shell, str, Sealed], Awaitable[None]]]] = {
    Kind.REFUND: _refund,
    Kind.EXCEPTION: _settle,
    Kind.RULESET: _activate,
    Kind.CREDENTIALS: _change_credentials,
}


async def _ended(connection: AsyncConnection, approval_id: str, at: datetime, result: str | None) -> None:
    """Say in the transaction of the change that it was carried out; undoes the change where somebody said so before."""
    if not await store.end(connection, approval_id, ApprovalStatus.CARRIED_OUT, at, result=result):
        raise _EndedError


async def _fail(shell: Shell, approval_id: str, why: str) -> None:
    async with shell.database.transaction() as connection:
        await store.end(connection, approval_id, ApprovalStatus.FAILED, shell.clock(), error=why)
