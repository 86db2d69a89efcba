"""The pretend Stripe keeps idempotency keys and answers reads as Stripe documents, seen through Stripe's SDK."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import stripe

from tests.hub.sandbox.stripe_shop import Shop, shop, statuses

DAY_S = 86_400


@pytest.fixture
async def merchant(tmp_path: Path) -> AsyncIterator[Shop]:
    async with shop(tmp_path / "book.db") as opened:
        yield opened


async def refused(merchant: Shop, method: str, *, key: str | None = None, **more: object) -> stripe.CardError:
    with pytest.raises(stripe.CardError) as caught:
        await merchant.pay(method, key=key, **more)
    return caught.value


class TestIdempotency:
    async def test_a_replay_answers_the_same_and_charges_once(self, merchant: Shop) -> None:
        first = await merchant.pay(key="att_1")
        again = await merchant.pay(key="att_1")

        assert first.to_dict() == again.to_dict()
        assert again.last_response is not None
        assert again.last_response.headers["Idempotent-Replayed"] == "true"
        assert (await merchant.money())["charges"] == 1

    async def test_a_decline_is_replayed_too(self, merchant: Shop) -> None:
        first = await refused(merchant, "pm_card_visa_chargeDeclined", key="att_1")
        again = await refused(merchant, "pm_card_visa_chargeDeclined", key="att_1")

        assert first.http_body == again.http_body

    async def test_other_parameters_are_refused(self, merchant: Shop) -> None:
        await merchant.pay(key="att_1")

        with pytest.raises(stripe.IdempotencyError):
            await merchant.pay(key="att_1", amount=2000)
        assert (await merchant.money())["charges"] == 1

    async def test_a_refused_request_does_not_hold_its_key(self, merchant: Shop) -> None:
        with pytest.raises(stripe.InvalidRequestError):
            await merchant.pay(key="att_1", amount=1)

        assert (await merchant.pay(key="att_1")).status == "succeeded"

    async def test_a_concurrent_request_with_the_key_is_a_409(self, merchant: Shop) -> None:
        await merchant.control("POST", "/faults", {"fault": "delay", "delay_ms": 300})
        first = asyncio.create_task(merchant.pay(key="att_1"))
        await merchant.until("payment_intent.succeeded")

        with pytest.raises(stripe.APIError) as caught:
            await merchant.pay(key="att_1")

        assert caught.value.http_status == 409
        assert caught.value.error is not None
        assert caught.value.error.code == "idempotency_key_in_use"
        assert (await first).status == "succeeded"
        assert (await merchant.money())["charges"] == 1

    async def test_a_key_is_forgotten_after_a_day(self, merchant: Shop) -> None:
        await merchant.pay(key="att_1")

        await merchant.control("POST", "/clock", {"advance_s": DAY_S + 1})
        await merchant.pay(key="att_1")

        assert (await merchant.money())["charges"] == 2

    async def test_keys_belong_to_an_account(self, merchant: Shop) -> None:
        await merchant.pay(key="att_1")
        other: Any = {"amount": 1000, "currency": "eur"}

        made = await merchant.with_key("sk_test_other").v1.payment_intents.create_async(
            other, {"idempotency_key": "att_1"}
        )

        assert made.status == "requires_payment_method"


class TestReading:
    async def test_a_list_has_what_was_just_written(self, merchant: Shop) -> None:
        made = [(await merchant.pay()).id for _ in range(3)]

        found = await merchant.api.v1.payment_intents.list_async({"created": {"gte": 0}, "limit": 2})
        rest = await merchant.api.v1.payment_intents.list_async({"starting_after": found.data[-1].id})

        assert [intent.id for intent in [*found.data, *rest.data]] == made[::-1]
        assert (found.has_more, rest.has_more) == (True, False)

    async def test_a_list_is_narrowed_by_customer_and_time(self, merchant: Shop) -> None:
        customer = await merchant.api.v1.customers.create_async()
        await merchant.pay()
        theirs = await merchant.pay(customer=customer.id)

        found = await merchant.api.v1.payment_intents.list_async({"customer": customer.id})
        later = await merchant.api.v1.payment_intents.list_async({"created": {"gte": theirs.created + 60}})

        assert [intent.id for intent in found.data] == [theirs.id]
        assert later.data == []

    async def test_search_finds_by_metadata_whatever_the_time(self, merchant: Shop) -> None:
        meant = await merchant.pay(metadata={"order": "first"})
        await merchant.pay(metadata={"order": "first too"})

        found = await merchant.api.v1.payment_intents.search_async({"query": "metadata['order']:'first'"})

        assert [intent.id for intent in found.data] == [meant.id]

    async def test_search_refuses_a_query_that_it_does_not_understand(self, merchant: Shop) -> None:
        with pytest.raises(stripe.InvalidRequestError, match="Invalid query"):
            await merchant.api.v1.payment_intents.search_async({"query": "amount>1000"})

    async def test_another_account_sees_nothing(self, merchant: Shop) -> None:
        intent = await merchant.pay()
        other = merchant.with_key("sk_test_other")

        assert (await other.v1.payment_intents.list_async()).data == []
        assert (await other.v1.refunds.list_async({"payment_intent": intent.id})).data == []

    async def test_events_can_be_fetched(self, merchant: Shop) -> None:
        await merchant.pay()

        events = await merchant.api.v1.events.list_async({"type": "payment_intent.succeeded"})

        assert [event.type for event in events.data] == ["payment_intent.succeeded"]

    async def test_every_charge_stands_in_the_balance(self, merchant: Shop) -> None:
        intent = await merchant.pay()
        await merchant.api.v1.refunds.create_async({"payment_intent": intent.id, "amount": 200})

        lines = await merchant.api.v1.balance_transactions.list_async()

        assert [(line.type, line.amount) for line in lines.data] == [("refund", -200), ("charge", 1000)]
        assert statuses(lines.data) == ["available", "pending"]
