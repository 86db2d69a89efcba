"""The pretend Stripe keeps what happened, and tells which of it never arrived, seen through Stripe's SDK."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import stripe

from tests.hub.sandbox.stripe_shop import Shop, shop

DAY_S = 86_400
IN_ORDER = ["payment_intent.created", "charge.succeeded", "payment_intent.succeeded"]


@pytest.fixture
async def merchant(tmp_path: Path) -> AsyncIterator[Shop]:
    async with shop(tmp_path / "book.db") as opened:
        yield opened


async def listed(merchant: Shop, **asked: object) -> stripe.ListObject[stripe.Event]:
    wanted: Any = asked
    return await merchant.api.v1.events.list_async(wanted)


async def types(merchant: Shop, **asked: object) -> list[str]:
    return [str(event.type) for event in (await listed(merchant, **asked)).data]


class TestOne:
    async def test_an_event_is_kept_as_it_was_delivered(self, merchant: Shop) -> None:
        await merchant.pay(key="att_1:opening")
        await merchant.flush()
        heard = merchant.heard[0].event

        kept = (await merchant.api.v1.events.retrieve_async(heard["id"])).to_dict()

        assert kept == {**heard, "pending_webhooks": 0}
        assert heard["pending_webhooks"] == 1
        assert heard["request"]["idempotency_key"] == "att_1:opening"
        assert heard["request"]["id"].startswith("req_")

    async def test_what_no_request_caused_names_none(self, merchant: Shop) -> None:
        await merchant.pay("pm_card_createDispute")
        await merchant.until("charge.dispute.created")

        event = next(heard.event for heard in merchant.heard if heard.type == "charge.dispute.created")
        assert event["request"] == {"id": None, "idempotency_key": None}

    async def test_an_event_is_gone_after_thirty_days(self, merchant: Shop) -> None:
        await merchant.pay()
        [event] = (await listed(merchant, limit=1)).data
        await merchant.control("POST", "/clock", {"advance_s": 30 * DAY_S + 60})

        assert await types(merchant) == []
        with pytest.raises(stripe.InvalidRequestError) as caught:
            await merchant.api.v1.events.retrieve_async(event.id)
        assert caught.value.code == "resource_missing"

    async def test_an_account_may_have_another_version(self, merchant: Shop) -> None:
        await merchant.control("PUT", "/accounts/acme", {"api_version": "2024-06-20"})
        await merchant.pay()
        await merchant.flush()

        assert {heard.event["api_version"] for heard in merchant.heard} == {"2024-06-20"}
        assert {event.api_version for event in (await listed(merchant)).data} == {"2024-06-20"}

    async def test_another_account_sees_none_of_it(self, merchant: Shop) -> None:
        await merchant.pay()

        found = await merchant.with_key("sk_test_other").v1.events.list_async({})

        assert found.data == []


class TestPages:
    async def test_the_newest_come_first_a_page_at_a_time(self, merchant: Shop) -> None:
        await merchant.pay()

        first = await listed(merchant, limit=2)
        rest = await listed(merchant, limit=2, starting_after=first.data[-1].id)

        assert [event.type for event in first.data] == IN_ORDER[:0:-1]
        assert (first.has_more, rest.has_more) == (True, False)
        assert [event.type for event in rest.data] == IN_ORDER[:1]

    async def test_the_page_before_an_event_is_that_just_after_it_in_time(self, merchant: Shop) -> None:
        await merchant.pay()
        last = (await listed(merchant)).data[-1]
        await merchant.pay()

        newer = await listed(merchant, limit=2, ending_before=last.id)

        assert [event.type for event in newer.data] == IN_ORDER[:0:-1]
        assert newer.has_more

    async def test_going_on_by_itself_finds_every_event_once(self, merchant: Shop) -> None:
        for _ in range(4):
            await merchant.pay()

        found = [event.id async for event in (await listed(merchant, limit=5)).auto_paging_iter()]

        assert len(found) == len(set(found)) == 12

    async def test_both_cursors_at_once_are_refused(self, merchant: Shop) -> None:
        await merchant.pay()
        [event] = (await listed(merchant, limit=1)).data

        with pytest.raises(stripe.InvalidRequestError) as caught:
            await listed(merchant, starting_after=event.id, ending_before=event.id)
        assert caught.value.code == "parameters_exclusive"

    @pytest.mark.parametrize("limit", [0, 101])
    async def test_a_page_has_one_to_a_hundred(self, merchant: Shop, limit: int) -> None:
        with pytest.raises(stripe.InvalidRequestError) as caught:
            await listed(merchant, limit=limit)
        assert caught.value.param == "limit"

    async def test_a_cursor_that_is_not_there_is_refused(self, merchant: Shop) -> None:
        with pytest.raises(stripe.InvalidRequestError) as caught:
            await listed(merchant, starting_after="evt_none")
        assert caught.value.code == "resource_missing"


class TestNarrowed:
    async def test_by_type(self, merchant: Shop) -> None:
        await merchant.pay()

        assert await types(merchant, type="charge.succeeded") == ["charge.succeeded"]
        assert await types(merchant, type="payment_intent.*") == ["payment_intent.succeeded", "payment_intent.created"]
        assert await types(merchant, types=["charge.succeeded", "payment_intent.created"]) == IN_ORDER[1::-1]

    async def test_by_one_type_or_several_but_not_both(self, merchant: Shop) -> None:
        with pytest.raises(stripe.InvalidRequestError):
            await listed(merchant, type="charge.succeeded", types=["charge.failed"])
        with pytest.raises(stripe.InvalidRequestError) as caught:
            await listed(merchant, types=["charge.failed"] * 21)
        assert caught.value.param == "types"

    async def test_by_time(self, merchant: Shop) -> None:
        await merchant.pay()
        await merchant.control("POST", "/clock", {"advance_s": 3600})
        await merchant.pay()
        newest = (await listed(merchant)).data[0].created

        assert len(await types(merchant, created={"gte": newest - 60})) == 3
        assert len(await types(merchant, created={"lt": newest - 60})) == 3
        assert await types(merchant, created={"gt": newest}) == []
        assert len(await types(merchant, created={"lte": newest})) == 6

    async def test_by_a_bound_that_there_is_not_is_refused(self, merchant: Shop) -> None:
        with pytest.raises(stripe.InvalidRequestError) as caught:
            await listed(merchant, created={"since": 1})
        assert caught.value.code == "parameter_unknown"


class TestUndelivered:
    async def test_what_was_dropped_is_listed(self, merchant: Shop) -> None:
        await merchant.pay()
        await merchant.flush()
        await merchant.control("POST", "/webhooks", {"mode": "drop"})
        lost = await merchant.pay()
        await merchant.flush()

        found = (await listed(merchant, delivery_success=False)).data

        assert [event.type for event in found] == IN_ORDER[::-1]
        assert found[0].data.object["id"] == lost.id
        assert [event.pending_webhooks for event in found] == [1, 1, 1]
        assert await types(merchant, delivery_success=True) == IN_ORDER[::-1]

    async def test_what_waits_for_its_next_try_is_listed_until_it_arrives(self, merchant: Shop) -> None:
        merchant.answers = [500]
        await merchant.pay()
        await merchant.flush()
        assert await types(merchant, delivery_success=False) == IN_ORDER[:1]

        await merchant.control("POST", "/clock", {"advance_s": 6})
        await merchant.flush()

        assert await types(merchant, delivery_success=False) == []

    async def test_what_was_tried_for_three_days_is_given_up_and_stays_listed(self, merchant: Shop) -> None:
        merchant.answers = [500] * 40
        await merchant.pay()
        await merchant.flush()
        waited_s = 0.0
        for delay_s in merchant.sandbox.processor.retry_delays_s:
            waited_s += delay_s
            await merchant.control("POST", "/clock", {"advance_s": delay_s + 1})
            await merchant.flush()

        assert 2 * DAY_S < waited_s <= 3 * DAY_S
        assert (await merchant.flush())["failed"] == 3
        assert await types(merchant, delivery_success=False) == IN_ORDER[::-1]

    async def test_one_arrival_of_two_is_enough(self, merchant: Shop) -> None:
        await merchant.control("POST", "/webhooks", {"mode": "duplicate"})
        merchant.answers = [200, 500]
        await merchant.pay()
        await merchant.flush()

        assert await types(merchant, delivery_success=False) == []

    async def test_what_nobody_listens_for_is_not_undelivered(self, merchant: Shop) -> None:
        await merchant.control("PUT", "/accounts/acme", {"webhook_url": None})
        await merchant.pay()

        assert await types(merchant, delivery_success=False) == []
        assert {event.pending_webhooks for event in (await listed(merchant)).data} == {0}
