"""Deliveries travel as a test wishes: twice, out of order, late, never, forged or in a storm."""

import asyncio
import sqlite3
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest

from tests.hub.sandbox.stripe_shop import Shop, shop


@asynccontextmanager
async def silent() -> AsyncIterator[str]:
    """Accept connections and never answer."""

    async def hang(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        opened.append(writer)

    opened: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    for writer in opened:
        writer.close()
    server.close()


IN_ORDER = ["payment_intent.created", "charge.succeeded", "payment_intent.succeeded"]


@pytest.fixture
async def merchant(tmp_path: Path) -> AsyncIterator[Shop]:
    async with shop(tmp_path / "book.db") as opened:
        yield opened


async def mode(merchant: Shop, name: str, **more: object) -> None:
    await merchant.control("POST", "/webhooks", {"mode": name, **more})


class TestModes:
    async def test_duplicates_come_one_after_the_other(self, merchant: Shop) -> None:
        await mode(merchant, "duplicate")
        await merchant.pay()

        assert await merchant.types() == [type for type in IN_ORDER for _ in range(2)]
        assert len({heard.event["id"] for heard in merchant.heard}) == 3

    async def test_reordered_deliveries_come_newest_first(self, merchant: Shop) -> None:
        await mode(merchant, "reorder", window_ms=10_000)
        await merchant.pay()

        assert await merchant.types() == IN_ORDER[::-1]

    async def test_delayed_deliveries_come_when_the_clock_says_so(self, merchant: Shop) -> None:
        await mode(merchant, "delay", delay_s=3600)
        await merchant.pay()
        assert await merchant.types() == []

        await merchant.control("POST", "/clock", {"advance_s": 3601})

        assert await merchant.types() == IN_ORDER

    async def test_dropped_deliveries_are_counted_and_never_sent(self, merchant: Shop) -> None:
        await mode(merchant, "drop")
        await merchant.pay()

        assert await merchant.types() == []
        assert (await merchant.flush())["dropped"] == 3

    async def test_a_forged_delivery_has_a_wrong_signature(self, merchant: Shop) -> None:
        await mode(merchant, "forge")
        await merchant.pay()
        await merchant.flush()

        assert [heard.genuine for heard in merchant.heard] == [False, True] * 3

    @pytest.mark.parametrize("kind", ["signature", "body", "timestamp", "missing"])
    async def test_each_kind_of_forgery_comes_before_the_true_one_and_does_not_verify(
        self, merchant: Shop, kind: str
    ) -> None:
        await mode(merchant, "forge", forgeries=[kind])
        await merchant.pay()
        await merchant.flush()

        assert [heard.genuine for heard in merchant.heard] == [False, True] * 3

    async def test_a_forged_body_asks_for_more_money_under_a_true_signature_of_another_one(
        self, merchant: Shop
    ) -> None:
        await mode(merchant, "forge", forgeries=["body"])
        await merchant.pay()
        await merchant.flush()

        forged, true = merchant.heard[:2]
        assert forged.event["data"]["object"]["amount"] == 91000
        assert (forged.event["id"], forged.signature) == (true.event["id"], true.signature)

    async def test_several_kinds_come_one_after_the_other(self, merchant: Shop) -> None:
        await mode(merchant, "forge", forgeries=["signature", "timestamp"])
        await merchant.pay()
        await merchant.flush()

        assert [heard.genuine for heard in merchant.heard] == [False, False, True] * 3

    async def test_a_kind_that_there_is_not_is_refused_by_name(self, merchant: Shop) -> None:
        told = await merchant.control("POST", "/webhooks", {"mode": "forge", "forgeries": ["colour"]})

        assert told == {"error": "forgeries: of signature, body, timestamp, missing"}

    async def test_a_storm_sends_each_many_times_at_once(self, merchant: Shop) -> None:
        await mode(merchant, "storm", copies=20)
        await merchant.pay()

        assert len(await merchant.types()) == 60

    async def test_normal_again_after_another_mode(self, merchant: Shop) -> None:
        await mode(merchant, "drop")
        await mode(merchant, "normal")
        await merchant.pay()

        assert await merchant.types() == IN_ORDER


class TestRetries:
    async def test_a_refused_delivery_comes_again_on_the_processors_schedule(self, merchant: Shop) -> None:
        merchant.answers = [500]
        await merchant.pay()
        assert await merchant.types() == IN_ORDER
        assert (await merchant.flush())["queued"] == 1

        await merchant.control("POST", "/clock", {"advance_s": 6})

        assert await merchant.types() == [*IN_ORDER, IN_ORDER[0]]
        assert (await merchant.flush()) == {"queued": 0, "delivered": 3, "dropped": 0, "failed": 0}

    async def test_the_queue_survives_a_restart(self, tmp_path: Path) -> None:
        book = tmp_path / "book.db"
        async with shop(book) as before:
            before.answers = [500, 500, 500]
            await before.pay()
            await before.flush()
        async with shop(book) as after:
            await after.control("POST", "/clock", {"advance_s": 6})

            assert await after.types() == IN_ORDER

    async def test_a_book_from_before_deliveries_knew_their_event_still_opens(self, tmp_path: Path) -> None:
        book = tmp_path / "book.db"
        async with shop(book) as before:
            before.answers = [500, 500, 500]
            await before.pay()
            await before.flush()
        with closing(sqlite3.connect(book)) as old:
            old.execute("DROP INDEX deliveries_of_event")
            old.execute("DROP INDEX deliveries_undelivered")
            old.execute("ALTER TABLE deliveries DROP COLUMN event")
        async with shop(book) as after:
            await after.control("POST", "/clock", {"advance_s": 6})

            assert await after.types() == IN_ORDER

    async def test_a_receiver_that_hangs_holds_up_no_other_account(self, merchant: Shop) -> None:
        address = {**merchant.sandbox.settings("acme")}
        async with silent() as url:
            await merchant.control("PUT", "/accounts/stuck", {**address, "webhook_url": url})
            stuck: Any = {"amount": 1000, "currency": "eur"}
            await merchant.with_key("sk_test_stuck").v1.payment_intents.create_async(stuck)
            await merchant.pay()

            await merchant.until("payment_intent.succeeded")

    async def test_an_account_without_an_address_hears_nothing(self, merchant: Shop) -> None:
        await merchant.control("PUT", "/accounts/acme", {"webhook_url": None})
        await merchant.pay()

        assert (await merchant.flush())["delivered"] == 0


class TestRedelivery:
    async def test_an_event_goes_out_once_more(self, merchant: Shop) -> None:
        await merchant.pay()
        await merchant.flush()
        first = merchant.heard[0]

        await merchant.control("POST", "/webhooks/redeliver", {"event": first.event["id"]})
        await merchant.flush()

        assert len(merchant.heard) == 4
        assert merchant.heard[-1].body == first.body
        assert merchant.heard[-1].genuine

    async def test_a_dropped_delivery_goes_out_by_its_number(self, merchant: Shop) -> None:
        await mode(merchant, "drop")
        await merchant.pay()
        dropped = (await merchant.control("GET", "/webhooks"))["data"][-1]

        await merchant.control("POST", "/webhooks/redeliver", {"seq": dropped["seq"]})

        assert await merchant.types() == [dropped["label"]]
        assert merchant.heard[0].event["id"] == dropped["event"]

    async def test_what_was_never_sent_is_said(self, merchant: Shop) -> None:
        told = await merchant.control("POST", "/webhooks/redeliver", {"event": "evt_none"})

        assert told == {"error": "no delivery of the event evt_none or with the seq None"}


class TestAddresses:
    async def test_an_address_is_used_as_it_is_written(self, merchant: Shop) -> None:
        url = merchant.sandbox.settings("acme")["webhook_url"].replace("http://", "http://me:s%2Fcret@")
        await merchant.control("PUT", "/accounts/acme", {"webhook_url": f"{url}?shop=a%2Fb&again=1"})
        await merchant.pay()
        await merchant.flush()

        heard = merchant.heard[0]
        assert heard.target.endswith("?shop=a%2Fb&again=1")
        assert heard.authorization == "Basic " + b64encode(b"me:s/cret").decode()

    async def test_an_address_that_is_none_counts_as_not_answering(self, merchant: Shop) -> None:
        await merchant.control("PUT", "/accounts/acme", {"webhook_url": "http://"})
        await merchant.pay()

        assert (await merchant.flush())["queued"] == 3


class TestEndpoints:
    async def test_a_registered_endpoint_gets_its_secret_and_only_its_events(self, merchant: Shop) -> None:
        url = merchant.sandbox.settings("acme")["webhook_url"]

        made = await merchant.api.v1.webhook_endpoints.create_async(
            {"url": url, "enabled_events": ["payment_intent.succeeded"]}
        )
        await merchant.pay()

        assert str(made.secret).startswith("whsec_")
        assert await merchant.types() == ["payment_intent.succeeded"]


class TestDashboard:
    async def test_a_refund_by_hand_is_told_like_any_other(self, merchant: Shop) -> None:
        intent = await merchant.pay()

        order = {"do": "refund", "processor_reference": intent.id, "amount": 250}
        refund = await merchant.control("POST", "/dashboard", order)

        assert (refund["object"], refund["amount"], refund["metadata"]) == ("refund", 250, {})
        assert (await merchant.until("refund.created"))["id"] == refund["id"]
        assert (await merchant.money())["refunded"] == 250

    async def test_capture_cancel_and_dispute_by_hand(self, merchant: Shop) -> None:
        taken, let_go = await merchant.pay(capture_method="manual"), await merchant.pay(capture_method="manual")

        for do, intent in (("capture", taken), ("dispute", taken), ("cancel", let_go)):
            await merchant.control("POST", "/dashboard", {"do": do, "processor_reference": intent.id})

        money = await merchant.money()
        assert (money["captured"], money["disputed"], money["voided"]) == (1000, 1000, 1000)

    async def test_what_cannot_be_done_is_said(self, merchant: Shop) -> None:
        told = await merchant.control("POST", "/dashboard", {"do": "refund", "processor_reference": "pi_none"})

        assert told == {"error": "no PaymentIntent pi_none"}

    async def test_an_order_that_there_is_not_is_refused_by_name(self, merchant: Shop) -> None:
        told = await merchant.control("POST", "/dashboard", {"do": "dance", "processor_reference": "pi_none"})

        assert told["error"].startswith("do: one of refund, capture, cancel, dispute")
