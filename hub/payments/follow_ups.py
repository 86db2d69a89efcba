"""Capture, cancel and refund: reserve in one commit, call the processor, commit what it said."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from adapters.abilities import CancelsByReference
from adapters.contract import OPERATION_PREFIX, Authorize, FollowUp, Inquiry, Routed
from hub.access.rules import Caller
from hub.approvals.rules import passes
from hub.database import CommitUnknownError, ConflictError
from hub.errors import ProblemError
from hub.idempotency.service import Reply, look_up
from hub.idempotency.store import Answer, Key
from hub.ids import new_id
from hub.merchants.service import Connected
from hub.payments import asking, store
from hub.payments.answers import ACCEPTED, payment_body
from hub.payments.asked import CaptureRequest, RefundRequest
from hub.payments.changes import Actor
from hub.payments.charging import reply_to
from hub.payments.inquiries import FIRST_HAND, doubt, resolve_now
from hub.payments.recording import Held, Recorded, record, record_failure
from hub.payments.shell import TRIES, Shell, ask
from hub.payments.states import OperationState, OperationStatus, Payment, Status
from normalization.money import Money, written
from normalization.outcome import Approved, Operation, Report
from routing.failover import Failure

UNRESOLVED_RETRY_S: Final = 5
IN_HAND_RETRY_S: Final = 5


class Wish(Struct, frozen=True, kw_only=True):
    """What a caller wants done with a payment; `reserve` sets it aside or says why it cannot be."""

    kind: Operation
    payment_id: str
    caller: Caller
    key: Key
    request_id: str
    reserve: Callable[[Payment], asking.Reserved | asking.Refused]
    final: bool = True
    reason: str | None = None
    reference: str | None = None


class _Opening(Struct, frozen=True):
    """What a follow-up must know of the request that opened its attempt."""

    routed: Routed | None = None


class Asker(Struct, frozen=True, kw_only=True):
    """Who wants which follow-up, and what comes with it."""

    kind: Operation
    principal: str
    key_id: str
    final: bool = True
    reason: str | None = None
    reference: str | None = None
    idempotency_key: str | None = None


async def capture(shell: Shell, wish: Wish, asked: CaptureRequest) -> Reply:
    """Take what was authorized, or a part of it.

    Raises:
        ProblemError: not_found, payment_unresolved, payment_not_capturable, amount_exceeds_authorized.
    """

    def reserve(payment: Payment) -> asking.Reserved | asking.Refused:
        connected = shell.directory.connected(payment.merchant_account or "")
        if connected is None:
            return asking.Refused("payment_not_capturable", "its merchant account is gone")
        return asking.capture(payment, asked.amount, connected.capabilities, final=asked.final)

    return await carry_out(shell, replace(wish, reserve=reserve, final=asked.final))


class ApprovalNeededError(Exception):
    """A refund is more than may be given back without a second person; nothing was done.

    `amount_minor` is what would be given back of `payment`.
    """

    def __init__(self, payment: Payment, amount_minor: int) -> None:
        super().__init__(f"{written(amount_minor, payment.currency)} of {payment.id}")
        self.payment = payment
        self.amount_minor = amount_minor


async def refund(shell: Shell, wish: Wish, asked: RefundRequest, *, approved: bool = False) -> Reply:
    """Give back what was captured, or a part of it; *approved*: a second person has agreed.

    Raises:
        ApprovalNeededError: when all refunds of the payment together pass the limit, and nobody has agreed.
        ProblemError: not_found, payment_unresolved, payment_not_refundable, payment_disputed,
            amount_exceeds_captured, forbidden.
    """

    def reserve(payment: Payment) -> asking.Reserved | asking.Refused:
        reserved = asking.refund(
            payment,
            asked.amount,
            within_limit=lambda minor: wish.caller.may_refund(minor, payment.currency),
            despite_dispute=asked.despite_dispute is True,
        )
        if isinstance(reserved, asking.Reserved) and not approved:
            in_all = payment.refunded_minor + reserved.payment.refunding_minor
            if passes(shell.settings.approvals.refund, in_all, payment.currency):
                raise ApprovalNeededError(payment, reserved.amount_minor)
        return reserved

    return await carry_out(shell, replace(wish, reserve=reserve, reason=asked.reason, reference=asked.reference))


async def carry_out(shell: Shell, wish: Wish) -> Reply:
    """Reserve, call and record; or for a cancel that cannot be carried out yet, keep the wish."""
    standing = await look_up(shell.database, wish.key, livemode=wish.caller.livemode)
    if standing is not None:
        return standing
    for _ in range(TRIES):
        payment, operations = await _resolved(shell, wish)
        reserved = _reserved(wish, payment)
        if wish.kind is Operation.VOID and may_be_approved(shell, payment, operations):
            payment, operations = await _doubted(shell, payment, operations)
            reserved = _reserved(wish, payment)
        if payment.status is Status.PROCESSING:
            reply = await _keep_wish(shell, wish, payment, reserved.payment, operations)
        else:
            reply = await _send(shell, wish, payment, reserved, operations)
        if reply is not None:
            return reply
        standing = await look_up(shell.database, wish.key, livemode=wish.caller.livemode)
        if standing is not None:
            return standing
    raise ProblemError("payment_unresolved", "the payment is changing all the time; try again", retry_after=1)


def _reserved(wish: Wish, payment: Payment) -> asking.Reserved:
    reserved = wish.reserve(payment)
    if isinstance(reserved, asking.Refused):
        wait_s = UNRESOLVED_RETRY_S if reserved.code == "payment_unresolved" else None
        raise ProblemError(reserved.code, reserved.detail, retry_after=wait_s)
    return reserved


async def _resolved(shell: Shell, wish: Wish) -> tuple[Payment, tuple[OperationState, ...]]:
    """Read the payment, with its attempt's outcome found out on the fly where it is unknown."""
    payment = await store.find_payment(shell.database, wish.caller.livemode, wish.payment_id)
    if payment is None or not may_see(wish.caller, payment):
        raise ProblemError("not_found", f"there is no payment {wish.payment_id}")
    await shell.directory.find(payment.merchant_account or "")
    operations = tuple(await store.operations_of(shell.database, payment.id))
    unknown = [o for o in operations if o.status is OperationStatus.UNKNOWN]
    if not unknown and payment.status is not Status.PROCESSING:
        return payment, operations
    await resolve_now(shell, unknown)
    payment = await store.find_payment(shell.database, payment.livemode, payment.id) or payment
    operations = tuple(await store.operations_of(shell.database, payment.id))
    if payment.status is Status.PROCESSING and wish.kind is not Operation.VOID:
        raise ProblemError(
            "payment_unresolved",
            "what became of this payment is not known yet; try again later",
            retry_after=UNRESOLVED_RETRY_S,
        )
    return payment, operations


def may_be_approved(shell: Shell, payment: Payment, operations: Sequence[OperationState]) -> bool:
    """Whether the payer may have confirmed what waits for the payer, and the processor would not say so to a cancel.

    Somebody had the challenge in hand, to bring the payer's answer, and may have it still.
    """
    connected = shell.directory.connected(payment.merchant_account or "")
    if connected is None or not _by_reference(connected, payment):
        return False
    attempt = next(o for o in operations if o.id == payment.attempt_id)
    return attempt.status is OperationStatus.REQUIRES_ACTION and attempt.fence > FIRST_HAND


async def _doubted(
    shell: Shell, payment: Payment, operations: Sequence[OperationState]
) -> tuple[Payment, tuple[OperationState, ...]]:
    """Make it unknown first, so that the cancel is a wish until it is known what came of the payer's answer."""
    attempt = next(o for o in operations if o.id == payment.attempt_id)
    try:
        await doubt(shell, attempt)
    except ConflictError:
        raise ProblemError(
            "payment_unresolved", "the payer's answer is being brought just now; try again", retry_after=IN_HAND_RETRY_S
        ) from None
    payment = await store.find_payment(shell.database, payment.livemode, payment.id) or payment
    return payment, tuple(await store.operations_of(shell.database, payment.id))


def may_see(caller: Caller, payment: Payment) -> bool:
    """Whether *caller*'s key is for the payment's merchant account."""
    return caller.may_use(payment.merchant_account or "")


async def _keep_wish(
    shell: Shell, wish: Wish, read: Payment, wished: Payment, operations: tuple[OperationState, ...]
) -> Reply | None:
    at = shell.clock()
    wished = replace(wished, version=read.version + 1, updated_at=at)
    body = msgspec.json.encode(payment_body(wished, operations))
    actor = Actor(wish.caller.key_id, wish.caller.principal, wish.request_id)
    try:
        await store.wish(shell.database, read, wished, wish.key, Answer(wish.key.key, ACCEPTED, body), actor)
    except (ConflictError, CommitUnknownError):
        return None
    return Reply(status=ACCEPTED, body=body, location=wish.key.location)


async def _send(
    shell: Shell, wish: Wish, read: Payment, reserved: asking.Reserved, operations: tuple[OperationState, ...]
) -> Reply | None:
    """Commit the reservation and carry it out; None where somebody else changed the payment first."""
    at = shell.clock()
    attempt = next(o for o in operations if o.id == read.attempt_id)
    asker = Asker(
        kind=wish.kind,
        principal=wish.caller.principal,
        key_id=wish.caller.key_id,
        final=wish.final,
        reason=wish.reason,
        reference=wish.reference,
        idempotency_key=wish.key.key,
    )
    operation = follow_up_of(read, attempt, asker, reserved.amount_minor, at)
    key = wish.key
    if wish.kind is Operation.REFUND:
        key = Key(key=key.key, fingerprint=key.fingerprint, location=f"/v1/refunds/{operation.id}")
    payment = replace(reserved.payment, version=read.version + 1, updated_at=at)
    actor = Actor(wish.caller.key_id, wish.caller.principal, wish.request_id)
    try:
        waiting = attempt if read.status is Status.REQUIRES_ACTION else None
        await store.open_follow_up(shell.database, read, payment, operation, key, actor, shell.lease_s, waiting=waiting)
    except ConflictError:
        return None
    except CommitUnknownError:
        if await store.find_operation(shell.database, operation.id) is None:
            return None
    held = Held(payment=payment, operation=operation, operations=(*operations, operation))
    return await reply_to(shell, key, await send(shell, held))


def follow_up_of(payment: Payment, attempt: OperationState, asker: Asker, minor: int, at: datetime) -> OperationState:
    """Make the operation, with the exact request that will be sent."""
    request = FollowUp(
        operation=asker.kind,
        operation_id=new_id(OPERATION_PREFIX[asker.kind]),
        payment_id=payment.id,
        reference=payment.reference,
        money=Money(minor, payment.currency),
        parent_reference=payment.processor_reference or "",
        requested_at=at,
        final=asker.final,
        reason=asker.reason,
        routed=_routed(attempt),
    )
    return OperationState(
        id=request.operation_id,
        payment_id=payment.id,
        attempt_id=attempt.id,
        livemode=payment.livemode,
        kind=asker.kind,
        status=OperationStatus.SENDING,
        merchant_account=attempt.merchant_account,
        processor=attempt.processor,
        money=request.money,
        request=msgspec.json.encode(request),
        requested_by=asker.principal,
        key_id=asker.key_id,
        final=asker.final,
        reason=asker.reason,
        reference=asker.reference,
        idempotency_key=asker.idempotency_key,
        started_at=at,
    )


def _routed(attempt: OperationState) -> Routed | None:
    """Say of a follow-up what was said of its attempt; one that was made outside the hub says nothing."""
    opening = msgspec.json.decode(attempt.request, type=_Opening).routed
    return None if opening is None else replace(opening, attempt=attempt.id)


async def send(shell: Shell, held: Held) -> Recorded:
    """Send a follow-up that is committed as `sending`, and commit what came of it."""
    connected = shell.directory.connected(held.operation.merchant_account)
    began = shell.clock()
    told: Report | Failure = Failure.CONFIGURATION
    spent_s = max(0.0, (began - held.operation.started_at).total_seconds())  # A clock that is set back adds no time.
    left_s = shell.settings.request_ms / 1000 - spent_s
    if left_s <= 0:
        told = Failure.NOT_SENT  # The process stood still since the commit: others may hold the operation by now.
    elif connected is not None:
        request = msgspec.json.decode(held.operation.request, type=FollowUp)
        told = await ask(_sent(connected, held, request), left_s)
    latency_ms = max(0, round((shell.clock() - began).total_seconds() * 1000))
    if isinstance(told, Report):
        return await record(shell, held, told, "answer", latency_ms)
    return await record_failure(shell, held, told, latency_ms)


async def _sent(connected: Connected, held: Held, request: FollowUp) -> Report:
    """Call the processor. Where an open challenge cannot be voided, whatever would come of it is cancelled instead."""
    adapter = connected.adapter
    voids = request.operation is Operation.VOID and _by_reference(connected, held.payment)
    if not (voids and isinstance(adapter, CancelsByReference)):
        return await adapter.follow_up(request)
    attempt = next(o for o in held.operations if o.id == held.operation.attempt_id)
    await adapter.cancel_by_reference(msgspec.json.decode(attempt.request, type=Authorize))
    return Report(
        kind=Operation.VOID,
        tag=request.operation_id,
        processor_reference=None,
        parent_reference=request.parent_reference,
        money=request.money,
        livemode=held.payment.livemode,
        outcome=Approved(),
    )


def _by_reference(connected: Connected, payment: Payment) -> bool:
    """Whether a cancel of *payment* now, a challenge that cannot be voided, only stops whatever would come of it."""
    waiting = payment.status is Status.REQUIRES_ACTION
    replays = connected.capabilities.inquiry is Inquiry.REPLAY
    return waiting and replays and isinstance(connected.adapter, CancelsByReference)
