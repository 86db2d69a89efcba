"""What the payer's bank takes back is not refunded as well, unless the caller says so."""

from typing import Any

import pytest

from hub.payments import asking, rules
from hub.payments.states import OperationStatus, Payment, Status
from normalization.outcome import Operation
from tests.hub.disputes.courts import PAID, about, paid, payment_of, tell
from tests.hub.disputes.telling import INQUIRY, WON
from tests.hub.house import House
from tests.hub.payments.making import operation, payment, report

CAPTURED = payment(status=Status.CAPTURED, authorized_minor=1000, captured_minor=1000, disputed_minor=400)


def wish(of: Payment, **says: Any) -> asking.Reserved | asking.Refused:
    return asking.refund(of, 100, within_limit=lambda _minor: True, **says)


def test_a_refund_of_a_disputed_payment_is_refused_by_its_own_code() -> None:
    refused = wish(CAPTURED)

    assert isinstance(refused, asking.Refused)
    assert refused.code == "payment_disputed"


def test_a_refund_despite_the_dispute_reserves_its_amount() -> None:
    reserved = wish(CAPTURED, despite_dispute=True)

    assert isinstance(reserved, asking.Reserved)
    assert reserved.payment.refunding_minor == 100


def test_a_refund_that_succeeds_on_a_disputed_payment_is_for_a_human() -> None:
    refunding = payment(
        status=Status.CAPTURED, authorized_minor=1000, captured_minor=1000, refunding_minor=100, disputed_minor=1000
    )

    told = rules.apply(refunding, operation(Operation.REFUND, 100), report(Operation.REFUND, minor=100))

    assert told.operation.status is OperationStatus.APPROVED
    assert [kind for kind, _ in told.exceptions] == ["refund_then_chargeback"]


@pytest.mark.asyncio(loop_scope="module")
async def test_a_refund_needs_the_callers_word_while_the_payment_is_disputed(home: House) -> None:
    payment = await paid(home)
    path = f"/v1/payments/{payment['id']}/refunds"
    await tell(home, payment, about(payment))

    refused = await home.hub.post(path, {"amount": 100})
    meant = await home.hub.post(path, {"amount": 100, "despite_dispute": True})

    assert (refused.status_code, refused.json()["code"]) == (409, "payment_disputed")
    assert meant.status_code == 201
    assert (await payment_of(home, payment))["amount_refunded"] == 100


@pytest.mark.asyncio(loop_scope="module")
async def test_a_refund_answers_an_inquiry_and_follows_a_dispute_that_was_won(home: House) -> None:
    payment = await paid(home)
    path = f"/v1/payments/{payment['id']}/refunds"

    await tell(home, payment, about(payment, INQUIRY))
    during = await home.hub.post(path, {"amount": 100})
    await tell(home, payment, about(payment), about(payment, status=WON))
    after = await home.hub.post(path, {})

    assert (during.status_code, after.status_code, after.json()["amount"]) == (201, 201, PAID - 100)
