"""What a dispute becomes by one more word, and which money moves with it; pure.

A dispute *is* what its words say together: every answer here is computed from the set of words and the set of
movements, so that no order and no repetition makes a difference. Where two words disagree the stage that is further
on counts, then the status that `states` has last.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Final, TypeVar

import msgspec
from msgspec.structs import replace

from hub.disputes.states import STAGE, STATUS
from hub.disputes.values import DECIDED, Case, Decided, Standing
from hub.exceptions.types import ExceptionType
from hub.ledger.chart import DISPUTE_LOSSES, DISPUTES_RECEIVABLE, receivable
from hub.payments.states import Booking, OperationState, Payment
from hub.transitions import Machine, Word
from normalization.disputes import DisputeReason, DisputeReport, DisputeStatus, Stage
from normalization.money import Currency, Money, written

TAKES_MONEY: Final = frozenset({Stage.CHARGEBACK, Stage.ARBITRATION})
_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)
_encode: Final = msgspec.json.Encoder(order="deterministic").encode
T = TypeVar("T")


def ranked(machine: Machine[Word]) -> dict[Word, int]:
    """Order the words of *machine*, in which every word may follow those before it: the last counts most."""
    return {word: len(machine.moves) - len(following) for word, following in machine.moves.items()}


_STAGES: Final = ranked(STAGE)
_STATUSES: Final = ranked(STATUS)


def plain(report: DisputeReport) -> DisputeReport:
    """Write *report* in the one way in which equal words are equal."""
    due_at = report.evidence_due_at.astimezone(UTC) if report.evidence_due_at else None
    movements = tuple(sorted((m for m in report.movements if m.money.minor), key=lambda movement: movement.key))
    return replace(report, evidence_due_at=due_at, movements=movements)


def hear(case: Case, report: DisputeReport) -> Case:
    """Add one word, and the movements that it tells of; of a movement the first that was said of its key counts."""
    report = plain(report)
    if report in case.words:
        return case
    known = {movement.key: movement for movement in case.movements}
    for movement in report.movements:
        known.setdefault(movement.key, movement)
    return Case(words=(*case.words, report), movements=tuple(known.values()))


def standing(case: Case, whole: Money) -> Standing:
    """Say where the dispute stands; *whole* is what is disputed where nobody said how much."""
    words = by_weight(case)
    now = [word for word in words if word.stage is words[0].stage]
    return Standing(
        stage=now[0].stage,
        status=_appealed(case) or now[0].status,
        reason=_first(words, lambda w: None if w.reason is DisputeReason.GENERAL else w.reason)
        or DisputeReason.GENERAL,
        processor_reason=_first(words, lambda w: w.processor_reason),
        network_reason=_first(words, lambda w: w.network_reason),
        money=_first(words, lambda w: w.money) or whole,
        evidence_due_at=_first(now, lambda w: w.evidence_due_at),
        defendable=_first(now, lambda w: w.defendable),
        accepted=any(word.accepted for word in now),
    )


def by_weight(case: Case) -> list[DisputeReport]:
    """Order the words, that which counts most first."""
    return sorted(case.words, key=_weight, reverse=True)


def _appealed(case: Case) -> DisputeStatus | None:
    """Say how arbitration ended where its end is told in the chargeback's words, as Stripe tells of an appeal's.

    The chargeback was decided twice then, and differently; the money says which of the two was the last.
    """
    decided: dict[Stage, set[DisputeStatus]] = {stage: set() for stage in Stage}
    for stage, status in _decisions(case):
        decided[stage].add(status)
    appealed = any(word.stage is Stage.ARBITRATION for word in case.words) and not decided[Stage.ARBITRATION]
    if not appealed or not {DisputeStatus.WON, DisputeStatus.LOST} <= decided[Stage.CHARGEBACK]:
        return None
    gone = sum(-m.money.minor if m.reinstated else m.money.minor for m in case.movements)
    return DisputeStatus.LOST if gone > 0 else DisputeStatus.WON


def _weight(word: DisputeReport) -> tuple[int, int, datetime, bytes]:
    return _STAGES[word.stage], _STATUSES[word.status], word.evidence_due_at or _LONG_AGO, _encode(word)


def _first(words: Iterable[DisputeReport], read: Callable[[DisputeReport], T | None]) -> T | None:
    return next((found for word in words if (found := read(word)) is not None), None)


def events(case: Case) -> Counter[str]:
    """Count what applications are told in all: each word, and each decision of each stage, once."""
    told: Counter[str] = Counter()
    if case.words:
        told["dispute.created"] = 1
        told["dispute.updated"] = len(case.words) - 1
    told.update(f"dispute.{status}" for _, status in _decisions(case))
    told["dispute.accepted"] = len({word.stage for word in case.words if word.accepted})
    return +told


def _decisions(case: Case) -> set[tuple[Stage, DisputeStatus]]:
    return {(word.stage, word.status) for word in case.words if word.status in DECIDED}


def postings(case: Case, operation: OperationState) -> Mapping[tuple[str, ...], Booking]:
    """List every posting that the dispute ever made, by what it is for.

    What a stage is lost with is written off; where a further stage is heard of, it was not the end and that is undone.
    """
    reached = max((_STAGES[word.stage] for word in case.words), default=0)
    lost = sorted(stage for stage, status in _decisions(case) if status is DisputeStatus.LOST)
    made: dict[tuple[str, ...], Booking] = {}
    for movement in case.movements:
        key, money, owed = movement.key, movement.money, receivable(operation.merchant_account)
        if movement.reinstated:
            made["moved", key] = Booking(owed, DISPUTES_RECEIVABLE, money, "dispute_reinstated")
        else:
            made["moved", key] = Booking(DISPUTES_RECEIVABLE, owed, money, "dispute_taken")
        gone = DISPUTE_LOSSES, DISPUTES_RECEIVABLE
        off, on = reversed(gone) if movement.reinstated else gone
        for stage in lost:
            made["lost", stage, key] = Booking(off, on, money, "dispute_written_off")
            if reached > _STAGES[stage]:
                made["reopened", stage, key] = Booking(on, off, money, "dispute_write_off_undone")
    return made


def contested_minor(case: Case, now: Standing, payment: Payment, operation: OperationState) -> int:
    """Say what the dispute adds to the payment's `disputed_minor`: what it claims, or has taken where that is more.

    In another currency than the payment's it claims the whole payment: what that is in the payment's own nobody told.
    Nothing in an inquiry, once it is won or closed, and against an attempt that does not stand.
    """
    over = now.status in {DisputeStatus.WON, DisputeStatus.CLOSED}
    if over or now.stage not in TAKES_MONEY or operation.attempt_id != payment.attempt_id:
        return 0
    if now.money.currency is not payment.currency:
        return payment.captured_minor or payment.amount_minor
    return max(now.money.minor, withdrawn_minor(case, payment.currency) - reinstated_minor(case, payment.currency), 0)


def withdrawn_minor(case: Case, currency: Currency) -> int:
    """Sum what was taken in *currency*."""
    return sum(m.money.minor for m in case.movements if not m.reinstated and m.money.currency is currency)


def reinstated_minor(case: Case, currency: Currency) -> int:
    """Sum what was given back in *currency*."""
    return sum(m.money.minor for m in case.movements if m.reinstated and m.money.currency is currency)


def decide(
    before: Case,
    report: DisputeReport,
    payment: Payment,
    operation: OperationState,
    *,
    contested: int = 0,
    raised: frozenset[str] = frozenset(),
) -> tuple[Case, Decided]:
    """Decide what *report* changes, where the dispute had claimed *contested* and opened the exceptions *raised*."""
    after = hear(before, report)
    now = standing(after, operation.money)
    claims = contested_minor(after, now, payment, operation)
    changed = replace(payment, disputed_minor=payment.disputed_minor - contested + claims)
    made, known = postings(after, operation), postings(before, operation)
    new = {what: booking for what, booking in made.items() if what not in known}
    concerns = _concerns(after, now, changed, operation, plain(report))
    return after, Decided(
        standing=now,
        payment=changed,
        contested_minor=claims,
        moved=tuple((m, new["moved", m.key]) for m in after.movements if ("moved", m.key) in new),
        bookings=tuple(booking for what, booking in new.items() if what[0] != "moved"),
        events=tuple((events(after) - events(before)).elements()),
        concerns=raised | set(concerns),
        exceptions=tuple((type_, why) for type_, why in concerns.items() if type_ not in raised),
    )


def _concerns(
    case: Case, now: Standing, payment: Payment, operation: OperationState, report: DisputeReport
) -> dict[ExceptionType, str]:
    """Name what a human must look at; the payer's bank is recorded whatever it does."""
    found: dict[ExceptionType, str] = {}
    foreign = sorted({str(m.currency) for m in _moneys(case, now) if m.currency is not payment.currency})
    if foreign:
        found["currency_mismatch"] = f"disputed in {', '.join(foreign)}, paid in {payment.currency}"
    if why := _more_than_taken(case, now, payment, operation, report):
        found["amount_mismatch"] = why
    given_back = payment.refunded_minor + payment.refunded_externally_minor
    if given_back and now.stage in TAKES_MONEY and now.status not in {DisputeStatus.WON, DisputeStatus.CLOSED}:
        refunded, captured = (written(minor, payment.currency) for minor in (given_back, payment.captured_minor))
        why = f"disputed {written(now.money.minor, now.money.currency)}, {refunded} of {captured} was refunded"
        found["refund_then_chargeback"] = f"{why}; contest it with the refund as evidence"
    for stage in Stage if _appealed(case) is None else ():
        told = sorted(status for of, status in _decisions(case) if of is stage)
        if len(told) > 1:
            found["dispute_contradicted"] = f"its {stage} was told as {' and as '.join(told)}"
    return found


def _moneys(case: Case, now: Standing) -> list[Money]:
    return [now.money, *(movement.money for movement in case.movements)]


def _more_than_taken(
    case: Case, now: Standing, payment: Payment, operation: OperationState, report: DisputeReport
) -> str | None:
    kept = {movement.key: movement for movement in case.movements}
    for movement in report.movements:
        if kept[movement.key] != movement:
            before = kept[movement.key].money
            return f"the movement {movement.key} was told before as {written(before.minor, before.currency)}"
    if operation.attempt_id != payment.attempt_id:
        return f"{operation.attempt_id} was disputed, which {payment.attempt_id} took over from"
    if now.stage not in TAKES_MONEY or now.money.currency is not payment.currency:
        return None
    if not payment.captured_minor:
        disputed = written(now.money.minor, payment.currency)
        return f"{disputed} was disputed, nothing is captured; the payment is {payment.status}"
    if max(now.money.minor, payment.disputed_minor) > payment.captured_minor:
        disputed = written(max(now.money.minor, payment.disputed_minor), payment.currency)
        return f"{disputed} is disputed, {written(payment.captured_minor, payment.currency)} was captured"
    return None
