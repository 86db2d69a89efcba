"""The one room: every answer, webhook, inquiry and return changes a payment here and nowhere else."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from functools import partial
from hashlib import sha256
from typing import Final, TypeVar

import msgspec
import structlog
from msgspec import Struct
from msgspec.structs import replace

from adapters.contract import OPERATION_PREFIX
from hub import declines_unknown, metrics
from hub.database import CommitUnknownError, ConflictError, is_lost
from hub.idempotency.store import Answer
from hub.masking import masked
from hub.pan import mask, may_hold_card_number
from hub.payments import by_hand, rules, saving, store
from hub.payments.answers import CREATED, OK, charge_status, follow_up_status, payment_body, refund_body
from hub.payments.changes import Change, Evidence, Expected
from hub.payments.figuring import ended
from hub.payments.retrying import hear
from hub.payments.shell import TRIES, Shell
from hub.payments.states import COUNTED, OperationState, OperationStatus, Payment, Transition
from hub.payments.steps import ASKED_AFTER, HORIZON
from hub.payments.tags import compared
from hub.retries.rules import Counted
from hub.settlement.expecting import Terms, expected_lines
from normalization.outcome import OPENING, ActionRequired, Approved, Declined, Operation, Report, Reversed
from routing.failover import Failure
from routing.rates import NO_RATES, Rates

T = TypeVar("T")
_log = structlog.get_logger(__name__)
ACTION_IDENTITY: Final = "operations/{}/action"
"""What a challenge is sealed for: the row of its attempt."""
READ_AGAIN_AFTER_S: Final = (0.05, 0.2, 0.5, 1.0, 2.0)
"""How often, and after how long, what stands is read again when the database is away."""


class Held(Struct, frozen=True, kw_only=True):
    """A payment as read, the operation in question, and all its operations, that one included."""

    payment: Payment
    operation: OperationState
    operations: tuple[OperationState, ...]

    def now(self, transition: Transition) -> "Held":
        """Hold what *transition* made of it."""
        changed = transition.operation
        others = [o for o in self.operations if o.id != changed.id]
        listed = tuple(sorted((*others, changed), key=lambda operation: operation.id))
        return Held(payment=transition.payment, operation=changed, operations=listed)


class Recorded(Struct, frozen=True, kw_only=True):
    """What stands after a report; `body` and `status` answer the caller's request that the operation belongs to.

    `answers`: this very answer was stored under the caller's key. Otherwise somebody else's was, or there is no key.
    """

    held: Held
    status: int
    body: bytes
    answers: bool = False


async def hold(shell: Shell, payment: Payment, operation_id: str) -> Held:
    """Read *payment*'s operations beside it."""
    operations = await store.operations_of(shell.database, payment.id)
    operation = next(o for o in operations if o.id == operation_id)
    return Held(payment=payment, operation=operation, operations=tuple(operations))


async def patiently(read: Callable[[], Awaitable[T]]) -> T:
    """Read although the database may be away for a moment: an answer is held in memory that must not be lost."""
    for seconds in READ_AGAIN_AFTER_S:
        try:
            return await read()
        except Exception as failure:
            if not is_lost(failure):
                raise
            await asyncio.sleep(seconds)
    return await read()


async def reread(shell: Shell, held: Held) -> Held:
    """Read again what somebody else changed."""
    payment = await store.find_payment(shell.database, held.payment.livemode, held.payment.id)
    if payment is None:
        raise LookupError(f"{held.payment.id} is gone")  # Payments are never deleted.
    return await hold(shell, payment, held.operation.id)


_NEW_TO_A_CHALLENGE: Final = frozenset({OperationStatus.SENDING, OperationStatus.UNKNOWN})


async def record(
    shell: Shell, held: Held, report: Report, source: str, latency_ms: int | None = None, *, opens: bool = False
) -> Recorded:
    """Commit everything that *report* changes; of two writers the slower one decides anew on what it then reads.

    Raises:
        ConflictError: when it is the hub's own word, by *source*, and somebody else took the operation meanwhile.
    """
    report = masked(report)
    if report.tags:
        # An answer says again what was sent in the same moment.
        ours = compared(held.payment, held.operation, held.operations, report) if source != "answer" else {}
        report = replace(report, tags=ours)
    if saving.brings_more(report):
        held = await _with_method(shell, held, report)
    heard = await patiently(partial(hear, shell, held.payment, held.operation, report))
    told = heard.report if heard is not None else report

    def decide(now: Held) -> Transition:
        operation = now.operation
        if latency_ms is not None:
            operation = replace(operation, latency_ms=latency_ms)
        if isinstance(report.outcome, ActionRequired) and operation.status in _NEW_TO_A_CHALLENGE:
            operation = _with_challenge(shell, operation, report.outcome)
        return rules.apply(now.payment, operation, told)

    counted, by_us = heard.counted if heard is not None else None, source == "hub"
    return await change(shell, held, decide, source, evidence_of(report), fenced=by_us, opens=opens, counted=counted)


async def _with_method(shell: Shell, held: Held, report: Report) -> Held:
    """Keep the card and the network's id that the report brings; the outcome is recorded whatever becomes of them."""
    keep = partial(saving.kept, shell, held.payment, held.operation, report)
    try:
        return replace(held, payment=await patiently(keep))
    except Exception:  # noqa: BLE001 - see above
        _log.exception("payment_method_not_kept", payment=held.payment.id)
        return held


def evidence_of(report: Report) -> bytes:
    """Write down what was said, without what only the payer and the processor may know, and card numbers masked.

    A token that was stored is left out: it stands where it can be forgotten.
    """
    if report.stored is not None:
        report = replace(report, stored=None)
    if isinstance(report.outcome, ActionRequired):
        report = replace(report, outcome=replace(report.outcome, url="", fields={}, continuation=""))
    said = msgspec.json.encode(report)
    if not may_hold_card_number(said):
        return said
    shown, found = mask(said.decode())
    if found:
        metrics.MASKED.inc(found)
    return shown.encode()


async def record_failure(shell: Shell, held: Held, failure: Failure, latency_ms: int) -> Recorded:
    """Commit that there is no answer or certainly no charge; what stands already where somebody knows better."""

    def decide(now: Held) -> Transition:
        operation = replace(now.operation, latency_ms=latency_ms)
        if failure is Failure.UNKNOWN:
            return rules.unknown(now.payment, operation)
        if failure is Failure.CONFIGURATION:
            return rules.refused(now.payment, operation, rules.REFUSED_BY_US)
        return rules.not_sent(now.payment, operation)

    try:
        recorded = await change(shell, held, decide, "hub", msgspec.json.encode({"failure": failure}), fenced=True)
    except ConflictError:
        return _recorded(await reread(shell, held))
    shell.wake()
    return recorded


async def change(
    shell: Shell,
    held: Held,
    decide: Callable[[Held], Transition],
    source: str,
    report: bytes,
    *,
    fenced: bool = False,
    opens: bool = False,
    counted: Counted | None = None,
) -> Recorded:
    """Commit what *decide* makes of what is held, with its events, postings and the caller's answer.

    *counted* is kept with it where it declines the operation.

    Raises:
        ConflictError: when *fenced* and somebody else took the operation meanwhile.
    """
    for _ in range(TRIES):
        at = shell.clock()
        transition = decide(held)
        evidence = Evidence(source=source, report=report, recorded_at=at)
        if not opens and _nothing_new(held, transition):
            await store.keep(shell.database, held.operation, evidence)
            return _recorded(held)
        transition = await patiently(partial(by_hand.told, shell.database, transition))
        payment = replace(transition.payment, version=held.payment.version + 1, updated_at=at)
        transition = replace(transition, payment=payment)
        recorded = _recorded(held.now(transition))
        answer = _answer(held.operation, recorded)
        try:
            await store.save(
                shell.database,
                held.payment,
                Change(
                    transition=transition,
                    evidence=evidence,
                    due_s=_due_s(shell, transition.operation, at),
                    expected=_expected(shell, held.operation, transition, at),
                    events=events_of(recorded, transition),
                    answer=answer,
                    fenced=fenced,
                    opens=opens,
                    counted=counted if _is_declined(held.operation, transition) else None,
                ),
            )
        except (ConflictError, CommitUnknownError) as failure:
            # A lost connection may have committed: what is read then tells, and a second application changes nothing.
            held = await patiently(partial(_again, shell, held, failure, fenced=fenced, opens=opens))
            opens = opens and held.operation.status is OperationStatus.SENDING
            continue
        _count(shell, transition, source)
        ended(shell, held.payment, held.operation, transition.operation)
        return replace(recorded, answers=answer is not None)
    raise ConflictError


def _is_declined(before: OperationState, transition: Transition) -> bool:
    declined = OperationStatus.DECLINED
    return transition.operation.status is declined and before.status is not declined


def _count(shell: Shell, transition: Transition, source: str) -> None:
    operation = transition.operation
    metrics.OPERATIONS.labels(operation.kind, operation.status, operation.processor, source).inc()
    if operation.status is OperationStatus.DECLINED and operation.decline is not None:
        metrics.DECLINES.labels(operation.decline.code, operation.processor).inc()
        if connected := shell.directory.connected(operation.merchant_account):
            declines_unknown.count(operation.decline, connected.registration)
    for kind, _ in transition.exceptions:
        metrics.EXCEPTIONS.labels(kind).inc()


async def _again(shell: Shell, held: Held, failure: Exception, *, fenced: bool, opens: bool) -> Held:
    if not opens:
        fresh = await reread(shell, held)
        if fenced and fresh.operation.fence != held.operation.fence:
            raise ConflictError from failure
        return fresh
    payment = await store.find_payment(shell.database, held.payment.livemode, held.payment.id)
    operation = await store.find_operation(shell.database, held.operation.id)
    if payment is None:
        raise LookupError(f"{held.payment.id} is gone") from failure
    if operation is not None:
        return await hold(shell, payment, operation.id)
    return replace(held, payment=payment)


def _expected(shell: Shell, before: OperationState, transition: Transition, at: datetime) -> tuple[Expected, ...]:
    declined = _is_declined(before, transition)
    if not transition.bookings and not declined:
        return ()
    terms, rates = settlement_terms(shell, transition.operation)
    return expected_lines(transition, terms, at, rates, declined=declined)


def settlement_terms(shell: Shell, operation: OperationState) -> tuple[Terms | None, Rates]:
    """Find what an operation settles by: its account's terms, and the rates that are known as data."""
    connected = shell.directory.connected(operation.merchant_account)
    ruleset = shell.directory.routing(livemode=operation.livemode).ruleset
    return connected.terms if connected else None, ruleset.rates if ruleset is not None else NO_RATES


def _nothing_new(held: Held, transition: Transition) -> bool:
    same = transition.payment == held.payment and transition.operation == held.operation
    return same and not transition.bookings and not transition.exceptions


def _recorded(held: Held) -> Recorded:
    operation = held.operation
    if operation.kind in OPENING:
        status, body = charge_status(held.payment), msgspec.json.encode(payment_body(held.payment, held.operations))
    elif operation.kind is Operation.REFUND:
        status, body = follow_up_status(operation, CREATED), msgspec.json.encode(refund_body(operation))
    else:
        status = follow_up_status(operation, OK)
        body = msgspec.json.encode(payment_body(held.payment, held.operations))
    return Recorded(held=held, status=status, body=body)


def _answer(before: OperationState, recorded: Recorded) -> Answer | None:
    """The first complete answer is given when the operation stops being sent, by whoever learns of it."""
    if before.idempotency_key is None or before.status is not OperationStatus.SENDING:
        return None
    return Answer(before.idempotency_key, recorded.status, recorded.body)


def events_of(recorded: Recorded, transition: Transition) -> tuple[tuple[str, str, bytes], ...]:
    """Tell what happened with the object as it is now: the refund of a refund, the payment of everything else.

    A refund that fails may end its payment too, where the capture had failed before it.
    """
    held = recorded.held
    if held.operation.kind is not Operation.REFUND:
        return tuple((name, held.payment.id, recorded.body) for name in transition.events)
    told = []
    for name in transition.events:
        if name.startswith("refund."):
            told.append((name, held.operation.id, recorded.body))
        else:
            told.append((name, held.payment.id, msgspec.json.encode(payment_body(held.payment, held.operations))))
    return tuple(told)


def asked_again_s(shell: Shell, inquiries: int) -> float:
    """Say how long after *inquiries* questions the next one comes, in seconds."""
    return ASKED_AFTER[min(inquiries, len(ASKED_AFTER) - 1)] * shell.settings.inquiry_first_ms / 1000


def _due_s(shell: Shell, operation: OperationState, at: datetime) -> float | None:
    """Say when somebody has to look at the operation again, in seconds."""
    match operation.status:
        case OperationStatus.SENDING:
            return shell.lease_s
        case OperationStatus.UNKNOWN:
            return asked_again_s(shell, operation.inquiries)
        case OperationStatus.PENDING:
            connected = shell.directory.connected(operation.merchant_account)
            return connected.capabilities.pending_max.total_seconds() if connected else HORIZON.total_seconds()
        case OperationStatus.REQUIRES_ACTION:
            expires_at = operation.action_expires_at or at + shell.settings.challenge_expiry
            return max(0.0, (expires_at - at).total_seconds())
        case _:
            return None


def _with_challenge(shell: Shell, operation: OperationState, asked: ActionRequired) -> OperationState:
    """Keep what the processor needs back sealed, and make of the challenge an address that a GET opens."""
    latest = operation.action_expires_at or shell.clock() + shell.settings.challenge_expiry
    expires_at = asked.expires_at or latest
    url = asked.url
    if asked.method != "GET":
        secret = challenge_secret(shell, operation.id)
        url = f"{shell.settings.public_url}/redirect/{operation.payment_id}?s={secret}"
    sealed = shell.sealer.seal(msgspec.json.encode(asked), ACTION_IDENTITY.format(operation.id))
    return replace(operation, action=sealed, action_url=url, action_expires_at=expires_at)


def challenge_secret(shell: Shell, operation_id: str) -> str:
    """Make what the payer's browser must bring back; it belongs to one attempt and is used up by its completion."""
    return challenge_secrets(shell, operation_id)[0]


def challenge_secrets(shell: Shell, operation_id: str) -> list[str]:
    """List what a browser may bring back: what each of the sealing keys makes, since one may have come before."""
    return [secret[:40] for secret in shell.sealer.hmacs(b"challenge:" + operation_id.encode())]


class _Found(Struct, frozen=True, kw_only=True):
    """What a report speaks of; `opens`: it is new and was made outside the hub; without `moves` it is evidence only."""

    held: Held
    opens: bool = False
    moves: bool = True


async def record_delivered(shell: Shell, merchant_account: str, report: Report, source: str) -> Recorded | None:
    """Record a report that came without being asked for; None where no payment of ours is meant.

    Raises:
        AnswerAwaitedError: when the request itself is about to learn the same and more.
    """
    found = await _find(shell, merchant_account, report)
    if found is None:
        return None
    if saving.awaits_answer(shell, found.held.operation, report):
        raise saving.AnswerAwaitedError
    if not found.moves:
        evidence = Evidence(source=source, report=evidence_of(report), recorded_at=shell.clock())
        await store.keep(shell.database, found.held.operation, evidence)
        return _recorded(found.held)
    return await record(shell, found.held, report, source, opens=found.opens)


async def _find(shell: Shell, merchant_account: str, report: Report) -> _Found | None:
    """Find the operation a report speaks of: by our tag, by their reference, else by the payment it follows up on."""
    by_reference: Sequence[OperationState] | None = None
    if isinstance(report.outcome, Reversed):
        by_reference = await _by_reference(shell, merchant_account, report.processor_reference)
        # A capture that was made again and failed again may carry the tag of the first one.
        undone = next((o for o in by_reference if o.kind is report.kind), None)
        if undone is not None:
            return _Found(held=await _held(shell, undone))
    tagged = await store.find_operation(shell.database, report.tag) if report.tag else None
    if tagged is not None and tagged.merchant_account != merchant_account:
        tagged = None
    if tagged is not None and _speaks_of(tagged, report):
        return _Found(held=await _held(shell, tagged))
    if by_reference is None:
        by_reference = await _by_reference(shell, merchant_account, report.processor_reference)
    for operation in by_reference:
        if _speaks_of(operation, report):
            return _Found(held=await _held(shell, operation))
    parents = [tagged] if tagged else await _by_reference(shell, merchant_account, report.parent_reference)
    attempt = next((o for o in (*parents, *by_reference) if o.kind in OPENING), None)
    if attempt is None or report.kind in OPENING:
        return None
    return _of_attempt(await _held(shell, attempt), report, shell.clock())


def _of_attempt(held: Held, report: Report, at: datetime) -> _Found | None:
    """Find what a report is that names an attempt of ours and no other operation of ours."""
    # What is told of an attempt that was passed over answers no request about the one that stands.
    ours = _only_unnamed([o for o in held.operations if o.attempt_id == held.operation.id], report)
    if ours is not None:
        return _Found(held=replace(held, operation=ours))
    if not isinstance(report.outcome, Approved | Reversed) and not _has_failed_by_hand(report):
        return _Found(held=held, moves=False)  # A no to what is no request of ours on record.
    if report.reason != "recaptured" and _speaks_of(held.operation, report):
        return _Found(held=held)  # The capture that the processor made by itself is its purchase's own.
    if report.reason == "recaptured" and not _has_failed_capture(held):
        return None  # Told before the failure that it makes good: it is read again later.
    made = _external(held.operation, report, at)
    known = next((o for o in held.operations if o.id == made.id), None)
    return _Found(held=replace(held, operation=known or made), opens=known is None)


def _has_failed_by_hand(report: Report) -> bool:
    """A refund made outside the hub that failed is kept, so that its success counts nothing should it be told later."""
    declined = isinstance(report.outcome, Declined) and report.processor_reference is not None
    return declined and report.kind is Operation.REFUND


def _has_failed_capture(held: Held) -> bool:
    ours = [o for o in held.operations if o.attempt_id == held.operation.id]
    return any(o.status is OperationStatus.REVERSED and o.kind is not Operation.REFUND for o in ours)


def _speaks_of(operation: OperationState, report: Report) -> bool:
    if operation.kind in OPENING:
        # A purchase on an account that captures by our call is completed by its capture's report.
        return report.kind in OPENING or (operation.kind is Operation.PURCHASE and report.kind is Operation.CAPTURE)
    # Without our tag and under the payment's own name, what succeeded is no request of ours that was refused.
    nameless = report.tag is None and report.processor_reference == report.parent_reference
    refused = operation.status is OperationStatus.DECLINED and isinstance(report.outcome, Approved)
    return operation.kind is report.kind and not (nameless and refused)


async def _by_reference(shell: Shell, merchant_account: str, reference: str | None) -> Sequence[OperationState]:
    if reference is None:
        return ()
    return await store.by_processor_reference(shell.database, merchant_account, reference)


async def _held(shell: Shell, operation: OperationState) -> Held:
    payment = await store.find_payment(shell.database, operation.livemode, operation.payment_id)
    if payment is None:
        raise LookupError(f"{operation.payment_id} is gone")
    return await hold(shell, payment, operation.id)


def _only_unnamed(operations: Sequence[OperationState], report: Report) -> OperationState | None:
    """A void carries no tag of ours at some processors: it is the answer to the one void of ours that waits.

    Captures and refunds of ours always come back with our tag, so that one without it was made by other hands.
    """
    if report.kind is not Operation.VOID:
        return None
    ours = [o for o in operations if o.kind is Operation.VOID and o.processor_reference is None and not o.external]
    waiting = [o for o in ours if o.status in COUNTED]
    return waiting[0] if len(waiting) == 1 else None


def _external(attempt: OperationState, report: Report, at: datetime) -> OperationState:
    """Make the operation of something done outside the hub, with an id that a duplicate finds again."""
    named = f"{attempt.merchant_account}:{report.kind}:{report.processor_reference or report.parent_reference}"
    return OperationState(
        id=OPERATION_PREFIX[report.kind] + sha256(named.encode()).hexdigest()[:32],
        payment_id=attempt.payment_id,
        attempt_id=attempt.id,
        livemode=attempt.livemode,
        kind=report.kind,
        status=OperationStatus.SENDING,
        merchant_account=attempt.merchant_account,
        processor=attempt.processor,
        money=report.money or attempt.money,
        request=b"{}",
        requested_by=attempt.processor,
        key_id="",
        external=True,
        processor_reference=report.processor_reference,
        started_at=at,
    )
