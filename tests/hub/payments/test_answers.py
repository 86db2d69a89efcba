"""What is shown of a payment and of a refund is each thing under its own name."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hub.payments.answers import follow_up_status, payment_body, refund_body
from hub.payments.states import OperationStatus, Status
from hub.retries.rules import Advised
from normalization.declines import Advice, DeclineCode
from normalization.outcome import Operation
from routing.retries import Retry
from tests.hub.payments.making import operation, payment

LATER = datetime(2026, 12, 1, tzinfo=UTC)


def test_each_amount_is_shown_under_its_own_name() -> None:
    amounts = {
        "authorized_minor": 900, "capturing_minor": 1, "captured_minor": 800, "refunding_minor": 2,
        "refunded_minor": 30, "refunded_externally_minor": 4, "disputed_minor": 50,
    }  # fmt: skip
    body = payment_body(payment(**amounts), ())

    assert (body.amount, body.amount_authorized, body.amount_capturing, body.amount_captured) == (1000, 900, 1, 800)
    assert (body.amount_refunding, body.amount_refunded, body.amount_refunded_externally) == (2, 30, 4)
    assert body.amount_disputed == 50


def test_the_challenge_of_the_attempt_that_stands_is_shown() -> None:
    waiting: dict[str, Any] = {"status": OperationStatus.REQUIRES_ACTION, "action_expires_at": LATER}
    first = operation(status=OperationStatus.NOT_SENT)
    standing = operation(id="att_2", attempt_id="att_2", action_url="https://bank.example/2", **waiting)
    paid = payment(status=Status.REQUIRES_ACTION, attempt_id="att_2")

    shown = payment_body(paid, (first, standing)).next_action

    assert shown is not None
    assert (shown.url, shown.expires_at) == ("https://bank.example/2", LATER)
    assert [one.id for one in payment_body(paid, (first, standing, operation(Operation.CAPTURE))).attempts] == [
        "att_1",
        "att_2",
    ]


@pytest.mark.parametrize(
    ("status", "shown", "answered"),
    [
        (OperationStatus.SENDING, "pending", 202),
        (OperationStatus.PENDING, "pending", 202),
        (OperationStatus.UNKNOWN, "pending", 202),
        (OperationStatus.EXCEPTION, "pending", 202),
        (OperationStatus.APPROVED, "succeeded", 201),
        (OperationStatus.DECLINED, "failed", 201),
        (OperationStatus.NOT_SENT, "failed", 201),
        (OperationStatus.REVERSED, "failed", 201),
    ],
)
def test_a_refund_is_pending_until_its_result_is_known(status: OperationStatus, shown: str, answered: int) -> None:
    refund = operation(Operation.REFUND, 400, status=status)

    assert (refund_body(refund).status, follow_up_status(refund, 201)) == (shown, answered)


def test_a_cancel_that_was_not_sent_is_tried_again() -> None:
    assert follow_up_status(operation(Operation.VOID, status=OperationStatus.NOT_SENT), 200) == 202
    assert follow_up_status(operation(Operation.CAPTURE, status=OperationStatus.NOT_SENT), 200) == 200


def test_what_was_advised_when_it_was_declined_is_shown_later() -> None:
    advice = Retry(advice=Advice.NEVER, alternatives=(Advice.NEW_PAYMENT_METHOD,), retry_after=LATER + timedelta(1))
    told = Advised(code=DeclineCode.INSUFFICIENT_FUNDS, processor_code="51", retry=advice)

    shown = payment_body(payment(status=Status.FAILED, decline=told), ()).decline

    assert shown is not None
    assert (shown.advice, shown.alternatives) == (advice.advice, list(advice.alternatives))
    assert shown.retry_after == advice.retry_after
