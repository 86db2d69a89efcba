"""What the worker does for payments: ask about what is due, and carry out cancellations that had to wait."""

import asyncio
from contextlib import suppress
from typing import Final

import structlog
from msgspec.structs import replace
from sqlalchemy import func, select

from hub import metrics
from hub.database import CommitUnknownError, ConflictError
from hub.payments import store
from hub.payments.changes import Actor
from hub.payments.follow_ups import Asker, follow_up_of, may_be_approved, send
from hub.payments.inquiries import doubt, inquire, resolve_now
from hub.payments.recording import Held
from hub.payments.rows import to_operation
from hub.payments.shell import Shell
from hub.payments.states import OperationState, OperationStatus, Status
from hub.payments.tables import operations
from normalization.outcome import Operation

BATCH: Final = 50
AT_ONCE: Final = 16
TRIED_AT_ONCE: Final = 4
"""How many unknown operations of a silent account are asked about in a round: one may have a trouble of its own."""
_UNKNOWN: Final = operations.c.status == OperationStatus.UNKNOWN, operations.c.due_at.is_not(None)
_ACCOUNTS: Final = select(operations.c.merchant_account).where(*_UNKNOWN).distinct()
_log = structlog.get_logger(__name__)


async def inquire_due(shell: Shell) -> int:
    """Look at the operations that are due, several at once; returns how many there were."""
    due = await store.due_operations(shell.database, BATCH)
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(operation: OperationState) -> None:
        async with gate:
            if shell.stopping.is_set():
                return  # It is still due, and nobody's.
            try:
                await inquire(shell, operation)
            except Exception:  # noqa: BLE001 - one operation's trouble must not keep the others waiting
                _log.exception("inquiry_failed", operation=operation.id)

    await asyncio.gather(*(one(operation) for operation in due))
    return len(due)


async def ask_silent(shell: Shell) -> int:
    """Ask every account that did not answer this process about its newest unknown operations; returns 0.

    The first answer has all of them asked about. Where nobody charges any more, nobody else would notice that the
    account answers again, and the pauses between the questions that are due grow to a day.
    """
    async with shell.database.reading() as connection:
        accounts = (await connection.execute(_ACCOUNTS)).scalars().all()
    await asyncio.gather(*(_ask_silent(shell, account) for account in shell.health.silent(accounts)))
    return 0


async def _ask_silent(shell: Shell, account: str) -> None:
    theirs = select(operations).where(*_UNKNOWN, operations.c.merchant_account == account)
    newest = theirs.order_by(operations.c.id.desc()).limit(TRIED_AT_ONCE)
    async with shell.database.reading() as connection:
        found = [to_operation(row) for row in (await connection.execute(newest)).mappings()]
    await resolve_now(shell, found)


async def measure_unknown(shell: Shell) -> int:
    """Tell how old the oldest unknown outcome is; returns 0, since there is no more to do now."""
    async with shell.database.reading() as connection:
        oldest = await connection.scalar(select(func.min(operations.c.started_at)).where(*_UNKNOWN))
    age_s = 0.0 if oldest is None else (shell.clock() - oldest).total_seconds()
    metrics.UNKNOWN_SECONDS.set(max(0.0, age_s))
    return 0


async def cancel_due(shell: Shell) -> int:
    """Void what became authorized after its cancellation was asked for; returns how many there were."""
    due = await store.cancellations_due(shell.database, BATCH)
    done = 0
    for payment in due:
        if shell.stopping.is_set():
            break
        made = tuple(await store.operations_of(shell.database, payment.id))
        attempt = next(o for o in made if o.id == payment.attempt_id)
        if may_be_approved(shell, payment, made):
            await _doubt(shell, attempt)
            continue
        void = follow_up_of(
            payment,
            attempt,
            Asker(kind=Operation.VOID, principal=attempt.requested_by, key_id=attempt.key_id),
            payment.authorized_minor or payment.amount_minor,
            shell.clock(),
        )
        reserved = replace(payment, version=payment.version + 1, updated_at=void.started_at)
        actor = Actor(void.key_id, void.requested_by)
        try:
            waiting = attempt if payment.status is Status.REQUIRES_ACTION else None
            await store.open_follow_up(
                shell.database, payment, reserved, void, None, actor, shell.lease_s, waiting=waiting
            )
        except (ConflictError, CommitUnknownError):
            continue  # The next round looks again.
        await send(shell, Held(payment=reserved, operation=void, operations=(*made, void)))
        done += 1
    return done


async def _doubt(shell: Shell, attempt: OperationState) -> None:
    with suppress(ConflictError, CommitUnknownError):  # The next round looks again.
        await doubt(shell, attempt)
