"""The pretend Adyen receives modifications at once and tells by webhook what became of them."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from Adyen.exceptions import AdyenAPIUnprocessableEntity
from Adyen.util import is_valid_hmac_notification

from tests.hub.sandbox.adyen_shop import ACCOUNT, KEY, Json, Shop, named, shop

HELD = {"additionalData": {"manualCapture": "true"}}


@pytest.fixture
async def merchant(tmp_path: Path) -> AsyncIterator[Shop]:
    async with shop(tmp_path / "book.db") as opened:
        yield opened


async def held(merchant: Shop, **changes: object) -> str:
    """Hold 10.00 EUR; return the payment's pspReference."""
    wanted: Json = HELD | changes
    return str((await merchant.pay(**wanted))["pspReference"])


async def taken(merchant: Shop, **changes: object) -> str:
    """Take 10.00 EUR; return the payment's pspReference."""
    wanted: Json = changes
    return str((await merchant.pay(**wanted))["pspReference"])


class TestCapture:
    async def test_is_received_then_told(self, merchant: Shop) -> None:
        psp = await held(merchant)

        reply = await merchant.capture(psp, 1000)

        item = await merchant.event("CAPTURE")
        assert (reply["status"], reply["paymentPspReference"], reply["reference"]) == ("received", psp, "cap_1")
        assert (item["pspReference"], item["originalReference"]) == (reply["pspReference"], psp)
        assert (item["merchantReference"], item["success"], item["reason"]) == ("cap_1", "true", "")
        assert (await merchant.money("att_1"))["captured"] == 1000
        assert (await merchant.money("cap_1"))["captured"] == 1000

    async def test_of_more_than_is_held_fails_by_webhook(self, merchant: Shop) -> None:
        await merchant.capture(await held(merchant), 1001)

        item = await merchant.event("CAPTURE")
        assert (item["success"], item["reason"]) == ("false", "Insufficient balance on payment")
        assert (await merchant.money("att_1"))["captured"] == 0

    async def test_of_a_cancelled_payment_fails(self, merchant: Shop) -> None:
        psp = await held(merchant)
        await merchant.cancel(psp)
        await merchant.capture(psp, 1000)

        assert (await merchant.event("CAPTURE"))["success"] == "false"
        assert (await merchant.money("att_1"))["captured"] == 0

    async def test_in_another_currency_fails(self, merchant: Shop) -> None:
        await merchant.capture(await held(merchant), 1000, currency="USD")

        assert (await merchant.event("CAPTURE"))["success"] == "false"

    async def test_a_second_part_needs_the_accounts_leave(self, merchant: Shop) -> None:
        psp = await held(merchant)
        await merchant.capture(psp, 400)
        await merchant.capture(psp, 600, "cap_2")
        refused = (await merchant.events())[-1]

        await merchant.settings(multiple_captures=True)
        await merchant.capture(psp, 600, "cap_3")
        allowed = (await merchant.events())[-1]

        assert (refused["merchantReference"], refused["success"]) == ("cap_2", "false")
        assert (allowed["merchantReference"], allowed["success"]) == ("cap_3", "true")
        assert (await merchant.money("att_1"))["captured"] == 1000

    async def test_can_fail_days_later(self, merchant: Shop) -> None:
        psp = await held(merchant, paymentMethod=named("capture failed"))
        reply = await merchant.capture(psp, 1000)
        before = await merchant.money("att_1")
        await merchant.control("POST", "/clock", {"advance_s": 61})

        item = await merchant.event("CAPTURE_FAILED")
        assert (item["pspReference"], item["success"]) == (reply["pspReference"], "true")
        assert (before["captured"], (await merchant.money("att_1"))["captured"]) == (1000, 0)

    async def test_an_automatic_one_can_fail_days_later_too(self, merchant: Shop) -> None:
        psp = await taken(merchant, paymentMethod=named("capture failed"))
        await merchant.control("POST", "/clock", {"advance_s": 61})

        assert (await merchant.event("CAPTURE_FAILED"))["originalReference"] == psp
        assert (await merchant.money("att_1"))["captured"] == 0


class TestRefund:
    async def test_gives_back_in_parts_until_nothing_is_left(self, merchant: Shop) -> None:
        psp = await taken(merchant)
        await merchant.refund(psp, 600, "ref_1")
        await merchant.refund(psp, 600, "ref_2")
        await merchant.refund(psp, 400, "ref_3")

        told = [(item["merchantReference"], item["success"], item["reason"]) for item in await merchant.events()][1:]
        assert told == [
            ("ref_1", "true", ""),
            ("ref_2", "false", "Insufficient balance on payment"),
            ("ref_3", "true", ""),
        ]
        assert (await merchant.money("att_1"))["refunded"] == 1000
        assert (await merchant.money("ref_3"))["refunded"] == 400

    async def test_many_at_once_give_back_no_more_than_was_taken(self, merchant: Shop) -> None:
        psp = await taken(merchant)

        await asyncio.gather(*(merchant.refund(psp, 600, f"ref_{number}") for number in range(20)))

        told = [item["success"] for item in await merchant.events() if item["eventCode"] == "REFUND"]
        assert (len(told), told.count("true")) == (20, 1)
        assert (await merchant.money("att_1"))["refunded"] == 600

    async def test_needs_a_capture_first(self, merchant: Shop) -> None:
        await merchant.refund(await held(merchant), 1000)

        reason = (await merchant.event("REFUND"))["reason"]
        assert reason == "Transaction hasn't been captured, refund not possible"

    @pytest.mark.parametrize(
        ("holder_name", "event"),
        [("refund failed", "REFUND_FAILED"), ("refunded reversed", "REFUNDED_REVERSED")],
    )
    async def test_can_come_back_days_later(self, merchant: Shop, holder_name: str, event: str) -> None:
        psp = await taken(merchant, paymentMethod=named(holder_name))
        await merchant.refund(psp, 1000)
        await merchant.control("POST", "/clock", {"advance_s": 61})

        assert (await merchant.event(event))["merchantReference"] == "ref_1"
        assert (await merchant.money("att_1"))["refunded"] == 0


class TestCancel:
    async def test_releases_what_is_held(self, merchant: Shop) -> None:
        await merchant.cancel(await held(merchant))

        item = await merchant.event("CANCELLATION")
        assert (item["success"], item["merchantReference"]) == ("true", "can_1")
        assert (await merchant.money("att_1"))["voided"] == 1000

    async def test_of_captured_money_fails(self, merchant: Shop) -> None:
        await merchant.cancel(await taken(merchant))

        assert (await merchant.event("CANCELLATION"))["success"] == "false"
        assert (await merchant.money("att_1"))["voided"] == 0

    async def test_finds_a_payment_by_the_merchants_reference(self, merchant: Shop) -> None:
        psp = await held(merchant)

        await merchant.cancel_by_reference("att_1")

        item = await merchant.event("TECHNICAL_CANCEL")
        assert (item["success"], item["originalReference"]) == ("true", psp)
        assert (await merchant.money("att_1"))["voided"] == 1000

    async def test_says_by_webhook_that_no_payment_has_the_reference(self, merchant: Shop) -> None:
        await merchant.cancel_by_reference("att_unknown")

        assert (await merchant.event("TECHNICAL_CANCEL"))["success"] == "false"


class TestReversal:
    async def test_cancels_what_is_held(self, merchant: Shop) -> None:
        await merchant.reverse(await held(merchant))

        item = await merchant.event("CANCEL_OR_REFUND")
        assert item["additionalData"]["modification.action"] == "cancel"
        assert (await merchant.money("att_1"))["voided"] == 1000

    async def test_refunds_what_is_captured(self, merchant: Shop) -> None:
        await merchant.reverse(await taken(merchant))

        item = await merchant.event("CANCEL_OR_REFUND")
        assert item["additionalData"]["modification.action"] == "refund"
        assert (await merchant.money("att_1"))["refunded"] == 1000


async def test_a_payment_nobody_knows_is_167(merchant: Shop) -> None:
    with pytest.raises(AdyenAPIUnprocessableEntity) as raised:
        await merchant.refund("NOSUCHPAYMENT000", 1)

    assert raised.value.error_code == "167"


class TestDashboard:
    async def test_a_refund_made_by_hand_carries_the_payments_reference(self, merchant: Shop) -> None:
        psp = await taken(merchant)

        order = {"do": "refund", "processor_reference": psp, "amount": 300}
        made = await merchant.control("POST", "/dashboard", order)

        item = await merchant.event("REFUND")
        assert (item["pspReference"], item["merchantReference"]) == (made["pspReference"], "att_1")
        assert (await merchant.money("att_1"))["refunded"] == 300

    async def test_captures_and_cancels(self, merchant: Shop) -> None:
        first, second = await held(merchant), await held(merchant, reference="att_2")

        await merchant.control("POST", "/dashboard", {"do": "capture", "processor_reference": first})
        await merchant.control("POST", "/dashboard", {"do": "cancel", "processor_reference": second})

        assert (await merchant.money("att_1"))["captured"] == 1000
        assert (await merchant.money("att_2"))["voided"] == 1000

    async def test_says_why_it_cannot_and_tells_nobody(self, merchant: Shop) -> None:
        psp = await held(merchant)

        refused = await merchant.control(
            "POST", "/dashboard", {"do": "refund", "processor_reference": psp, "amount": 1}
        )

        assert refused == {"error": "Transaction hasn't been captured, refund not possible"}
        assert [item["eventCode"] for item in await merchant.events()] == ["AUTHORISATION"]


class TestWebhooks:
    async def test_every_item_of_a_batch_is_signed(self, merchant: Shop) -> None:
        await merchant.settings(batch=3)
        for number in range(3):
            await merchant.pay(reference=f"att_{number}")
        await merchant.events()

        (body,) = merchant.heard
        assert len(body["notificationItems"]) == 3
        for item in body["notificationItems"]:
            assert is_valid_hmac_notification({"live": "false", "notificationItems": [item]}, KEY)

    async def test_an_incomplete_batch_leaves_after_a_while(self, merchant: Shop) -> None:
        await merchant.settings(batch=3)
        await merchant.pay()
        await merchant.control("POST", "/clock", {"advance_s": 1})

        assert len(await merchant.events()) == 1

    async def test_a_forged_one_does_not_verify(self, merchant: Shop) -> None:
        await merchant.control("POST", "/webhooks", {"mode": "forge"})
        await merchant.pay()
        await merchant.events()

        assert [is_valid_hmac_notification(body, KEY) for body in merchant.heard] == [False, True]

    async def test_carries_basic_credentials_where_set(self, merchant: Shop) -> None:
        await merchant.settings(webhook_user="adyen", webhook_password="secret")
        await merchant.pay()
        await merchant.events()

        assert merchant.heard[0]["_headers"]["Authorization"] == "Basic YWR5ZW46c2VjcmV0"

    async def test_names_the_account_and_the_mode(self, merchant: Shop) -> None:
        await merchant.pay()

        item = await merchant.event("AUTHORISATION")
        assert (item["merchantAccountCode"], merchant.heard[0]["live"]) == (ACCOUNT, "false")
