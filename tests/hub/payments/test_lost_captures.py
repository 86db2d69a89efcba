"""A capture fails while it is given back: its amount stays for the refund, and goes where the refund fails too."""

import msgspec
import pytest
from msgspec.structs import replace

from hub.payments import rules
from hub.payments.answers import OK
from hub.payments.recording import Held, Recorded, events_of
from hub.payments.states import OperationStatus, Payment, Status, Transition
from normalization.declines import DeclineCode
from normalization.outcome import Approved, Operation, Reversed
from tests.hub.payments.making import NO_FUNDS, operation, payment, report

UNDONE = Reversed(NO_FUNDS.decline)
CAPTURED = payment(status=Status.CAPTURED, authorized_minor=1000, captured_minor=1000, capture="manual")
REFUND = operation(Operation.REFUND, 300)


def capture_fails(now: Payment) -> Transition:
    captured = operation(Operation.CAPTURE, status=OperationStatus.APPROVED)
    return rules.apply(now, captured, report(Operation.CAPTURE, UNDONE, 1000))


def in_sales(before_minor: int, *told: Transition) -> int:
    """What sales hold of a payment after all that was told; suspense must hold nothing then."""
    moved = [booking for one in told for booking in one.bookings]
    assert not sum(b.money.minor * (("suspense" in b.credit) - ("suspense" in b.debit)) for b in moved)
    return before_minor + sum(b.money.minor * ((b.credit == "sales") - (b.debit == "sales")) for b in moved)


def test_a_refund_under_way_keeps_its_amount_and_can_still_succeed() -> None:
    lost = capture_fails(replace(CAPTURED, refunding_minor=300))
    assert (lost.payment.captured_minor, lost.payment.lost_minor) == (300, 300)

    done = rules.apply(lost.payment, REFUND, report(Operation.REFUND, minor=300))

    assert (done.payment.captured_minor, done.payment.refunded_minor, done.payment.lost_minor) == (300, 300, 300)
    assert (done.payment.status, done.exceptions) == (
        Status.CAPTURED,
        (("over_refund", "refunded 3.00 EUR, 0.00 EUR was left"),),
    )


def test_nothing_is_captured_any_more_when_the_refund_is_declined_too() -> None:
    lost = capture_fails(replace(CAPTURED, refunding_minor=300))

    declined = rules.apply(lost.payment, REFUND, report(Operation.REFUND, NO_FUNDS))

    now = declined.payment
    assert (now.status, now.captured_minor, now.lost_minor, now.refunding_minor) == (Status.AUTHORIZED, 0, 0, 0)
    assert declined.events == ("refund.failed", "payment.capture_failed")
    assert in_sales(1000, lost, declined) == 0


def test_nor_when_the_refund_never_arrived() -> None:
    lost = capture_fails(replace(CAPTURED, refunding_minor=300))

    closed = rules.not_sent(lost.payment, REFUND)

    assert (closed.payment.status, closed.payment.captured_minor) == (Status.AUTHORIZED, 0)


def test_a_purchase_has_failed_when_its_refund_fails_days_after_it() -> None:
    bought = replace(CAPTURED, capture="automatic", refunded_minor=300)
    lost = rules.apply(bought, operation(status=OperationStatus.APPROVED), report(Operation.CAPTURE, UNDONE, 1000))
    refunded = replace(REFUND, status=OperationStatus.APPROVED)

    undone = rules.apply(lost.payment, refunded, report(Operation.REFUND, UNDONE, 300))

    assert (undone.payment.status, undone.payment.authorized_minor) == (Status.FAILED, 0)
    assert undone.payment.decline is not None
    assert undone.payment.decline.code is DeclineCode.PROCESSOR_ERROR
    assert undone.events == ("refund.failed", "payment.capture_failed", "payment.failed")
    assert in_sales(700, lost, undone) == 0


def test_one_of_two_refunds_takes_its_share_only() -> None:
    lost = capture_fails(replace(CAPTURED, refunding_minor=700))

    declined = rules.apply(lost.payment, REFUND, report(Operation.REFUND, NO_FUNDS))

    assert (declined.payment.captured_minor, declined.payment.lost_minor) == (400, 400)
    assert declined.payment.status is Status.CAPTURED


@pytest.mark.parametrize("external", [False, True], ids=["ours", "by itself"])
def test_a_capture_made_again_pays_for_the_refund(*, external: bool) -> None:
    lost = capture_fails(replace(CAPTURED, refunded_minor=300))
    told = 1000 if external else 700
    again = operation(Operation.CAPTURE, told, external=external)
    reserved = lost.payment if external else replace(lost.payment, capturing_minor=told)

    captured = rules.apply(reserved, again, report(Operation.CAPTURE, Approved(), told))

    assert (captured.payment.captured_minor, captured.payment.lost_minor) == (told, 0)
    assert captured.exceptions == ()
    assert in_sales(700, lost, captured) == told - 300


def test_nothing_is_captured_either_while_it_is_being_captured_again() -> None:
    lost = capture_fails(replace(CAPTURED, refunding_minor=300))
    again = operation(Operation.CAPTURE, 700, id="cap_2")

    refund = rules.apply(replace(lost.payment, capturing_minor=700), REFUND, report(Operation.REFUND, NO_FUNDS))
    capture = rules.apply(refund.payment, again, report(Operation.CAPTURE, NO_FUNDS))

    assert (refund.payment.status, refund.payment.captured_minor) == (Status.AUTHORIZED, 0)
    assert (capture.payment.status, capture.payment.captured_minor) == (Status.AUTHORIZED, 0)


def test_what_was_captured_by_itself_can_be_captured_again_once_its_refund_failed_too() -> None:
    elsewhere = operation(Operation.CAPTURE, status=OperationStatus.APPROVED, external=True)
    before = replace(CAPTURED, refunding_minor=300, capture_closed=True)
    lost = rules.apply(before, elsewhere, report(Operation.CAPTURE, UNDONE, 1000))

    declined = rules.apply(lost.payment, REFUND, report(Operation.REFUND, NO_FUNDS))

    assert (declined.payment.status, declined.payment.capture_closed) == (Status.AUTHORIZED, False)


def test_what_a_failed_refund_makes_of_its_payment_is_told_of_the_payment() -> None:
    bought = replace(CAPTURED, capture="automatic", refunding_minor=300)
    attempt = operation(status=OperationStatus.APPROVED)
    lost = rules.apply(bought, attempt, report(Operation.CAPTURE, UNDONE, 1000))
    refund = replace(REFUND, id="re_1")

    declined = rules.apply(lost.payment, refund, report(Operation.REFUND, NO_FUNDS))
    held = Held(payment=declined.payment, operation=declined.operation, operations=(attempt, declined.operation))
    told = events_of(Recorded(held=held, status=OK, body=b'{"id":"re_1"}'), declined)

    about = [(name, id_, msgspec.json.decode(body)["id"]) for name, id_, body in told]
    assert about == [
        ("refund.failed", "re_1", "re_1"),
        ("payment.capture_failed", bought.id, bought.id),
        ("payment.failed", bought.id, bought.id),
    ]


def test_a_capture_of_ours_leaves_what_others_took_beyond_it() -> None:
    doubled = payment(status=Status.CAPTURED, authorized_minor=1000, captured_minor=1000, beyond_minor=400)
    ours = operation(Operation.CAPTURE, status=OperationStatus.APPROVED)

    undone = rules.apply(doubled, ours, report(Operation.CAPTURE, UNDONE, 1000))

    now = undone.payment
    assert (now.status, now.captured_minor, now.beyond_minor, now.lost_minor) == (Status.CAPTURED, 400, 0, 0)
    assert sum(b.money.minor for b in undone.bookings if b.debit == "sales") == 600


def test_what_others_took_beyond_what_is_on_its_way_leaves_the_payment_authorized() -> None:
    taken = payment(
        status=Status.CAPTURED, authorized_minor=1000, capturing_minor=1000, beyond_minor=400, capture="manual"
    )
    theirs = operation(Operation.CAPTURE, 400, status=OperationStatus.APPROVED, external=True)

    undone = rules.apply(taken, theirs, report(Operation.CAPTURE, UNDONE, 400))

    now = undone.payment
    assert (now.status, now.captured_minor, now.beyond_minor) == (Status.AUTHORIZED, 0, 0)


def test_no_more_comes_back_to_a_refund_than_was_given() -> None:
    paid = payment(status=Status.CAPTURED, authorized_minor=1000, captured_minor=1000, refunded_minor=300)
    refund = operation(Operation.REFUND, 300, status=OperationStatus.APPROVED)

    undone = rules.apply(paid, refund, report(Operation.REFUND, UNDONE, 500))

    assert undone.payment.refunded_minor == 0
    assert sum(b.money.minor for b in undone.bookings) == 500
