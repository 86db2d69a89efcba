"""What had been set aside or had succeeded and is given back: released, or reversed in the books. Pure."""

from typing import Final

from msgspec.structs import replace

from hub.exceptions.types import ExceptionType
from hub.ledger.chart import receivable, suspense
from hub.payments import books
from hub.payments.states import (
    COUNTED,
    Booking,
    OperationState,
    OperationStatus,
    Payment,
    Status,
    Transition,
)
from hub.payments.transitions import may
from normalization.declines import Decline, DeclineCode
from normalization.money import Money, written
from normalization.outcome import Operation

CAPTURE_FAILED: Final = Decline(code=DeclineCode.PROCESSOR_ERROR, processor_code="hub/capture_failed")
_BEFORE_IT_ENDS: Final = frozenset({Status.PROCESSING, Status.REQUIRES_ACTION})


def refused_event(kind: Operation) -> str:
    """Name the event of an operation of *kind* that failed."""
    if kind is Operation.REFUND:
        return "refund.failed"
    return "payment.capture_failed" if kind is Operation.CAPTURE else "payment.cancel_failed"


def release(payment: Payment, operation: OperationState) -> Payment:
    """Give back what *operation* had reserved while it was under way."""
    given_back = operation.decline is not None  # It was closed before something was told that opened it again.
    if operation.status not in COUNTED or operation.external or given_back:
        return payment
    minor = operation.money.minor
    if operation.kind is Operation.CAPTURE:
        # What closed the payment opens it again: a final capture, one of all that was left, or the only one.
        taken = payment.captured_minor + payment.capturing_minor
        closed_it = operation.final or taken in {payment.authorized_minor, minor}
        return replace(
            payment,
            capturing_minor=payment.capturing_minor - minor,
            capture_closed=payment.capture_closed and not closed_it,
        )
    if operation.kind is Operation.REFUND:
        return replace(payment, refunding_minor=payment.refunding_minor - minor)
    return replace(payment, canceling=False)


def failed(payment: Payment, operation: OperationState) -> Payment:
    """Show that *payment* failed with *operation*."""
    return replace(
        payment,
        status=Status.FAILED,
        holds_reference=False,
        canceling=False,
        decline=operation.decline,
        processor_reference=operation.processor_reference,
    )


def undo(payment: Payment, operation: OperationState, decline: Decline, told: Money) -> Transition:
    """Take back what *operation* did, by *told*; where its success was not told yet, it never will count."""
    if not may(operation, OperationStatus.REVERSED):
        return Transition(payment, operation)
    done = operation.status is OperationStatus.APPROVED
    if done and told.currency is not operation.money.currency:
        why = f"undone by {written(told.minor, told.currency)}, done in {operation.money.currency}"
        return Transition(payment, operation, exceptions=(("currency_mismatch", why),))
    if not done:
        return _before_its_success(payment, operation, decline)
    operation = replace(operation, decline=decline)
    if operation.attempt_id != payment.attempt_id:
        return _passed_over(payment, operation, told)
    if operation.kind is Operation.REFUND:
        return reverse_refund(payment, operation, told)
    return _reverse_capture(payment, operation, told)


def _before_its_success(payment: Payment, operation: OperationState, decline: Decline) -> Transition:
    undone = replace(operation, status=OperationStatus.REVERSED, decline=decline)
    why = "failed; its success was never told"
    if operation.kind is not Operation.PURCHASE:
        return Transition(
            release(payment, operation), undone, (), (refused_event(operation.kind),), ((_exception(operation), why),)
        )
    if payment.attempt_id != operation.id or payment.status not in _BEFORE_IT_ENDS:
        return Transition(payment, undone)
    events = ("payment.capture_failed", "payment.failed")
    return Transition(failed(payment, undone), undone, (), events, (("capture_failed", why),))


def _exception(operation: OperationState) -> ExceptionType:
    return "refund_failed" if operation.kind is Operation.REFUND else "capture_failed"


def _passed_over(payment: Payment, operation: OperationState, told: Money) -> Transition:
    """Undo what stands in suspense, since another attempt had taken over: the payment keeps its amounts."""
    undone = replace(operation, status=OperationStatus.REVERSED)
    owed, held = receivable(operation.merchant_account), suspense(operation.merchant_account)
    debit, credit = (owed, held) if operation.kind is Operation.REFUND else (held, owed)
    why = f"{operation.attempt_id} was passed over; what suspense holds of it is cleared"
    booking = Booking(debit, credit, told, "surplus_reversal")
    return Transition(payment, undone, (booking,), (), ((_exception(operation), why),))


def _reverse_capture(payment: Payment, operation: OperationState, told: Money) -> Transition:
    """The money was not taken after all. What was given back of it meanwhile is our loss until a human looks."""
    own = asked_of(operation, told)
    beyond = min(own, payment.beyond_minor)
    standing = max(0, books.taken(payment) - (own - beyond))
    left = max(standing, payment.refunded_minor + payment.refunding_minor)
    undone = replace(operation, status=OperationStatus.REVERSED)
    restored = replace(payment, beyond_minor=payment.beyond_minor - beyond, lost_minor=left - standing)
    if beyond < own or not (left or restored.beyond_minor):  # Else other captures hold all that the payment shows.
        restored = _reopened(restored, undone, left)
    bookings = books.capture_reversed(payment, restored, operation, told)
    why = "failed after success"
    if beyond := told.minor - (books.sold(payment) - books.sold(restored)):
        why += f"; {written(beyond, told.currency)} of it is not in sales: given back already, or never counted"
    if payment.refunding_minor > standing:
        why += f"; {written(payment.refunding_minor, payment.currency)} is being given back"
    events = ("payment.capture_failed",) + (("payment.failed",) if restored.status is Status.FAILED else ())
    return Transition(restored, undone, bookings, events, (("capture_failed", why),))


def _reopened(payment: Payment, operation: OperationState, left: int) -> Payment:
    """Show the payment with *left* captured: without anything it is authorized again, a purchase has failed."""
    if operation.kind is Operation.PURCHASE:
        restored = replace(payment, captured_minor=left)
        if left or payment.capturing_minor:
            return restored
        return replace(failed(restored, operation), authorized_minor=0, capture_closed=False)
    taken = payment.captured_minor + payment.capturing_minor
    closed_it = operation.final or taken in {payment.authorized_minor, operation.money.minor}
    closed = payment.capture_closed and (bool(left) if operation.external else not closed_it)
    status = payment.status if left else Status.AUTHORIZED
    return replace(payment, status=status, captured_minor=left, capture_closed=closed)


def asked_of(operation: OperationState, told: Money) -> int:
    """Say what of *told* was wanted: what others did is what they wanted, ours no more than was asked."""
    return told.minor if operation.external else min(told.minor, operation.money.minor)


def counted(decided: Transition) -> Transition:
    """Count what was taken beyond what was left as soon as there is room for it, since another capture failed."""
    payment = decided.payment
    room = payment.authorized_minor - books.taken(payment) - payment.capturing_minor
    minor = min(payment.beyond_minor, room)
    if minor <= 0:
        return decided
    restored = replace(
        payment,
        captured_minor=payment.captured_minor + minor,
        beyond_minor=payment.beyond_minor - minor,
        capture_closed=True,
    )
    bookings = (*decided.bookings, *books.counted(payment, restored, decided.operation))
    told = () if "payment.captured" in decided.events else ("payment.captured",)
    return replace(decided, payment=restored, bookings=bookings, events=(*decided.events, *told))


def cleared(decided: Transition) -> Transition:
    """Take what failed of a capture out of the payment's amounts as soon as nothing of it is given back any more.

    It stayed among them for a refund; where that failed too, or another capture pays for it, nothing is lost. The
    books had it taken back when it failed.
    """
    decided = counted(decided)
    payment = decided.payment
    idle = payment.captured_minor - payment.refunded_minor - payment.refunding_minor
    minor = min(payment.lost_minor, idle)
    if minor <= 0:
        return decided
    left = payment.captured_minor - minor
    restored = replace(payment, captured_minor=left, lost_minor=payment.lost_minor - minor)
    events: tuple[str, ...] = ()
    if not left and payment.status is Status.CAPTURED:
        restored = _without_capture(restored)
        events = ("payment.capture_failed",) + (("payment.failed",) if restored.status is Status.FAILED else ())
    return replace(decided, payment=restored, events=(*decided.events, *events))


def _without_capture(payment: Payment) -> Payment:
    """Show a payment of which nothing is captured any more, as `_reopened` does where no refund stood in the way."""
    if payment.capture != "automatic" or payment.capturing_minor:
        closed = payment.capture_closed and payment.capturing_minor > 0
        return replace(payment, status=Status.AUTHORIZED, capture_closed=closed)
    return replace(
        payment,
        status=Status.FAILED,
        holds_reference=False,
        canceling=False,
        authorized_minor=0,
        capture_closed=False,
        decline=CAPTURE_FAILED,
    )


def reverse_refund(payment: Payment, operation: OperationState, told: Money) -> Transition:
    """The money came back: a refund that had succeeded failed later."""
    ours, elsewhere = payment.refunded_minor, payment.refunded_externally_minor
    if operation.external:
        off_elsewhere = min(told.minor, elsewhere)
        off_ours = min(told.minor - off_elsewhere, ours)
    else:
        off_ours = min(told.minor, ours)
        off_elsewhere = min(told.minor - off_ours, elsewhere)
    restored = replace(payment, refunded_minor=ours - off_ours, refunded_externally_minor=elsewhere - off_elsewhere)
    bookings = books.refund_reversed(payment, restored, operation, told)
    operation = replace(operation, status=OperationStatus.REVERSED)
    return Transition(restored, operation, bookings, ("refund.failed",), (("refund_failed", "failed after success"),))
