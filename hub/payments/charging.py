"""Charge: plan, commit the attempt, call the processor, commit the outcome; another account where that is safe."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Final

import msgspec
import structlog
from msgspec.structs import replace

from adapters.abilities import CancelsByReference
from adapters.contract import Authorize, Inquiry
from adapters.errors import AdapterError
from hub import metrics
from hub.database import CommitUnknownError, ConflictError
from hub.errors import FieldError, ProblemError
from hub.idempotency.service import Reply, look_up, settle
from hub.idempotency.store import Answer, Key, find_key
from hub.masking import masked
from hub.payment_methods.service import unknown_customer
from hub.payment_methods.store import Means
from hub.payments import rules, store
from hub.payments.answers import CREATED, payment_body
from hub.payments.changes import Actor, Evidence, Expected, PassingOn
from hub.payments.figuring import began, ended, with_counts
from hub.payments.opening import NOTHING_STORED, Charge, facts_of, first_attempt, next_attempt, payment_of
from hub.payments.planning import allowed, nowhere, still_open
from hub.payments.recording import (
    Held,
    Recorded,
    challenge_secret,
    evidence_of,
    patiently,
    record,
    record_failure,
    settlement_terms,
)
from hub.payments.references import find_open
from hub.payments.retrying import Heard, hear, not_permitted, permit, permit_next
from hub.payments.saving import prepared
from hub.payments.shell import TRIES, Shell, answered, ask, background
from hub.payments.standing import standing
from hub.payments.states import OperationState, OperationStatus, Transition
from hub.retries.rules import Permit
from hub.retries.tables import card_slots
from hub.settlement.expecting import expected_lines
from normalization.money import Money
from normalization.outcome import ActionRequired, Declined, Report
from routing.account_index import Choice
from routing.facts import Facts
from routing.failover import Failure, Next, Tried, may_try_next
from routing.plan import Plan, plan

_log = structlog.get_logger(__name__)
NOTHING_LEFT: Final = "every token of this payment method was retired by its processor: have the payer enter the card"


async def charge(shell: Shell, wanted: Charge) -> Reply:
    """Carry out *wanted* and answer; also when the answer is that nothing is known yet.

    Raises:
        ProblemError: no_merchant_account, merchant_accounts_unavailable, duplicate_reference, idempotency_in_progress,
            idempotency_key_reused, retry_not_permitted, database_unavailable; nothing was charged, nothing is stored.
    """
    known: Charge | None = _from_memory(shell, wanted)
    for _ in range(TRIES):
        informed = known or await _informed(shell, wanted)
        if isinstance(informed, Reply):
            return informed
        reply = await _charge(shell, informed, sure=known is None)
        if reply is not None:
            return reply
        known = None
    raise ProblemError("database_unavailable", "the payment method changes all the time; try again", retry_after=1)


def _from_memory(shell: Shell, wanted: Charge) -> Charge | None:
    """Take what is known of the means of payment without asking; the first commit finds out whether it still holds."""
    asked = wanted.request
    if asked.payment_method is None:
        return replace(wanted, means=NOTHING_STORED)
    means = shell.remembered.get((wanted.caller.livemode, asked.payment_method))
    return replace(wanted, means=means) if means and _is_theirs(wanted, means) else None


async def _informed(shell: Shell, wanted: Charge) -> Charge | Reply:
    """Read all that stands before the charge: an answer under its key, its reference's holder, its payment method."""
    asked, livemode = wanted.request, wanted.caller.livemode
    found = await standing(shell.database, wanted.key.key, asked.reference, asked.payment_method, livemode=livemode)
    if found.key is not None:
        return settle(found.key, wanted.key)
    if found.holder is not None and not asked.allow_duplicate_reference:
        raise _duplicate(found.holder)
    means = _means(wanted, found.means)
    wanted = replace(wanted, means=means)
    if asked.payment_method is None:
        return wanted
    if not found.declined:
        shell.remembered.keep((livemode, asked.payment_method), means)
        return wanted
    shell.remembered.forget((livemode, asked.payment_method))
    leave = await permit(shell, wanted)
    if isinstance(leave, Permit):
        return replace(wanted, permit=leave)
    # What forbids it may be the first request with this very key, on its way.
    first = await look_up(shell.database, wanted.key, livemode=livemode)
    if first is not None:
        return first
    raise not_permitted(asked.payment_method, leave)


async def _charge(shell: Shell, wanted: Charge, *, sure: bool) -> Reply | None:
    """Plan and carry out; None where what is known has to be read first, or read again, since it does not hold.

    Only what was read just now (*sure*) refuses a charge: before anything is refused, its key must be looked up.
    """
    facts = facts_of(wanted, shell.clock())
    known = allowed(shell, wanted.caller, facts.money)
    facts = await with_counts(shell, facts, wanted.request.payment_method, known)
    decided = plan(facts, known)
    if not sure and (decided.refusal is not None or not decided.order):
        return None
    if not decided.order:
        shell.shadows.note(facts, known, decided, wanted.request.payment_method)
    if decided.refusal is not None:
        return await _refuse(shell, wanted, decided, facts)
    if not decided.order:
        retired = wanted.request.payment_method is not None and not wanted.means.tokens
        raise nowhere(decided, NOTHING_LEFT if retired else "no merchant account takes this payment")
    at = shell.clock()
    attempt = await prepared(shell, wanted, first_attempt(wanted, decided, at, _return_address(shell, wanted)))
    if attempt is None:
        if sure:
            raise unknown_customer()
        return None
    payment = payment_of(wanted, decided, facts, at, attempt)
    try:
        await store.open_payment(
            shell.database,
            payment,
            attempt,
            wanted.key,
            shell.lease_s,
            method_version=wanted.means.version,
            permit=wanted.permit,
            request_id=wanted.request_id,
        )
    except ConflictError as conflict:
        return await _taken(shell, wanted) if conflict.table not in {None, card_slots.name} else None
    except CommitUnknownError:
        await _read_back(shell, attempt)
    shell.shadows.note(facts, known, decided, wanted.request.payment_method)  # Before the attempt itself is counted.
    began(shell, payment, attempt)
    held = Held(payment=payment, operation=attempt, operations=(attempt,))
    recorded = await _attempts(shell, wanted, decided, held)
    return await reply_to(shell, wanted.key, recorded)


def _means(wanted: Charge, found: Means | None) -> Means:
    if wanted.request.payment_method_data is not None:
        return NOTHING_STORED
    if found is None or found.deleted:
        error = FieldError("payment_method", "is none of this mode; make one with POST /v1/payment_methods")
        raise ProblemError("validation_failed", "there is no such payment method", errors=[error])
    if not _is_theirs(wanted, found):
        error = FieldError("customer", "is not whose payment method this is; name its own customer or none")
        raise ProblemError("validation_failed", "the payment method is another customer's", errors=[error])
    return found


def _is_theirs(wanted: Charge, means: Means) -> bool:
    """Whether the payment method belongs to the customer who is named, if one is; one of nobody's serves everybody."""
    return means.customer is None or wanted.request.customer in {None, means.customer}


def _return_address(shell: Shell, wanted: Charge) -> Callable[[str], str]:
    """Where the processor sends an attempt's payer back to."""
    return lambda attempt: (
        f"{shell.settings.public_url}/return/{wanted.payment_id}?s={challenge_secret(shell, attempt)}"
    )


async def _refuse(shell: Shell, wanted: Charge, decided: Plan, facts: Facts) -> Reply:
    """A routing rule refuses: the payment is kept as failed, and no processor hears of it."""
    payment = payment_of(wanted, decided, facts, shell.clock(), None)
    body = msgspec.json.encode(payment_body(payment, ()))
    actor = Actor(wanted.caller.key_id, wanted.caller.principal, wanted.request_id)
    try:
        answer = Answer(wanted.key.key, CREATED, body)
        await store.refuse(shell.database, payment, wanted.key, answer, ("payment.failed", body), actor)
    except ConflictError:
        return await _taken(shell, wanted)
    return Reply(status=CREATED, body=body, location=wanted.key.location)


async def _taken(shell: Shell, wanted: Charge) -> Reply:
    """Say who was first: a request with the same key, or an open payment with the same reference."""
    standing = await look_up(shell.database, wanted.key, livemode=wanted.caller.livemode)
    if standing is not None:
        return standing
    raise _duplicate(await find_open(shell.database, wanted.caller.livemode, wanted.request.reference))


def _duplicate(holder: str | None) -> ProblemError:
    detail = (
        "reference: a payment that is open, paid or settled has it already; `payment` names it. "
        "Send allow_duplicate_reference to charge all the same"
    )
    return ProblemError("duplicate_reference", detail, extra={"payment": holder})


async def _read_back(shell: Shell, attempt: OperationState) -> None:
    """After a connection lost in commit: go on where the attempt stands, stop where it does not."""
    if await patiently(partial(store.find_operation, shell.database, attempt.id)) is None:
        detail = "the database lost the request before it was kept; nothing was sent, try again with the same key"
        raise ProblemError("database_unavailable", detail, retry_after=1)


async def reply_to(shell: Shell, key: Key, recorded: Recorded) -> Reply:
    """Answer what was stored under *key*, which may be what somebody else learnt first.

    Raises:
        ProblemError: idempotency_in_progress while somebody else, who took the operation over, has stored nothing yet.
    """
    if not recorded.answers:
        stored = await find_key(shell.database, recorded.held.payment.livemode, key.key)
        if stored is not None:
            return replace(settle(stored, key), location=key.location, replayed=False)
    return Reply(status=recorded.status, body=recorded.body, location=key.location)


async def _attempts(shell: Shell, wanted: Charge, decided: Plan, held: Held) -> Recorded:
    """Try the plan's accounts, one after the other, as long as it is certain that no money moved."""
    tried: list[Tried] = []
    while True:
        choice = Choice(held.operation.merchant_account, held.operation.processor)
        told, latency_ms = await _call(shell, wanted, held)
        ending = told.outcome if isinstance(told, Report) else told
        tried.append(Tried(choice=choice, ending=ending, challenged=isinstance(ending, ActionRequired)))
        following = _following(shell, wanted, decided, tried, held.operation.money)
        passed = None
        if following is not None:
            passed = await _go_on(shell, wanted, held, told, following, latency_ms)
        recorded = None
        if passed is None and isinstance(told, Report):
            recorded = await record(shell, held, told, "answer", latency_ms)
        elif passed is None and isinstance(told, Failure):
            recorded = await record_failure(shell, held, told, latency_ms)
        await answered(shell, choice.merchant_account, failed=isinstance(told, Failure))
        if passed is None and recorded is not None:
            return recorded
        _abandon(shell, held, told)
        held = passed or held


async def _call(shell: Shell, wanted: Charge, held: Held) -> tuple[Report | Failure, int]:
    connected = shell.directory.connected(held.operation.merchant_account)
    if connected is None:
        return Failure.CONFIGURATION, 0
    request = msgspec.json.decode(held.operation.request, type=Authorize)
    if wanted.request.payment_method_data is not None:
        request = replace(request, data=wanted.request.payment_method_data.data)
    left_s = _left_s(shell, wanted)
    if left_s <= 0:
        return Failure.NOT_SENT, 0  # The process stood still since the commit: others may hold the payment by now.
    shell.health.sending(held.operation.merchant_account)
    began = shell.clock()
    told = await ask(connected.adapter.authorize(request), left_s)
    seconds = max(0.0, (shell.clock() - began).total_seconds())
    metrics.OPERATION_SECONDS.labels(held.operation.kind, held.operation.processor).observe(seconds)
    return (masked(told) if isinstance(told, Report) else told), round(seconds * 1000)


def _left_s(shell: Shell, wanted: Charge) -> float:
    spent = max(0.0, (shell.clock() - wanted.began_at).total_seconds())  # A clock that is set back adds no time.
    return shell.settings.request_ms / 1000 - spent


def _abandon(shell: Shell, held: Held, told: Report | Failure) -> None:
    """Have what a passed-over attempt left at its processor cancelled, in the background: it could still be used."""
    connected = shell.directory.connected(held.operation.merchant_account)
    if not isinstance(told, Report) or told.processor_reference is None or connected is None:
        return
    if connected.capabilities.inquiry is not Inquiry.LOOKUP or not isinstance(connected.adapter, CancelsByReference):
        return
    request = msgspec.json.decode(held.operation.request, type=Authorize)
    left = replace(request, processor_reference=told.processor_reference)
    background(shell, _cancel_left(connected.adapter, left))


async def _cancel_left(adapter: CancelsByReference, request: Authorize) -> None:
    try:
        await adapter.cancel_by_reference(request)
    except AdapterError as failure:
        _log.warning("abandoned_attempt_not_cancelled", operation=request.operation_id, failure=str(failure))


def _following(shell: Shell, wanted: Charge, decided: Plan, tried: list[Tried], money: Money) -> Next | None:
    if _left_s(shell, wanted) < shell.settings.next_attempt_needs_ms / 1000:
        return None
    funds, policy = shell.settings.failover_insufficient_funds, shell.settings.decline_policy
    left = still_open(shell, wanted.caller, money, decided)
    return may_try_next(left, tried, insufficient_funds_elsewhere=funds, policy=policy)


async def _go_on(
    shell: Shell, wanted: Charge, held: Held, told: Report | Failure, following: Next, latency_ms: int
) -> Held | None:
    """Pass on to the next account where the networks' rules leave room for one more attempt."""
    for _ in range(TRIES):
        heard = None
        if isinstance(told, Report):
            heard = await patiently(partial(hear, shell, held.payment, held.operation, told))
        leave = await patiently(partial(permit_next, shell, wanted, held.operation, heard))
        if leave is None:
            return None
        try:
            return await _pass_over(shell, wanted, held, told, following, latency_ms, heard, leave)
        except ConflictError:
            continue  # Another attempt at this card was faster.
    return None


async def _pass_over(
    shell: Shell,
    wanted: Charge,
    held: Held,
    told: Report | Failure,
    following: Next,
    latency_ms: int,
    heard: Heard | None,
    leave: Permit,
) -> Held | None:
    """Close the attempt and open the next in one commit; None where a webhook changed the payment meanwhile.

    Raises:
        ConflictError: when another attempt at the card took the place.
    """
    closed = replace(_closed(held.operation, heard.report if heard else told), latency_ms=latency_ms)
    at = shell.clock()
    made = next_attempt(wanted, held.operation, following, at, _return_address(shell, wanted))
    attempt = await prepared(shell, wanted, made)
    if attempt is None:
        return None
    transition = rules.pass_over(held.payment, held.operation, closed, attempt)
    if transition is None:
        return None
    payment = replace(transition.payment, version=held.payment.version + 1, updated_at=at)
    transition = replace(transition, payment=payment)
    failure = {"failure": told, "next": following.reason}
    said = evidence_of(told) if isinstance(told, Report) else msgspec.json.encode(failure)
    evidence = Evidence(source="answer", report=said, recorded_at=at)
    try:
        await store.open_next_attempt(
            shell.database,
            held.payment,
            transition,
            attempt,
            evidence,
            shell.lease_s,
            PassingOn(counted=heard.counted if heard else None, permit=leave, billed=_billed(shell, transition, at)),
        )
    except ConflictError as conflict:
        if conflict.table == card_slots.name:
            raise
        return None
    except CommitUnknownError:
        if await patiently(partial(store.find_operation, shell.database, attempt.id)) is None:
            return None
    metrics.FAILOVERS.labels(following.reason).inc()
    ended(shell, held.payment, held.operation, closed)
    began(shell, payment, attempt)
    others = tuple(o for o in held.operations if o.id != closed.id)
    return Held(payment=payment, operation=attempt, operations=(*others, closed, attempt))


def _billed(shell: Shell, transition: Transition, at: datetime) -> Expected | None:
    """Expect what the account's processor charges for a decline, where its schedule has that."""
    if transition.operation.status is not OperationStatus.DECLINED:
        return None
    terms, rates = settlement_terms(shell, transition.operation)
    return next(iter(expected_lines(transition, terms, at, rates, declined=True)), None)


def _closed(operation: OperationState, told: Report | Failure) -> OperationState:
    if isinstance(told, Report) and isinstance(told.outcome, Declined):
        return replace(
            operation,
            status=OperationStatus.DECLINED,
            decline=told.outcome.decline,
            processor_reference=told.processor_reference,
            avs=told.avs,
            cvc=told.cvc,
        )
    if told is Failure.CONFIGURATION:
        return replace(operation, status=OperationStatus.DECLINED, decline=rules.REFUSED_BY_US)
    return replace(operation, status=OperationStatus.NOT_SENT, decline=rules.NEVER_ARRIVED)
