"""Captures, refunds, voids and the Dashboard of the pretend Checkout.com."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.hub.sandbox.checkout_com_shop import Shop, refused, shop


@pytest.fixture
async def merchant(tmp_path: Path) -> AsyncIterator[Shop]:
    async with shop(tmp_path / "book.db") as opened:
        yield opened


async def held(merchant: Shop, **changes: Any) -> str:
    return str((await merchant.pay(capture=False, **changes))["id"])


async def taken(merchant: Shop) -> str:
    made = await merchant.pay()
    await merchant.settled()
    return str(made["id"])


class TestACapture:
    async def test_is_accepted_and_told_with_its_own_reference(self, merchant: Shop) -> None:
        id = await held(merchant)

        accepted = await merchant.capture(id, amount=400)

        event = await merchant.event("payment_captured")
        assert (event["action_id"], event["reference"], event["amount"]) == (accepted["action_id"], "cap_1", 400)
        assert (await merchant.details(id))["balances"]["available_to_capture"] == 0

    async def test_that_is_not_final_leaves_the_rest(self, merchant: Shop) -> None:
        id = await held(merchant)

        await merchant.capture(id, amount=400, capture_type="NonFinal")
        await merchant.capture(id, amount=600, reference="cap_2")

        assert (await merchant.details(id))["status"] == "Captured"
        assert (await merchant.money("cap_2"))["captured"] == 600

    async def test_of_more_than_is_left_is_refused(self, merchant: Shop) -> None:
        wrong = refused(merchant.payments.capture_payment, await held(merchant), {"amount": 1001})

        assert await wrong == (422, ["capture_value_greater_than_remaining_authorized"])

    async def test_that_the_card_refuses_is_told(self, merchant: Shop) -> None:
        made = await merchant.stored("capture_fails", capture=False)

        await merchant.capture(made["id"])

        assert (await merchant.event("payment_capture_declined"))["reference"] == "cap_1"
        assert (await merchant.details(made["id"]))["balances"]["available_to_capture"] == 1000

    async def test_under_way_says_neither_yes_nor_no(self, merchant: Shop) -> None:
        await merchant.control("PUT", "/accounts/pc_shop", {"action_s": 60})
        id = await held(merchant)

        await merchant.capture(id)

        capture, authorization = await merchant.actions(id)
        assert (capture["type"], "approved" in capture, authorization["approved"]) == ("Capture", False, True)

    async def test_of_a_payment_that_is_voided_is_not_allowed(self, merchant: Shop) -> None:
        id = await held(merchant)
        await merchant.void(id)

        assert await refused(merchant.payments.capture_payment, id, {}) == (403, ["payment_invalid"])


class TestARefund:
    async def test_comes_in_parts_up_to_what_was_captured(self, merchant: Shop) -> None:
        id = await taken(merchant)

        await merchant.refund(id, amount=300)
        await merchant.refund(id, amount=700, reference="ref_2")

        assert (await merchant.details(id))["status"] == "Refunded"
        assert (await merchant.money("att_1"))["refunded"] == 1000

    async def test_of_more_than_is_left_is_refused(self, merchant: Shop) -> None:
        id = await taken(merchant)
        await merchant.refund(id, amount=300)

        assert await refused(merchant.payments.refund_payment, id, {"amount": 701}) == (422, ["amount_exceeds_balance"])

    async def test_of_what_is_not_captured_is_not_allowed(self, merchant: Shop) -> None:
        id = await held(merchant)

        assert await refused(merchant.payments.refund_payment, id, {}) == (403, ["payment_invalid"])

    async def test_sent_again_with_its_key_is_one_refund(self, merchant: Shop) -> None:
        id = await taken(merchant)

        first, again = await merchant.refund(id, "ref_1", amount=300), await merchant.refund(id, "ref_1", amount=300)

        assert first == again
        assert (await merchant.money("ref_1"))["refunded"] == 300


async def test_a_void_gives_everything_back(merchant: Shop) -> None:
    id = await held(merchant)

    await merchant.void(id)

    assert (await merchant.event("payment_voided"))["reference"] == "can_1"
    assert (await merchant.details(id))["status"] == "Voided"
    assert (await merchant.money("att_1"))["voided"] == 1000


async def test_an_unknown_payment_has_no_actions(merchant: Shop) -> None:
    assert await refused(merchant.payments.refund_payment, "pay_nobody", {}) == (404, None)


class TestTheDashboard:
    async def test_refunds_under_the_payments_own_reference(self, merchant: Shop) -> None:
        order = {"do": "refund", "processor_reference": await taken(merchant), "amount": 100}

        await merchant.control("POST", "/dashboard", order)

        assert (await merchant.event("payment_refunded"))["reference"] == "att_1"
        assert (await merchant.money("att_1"))["refunded"] == 100

    @pytest.mark.parametrize(("event", "disputed"), [("dispute_received", 1000), ("dispute_won", -1000)])
    async def test_disputes_a_captured_payment(self, merchant: Shop, event: str, disputed: int) -> None:
        id = await taken(merchant)

        order = {"do": "dispute", "processor_reference": id, "options": {"event": event}}
        await merchant.control("POST", "/dashboard", order)

        assert (await merchant.event(event))["payment_id"] == id
        assert (await merchant.money("att_1"))["disputed"] == disputed
