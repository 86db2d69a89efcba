"""What was captured stays so whatever is told of a void, and what is not known is given to nobody else."""

import pytest

from hub.payments import rules
from hub.payments.states import OperationStatus, Status
from normalization.outcome import Operation
from tests.hub.payments.making import operation, payment, report

PAID = payment(status=Status.CAPTURED, authorized_minor=1000, captured_minor=1000, canceling=True)


def test_a_void_that_is_told_of_a_captured_payment_is_for_a_human() -> None:
    told = rules.apply(PAID, operation(Operation.VOID, status=OperationStatus.PENDING), report(Operation.VOID))

    assert (told.payment.status, told.payment.captured_minor, told.payment.canceling) == (Status.CAPTURED, 1000, False)
    assert [kind for kind, _ in told.exceptions] == ["void_not_cleared"]
    assert told.bookings == ()


def test_the_rest_of_a_partial_capture_that_the_processor_gives_back_is_nothing_special() -> None:
    by_itself = operation(Operation.VOID, status=OperationStatus.SENDING, external=True)

    told = rules.apply(PAID, by_itself, report(Operation.VOID))

    assert (told.payment.status, told.exceptions) == (Status.CAPTURED, ())


@pytest.mark.parametrize(
    ("kind", "held"), [(Operation.REFUND, "refunding_minor"), (Operation.CAPTURE, "capturing_minor")]
)
def test_what_a_lost_follow_up_had_reserved_stays_reserved(kind: Operation, held: str) -> None:
    reserved = payment(status=Status.AUTHORIZED, authorized_minor=1000, **{held: 400})

    lost = rules.unknown(reserved, operation(kind, 400))

    assert lost.operation.status is OperationStatus.UNKNOWN
    assert lost.payment == reserved
