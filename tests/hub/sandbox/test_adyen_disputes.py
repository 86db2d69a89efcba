"""The payer's bank disputes a payment at the pretend Adyen: the money moves, and webhooks tell of it."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.hub.sandbox.adyen_shop import Json, Shop, named, shop

DAY_S = 86400


@pytest.fixture
async def merchant(tmp_path: Path) -> AsyncIterator[Shop]:
    async with shop(tmp_path / "book.db") as opened:
        yield opened


async def paid(merchant: Shop, **changes: object) -> str:
    """Take 10.00 EUR; return the payment's pspReference."""
    wanted: Json = changes
    return str((await merchant.pay(**wanted))["pspReference"])


async def disputed(merchant: Shop, payment: str, amount: int | None = None, **options: object) -> Json:
    return await merchant.order("dispute", payment, amount, **options)


async def story(merchant: Shop) -> list[tuple[str, str]]:
    """Tell event and status of every webhook of a dispute, as they came."""
    items = [item for item in await merchant.events() if "disputeStatus" in item.get("additionalData", {})]
    return [(item["eventCode"], item["additionalData"]["disputeStatus"]) for item in items]


async def gone(merchant: Shop) -> int:
    """Return how much the bank has."""
    taken: int = (await merchant.money("att_1"))["disputed"]
    return taken


class TestOpening:
    async def test_a_chargeback_is_announced_and_takes_the_money(self, merchant: Shop) -> None:
        payment = await paid(merchant)

        made = await disputed(merchant, payment)

        assert await story(merchant) == [("NOTIFICATION_OF_CHARGEBACK", "Undefended"), ("CHARGEBACK", "Undefended")]
        item = await merchant.event("CHARGEBACK")
        assert (item["pspReference"], item["originalReference"]) == (made["pspReference"], payment)
        assert (item["merchantReference"], item["success"], item["amount"]["value"]) == ("att_1", "true", 1000)
        assert await gone(merchant) == 1000

    async def test_the_webhook_says_what_the_bank_claims_and_until_when_to_answer(self, merchant: Shop) -> None:
        payment = await paid(merchant, shopperReference="shopper_1")
        await disputed(merchant, payment, 400)

        data = (await merchant.event("NOTIFICATION_OF_CHARGEBACK"))["additionalData"]

        ends_in = datetime.fromisoformat(data.pop("defensePeriodEndsAt")) - datetime.now(UTC)
        assert 17 * DAY_S < ends_in.total_seconds() <= 18 * DAY_S
        assert len(data.pop("capturePspReference")) == len(payment)
        del data["hmacSignature"]
        assert data == {
            "captureMerchantReference": "att_1",
            "chargebackReasonCode": "10.4",
            "chargebackSchemeCode": "visa",
            "defendable": "true",
            "disputeStatus": "Undefended",
            "grossCurrency": "EUR",
            "grossValue": "400",
            "modificationMerchantReferences": "att_1",
            "paymentMethodVariant": "visa",
            "shopperReference": "shopper_1",
        }

    async def test_it_names_the_capture_and_what_else_was_done(self, merchant: Shop) -> None:
        payment = await paid(merchant, additionalData={"manualCapture": "true"})
        capture = await merchant.capture(payment, 1000)
        await merchant.refund(payment, 100)

        await disputed(merchant, payment, 900)

        data = (await merchant.event("CHARGEBACK"))["additionalData"]
        assert (data["capturePspReference"], data["captureMerchantReference"]) == (capture["pspReference"], "cap_1")
        assert data["modificationMerchantReferences"] == "cap_1,ref_1,att_1"

    async def test_mastercards_codes_come_with_adyens_blank_before_them(self, merchant: Shop) -> None:
        payment = await paid(merchant, paymentMethod=named("Ada", "5555444433331111"))

        await disputed(merchant, payment)

        data = (await merchant.event("CHARGEBACK"))["additionalData"]
        assert (data["chargebackReasonCode"], data["chargebackSchemeCode"]) == (" 4853", "mc")

    async def test_a_notice_may_come_a_day_before_the_money_goes(self, merchant: Shop) -> None:
        await disputed(merchant, await paid(merchant), flow="notification_first")
        before = (await story(merchant), await gone(merchant))

        await merchant.control("POST", "/clock", {"advance_s": DAY_S + 1})

        assert before == ([("NOTIFICATION_OF_CHARGEBACK", "Undefended")], 0)
        assert (await story(merchant))[1:] == [("CHARGEBACK", "Undefended")]
        assert await gone(merchant) == 1000

    async def test_a_request_for_information_moves_no_money(self, merchant: Shop) -> None:
        await disputed(merchant, await paid(merchant), flow="request_for_information", reason_code="33")

        data = (await merchant.event("REQUEST_FOR_INFORMATION"))["additionalData"]
        assert (data["disputeStatus"], data["rfiReasonCode"], data["rfiSchemeCode"]) == ("Unresponded", "33", "visa")
        assert "chargebackReasonCode" not in data
        assert await gone(merchant) == 0

    async def test_adyen_may_answer_by_itself(self, merchant: Shop) -> None:
        await disputed(merchant, await paid(merchant), auto_defended=True)

        item = await merchant.event("NOTIFICATION_OF_CHARGEBACK")
        assert (item["additionalData"]["autoDefended"], item["additionalData"]["defendable"]) == ("true", "false")
        assert item["reason"] == "Other Fraud-Card Absent Environment (automatically defended)"
        assert (await story(merchant))[1:] == [("INFORMATION_SUPPLIED", "Pending"), ("CHARGEBACK", "Pending")]

    async def test_parts_are_disputed_one_by_one_until_nothing_is_left(self, merchant: Shop) -> None:
        payment = await paid(merchant)
        first, second = await disputed(merchant, payment, 600), await disputed(merchant, payment)

        refused = await disputed(merchant, payment, 1)

        assert (first["amount_minor"], second["amount_minor"]) == (600, 400)
        assert first["pspReference"] != second["pspReference"]
        assert refused == {"error": "amount: 1 to 0 can be disputed"}
        assert await gone(merchant) == 1000

    async def test_what_was_refunded_is_disputed_only_when_asked_for(self, merchant: Shop) -> None:
        payment = await paid(merchant)
        await merchant.refund(payment, 300)

        made = await disputed(merchant, payment)
        again = await disputed(merchant, payment, 300)

        assert (made["amount_minor"], again["amount_minor"]) == (700, 300)

    async def test_needs_a_capture(self, merchant: Shop) -> None:
        payment = await paid(merchant, additionalData={"manualCapture": "true"})

        refused = await disputed(merchant, payment)

        assert refused == {"error": "the payment has not been captured, so there is nothing to dispute"}

    async def test_an_unknown_option_is_refused_and_nothing_told(self, merchant: Shop) -> None:
        payment = await paid(merchant)

        refused = await disputed(merchant, payment, reason="4853")

        assert refused == {"error": "options: Object contains unknown field `reason`"}
        assert await story(merchant) == []


class TestEnding:
    @pytest.mark.parametrize(
        ("orders", "told", "left"),
        [
            (["dispute_win"], [("CHARGEBACK_REVERSED", "Won")], 0),
            (["dispute_lose"], [("DISPUTE_DEFENSE_PERIOD_ENDED", "Lost")], 1000),
            (["dispute_expire"], [("DISPUTE_DEFENSE_PERIOD_ENDED", "Lost")], 1000),
            (["dispute_win", "dispute_second"], [("CHARGEBACK_REVERSED", "Won"), ("SECOND_CHARGEBACK", "Lost")], 1000),
            (["dispute_win", "dispute_lose"], [("CHARGEBACK_REVERSED", "Won"), ("SECOND_CHARGEBACK", "Lost")], 1000),
            (
                ["dispute_win", "dispute_expire"],
                [("CHARGEBACK_REVERSED", "Won"), ("ISSUER_RESPONSE_TIMEFRAME_EXPIRED", "Won")],
                0,
            ),
            (["prearbitration_won"], [("CHARGEBACK_REVERSED", "Pending"), ("PREARBITRATION_WON", "Won")], 0),
            (["prearbitration_lost"], [("PREARBITRATION_LOST", "Lost")], 1000),
            (
                ["dispute_win", "prearbitration_lost"],
                [("CHARGEBACK_REVERSED", "Won"), ("SECOND_CHARGEBACK", "Lost"), ("PREARBITRATION_LOST", "Lost")],
                1000,
            ),
            (
                ["dispute_win", "prearbitration_won"],
                [("CHARGEBACK_REVERSED", "Won"), ("PREARBITRATION_WON", "Won")],
                0,
            ),
        ],
    )
    async def test_is_told_and_moves_the_money(
        self, merchant: Shop, orders: list[str], told: list[tuple[str, str]], left: int
    ) -> None:
        made = await disputed(merchant, await paid(merchant))

        for do in orders:
            assert "error" not in await merchant.order(do, made["pspReference"])

        assert (await story(merchant))[2:] == told
        assert await gone(merchant) == left

    async def test_no_event_comes_twice_and_each_is_later_than_the_one_before(self, merchant: Shop) -> None:
        made = await disputed(merchant, await paid(merchant))
        for do in ("dispute_win", "dispute_second"):
            await merchant.order(do, made["pspReference"])

        dates = [item["eventDate"] for item in await merchant.events()][1:]

        assert dates == sorted(set(dates))

    async def test_a_notice_alone_is_charged_back_and_lost(self, merchant: Shop) -> None:
        made = await disputed(merchant, await paid(merchant), flow="notification_first")

        await merchant.order("dispute_lose", made["pspReference"])

        assert (await story(merchant))[1:] == [("CHARGEBACK", "Undefended"), ("DISPUTE_DEFENSE_PERIOD_ENDED", "Lost")]
        assert await gone(merchant) == 1000

    async def test_is_not_lost_twice_when_the_announced_day_comes(self, merchant: Shop) -> None:
        made = await disputed(merchant, await paid(merchant), flow="notification_first")
        await merchant.order("dispute_lose", made["pspReference"])
        await merchant.control("POST", "/clock", {"advance_s": 60 * DAY_S})

        assert len(await story(merchant)) == 3
        assert await gone(merchant) == 1000

    async def test_the_payments_reference_finds_its_newest_dispute(self, merchant: Shop) -> None:
        payment = await paid(merchant)
        await disputed(merchant, payment, 300)
        newest = await disputed(merchant, payment, 200)

        won = await merchant.order("dispute_win", payment)

        assert won["pspReference"] == newest["pspReference"]
        assert await gone(merchant) == 300

    async def test_a_reversal_may_call_itself_pending(self, merchant: Shop) -> None:
        made = await disputed(merchant, await paid(merchant))

        await merchant.order("dispute_win", made["pspReference"], status="Pending")

        assert (await story(merchant))[2:] == [("CHARGEBACK_REVERSED", "Pending")]

    @pytest.mark.parametrize(
        ("first", "then", "why"),
        [
            ("dispute_lose", "dispute_win", "the dispute is over"),
            ("dispute_win", "dispute_win", "the dispute is over"),
            ("prearbitration_won", "dispute_second", "the dispute is over"),
        ],
    )
    async def test_what_is_over_stays_so(self, merchant: Shop, first: str, then: str, why: str) -> None:
        made = await disputed(merchant, await paid(merchant))
        await merchant.order(first, made["pspReference"])

        assert await merchant.order(then, made["pspReference"]) == {"error": why}

    async def test_a_second_chargeback_needs_a_reversal(self, merchant: Shop) -> None:
        made = await disputed(merchant, await paid(merchant))

        refused = await merchant.order("dispute_second", made["pspReference"])

        assert refused["error"].startswith("a second chargeback takes what a CHARGEBACK_REVERSED gave back")

    async def test_a_request_for_information_is_not_won(self, merchant: Shop) -> None:
        made = await disputed(merchant, await paid(merchant), flow="request_for_information")

        assert "moves no money" in (await merchant.order("dispute_win", made["pspReference"]))["error"]

    async def test_of_a_dispute_nobody_knows(self, merchant: Shop) -> None:
        assert await merchant.order("dispute_win", "NONE") == {"error": "processor_reference: no dispute NONE"}


class TestTime:
    @pytest.mark.parametrize(
        ("flow", "status", "left"), [("chargeback", "Lost", 1000), ("request_for_information", "Expired", 0)]
    )
    async def test_ends_the_period_of_defence(self, merchant: Shop, flow: str, status: str, left: int) -> None:
        await disputed(merchant, await paid(merchant), flow=flow, days=5)
        await merchant.control("POST", "/clock", {"advance_s": 5 * DAY_S - 60})
        before = len(await story(merchant))

        await merchant.control("POST", "/clock", {"advance_s": 61})

        assert (await story(merchant))[before:] == [("DISPUTE_DEFENSE_PERIOD_ENDED", status)]
        assert await gone(merchant) == left

    async def test_says_nothing_of_a_dispute_that_is_won(self, merchant: Shop) -> None:
        made = await disputed(merchant, await paid(merchant))
        await merchant.order("dispute_win", made["pspReference"])

        await merchant.control("POST", "/clock", {"advance_s": 60 * DAY_S})

        assert (await story(merchant))[-1] == ("CHARGEBACK_REVERSED", "Won")


class TestReferences:
    async def test_an_account_that_did_not_ask_hears_of_a_reversal_by_the_payments_reference(
        self, merchant: Shop
    ) -> None:
        await merchant.settings(dispute_references=False)
        payment = await paid(merchant)
        made = await disputed(merchant, payment)
        await merchant.order("dispute_win", made["pspReference"])

        reversed_item = await merchant.event("CHARGEBACK_REVERSED")

        assert reversed_item["pspReference"] == payment
        assert "originalReference" not in reversed_item
        assert (await merchant.event("CHARGEBACK"))["pspReference"] == made["pspReference"]


class TestMoney:
    async def test_what_the_bank_has_cannot_be_refunded(self, merchant: Shop) -> None:
        payment = await paid(merchant)
        await disputed(merchant, payment, 700)

        await merchant.refund(payment, 301)
        await merchant.refund(payment, 300, "ref_2")

        told = [item["success"] for item in await merchant.events() if item["eventCode"] == "REFUND"]
        assert told == ["false", "true"]

    async def test_is_summed_for_the_payment_and_the_account(self, merchant: Shop) -> None:
        payment = await paid(merchant)
        await merchant.refund(payment, 100)
        await disputed(merchant, payment, 400)
        await merchant.order("dispute_win", payment)
        await disputed(merchant, payment, 250)

        of_payment = await merchant.money("att_1")
        (of_account,) = (await merchant.control("GET", "/money"))["accounts"].values()

        assert (of_payment["captured"], of_payment["refunded"], of_payment["disputed"]) == (1000, 100, 250)
        assert of_account["EUR"]["disputed"] == 250
