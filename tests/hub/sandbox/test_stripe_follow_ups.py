"""The pretend Stripe captures, cancels, refunds and disputes as Stripe documents, seen through Stripe's SDK."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import stripe

from tests.hub.sandbox.stripe_shop import Shop, shop

DAY_S = 86_400


@pytest.fixture
async def merchant(tmp_path: Path) -> AsyncIterator[Shop]:
    async with shop(tmp_path / "book.db") as opened:
        yield opened


class TestCaptures:
    async def test_a_partial_capture_releases_the_rest(self, merchant: Shop) -> None:
        held = await merchant.pay(capture_method="manual")
        assert (held.status, held.amount_capturable) == ("requires_capture", 1000)

        done = await merchant.api.v1.payment_intents.capture_async(
            held.id, {"amount_to_capture": 600}, {"idempotency_key": "cap_1"}
        )

        assert (done.status, done.amount_received, done.amount_capturable) == ("succeeded", 600, 0)
        money = await merchant.money()
        assert (money["authorized"], money["captured"], money["voided"]) == (1000, 600, 400)
        assert (await merchant.money("cap_1"))["captured"] == 600

    async def test_what_a_capture_leaves_is_no_refund(self, merchant: Shop) -> None:
        held = await merchant.pay(capture_method="manual")

        await merchant.api.v1.payment_intents.capture_async(held.id, {"amount_to_capture": 600})

        charge = await merchant.api.v1.charges.retrieve_async(str(held.latest_charge))
        assert (charge.amount_captured, charge.amount_refunded, charge.refunded) == (600, 0, False)
        assert "charge.refunded" not in await merchant.types()
        rest = await merchant.api.v1.refunds.create_async({"payment_intent": held.id})
        assert rest.amount == 600

    async def test_a_second_capture_is_refused(self, merchant: Shop) -> None:
        held = await merchant.pay(capture_method="manual")
        await merchant.api.v1.payment_intents.capture_async(held.id, {"amount_to_capture": 600})

        with pytest.raises(stripe.InvalidRequestError) as caught:
            await merchant.api.v1.payment_intents.capture_async(held.id, {"amount_to_capture": 400})
        assert caught.value.code == "payment_intent_unexpected_state"

    async def test_more_than_was_authorized_cannot_be_captured(self, merchant: Shop) -> None:
        held = await merchant.pay(capture_method="manual")

        with pytest.raises(stripe.InvalidRequestError) as caught:
            await merchant.api.v1.payment_intents.capture_async(held.id, {"amount_to_capture": 1001})
        assert caught.value.param == "amount_to_capture"

    async def test_several_captures_where_the_account_has_them(self, merchant: Shop) -> None:
        await merchant.control("PUT", "/accounts/acme", {"multiple_captures": True})
        asked = {"card": {"request_multicapture": "if_available"}}
        held = await merchant.pay(capture_method="manual", payment_method_options=asked)

        first = await merchant.api.v1.payment_intents.capture_async(
            held.id, {"amount_to_capture": 300, "final_capture": False}
        )
        last = await merchant.api.v1.payment_intents.capture_async(held.id, {"amount_to_capture": 500})

        assert (first.status, first.amount_capturable, first.amount_received) == ("requires_capture", 700, 300)
        assert (last.status, last.amount_received) == ("succeeded", 800)
        money = await merchant.money()
        assert (money["captured"], money["voided"], money["charges"]) == (800, 200, 1)

    async def test_an_account_without_multicapture_refuses_to_hold_the_rest(self, merchant: Shop) -> None:
        held = await merchant.pay(capture_method="manual")

        with pytest.raises(stripe.InvalidRequestError) as caught:
            await merchant.api.v1.payment_intents.capture_async(
                held.id, {"amount_to_capture": 300, "final_capture": False}
            )
        assert caught.value.param == "final_capture"

    async def test_a_cancelled_authorization_is_let_go(self, merchant: Shop) -> None:
        held = await merchant.pay(capture_method="manual")

        gone = await merchant.api.v1.payment_intents.cancel_async(held.id)

        assert (gone.status, gone.amount_capturable) == ("canceled", 0)
        charge = await merchant.api.v1.charges.retrieve_async(str(held.latest_charge))
        assert (charge.amount_refunded, charge.refunded) == (0, False)
        assert "charge.refunded" not in await merchant.types()
        assert (await merchant.money())["voided"] == 1000
        with pytest.raises(stripe.InvalidRequestError):
            await merchant.api.v1.payment_intents.capture_async(held.id)

    async def test_an_authorization_expires_after_seven_days(self, merchant: Shop) -> None:
        await merchant.pay(capture_method="manual")

        await merchant.control("POST", "/clock", {"advance_s": 7 * DAY_S + 1})

        gone = await merchant.until("payment_intent.canceled")
        assert (gone["status"], gone["cancellation_reason"]) == ("canceled", "expired")
        assert "charge.expired" in await merchant.types()


class TestRefunds:
    async def test_several_partial_refunds_never_exceed_the_charge(self, merchant: Shop) -> None:
        intent = await merchant.pay()
        for name, amount in (("ref_1", 600), ("ref_2", 400)):
            metadata = {"hub_operation": name}
            await merchant.api.v1.refunds.create_async(
                {"payment_intent": intent.id, "amount": amount, "metadata": metadata}
            )

        with pytest.raises(stripe.InvalidRequestError) as caught:
            await merchant.api.v1.refunds.create_async({"payment_intent": intent.id, "amount": 1})

        assert caught.value.code == "charge_already_refunded"
        found = await merchant.api.v1.refunds.list_async({"payment_intent": intent.id})
        assert [refund.amount for refund in found.data] == [400, 600]
        assert (await merchant.money())["refunded"] == 1000
        assert (await merchant.money("ref_1"))["refunded"] == 600

    async def test_concurrent_refunds_cannot_take_more_than_was_paid(self, merchant: Shop) -> None:
        intent = await merchant.pay()
        refunds = merchant.api.v1.refunds

        tries = [refunds.create_async({"payment_intent": intent.id, "amount": 600}) for _ in range(10)]
        results = await asyncio.gather(*tries, return_exceptions=True)

        assert sum(isinstance(result, stripe.Refund) for result in results) == 1

    async def test_a_refund_may_stay_pending_and_then_succeed(self, merchant: Shop) -> None:
        intent = await merchant.pay("pm_card_pendingRefund")

        refund = await merchant.api.v1.refunds.create_async({"payment_intent": intent.id})

        assert refund.status == "pending"
        assert (await merchant.money())["refunded"] == 0
        await merchant.control("POST", "/clock", {"advance_s": 60})
        assert (await merchant.until("refund.updated"))["status"] == "succeeded"
        assert (await merchant.money())["refunded"] == 1000

    async def test_a_refund_may_fail_later_and_the_money_is_back(self, merchant: Shop) -> None:
        intent = await merchant.pay("pm_card_refundFail")

        refund = await merchant.api.v1.refunds.create_async({"payment_intent": intent.id})

        assert refund.status == "succeeded"
        await merchant.control("POST", "/clock", {"advance_s": 60})
        assert (await merchant.until("refund.failed"))["status"] == "failed"
        assert (await merchant.money())["refunded"] == 0


class TestDisputes:
    async def test_a_test_card_disputes_what_it_paid(self, merchant: Shop) -> None:
        intent = await merchant.pay("pm_card_createDispute")

        dispute = await merchant.until("charge.dispute.created")

        assert (dispute["payment_intent"], dispute["reason"], dispute["amount"]) == (intent.id, "fraudulent", 1000)
        assert (await merchant.money())["disputed"] == 1000
        with pytest.raises(stripe.InvalidRequestError) as caught:
            await merchant.api.v1.refunds.create_async({"payment_intent": intent.id})
        assert caught.value.code == "charge_disputed"

    async def test_an_inquiry_moves_no_money(self, merchant: Shop) -> None:
        await merchant.pay("pm_card_createDisputeInquiry")

        assert (await merchant.until("charge.dispute.created"))["status"] == "warning_needs_response"
        assert (await merchant.money())["disputed"] == 0
