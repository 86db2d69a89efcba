"""Finding out what became of a request: when to ask, how, and when to stop."""

import asyncio
from collections.abc import Sequence
from typing import Final

import msgspec
import structlog
from msgspec.structs import replace

from adapters.abilities import CancelsByReference
from adapters.contract import Authorize, Capabilities, FollowUp, Inquiry
from adapters.errors import AdapterError
from hub import metrics
from hub.database import ConflictError
from hub.payments import rules, store
from hub.payments.recording import Held, asked_again_s, change, hold, record
from hub.payments.shell import Shell, answered, ask, shielded
from hub.payments.states import OperationState, OperationStatus
from hub.payments.steps import Step, Windows, definite_in_s, next_step
from normalization.declines import Decline, DeclineCode
from normalization.outcome import OPENING, Declined, Report
from routing.failover import Failure

READ_WAITS_S: Final = 2.0
_log = structlog.get_logger(__name__)


async def resolve_now(shell: Shell, operations: Sequence[OperationState]) -> None:
    """Ask about unresolved operations on the fly and wait `READ_WAITS_S` at most.

    Each is asked about once in `inquiry_first_ms`, however often it is read, and the job's schedule stays as it is.
    """
    unknown = [o for o in operations if o.status is OperationStatus.UNKNOWN]
    if not unknown:
        return
    work = [shielded(shell, inquire(shell, operation, reading=True)) for operation in unknown]
    try:
        async with asyncio.timeout(READ_WAITS_S):
            await asyncio.gather(*work)
    except TimeoutError:
        return


async def inquire(shell: Shell, operation: OperationState, *, reading: bool = False) -> None:
    """Take *operation*, do what its next step asks for, and commit what was learnt."""
    lease_s = shell.settings.inquiry_first_ms / 1000 if reading else shell.lease_s
    due_s = None if reading else await _due_s(shell, operation)
    try:
        await store.claim(shell.database, operation, due_s=due_s, lease_s=lease_s)
    except ConflictError:
        return
    payment = await store.find_payment(shell.database, operation.livemode, operation.payment_id)
    if payment is None:
        raise LookupError(f"{operation.payment_id} is gone")
    held = await hold(shell, payment, operation.id)
    if held.operation.fence != operation.fence + 1:
        return  # Taken over while we stood still: what it waits for by now, and until when, is not ours to judge.
    connected = await shell.directory.find(operation.merchant_account)
    if connected is None:
        _log.error("merchant_account_missing", merchant_account=operation.merchant_account, operation=operation.id)
        return
    windows = Windows(present=shell.settings.replay_present, off_session=shell.settings.replay_off_session)
    step = Step.WAIT  # For what was told since it was claimed: it came due as what it was.
    if held.operation.status is operation.status:
        step = next_step(payment, held.operation, connected.capabilities, windows, shell.clock(), reading=reading)
    _log.info("inquiry", operation=operation.id, step=step, inquiries=held.operation.inquiries)
    metrics.INQUIRIES.labels(step).inc()
    try:
        await _do(shell, held, step, connected.capabilities)
    except ConflictError:
        return  # Somebody took it over, or an answer came in: they know better.
    if not reading:  # A reader's lease runs out by itself: that is what spaces the questions.
        await store.release(shell.database, held.operation)


async def _due_s(shell: Shell, operation: OperationState) -> float:
    """Say when to ask next: by the schedule, and no later than when "not found" becomes definite."""
    scheduled = asked_again_s(shell, operation.inquiries + 1)
    connected = await shell.directory.find(operation.merchant_account)
    definite = definite_in_s(operation, connected.capabilities, shell.clock()) if connected else None
    return scheduled if definite is None else min(scheduled, definite)


async def _do(shell: Shell, held: Held, step: Step, capabilities: Capabilities) -> None:
    match step:
        case Step.ASK:
            await _ask(shell, held, capabilities)
        case Step.LOSE:
            await _lose(shell, held, b'{"lease":"expired"}')
        case Step.GIVE_UP:
            why = f"no final word since {held.operation.started_at.isoformat()}"
            await change(
                shell, held, lambda now: rules.give_up(now.payment, now.operation, why), "hub", b'{"horizon":"passed"}',
                fenced=True,
            )  # fmt: skip
        case Step.CANCEL:
            await _cancel(shell, held)
        case Step.EXPIRE:
            await expire(shell, held, capabilities)
        case Step.WAIT:
            return


async def _lose(shell: Shell, held: Held, said: bytes) -> None:
    await change(shell, held, lambda now: rules.unknown(now.payment, now.operation), "hub", said, fenced=True)


async def _ask(shell: Shell, held: Held, capabilities: Capabilities) -> None:
    connected = shell.directory.connected(held.operation.merchant_account)
    if connected is None:
        return
    kind: type[Authorize | FollowUp] = Authorize if held.operation.kind in OPENING else FollowUp
    request = msgspec.json.decode(held.operation.request, type=kind)
    request = replace(request, processor_reference=held.operation.processor_reference)
    asked_at = shell.clock()  # Not when it was answered: the processor looked somewhere between the two.
    told = await ask(connected.adapter.inquire(request), shell.settings.request_ms / 1000)
    if isinstance(told, Report):
        await record(shell, held, told, "inquiry")
    elif told is None and asked_at - held.operation.started_at > capabilities.lookup_grace:
        said = b'{"inquiry":"not found"}'
        await change(shell, held, lambda now: rules.not_sent(now.payment, now.operation), "inquiry", said, fenced=True)
    # That a question found no answer opens no circuit: the request may be the trouble.
    if isinstance(told, Failure):
        shell.health.unanswered(held.operation.merchant_account)
    else:
        await answered(shell, held.operation.merchant_account, failed=False, inquiry=True)


async def _cancel(shell: Shell, held: Held) -> bool:
    """Have the processor cancel whatever the attempt made; whether it took that."""
    connected = shell.directory.connected(held.operation.merchant_account)
    if connected is None or not isinstance(connected.adapter, CancelsByReference):
        return False
    request = msgspec.json.decode(held.operation.request, type=Authorize)
    request = replace(request, processor_reference=held.operation.processor_reference)
    try:
        await connected.adapter.cancel_by_reference(request)
    except AdapterError as failure:
        _log.warning("cancel_by_reference_failed", operation=held.operation.id, failure=str(failure))
        return False
    return True


EXPIRED: Final = Declined(Decline(code=DeclineCode.CUSTOMER_CANCELLED, processor_code="hub/expired"))


FIRST_HAND: Final = 1
"""The fence of an attempt that nobody has taken since it was sent."""
NEVER_IN_HAND: Final = FIRST_HAND + 1
"""The fence of a challenge that nobody but the one who ends it has ever taken."""


async def doubt(shell: Shell, operation: OperationState) -> None:
    """Take a challenge whose completion was begun for unknown: it may have been approved, and is to be cancelled.

    Raises:
        ConflictError: when somebody has it in hand just now, or something has come of it.
    """
    await store.claim(shell.database, operation, due_s=None, lease_s=shell.lease_s)
    payment = await store.find_payment(shell.database, operation.livemode, operation.payment_id)
    if payment is None:
        raise LookupError(f"{operation.payment_id} is gone")
    held = await hold(shell, payment, operation.id)
    if held.operation.fence != operation.fence + 1 or held.operation.status is not OperationStatus.REQUIRES_ACTION:
        raise ConflictError
    await _lose(shell, held, b'{"challenge":"canceled, its completion may be under way"}')
    shell.wake()


async def expire(shell: Shell, held: Held, capabilities: Capabilities) -> None:
    """The payer did not come back: end the challenge at the processor, then the attempt.

    Where the processor can be asked its word counts, since the challenge may have been answered in the last moment.
    What could not be cancelled is left as it is until the next look.
    """
    if not await _cancel(shell, held):
        return
    if capabilities.inquiry is Inquiry.LOOKUP:
        await _ask(shell, held, capabilities)
        return
    if held.operation.fence > NEVER_IN_HAND:
        # A completion was begun and its end never written down: it may have been approved.
        await _lose(shell, held, b'{"challenge":"expired while its completion was under way"}')
        return
    ended = Report(
        kind=held.operation.kind,
        tag=held.operation.id,
        processor_reference=held.operation.processor_reference,
        money=held.operation.money,
        livemode=held.payment.livemode,
        outcome=EXPIRED,
    )
    await record(shell, held, ended, "hub")
