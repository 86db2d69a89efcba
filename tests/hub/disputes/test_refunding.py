"""What the payer's bank takes back is not refunded as well, unless the caller says so."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from hub.doctor_declines import unmapped
from hub.payments import asking, rules
from hub.payments.answers import refund_decline_body
from hub.payments.states import OperationStatus, Payment, Status
from normalization.declines import Advice, Decline, DeclineCode
from normalization.money import Currency, Money
from normalization.outcome import Operation
from tests.hub.disputes.courts import PAID, about, paid, payment_of, tell
from tests.hub.disputes.telling import INQUIRY, WON
from tests.hub.disputes.test_both_processors import captured, dispute_of, order, standing
from tests.hub.house import House
from tests.hub.money import rows
from tests.hub.payments.making import operation, payment, report

CAPTURED = payment(status=Status.CAPTURED, authorized_minor=1000, captured_minor=1000, disputed_minor=400)


def wish(of: Payment, **says: Any) -> asking.Reserved | asking.Refused:
    return asking.refund(of, 100, within_limit=lambda _minor: True, **says)


@pytest.mark.fault_case(id="AMT-07")
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
async def test_a_dispute_in_another_currency_holds_back_every_refund_too(home: House) -> None:
    payment = await paid(home)
    await tell(home, payment, about(payment, money=Money(5400, Currency.USD)))

    refused = await home.hub.post(f"/v1/payments/{payment['id']}/refunds", {})

    assert (refused.status_code, refused.json()["code"]) == (409, "payment_disputed")
    assert (await payment_of(home, payment))["amount_disputed"] == payment["amount"]


@pytest.mark.fault_case(id="AMT-07")
@pytest.mark.parametrize(
    ("processor", "said"), [("stripe", "charge_disputed"), ("adyen", "Insufficient balance on payment")]
)
@pytest.mark.asyncio(loop_scope="module")
async def test_a_processor_refuses_to_give_back_what_the_bank_has_and_no_other_card_is_advised(
    home: House, processor: str, said: str
) -> None:
    payment = await captured(home, processor)
    path = f"/v1/payments/{payment['id']}/refunds"
    await order(home, processor, "dispute", payment)
    await dispute_of(home, payment, standing("chargeback", "needs_response"))

    warned = await home.hub.post(path, {})
    meant = await home.hub.post(path, {"despite_dispute": True})
    failed = await decided(home, meant.json()["id"])

    assert "Stripe refuses, and Adyen gives back only what is left" in warned.json()["detail"]
    decline = failed["decline"]
    assert (failed["status"], decline["code"], decline["processor_code"]) == ("failed", "invalid_request", said)
    assert (decline["category"], decline["advice"], decline["alternatives"]) == ("configuration", "never", [])
    assert decline["message"].startswith("The refund could not be made.")
    [kept] = await rows(home, "SELECT decline FROM operations WHERE id = :id", id=failed["id"])
    assert unmapped([(processor, kept["decline"])], home.hub.parts.registrations) == []


async def decided(home: House, refund_id: str) -> dict[str, Any]:
    """Read a refund until the processor has decided it, for ten seconds at most."""
    body: dict[str, Any] = {}
    for _ in range(100):
        body = (await home.hub.get(f"/v1/refunds/{refund_id}")).json()
        if body["status"] != "pending":
            return body
        await asyncio.sleep(0.1)
    raise AssertionError(body)


@pytest.mark.parametrize("code", DeclineCode)
def test_a_refund_is_tried_later_or_never_whatever_was_said(code: DeclineCode) -> None:
    shown = refund_decline_body(Decline(code=code, processor_code="x"), datetime(2026, 3, 1, tzinfo=UTC))

    assert shown is not None
    assert shown.advice in {Advice.AFTER_DELAY, Advice.NEVER}
    assert (shown.alternatives, "refund" in shown.message) == ([], True)


@pytest.mark.asyncio(loop_scope="module")
async def test_a_refund_answers_an_inquiry_and_follows_a_dispute_that_was_won(home: House) -> None:
    payment = await paid(home)
    path = f"/v1/payments/{payment['id']}/refunds"

    await tell(home, payment, about(payment, INQUIRY))
    during = await home.hub.post(path, {"amount": 100})
    await tell(home, payment, about(payment), about(payment, status=WON))
    after = await home.hub.post(path, {})

    assert (during.status_code, after.status_code, after.json()["amount"]) == (201, 201, PAID - 100)
