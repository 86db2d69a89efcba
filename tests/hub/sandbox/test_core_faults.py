"""A sandbox fails on demand, exactly as asked, and its money view says what was done all the same."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from tests.hub.pretending import running
from tests.hub.sandbox.stripe_shop import Json, Shop, shop

FORM = {
    "amount": "1000", "currency": "eur", "payment_method": "pm_card_visa", "confirm": "true",
    "allowed_payment_method_types[0]": "card",
}  # fmt: skip
PATIENCE = aiohttp.ClientTimeout(total=0.3)


@pytest.fixture
async def merchant(tmp_path: Path) -> AsyncIterator[Shop]:
    async with shop(tmp_path / "book.db") as opened:
        yield opened


async def charge(http: aiohttp.ClientSession, url: str, *, tag: str = "att_1", account: str = "acme") -> int:
    """Charge by hand, since the SDK would hide how the answer broke."""
    headers = {"Authorization": f"Bearer sk_test_{account}", "Idempotency-Key": tag}
    target, form = f"{url}/v1/payment_intents", {**FORM, "metadata[hub_operation]": tag}
    async with http.post(target, data=form, headers=headers, timeout=PATIENCE) as answer:
        await answer.json()
        return answer.status


async def fault(merchant: Shop, name: str, **more: object) -> None:
    await merchant.control("POST", "/faults", {"fault": name, **more})


class TestFaults:
    @pytest.mark.parametrize(
        ("name", "failure", "charges"),
        [
            ("silent_before", TimeoutError, 0),
            ("silent_after", TimeoutError, 1),
            ("reset_before", aiohttp.ClientOSError, 0),
            ("reset_after", aiohttp.ClientOSError, 1),
            ("malformed", ValueError, 1),
            ("truncated", aiohttp.ClientPayloadError, 1),
        ],
    )
    async def test_an_answer_breaks_and_the_book_says_whether_it_was_done(
        self, merchant: Shop, name: str, failure: type[Exception], charges: int
    ) -> None:
        await fault(merchant, name)

        with pytest.raises(failure):
            await charge(merchant.http, merchant.sandbox.url)

        assert (await merchant.money())["charges"] == charges

    @pytest.mark.parametrize(
        ("name", "status", "charges"),
        [("error_500_before", 500, 0), ("error_500_after", 500, 1), ("rate_limited", 429, 0)],
    )
    async def test_an_error_answer_and_the_book_says_whether_it_was_done(
        self, merchant: Shop, name: str, status: int, charges: int
    ) -> None:
        await fault(merchant, name)

        assert await charge(merchant.http, merchant.sandbox.url) == status
        assert (await merchant.money())["charges"] == charges

    async def test_a_replay_after_silence_finds_the_charge(self, merchant: Shop) -> None:
        await fault(merchant, "silent_after")
        with pytest.raises(TimeoutError):
            await charge(merchant.http, merchant.sandbox.url)

        assert await charge(merchant.http, merchant.sandbox.url) == 200
        assert (await merchant.money())["charges"] == 1

    async def test_a_500_after_charging_is_what_stripe_answers_again(self, merchant: Shop) -> None:
        await fault(merchant, "error_500_after")

        seen = [await charge(merchant.http, merchant.sandbox.url) for _ in range(2)]

        assert seen == [500, 500]
        assert (await merchant.money())["charges"] == 1

    async def test_a_delayed_request_acts_even_when_the_caller_has_gone(self, merchant: Shop) -> None:
        await fault(merchant, "delay_before", delay_ms=600)

        with pytest.raises(TimeoutError):
            await charge(merchant.http, merchant.sandbox.url)
        assert (await merchant.money())["charges"] == 0

        await merchant.until("payment_intent.succeeded")
        assert (await merchant.money())["charges"] == 1

    async def test_a_webhook_overtakes_a_delayed_answer(self, merchant: Shop) -> None:
        await fault(merchant, "delay", delay_ms=200)

        answer = asyncio.create_task(charge(merchant.http, merchant.sandbox.url))
        await merchant.until("payment_intent.succeeded")

        assert not answer.done()
        assert await answer == 200

    async def test_a_fault_meets_only_what_it_names_and_as_often_as_it_says(self, merchant: Shop) -> None:
        match = {"operation": "purchase", "reference": "att_2", "account": "acme"}
        await fault(merchant, "rate_limited", match=match, count=2)

        other_tag = await charge(merchant.http, merchant.sandbox.url, tag="att_1")
        other_account = await charge(merchant.http, merchant.sandbox.url, tag="att_2", account="other")
        met = [await charge(merchant.http, merchant.sandbox.url, tag="att_2") for _ in range(3)]

        assert (other_tag, other_account, met) == (200, 200, [429, 429, 200])

    async def test_faults_can_be_taken_back(self, merchant: Shop) -> None:
        await fault(merchant, "silent_before", count=None)
        await merchant.control("DELETE", "/faults")

        assert await charge(merchant.http, merchant.sandbox.url) == 200

    async def test_an_unknown_fault_is_refused_by_name(self, merchant: Shop) -> None:
        told = await merchant.control("POST", "/faults", {"fault": "earthquake"})

        assert "earthquake" in told["error"]


class TestRequestLog:
    async def test_it_says_which_calls_arrived_and_nothing_of_the_card(self, merchant: Shop) -> None:
        await charge(merchant.http, merchant.sandbox.url)

        seen: list[Json] = (await merchant.control("GET", "/requests?tag=att_1"))["data"]
        none: list[Json] = (await merchant.control("GET", "/requests?tag=att_2"))["data"]

        assert [(one["method"], one["operation"], one["idempotency_key"]) for one in seen] == [
            ("POST", "purchase", "att_1")
        ]
        assert none == []
        assert "pm_card_visa" not in str(seen)


class TestBook:
    async def test_money_stands_by_account_and_currency(self, merchant: Shop) -> None:
        for tag, account in (("att_1", "acme"), ("att_2", "acme"), ("att_3", "other")):
            await charge(merchant.http, merchant.sandbox.url, tag=tag, account=account)

        accounts = (await merchant.control("GET", "/money"))["accounts"]

        assert accounts["acme"]["EUR"]["captured"] == 2000
        assert accounts["acme"]["EUR"]["charges"] == 2
        assert accounts["other"]["EUR"]["charges"] == 1

    async def test_what_was_told_survives_kill_9(self, tmp_path: Path) -> None:
        book = tmp_path / "book.db"
        command = ("-m", "hub.sandbox", "stripe", "--book", str(book), "--json")
        process = await asyncio.create_subprocess_exec(sys.executable, *command, stdout=asyncio.subprocess.PIPE)
        assert process.stdout is not None
        url = json.loads(await process.stdout.readline())["url"]
        async with aiohttp.ClientSession() as http:
            assert await charge(http, url) == 200
            process.kill()
            await process.wait()

            async with running("stripe", book) as url:
                assert await charge(http, url) == 200
                async with http.get(f"{url}/_control/money?tag=att_1") as answer:
                    assert (await answer.json())["charges"] == 1
