"""The pretend Adyen's webhooks: batches, forgeries of every kind, ways to travel, tries, and reports."""

from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path

import pytest
from Adyen.util import is_valid_hmac_notification, is_valid_hmac_payload

from hub.sandbox.adyen import PROCESSOR
from tests.hub.sandbox.adyen_shop import ACCOUNT, KEY, Json, Shop, shop

MINUTE_S = 60
HOUR_S = 3600
DAY_S = 86400


@pytest.fixture
async def merchant(tmp_path: Path) -> AsyncIterator[Shop]:
    async with shop(tmp_path / "book.db") as opened:
        yield opened


async def travel(merchant: Shop, mode: str, **more: object) -> None:
    assert "error" not in await merchant.control("POST", "/webhooks", {"mode": mode, **more})


async def pay(merchant: Shop, times: int = 3) -> None:
    for number in range(times):
        await merchant.pay(reference=f"att_{number}")


async def references(merchant: Shop) -> list[str]:
    return [item["merchantReference"] for item in await merchant.events()]


def genuine(item: Json) -> bool:
    return bool(is_valid_hmac_notification({"notificationItems": [{"NotificationRequestItem": item}]}, KEY))


def items_of(body: Json) -> list[Json]:
    return [wrapped["NotificationRequestItem"] for wrapped in body["notificationItems"]]


class TestForgeries:
    async def forged(self, merchant: Shop, how: str, batch: int) -> tuple[Json, Json]:
        """Have a forgery sent before the genuine delivery; return both."""
        await merchant.settings(batch=batch)
        await travel(merchant, "forge", forgeries=[how])
        await pay(merchant, batch)
        await merchant.events()
        false, true = merchant.heard
        return false, true

    @pytest.mark.parametrize(
        ("how", "expected"),
        [
            ("signature", [False, False]),
            ("first_item", [False, True]),
            ("second_item", [True, False]),
            ("changed", [True, False]),
            ("other_account", [True, True]),
            ("live", [True, True]),
        ],
    )
    async def test_are_wrong_where_the_name_says_so(self, merchant: Shop, how: str, expected: list[bool]) -> None:
        false, true = await self.forged(merchant, how, 2)

        assert [genuine(item) for item in items_of(false)] == expected
        assert [genuine(item) for item in items_of(true)] == [True, True]

    async def test_a_batch_of_one_gets_a_second_item_that_adyen_did_not_sign(self, merchant: Shop) -> None:
        false, true = await self.forged(merchant, "second_item", 1)

        first, second = items_of(false)
        assert (genuine(first), genuine(second)) == (True, False)
        assert second["amount"]["value"] == first["amount"]["value"] + 1
        assert len(items_of(true)) == 1

    async def test_the_signature_may_be_missing(self, merchant: Shop) -> None:
        false, _ = await self.forged(merchant, "missing_signature", 1)

        (item,) = items_of(false)
        assert "hmacSignature" not in item["additionalData"]

    async def test_all_of_the_additional_data_may_be_missing(self, merchant: Shop) -> None:
        false, _ = await self.forged(merchant, "missing_additional_data", 2)

        assert ["additionalData" in item for item in items_of(false)] == [True, False]

    async def test_another_account_is_signed_well(self, merchant: Shop) -> None:
        false, _ = await self.forged(merchant, "other_account", 1)

        assert items_of(false)[0]["merchantAccountCode"] != ACCOUNT

    async def test_the_other_mode_is_signed_well(self, merchant: Shop) -> None:
        false, true = await self.forged(merchant, "live", 1)

        assert (false["live"], true["live"]) == ("true", "false")

    async def test_come_one_of_each_kind_before_the_genuine_one(self, merchant: Shop) -> None:
        await travel(merchant, "forge", forgeries=list(PROCESSOR.forgeries))
        await pay(merchant, 1)
        await merchant.events()

        assert len(merchant.heard) == len(PROCESSOR.forgeries) + 1
        assert genuine(items_of(merchant.heard[-1])[0])

    @pytest.mark.parametrize("how", PROCESSOR.forgeries)
    async def test_of_a_tokens_webhook(self, merchant: Shop, how: str) -> None:
        await merchant.settings(token_webhooks=True)
        await travel(merchant, "forge", forgeries=[how])
        await merchant.order("token_disable", "stored_visa", shopper_reference="shopper_1")

        false, true = await merchant.token_events()

        verdicts = [self.verifies(body) for body in (false, true)]
        told = (false["data"]["merchantAccount"], false["environment"])
        assert verdicts == [how in {"other_account", "live"}, True]
        assert (told == (ACCOUNT, "test")) == (not verdicts[0])

    def verifies(self, body: Json) -> bool:
        signature = {name.lower(): value for name, value in body["_headers"].items()}.get("hmacsignature", "")
        return bool(is_valid_hmac_payload(signature, KEY, body["_raw"]))


class TestModes:
    async def test_duplicates_come_one_after_the_other(self, merchant: Shop) -> None:
        await travel(merchant, "duplicate")
        await pay(merchant, 2)

        assert await references(merchant) == ["att_0", "att_0", "att_1", "att_1"]

    async def test_reordered_deliveries_come_newest_first(self, merchant: Shop) -> None:
        await travel(merchant, "reorder", window_ms=10_000)
        await pay(merchant)

        assert await references(merchant) == ["att_2", "att_1", "att_0"]

    async def test_delayed_deliveries_come_when_the_clock_says_so(self, merchant: Shop) -> None:
        await travel(merchant, "delay", delay_s=HOUR_S)
        await pay(merchant, 1)
        before = await references(merchant)

        await merchant.control("POST", "/clock", {"advance_s": HOUR_S + 1})

        assert (before, await references(merchant)) == ([], ["att_0"])

    async def test_dropped_deliveries_are_never_sent(self, merchant: Shop) -> None:
        await travel(merchant, "drop")
        await pay(merchant, 1)
        await merchant.control("POST", "/clock", {"advance_s": 31 * DAY_S})

        assert await references(merchant) == []

    async def test_a_storm_sends_each_many_times_at_once(self, merchant: Shop) -> None:
        await travel(merchant, "storm", copies=20)
        await pay(merchant)

        found = await references(merchant)
        assert {one: found.count(one) for one in found} == dict.fromkeys(("att_0", "att_1", "att_2"), 20)

    async def test_a_batch_travels_as_one(self, merchant: Shop) -> None:
        await merchant.settings(batch=3)
        await travel(merchant, "duplicate")
        await pay(merchant)

        assert await references(merchant) == ["att_0", "att_1", "att_2"] * 2

    async def test_a_batch_holds_what_an_account_was_told_and_no_other(self, merchant: Shop) -> None:
        settings = merchant.sandbox.settings(ACCOUNT)
        await merchant.control("PUT", "/accounts/Other", settings | {"batch": 2})
        await merchant.settings(batch=2)
        for account, reference in ((ACCOUNT, "att_0"), ("Other", "att_1"), (ACCOUNT, "att_2"), ("Other", "att_3")):
            await merchant.pay(merchantAccount=account, reference=reference)
        await merchant.events()

        batches = [{item["merchantAccountCode"] for item in items_of(body)} for body in merchant.heard]
        assert sorted(batches, key=str) == sorted([{ACCOUNT}, {"Other"}], key=str)


class TestTries:
    def test_are_three_quick_ones_then_a_queue_until_thirty_days_are_over(self) -> None:
        minutes = (2, 5, 10, 15, 30, 60, 120, 240, 480)
        schedule = PROCESSOR.retry_delays_s

        assert schedule[:3] == (9, 18, 27)
        assert schedule[3:12] == tuple(minute * MINUTE_S for minute in minutes)
        assert set(schedule[12:]) == {8 * HOUR_S}
        assert 29 * DAY_S < sum(schedule) <= 30 * DAY_S

    def test_wait_longer_every_time(self) -> None:
        assert all(before <= after for before, after in pairwise(PROCESSOR.retry_delays_s))

    async def test_go_on_until_the_receiver_takes_it(self, merchant: Shop) -> None:
        merchant.answers += [500, 401, 503]
        await pay(merchant, 1)

        tries = []
        for seconds in (9, 18, 27):
            tries.append(len(await references(merchant)))
            await merchant.control("POST", "/clock", {"advance_s": seconds + 0.5})

        assert [*tries, len(await references(merchant))] == [1, 2, 3, 4]
        assert (await merchant.control("POST", "/webhooks/flush", {}))["delivered"] == 1

    async def test_of_a_batch_bring_all_of_it_again(self, merchant: Shop) -> None:
        await merchant.settings(batch=2)
        merchant.answers += [500]
        await pay(merchant, 2)
        await merchant.events()

        await merchant.control("POST", "/clock", {"advance_s": 10})

        assert await references(merchant) == ["att_0", "att_1"] * 2


class TestReports:
    NAME = "settlement_detail_report_batch_12.csv"

    async def test_one_that_is_ready_is_told_with_its_name_and_where_it_lies(self, merchant: Shop) -> None:
        made = await merchant.order("report", self.NAME, merchant_account=ACCOUNT)

        item = await merchant.event("REPORT_AVAILABLE")
        assert genuine(item)
        assert (item["pspReference"], item["merchantReference"], item["success"]) == (self.NAME, "", "true")
        assert item["reason"] == made["reason"]
        assert item["reason"].endswith(f"/reports/download/MerchantAccount/{ACCOUNT}/{self.NAME}")

    async def test_belongs_to_an_account(self, merchant: Shop) -> None:
        refused = await merchant.order("report", self.NAME)

        assert refused == {"error": "options.merchant_account: an account that has settings"}
