"""Words that come late: of an attempt that was passed over, of what was to be canceled, of what is known by then."""

import pytest
from msgspec.structs import replace

from hub.payments import rules
from hub.payments.states import OperationStatus, Status, Transition
from normalization.outcome import Operation
from tests.hub.payments.making import NO_FUNDS, operation, payment, report


def test_a_refund_that_mends_a_double_charge_and_fails_later_is_no_refund_of_the_one_that_stands() -> None:
    standing = payment(
        attempt_id="att_2", status=Status.CAPTURED, authorized_minor=1000, captured_minor=1000, refunded_minor=300
    )
    mending = operation(Operation.REFUND, 300, external=True)
    done = rules.apply(standing, mending, report(Operation.REFUND, minor=300))

    failed = rules.apply(done.payment, done.operation, report(Operation.REFUND, NO_FUNDS))

    assert failed.payment == standing
    assert failed.operation.status is OperationStatus.REVERSED
    assert [(b.debit, b.credit) for b in failed.bookings] == [("settlement_receivable:ma_1", "suspense:ma_1")]


@pytest.mark.parametrize("status", [Status.PROCESSING, Status.AUTHORIZED])
def test_a_capture_of_what_is_to_be_canceled_is_told_to_a_human(status: Status) -> None:
    wished = payment(status=status, authorized_minor=1000, canceling=True, capture="manual")

    told = rules.apply(wished, operation(Operation.CAPTURE, external=True), report(Operation.CAPTURE, minor=1000))

    assert (told.payment.status, told.payment.canceling) == (Status.CAPTURED, False)
    assert [name for name, _ in told.exceptions] == ["approved_after_cancel"]


def test_what_the_processor_called_it_first_stands_whatever_more_is_told() -> None:
    known = operation(status=OperationStatus.UNKNOWN, processor_reference="psp_1")

    told = rules.apply(payment(), known, report(Operation.PURCHASE, avs="A", processor_reference=None))

    assert (told.operation.processor_reference, told.operation.avs) == ("psp_1", "A")


def test_what_the_processor_called_it_is_not_the_name_of_the_one_that_follows() -> None:
    sent = payment(processor_reference="psp_1")
    following = operation(id="att_2", merchant_account="ma_2", processor="adyen")

    passed = rules.pass_over(sent, operation(), operation(status=OperationStatus.NOT_SENT), following)

    assert passed is not None
    standing = replace(sent, attempt_id="att_2", merchant_account="ma_2", processor="adyen")
    assert passed.payment == replace(standing, processor_reference=None)


def test_what_was_told_as_done_meanwhile_was_not_refused() -> None:
    paid = payment(status=Status.CAPTURED, authorized_minor=1000, captured_minor=1000, refunded_minor=300)
    done = operation(Operation.REFUND, 300, status=OperationStatus.APPROVED)

    assert rules.refused(paid, done, rules.REFUSED_BY_US) == Transition(paid, done)


def test_the_rest_that_other_hands_let_go_beside_a_capture_of_ours_is_no_impossible_step() -> None:
    """They captured a part first, for which there is no room while ours is under way."""
    asked = payment(status=Status.AUTHORIZED, authorized_minor=1000, capturing_minor=1000, capture="manual")
    theirs = operation(Operation.CAPTURE, 400, id="cap_theirs", external=True)
    taken = rules.apply(asked, theirs, report(Operation.CAPTURE, minor=400)).payment

    told = rules.apply(taken, operation(Operation.VOID, external=True), report(Operation.VOID))

    assert (told.operation.status, told.payment.status) == (OperationStatus.APPROVED, Status.CAPTURED)
    assert told.exceptions == ()
