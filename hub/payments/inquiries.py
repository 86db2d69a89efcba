"""Finding out what became of a request: when to ask, how, and when to stop."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import msgspec
import structlog
from msgspec.structs import replace

from adapters.contract import Authorize, CancelsByReference, Capabilities, FollowUp, Inquiry
from adapters.errors import AdapterError
from hub import metrics
from hub.database import ConflictError
from hub.payments import rules, store
from hub.payments.recording import ASKED_AFTER, HORIZON, Held, asked_again_s, change, hold, record
from hub.payments.shell import Shell, ask, shielded
from hub.payments.states import OperationState, OperationStatus, Payment
from hub.settings import Settings
from normalization.declines import Decline, DeclineCode
from normalization.outcome import OPENING, Declined, Report
from routing.failover import Failure

READ_WAITS_S: Final = 2.0
_log = structlog.get_logger(__name__)


class Step(StrEnum):
    """What to do about an operation that is due."""

    LOSE = "lose"  # Its lease ran out while it was being sent: nobody knows.
    ASK = "ask"
    WAIT = "wait"  # Asking would charge what nobody wants any more: wait for a webhook or a settlement line.
    CANCEL = "cancel"  # The last chance to keep a late authorization from standing.
    EXPIRE = "expire"  # The payer never came back.
    GIVE_UP = "give_up"


def next_step(
    payment: Payment, operation: OperationState, capabilities: Capabilities, settings: Settings, now: datetime
) -> Step:
    """Decide; pure. *now* is the instant the operation came due."""
    age = now - operation.started_at
    match operation.status:
        case OperationStatus.SENDING:
            return Step.LOSE
        case OperationStatus.REQUIRES_ACTION if operation.action_expires_at and now >= operation.action_expires_at:
            return Step.EXPIRE
        case OperationStatus.REQUIRES_ACTION:
            return Step.ASK if capabilities.inquiry is Inquiry.LOOKUP else Step.WAIT
        case OperationStatus.PENDING:
            return Step.GIVE_UP
        case _:
            pass
    if age > HORIZON:
        return Step.GIVE_UP
    known = operation.processor_reference is not None and operation.kind in OPENING
    if capabilities.inquiry is Inquiry.LOOKUP or known:
        return Step.ASK
    if age < _replayable_for(payment, operation, capabilities, settings):
        return Step.ASK
    if operation.kind in OPENING and operation.inquiries < _TRIES_TO_CANCEL:
        return Step.CANCEL
    return Step.WAIT


_TRIES_TO_CANCEL: Final = len(ASKED_AFTER) + 4


def _replayable_for(
    payment: Payment, operation: OperationState, capabilities: Capabilities, settings: Settings
) -> timedelta:
    """How long after its start an operation may be sent again: a replay charges if the first never arrived."""
    if operation.one_time or (operation.kind in OPENING and payment.canceling):
        return timedelta(0)
    if operation.kind not in OPENING:
        return min(capabilities.replay_for, settings.replay_off_session)
    present = msgspec.json.decode(operation.request, type=Authorize).payer_present
    wanted = settings.replay_present if present else settings.replay_off_session
    return min(capabilities.replay_for, wanted)


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
    due_s = None if reading else asked_again_s(shell, operation.inquiries + 1)
    try:
        await store.claim(shell.database, operation, due_s=due_s, lease_s=lease_s)
    except ConflictError:
        return
    payment = await store.find_payment(shell.database, operation.livemode, operation.payment_id)
    if payment is None:
        raise LookupError(f"{operation.payment_id} is gone")
    held = await hold(shell, payment, operation.id)
    connected = shell.directory.connected(operation.merchant_account)
    if connected is None:
        _log.error("merchant_account_missing", merchant_account=operation.merchant_account, operation=operation.id)
        return
    step = next_step(payment, held.operation, connected.capabilities, shell.settings, shell.clock())
    _log.info("inquiry", operation=operation.id, step=step, inquiries=held.operation.inquiries)
    metrics.INQUIRIES.labels(step).inc()
    try:
        await _do(shell, held, step, connected.capabilities)
    except ConflictError:
        return  # Somebody took it over, or an answer came in: they know better.
    if not reading:  # A reader's lease runs out by itself: that is what spaces the questions.
        await store.release(shell.database, held.operation)


async def _do(shell: Shell, held: Held, step: Step, capabilities: Capabilities) -> None:
    match step:
        case Step.ASK:
            await _ask(shell, held, capabilities)
        case Step.LOSE:
            await change(
                shell, held, lambda now: rules.unknown(now.payment, now.operation), "hub", b'{"lease":"expired"}',
                fenced=True,
            )  # fmt: skip
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


async def _ask(shell: Shell, held: Held, capabilities: Capabilities) -> None:
    connected = shell.directory.connected(held.operation.merchant_account)
    if connected is None:
        return
    kind: type[Authorize | FollowUp] = Authorize if held.operation.kind in OPENING else FollowUp
    request = msgspec.json.decode(held.operation.request, type=kind)
    request = replace(request, processor_reference=held.operation.processor_reference)
    told = await ask(connected.adapter.inquire(request), shell.settings.request_ms / 1000)
    if await shell.health.ended(held.operation.merchant_account, failed=isinstance(told, Failure), inquiry=True):
        await store.make_due(shell.database, held.operation.merchant_account)
    if isinstance(told, Report):
        await record(shell, held, told, "inquiry")
    elif told is None and shell.clock() - held.operation.started_at > capabilities.lookup_grace:
        said = b'{"inquiry":"not found"}'
        await change(shell, held, lambda now: rules.not_sent(now.payment, now.operation), "inquiry", said, fenced=True)


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
    ended = Report(
        kind=held.operation.kind,
        tag=held.operation.id,
        processor_reference=held.operation.processor_reference,
        money=held.operation.money,
        livemode=held.payment.livemode,
        outcome=EXPIRED,
    )
    await record(shell, held, ended, "hub")
