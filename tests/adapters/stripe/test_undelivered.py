"""The list of what Stripe could not deliver, by which a gap is filled."""

import json
from typing import Any

import pytest

from adapters.abilities import ListsEvents
from adapters.contract import Delivery
from adapters.errors import AdapterError, ConfigurationError, OutcomeUnknownError
from adapters.stripe.adapter import StripeAdapter
from tests.adapters.stripe.asking import AT
from tests.adapters.stripe.events import arriving, event
from tests.adapters.stripe.pretend import Behaviour, Pretend, intent, listing, refund, refuses, says


def one(id: str, **fields: Any) -> Any:
    return json.loads(event("payment_intent.succeeded", intent(), id=id, **fields))


async def pages(adapter: StripeAdapter) -> list[list[Delivery]]:
    return [page async for page in adapter.undelivered(AT)]


def test_the_hub_sees_that_the_adapter_can(adapter: StripeAdapter) -> None:
    assert isinstance(adapter, ListsEvents)


async def test_each_event_is_the_delivery_that_the_webhook_would_have_been(
    adapter: StripeAdapter, stripe: Pretend
) -> None:
    refunded = json.loads(event("refund.created", refund(), id="evt_2"))
    stripe.will(says(200, listing(refunded, one("evt_1"))))

    [[second, first]] = await pages(adapter)

    assert (second.key, second.subject) == ("evt_2", "pi_1")
    [by_webhook] = adapter.open_webhook(arriving(event("payment_intent.succeeded", intent())))
    assert (first.key, first.subject, first.livemode) == (by_webhook.key, by_webhook.subject, by_webhook.livemode)
    assert adapter.read_delivery(first) == adapter.read_delivery(by_webhook)


async def test_asks_for_what_was_not_delivered_since_then(adapter: StripeAdapter, stripe: Pretend) -> None:
    stripe.will(says(200, listing()))

    assert await pages(adapter) == []

    [asked] = stripe.asked
    assert (asked.method, asked.path) == ("GET", "/v1/events")
    assert asked.query == {
        "delivery_success": "false", "created[gte]": str(int(AT.timestamp())), "limit": "100",
    }  # fmt: skip


async def test_asks_for_everything_since_then_where_that_is_wanted(adapter: StripeAdapter, stripe: Pretend) -> None:
    stripe.will(says(200, listing(one("evt_1"))))

    [[delivered]] = [page async for page in adapter.undelivered(AT, delivered_too=True)]

    assert delivered.key == "evt_1"
    assert stripe.asked[0].query == {"created[gte]": str(int(AT.timestamp())), "limit": "100"}


async def test_goes_on_page_by_page_to_the_end(adapter: StripeAdapter, stripe: Pretend) -> None:
    stripe.will(
        says(200, listing(one("evt_3"), one("evt_2"), more=True)),
        says(200, listing(one("evt_1"))),
    )

    found = await pages(adapter)

    assert [[delivery.key for delivery in page] for page in found] == [["evt_3", "evt_2"], ["evt_1"]]
    assert stripe.asked[1].query["starting_after"] == "evt_2"
    assert stripe.asked[1].query["delivery_success"] == "false"


async def test_a_page_says_more_and_has_nothing_ends_it(adapter: StripeAdapter, stripe: Pretend) -> None:
    stripe.will(says(200, listing(more=True)))

    assert await pages(adapter) == []


async def test_leaves_out_what_is_of_the_other_mode_or_a_connected_account(
    adapter: StripeAdapter, stripe: Pretend
) -> None:
    stripe.will(says(200, listing(one("evt_1", livemode=True), one("evt_2", account="acct_2"), one("evt_3"))))

    [[delivery]] = await pages(adapter)

    assert delivery.key == "evt_3"


async def test_says_which_version_an_event_has(adapter: StripeAdapter, stripe: Pretend) -> None:
    stripe.will(says(200, listing(one("evt_1", api_version="2019-05-16"))))

    [[delivery]] = await pages(adapter)

    assert delivery.api_version == "2019-05-16"


@pytest.mark.parametrize(
    ("behaviour", "raised"),
    [
        (refuses(403), ConfigurationError),
        (refuses(500), OutcomeUnknownError),
        (says(200, {}), OutcomeUnknownError),
        (says(200, {"data": [[]], "has_more": True}), AdapterError),
    ],
)
async def test_a_page_that_cannot_be_had_ends_in_an_error(
    adapter: StripeAdapter, stripe: Pretend, behaviour: Behaviour, raised: type[AdapterError]
) -> None:
    stripe.will(behaviour)

    with pytest.raises(raised):
        await pages(adapter)


async def test_pages_before_the_error_are_good(adapter: StripeAdapter, stripe: Pretend) -> None:
    stripe.will(says(200, listing(one("evt_1"), more=True)), refuses(500))
    found: list[Delivery] = []

    async def gather() -> None:
        async for page in adapter.undelivered(AT):
            found.extend(page)

    with pytest.raises(OutcomeUnknownError):
        await gather()

    assert [delivery.key for delivery in found] == ["evt_1"]
