"""What a payment may become, and which money moves when it does.

Pure: takes values, returns values, never raises. The synchronous answer, the webhook and the inquiry all come through
`apply`, so a report seen twice changes nothing twice. A disagreement is a fact to keep with its evidence, not an error.
Which step may follow which is not decided here but in `transitions`, and no step is taken that it does not have.
"""

from typing import Final

from msgspec.structs import replace

from hub.exceptions.types import ExceptionType
from hub.payments import books
from hub.payments.states import (
    OperationState,
    OperationStatus,
    Payment,
    Status,
    Transition,
)
from hub.payments.transitions import kept, may
from hub.payments.undoing import asked_of, cleared, failed, refused_event, release, undo
from normalization.declines import Decline, DeclineCode
from normalization.money import Money, written
from normalization.outcome import (
    OPENING,
    ActionRequired,
    Approved,
    Declined,
    Operation,
    Pending,
    Report,
    Reversed,
)

_EVENT: Final = {status: (f"payment.{status}",) for status in Status}
_WAITING = frozenset({Status.PROCESSING, Status.REQUIRES_ACTION})
_ENDED = frozenset({Status.CANCELED, Status.FAILED})


def apply(payment: Payment, operation: OperationState, report: Report) -> Transition:
    """Decide what *report* about *operation* does to *payment*."""
    return kept(payment, operation, cleared(_heard(payment, operation, report)))


def _heard(payment: Payment, operation: OperationState, report: Report) -> Transition:
    told = report.money or operation.money
    if operation.kind not in OPENING and _is_overtaken(operation, report):
        return Transition(payment, operation)
    if not operation.processor_reference or report.avs or report.cvc:
        operation = replace(
            operation,
            processor_reference=operation.processor_reference or report.processor_reference,
            avs=report.avs or operation.avs,
            cvc=report.cvc or operation.cvc,
        )
    if isinstance(report.outcome, Approved) and told.currency is not payment.currency:
        return _other_currency(payment, operation, told)
    if operation.kind in OPENING:
        return _attempt(payment, operation, report, told)
    return _follow_up(payment, operation, report, told)


def _is_overtaken(operation: OperationState, report: Report) -> bool:
    """A refund that was accepted and then failed has failed, whenever its acceptance is told."""
    failed = operation.processor_reference is not None and operation.status is OperationStatus.DECLINED
    return failed and operation.kind is Operation.REFUND and isinstance(report.outcome, Approved)


def _attempt(payment: Payment, operation: OperationState, report: Report, told: Money) -> Transition:
    match report.outcome:
        case Approved():
            if operation.kind is Operation.PURCHASE and report.kind is Operation.AUTHORIZE:
                # Reserved; the capture that completes it may not even be sent: what was unknown stays unknown.
                return Transition(payment, operation)
            if not may(operation, OperationStatus.APPROVED):
                return Transition(payment, operation)
            approve = _approve_attempt if payment.attempt_id == operation.id else _approve_passed_over
            return approve(payment, operation, told)
        case Declined(decline):
            return _decline_attempt(payment, operation, decline)
        case ActionRequired():
            if payment.attempt_id != operation.id or not may(operation, OperationStatus.REQUIRES_ACTION):
                return Transition(payment, operation)
            operation = replace(operation, status=OperationStatus.REQUIRES_ACTION)
            if payment.status not in _WAITING:
                return Transition(payment, operation)  # Captured or canceled meanwhile: nobody needs to act.
            waiting = replace(payment, status=Status.REQUIRES_ACTION, processor_reference=operation.processor_reference)
            return Transition(waiting, operation, events=("payment.requires_action",))
        case Pending():
            return _accepted(payment, operation)
        case Reversed(decline):
            return undo(payment, operation, decline, told)


def _decline_attempt(payment: Payment, operation: OperationState, decline: Decline) -> Transition:
    if not may(operation, OperationStatus.DECLINED):
        return Transition(payment, operation)
    operation = replace(operation, status=OperationStatus.DECLINED, decline=decline)
    if payment.attempt_id != operation.id or payment.status not in _WAITING:
        return Transition(payment, operation)
    return Transition(failed(payment, operation), operation, events=("payment.failed",))


def _accepted(payment: Payment, operation: OperationState) -> Transition:
    if not may(operation, OperationStatus.PENDING):
        return Transition(payment, operation)
    operation = replace(operation, status=OperationStatus.PENDING)
    if payment.attempt_id != operation.id or payment.status not in _WAITING:
        return Transition(payment, operation)
    payment = replace(payment, status=Status.PROCESSING, processor_reference=operation.processor_reference)
    return Transition(payment, operation, events=("payment.processing",))


def _approve_attempt(payment: Payment, operation: OperationState, told: Money) -> Transition:
    late = payment.status in _ENDED
    if late and payment.status is Status.CANCELED and operation.kind is Operation.AUTHORIZE:
        why = "authorized although the payment was canceled; void it where it still stands"
        held_back = replace(operation, status=OperationStatus.APPROVED, decline=None)
        told_late = replace(
            payment, authorized_minor=max(payment.authorized_minor, min(told.minor, operation.money.minor))
        )
        return Transition(told_late, held_back, exceptions=(("approved_after_cancel", why),))
    asked = operation.money.minor
    purchase = operation.kind is Operation.PURCHASE
    authorized = max(payment.authorized_minor, min(told.minor, asked))
    room = authorized - books.taken(payment) - payment.capturing_minor
    own = min(told.minor, asked)
    taken = max(0, min(own, room)) if purchase else 0
    operation = replace(operation, status=OperationStatus.APPROVED, decline=None)
    approved = replace(
        payment,
        status=Status.CAPTURED if purchase or payment.captured_minor else Status.AUTHORIZED,
        authorized_minor=authorized,
        beyond_minor=payment.beyond_minor + (own - taken if purchase else 0),
        captured_minor=payment.captured_minor + taken,
        capture_closed=payment.capture_closed or purchase,
        processor_reference=operation.processor_reference,
        merchant_account=operation.merchant_account,
        processor=operation.processor,
        decline=None,
        cancel_reason=None,
        canceling=payment.canceling and not purchase,
    )
    bookings = books.captured(payment, approved, operation, told) if purchase else ()
    exceptions: list[tuple[ExceptionType, str]] = []
    if told.minor != asked or (purchase and taken < told.minor):
        wished, got, left = (written(minor, told.currency) for minor in (asked, told.minor, room))
        exceptions.append(("amount_mismatch", f"asked {wished}, approved {got}, {left} left"))
    if late:
        exceptions.append(("approved_after_failure", f"approved after the payment was {payment.status}"))
    elif payment.canceling and purchase:
        exceptions.append(("approved_after_cancel", "captured after its cancellation was asked for"))
    return Transition(approved, operation, bookings, _EVENT[approved.status], tuple(exceptions))


def _approve_passed_over(payment: Payment, operation: OperationState, told: Money) -> Transition:
    operation = replace(operation, status=OperationStatus.APPROVED, decline=None)
    bookings = (books.surplus_of(operation, told),) if operation.kind is Operation.PURCHASE else ()
    why = f"{operation.id} was approved after {payment.attempt_id} took over"
    return Transition(payment, operation, bookings, (), (("double_charge_after_failover", why),))


def _other_currency(payment: Payment, operation: OperationState, told: Money) -> Transition:
    """Keep the truth and touch no amount: another currency's number means nothing here."""
    if not may(operation, OperationStatus.EXCEPTION):
        return Transition(payment, operation)
    why = f"asked {payment.currency}, told {written(told.minor, told.currency)}"
    moved = operation.kind in {Operation.PURCHASE, Operation.CAPTURE, Operation.REFUND}
    booking = books.surplus_of(operation, told)
    if operation.kind is Operation.REFUND:
        booking = replace(booking, debit=booking.credit, credit=booking.debit)
    operation = replace(operation, status=OperationStatus.EXCEPTION)
    return Transition(payment, operation, (booking,) if moved else (), (), (("currency_mismatch", why),))


def _follow_up(payment: Payment, operation: OperationState, report: Report, told: Money) -> Transition:
    match report.outcome:
        case Approved():
            return _approve_follow_up(payment, operation, report, told)
        case Declined(decline):
            return _decline_follow_up(payment, operation, decline)
        case Reversed(decline):
            return undo(payment, operation, decline, told)
        case ActionRequired() | Pending():
            if not may(operation, OperationStatus.PENDING):
                return Transition(payment, operation)
            operation = replace(operation, status=OperationStatus.PENDING)
            events = ("refund.pending",) if operation.kind is Operation.REFUND else ()
            return Transition(payment, operation, events=events)


def _approve_follow_up(payment: Payment, operation: OperationState, report: Report, told: Money) -> Transition:
    if not may(operation, OperationStatus.APPROVED):
        return Transition(payment, operation)
    if operation.attempt_id != payment.attempt_id:
        return _passed_over_follow_up(payment, operation, told)
    if operation.kind is Operation.CAPTURE:
        return _capture(payment, operation, told)
    if operation.kind is Operation.REFUND:
        return _refund(payment, operation, told)
    return _void(payment, operation, report.reason)


def _decline_follow_up(payment: Payment, operation: OperationState, decline: Decline) -> Transition:
    if operation.kind is Operation.REFUND and operation.status is OperationStatus.APPROVED:
        return undo(payment, operation, decline, operation.money)
    if not may(operation, OperationStatus.DECLINED):
        return Transition(payment, operation)
    declined = replace(operation, status=OperationStatus.DECLINED, decline=decline)
    return Transition(release(payment, operation), declined, events=(refused_event(operation.kind),))


def _passed_over_follow_up(payment: Payment, operation: OperationState, told: Money) -> Transition:
    """Something happened to an attempt that no longer stands: the payment keeps its amounts, suspense the money."""
    approved = replace(operation, status=OperationStatus.APPROVED, decline=None)
    surplus = books.surplus_of(operation, told)
    if operation.kind is Operation.CAPTURE:
        why = f"{operation.attempt_id} was captured after {payment.attempt_id} took over"
        return Transition(payment, approved, (surplus,), (), (("double_charge_after_failover", why),))
    if operation.kind is Operation.REFUND:
        return Transition(payment, approved, (replace(surplus, debit=surplus.credit, credit=surplus.debit),))
    return Transition(payment, approved)


def _capture(payment: Payment, operation: OperationState, told: Money) -> Transition:
    freed = release(payment, operation)
    if not freed.authorized_minor:  # Told before its authorization, which it proves.
        freed = replace(freed, authorized_minor=freed.amount_minor)
    room = freed.authorized_minor - books.taken(freed) - freed.capturing_minor
    own = asked_of(operation, told)
    fits = max(0, min(own, room))
    captured = replace(
        freed,
        status=Status.CAPTURED,
        beyond_minor=freed.beyond_minor + own - fits,
        captured_minor=freed.captured_minor + fits,
        capture_closed=payment.capture_closed or operation.final,
        decline=None,
        cancel_reason=None,
        canceling=False,
    )
    bookings = books.captured(freed, captured, operation, told)
    exceptions: list[tuple[ExceptionType, str]] = []
    if told.minor != operation.money.minor or told.minor > fits:
        got, wished, left = (written(minor, told.currency) for minor in (told.minor, operation.money.minor, room))
        exceptions.append(("amount_mismatch", f"captured {got}, {wished} asked, {left} left"))
    if payment.status in _ENDED:
        exceptions.append(("approved_after_failure", f"captured after the payment was {payment.status}"))
    elif payment.canceling:
        exceptions.append(("approved_after_cancel", "captured after its cancellation was asked for"))
    operation = replace(operation, status=OperationStatus.APPROVED, decline=None)
    return Transition(captured, operation, bookings, ("payment.captured",), tuple(exceptions))


def _refund(payment: Payment, operation: OperationState, told: Money) -> Transition:
    freed = release(payment, operation)
    room = books.taken(freed) - freed.refunded_minor - freed.refunding_minor - freed.refunded_externally_minor
    # A late yes may find its room taken by other refunds; it stands beside them, as one made outside the hub does.
    ours = freed.captured_minor - freed.refunded_minor - freed.refunding_minor
    counted = 0 if operation.external else max(0, min(told.minor, ours))
    refunded = replace(
        freed,
        refunded_minor=freed.refunded_minor + counted,
        refunded_externally_minor=freed.refunded_externally_minor + told.minor - counted,
    )
    booked = replace(operation, status=OperationStatus.APPROVED, decline=None)
    bookings = books.refunded(freed, refunded, booked, told)
    exceptions: list[tuple[ExceptionType, str]] = []
    got, wished = written(told.minor, told.currency), written(operation.money.minor, told.currency)
    if told.minor > room:
        exceptions.append(("over_refund", f"refunded {got}, {written(max(room, 0), told.currency)} was left"))
    elif told.minor != operation.money.minor:
        exceptions.append(("amount_mismatch", f"asked to refund {wished}, refunded {got}"))
    if payment.disputed_minor:
        claimed = written(payment.disputed_minor, told.currency)
        why = f"refunded {got}, the payer's bank claims or has taken {claimed}"
        exceptions.append(("refund_then_chargeback", why))
    return Transition(refunded, booked, bookings, ("refund.succeeded",), tuple(exceptions))


def _void(payment: Payment, operation: OperationState, reason: str | None) -> Transition:
    operation = replace(operation, status=OperationStatus.APPROVED, decline=None)
    freed = replace(payment, canceling=False)
    if taken := payment.captured_minor + payment.beyond_minor:
        if operation.external:
            return Transition(freed, operation)  # The rest of a partial capture was given back.
        why = f"canceled although {written(taken, payment.currency)} was captured"
        return Transition(freed, operation, exceptions=(("void_not_cleared", why),))
    if payment.status in _ENDED:
        return Transition(freed, operation)
    canceled = replace(
        freed,
        status=Status.CANCELED,
        holds_reference=False,
        cancel_reason=reason or "requested",
        capture_closed=True,
    )
    return Transition(canceled, operation, events=("payment.canceled",))


def unknown(payment: Payment, operation: OperationState) -> Transition:
    """We do not know what became of *operation*: nothing is given back, nothing is tried elsewhere."""
    return kept(payment, operation, _lose(payment, operation))


def _lose(payment: Payment, operation: OperationState) -> Transition:
    if not may(operation, OperationStatus.UNKNOWN):
        return Transition(payment, operation)
    lost = replace(operation, status=OperationStatus.UNKNOWN)
    if operation.kind not in OPENING or payment.attempt_id != operation.id or payment.status not in _WAITING:
        return Transition(payment, lost)
    return Transition(replace(payment, status=Status.PROCESSING), lost, events=("payment.processing",))


REFUSED_BY_US: Final = Decline(code=DeclineCode.MERCHANT_CONFIGURATION_ERROR, processor_code="hub/account_refused")
NEVER_ARRIVED: Final = Decline(code=DeclineCode.PROCESSOR_ERROR, processor_code="hub/not_sent")


def not_sent(payment: Payment, operation: OperationState) -> Transition:
    """*operation* certainly never reached the processor, and nobody else will be tried."""
    return kept(payment, operation, cleared(_close(payment, operation)))


def _close(payment: Payment, operation: OperationState) -> Transition:
    if not may(operation, OperationStatus.NOT_SENT):
        return Transition(payment, operation)
    closed = replace(operation, status=OperationStatus.NOT_SENT, decline=NEVER_ARRIVED)
    if operation.kind is Operation.VOID:
        return Transition(payment, closed)  # The wish stands: the payment stays `canceling`, and it is tried again.
    if operation.kind not in OPENING:
        return Transition(release(payment, operation), closed, events=(refused_event(operation.kind),))
    if payment.attempt_id != operation.id or payment.status not in _WAITING:
        return Transition(payment, closed)
    return Transition(failed(payment, closed), closed, events=("payment.failed",))


def refused(payment: Payment, operation: OperationState, decline: Decline) -> Transition:
    """The processor refused our account or our request before it did anything; what it did all the same stands."""
    if not may(operation, OperationStatus.DECLINED):
        return Transition(payment, operation)
    decline_it = _decline_attempt if operation.kind in OPENING else _decline_follow_up
    return kept(payment, operation, cleared(decline_it(payment, operation, decline)))


def give_up(payment: Payment, operation: OperationState, why: str) -> Transition:
    """A human must find out: *operation* stayed without an answer beyond its horizon."""
    return kept(payment, operation, _park(payment, operation, why))


def _park(payment: Payment, operation: OperationState, why: str) -> Transition:
    if not may(operation, OperationStatus.DECLINED):
        return Transition(payment, operation)  # What is final stays so.
    if operation.kind in OPENING and payment.status is Status.CANCELED:
        ended = Decline(code=DeclineCode.CUSTOMER_CANCELLED, processor_code="hub/canceled")
        return Transition(payment, replace(operation, status=OperationStatus.DECLINED, decline=ended))
    if not may(operation, OperationStatus.EXCEPTION):
        return Transition(payment, operation)
    overdue: ExceptionType = "pending_overdue" if operation.status is OperationStatus.PENDING else "outcome_unknown"
    parked = replace(operation, status=OperationStatus.EXCEPTION)
    return Transition(payment, parked, exceptions=((overdue, why),))


def pass_over(
    payment: Payment, operation: OperationState, closed: OperationState, following: OperationState
) -> Transition | None:
    """Go on with another account: *operation* is *closed* without money moved, *following* is the attempt that stands.

    None where no step leads *operation* there: then nobody else is tried.
    """
    if not may(operation, closed.status):
        return None
    standing = replace(
        payment,
        attempt_id=following.id,
        merchant_account=following.merchant_account,
        processor=following.processor,
        processor_reference=None,
    )
    return Transition(standing, closed)
