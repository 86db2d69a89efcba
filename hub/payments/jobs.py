"""What the worker does for payments: ask about what is due, and carry out cancellations that had to wait."""

import asyncio
from typing import Final

import structlog
from msgspec.structs import replace

from hub.database import CommitUnknownError, ConflictError
from hub.payments import store
from hub.payments.changes import Actor
from hub.payments.follow_ups import Asker, follow_up_of, send
from hub.payments.inquiries import inquire
from hub.payments.recording import Held
from hub.payments.shell import Shell
from hub.payments.states import OperationState
from normalization.outcome import Operation

BATCH: Final = 50
AT_ONCE: Final = 16
_log = structlog.get_logger(__name__)


async def inquire_due(shell: Shell) -> int:
    """Look at the operations that are due, several at once; returns how many there were."""
    due = await store.due_operations(shell.database, BATCH)
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(operation: OperationState) -> None:
        async with gate:
            try:
                await inquire(shell, operation)
            except Exception:  # noqa: BLE001 - one operation's trouble must not keep the others waiting
                _log.exception("inquiry_failed", operation=operation.id)

    await asyncio.gather(*(one(operation) for operation in due))
    return len(due)


async def cancel_due(shell: Shell) -> int:
    """Void what became authorized after its cancellation was asked for; returns how many there were."""
    due = await store.cancellations_due(shell.database, BATCH)
    done = 0
    for payment in due:
        operations = tuple(await store.operations_of(shell.database, payment.id))
        attempt = next(o for o in operations if o.id == payment.attempt_id)
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
            await store.open_follow_up(shell.database, payment, reserved, void, None, actor, shell.lease_s)
        except (ConflictError, CommitUnknownError):
            continue  # The next round looks again.
        await send(shell, Held(payment=reserved, operation=void, operations=(*operations, void)))
        done += 1
    return done
