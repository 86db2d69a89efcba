"""What Adyen told as done and undoes days later: amounts, books and events follow, in whatever order it is told."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.hub.house import House, house
from tests.hub.money import agrees, rows
from tests.hub.payments.faulty import eventually, shown
from tests.hub.payments.test_webhooks_in import set_mode, told_everything

LATER_S = 61


@pytest.fixture
async def home(database_url: str, tmp_path: Path) -> AsyncIterator[House]:
    async with house(database_url, tmp_path) as made:
        yield made


async def charged(made: House, token: str, **changes: Any) -> str:
    """The id of a payment at Adyen by the card *token*."""
    method = await made.method(adyen=token)
    made_now = await made.hub.charge(payment_method=method, merchant_account=made.accounts["adyen-eu"], **changes)
    assert made_now.status_code == 201, made_now.text
    return str(made_now.json()["id"])


async def captured(made: House, token: str) -> str:
    """The id of a payment at Adyen that was authorized, then captured by us."""
    paid = await charged(made, token, capture="manual")
    assert (await made.hub.post(f"/v1/payments/{paid}/capture", {})).is_success
    await eventually(made, paid, status="captured")
    return paid


async def days_pass(made: House) -> None:
    await told_everything(made)
    await made.control("adyen", "POST", "clock", {"advance_s": LATER_S})
    await told_everything(made)


async def events(made: House, object_id: str) -> list[str]:
    found = await rows(made, "SELECT type FROM events WHERE object_id = :id ORDER BY id", id=object_id)
    return [row["type"] for row in found]


async def exceptions(made: House, payment: str) -> list[str]:
    found = await rows(made, "SELECT type FROM exceptions WHERE payment_id = :id ORDER BY id", id=payment)
    return [row["type"] for row in found]


async def expected(made: House, payment: str) -> list[tuple[str, int]]:
    found = await rows(
        made, "SELECT type, gross_minor FROM expected_settlements WHERE payment_id = :id ORDER BY id", id=payment
    )
    return [(row["type"], row["gross_minor"]) for row in found]


async def test_a_purchase_whose_capture_fails_later_has_failed(home: House) -> None:
    paid = await charged(home, "stored_capture_failed")
    await days_pass(home)

    body = await eventually(home, paid, status="failed")

    assert (body["amount_captured"], body["decline"]["category"]) == (0, "soft")
    assert (await events(home, paid))[-2:] == ["payment.capture_failed", "payment.failed"]
    assert await exceptions(home, paid) == ["capture_failed"]
    assert await expected(home, paid) == [("charge", 4999), ("charge_reversal", -4999)]
    await agrees(home)


async def test_a_capture_that_fails_later_leaves_the_payment_authorized_and_can_be_made_again(home: House) -> None:
    paid = await captured(home, "stored_capture_failed")
    await days_pass(home)

    body = await eventually(home, paid, status="authorized")
    assert (body["amount_captured"], body["amount_authorized"]) == (0, 4999)
    assert (await events(home, paid))[-1] == "payment.capture_failed"
    await agrees(home)

    assert (await home.hub.post(f"/v1/payments/{paid}/capture", {})).is_success
    await eventually(home, paid, status="captured", amount_captured=4999)
    await agrees(home)


@pytest.mark.parametrize("pay", [charged, captured], ids=["purchase", "capture"])
async def test_what_adyen_captures_again_by_itself_counts_again(home: House, pay: Any) -> None:
    paid = await pay(home, "stored_capture_recaptured")
    await days_pass(home)
    assert (await shown(home, paid))["amount_captured"] == 0

    await days_pass(home)

    await eventually(home, paid, status="captured", amount_captured=4999)
    assert "capture_failed" in await exceptions(home, paid)
    await agrees(home)


@pytest.mark.parametrize("token", ["stored_refund_failed", "stored_refunded_reversed"])
async def test_a_refund_that_comes_back_later_restores_the_amount(home: House, token: str) -> None:
    paid = await charged(home, token)
    refund = (await home.hub.post(f"/v1/payments/{paid}/refunds", {"amount": 1000})).json()["id"]
    await told_everything(home)
    assert (await home.hub.get(f"/v1/refunds/{refund}")).json()["status"] == "succeeded"

    await days_pass(home)

    assert (await home.hub.get(f"/v1/refunds/{refund}")).json()["status"] == "failed"
    assert (await shown(home, paid))["amount_refunded"] == 0
    assert (await events(home, refund))[-1] == "refund.failed"
    assert await exceptions(home, paid) == ["refund_failed"]
    assert await expected(home, paid) == [("charge", 4999), ("refund", -1000), ("refund_reversal", 1000)]
    await agrees(home)


@pytest.mark.parametrize("mode", ["duplicate", "reorder"])
async def test_told_often_or_in_another_order_it_ends_alike(home: House, mode: str) -> None:
    await set_mode(home, mode=mode)
    bought = await charged(home, "stored_capture_recaptured")
    held = await charged(home, "stored_capture_failed", capture="manual")
    assert (await home.hub.post(f"/v1/payments/{held}/capture", {})).is_success
    for _ in range(2):
        await home.control("adyen", "POST", "clock", {"advance_s": LATER_S})
    await told_everything(home)

    await eventually(home, bought, status="captured", amount_captured=4999)
    await eventually(home, held, status="authorized", amount_captured=0)
    await agrees(home)
