"""What an account may take in a day: the payment after the last one goes elsewhere."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.access.rules import Caller
from hub.database import Database
from hub.figures.board import FigureBoard
from hub.figures.days import Attempt
from hub.payments.planning import allowed, still_open
from hub.redis import SharedMemory
from normalization.money import Currency, Money
from routing.facts import Chargeable
from routing.plan import plan
from tests.hub.figures.living import decide, eventually, health_of, second_of
from tests.hub.house import QUICK, House, Hub, add_account, house, serving
from tests.routing.samples import facts

NOBODY: dict[str, Any] = {"key_id": "", "principal": "ada", "role": None, "scopes": frozenset(), "livemode": False}
PAYMENT = facts(chargeable=Chargeable(processors=("stripe",)))


class Held(Database):
    """A database whose readers are kept waiting, and that does nothing else."""

    def __init__(self, database: Database) -> None:
        """Keep the readers of *database*, which is open, waiting until they may `go`."""
        self.behind = database
        self.asked = asyncio.Event()
        self.go = asyncio.Event()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """Open a connection that only reads, later."""
        self.asked.set()
        await self.go.wait()
        async with self.behind.reading() as connection:
            yield connection


async def limited(home: House, **limits: int) -> str:
    """An account with daily limits, and another one behind it."""
    account = await add_account(home, "limited", "stripe", "limited", limits=limits)
    order = [account, home.accounts["stripe-eu"]]
    await decide(home, otherwise={"strategy": "priority", "accounts": order})
    return account


async def goes_to(hub: Hub, home: House, **changes: Any) -> str:
    answer = await hub.charge(**{"payment_method": home.payment_method} | changes)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["merchant_account"])


async def test_the_eleventh_payment_of_a_day_goes_elsewhere(database_url: str, tmp_path: Path) -> None:
    async with house(database_url, tmp_path, with_worker=False) as home:
        account = await limited(home, daily_count_max=10)
        went = [await goes_to(home.hub, home) for _ in range(11)]

        assert went == [account] * 10 + [home.accounts["stripe-eu"]]
        today = (await health_of(home.hub, account))["today"]
        assert (today["count"], today["count_max"], today["amounts"]) == (10, 10, {"EUR": 49_990})
        why = (await home.hub.charge(payment_method=home.payment_method)).json()["routing"]["considered"]
        assert {"merchant_account": account, "eligible": False, "reason": "limits"} in why


async def test_a_process_that_starts_knows_what_the_day_brought(database_url: str, tmp_path: Path) -> None:
    async with house(database_url, tmp_path, with_worker=False) as home:
        account = await limited(home, daily_count_max=2)
        for _ in range(2):
            await goes_to(home.hub, home)

        key = home.hub.client.headers["Authorization"].removeprefix("Bearer ")
        async with serving(home.hub.parts.settings, key, with_worker=False) as fresh:
            assert await goes_to(fresh, home) != account


async def test_an_amount_that_would_pass_the_days_limit_goes_elsewhere(sqlite_url: str, tmp_path: Path) -> None:
    async with house(sqlite_url, tmp_path, with_worker=False) as home:
        account = await limited(home, daily_amount_max=10_000)

        went = [await goes_to(home.hub, home, amount=amount) for amount in (6_000, 4_001, 4_000, 50)]

        assert [one == account for one in went] == [True, False, True, False]
        assert await goes_to(home.hub, home, amount=10_000, currency="USD") == account


async def test_what_was_declined_takes_nothing_of_the_limit(sqlite_url: str, tmp_path: Path) -> None:
    async with house(sqlite_url, tmp_path, with_worker=False) as home:
        account = await limited(home, daily_count_max=1)
        bad = await home.method(stripe="pm_card_chargeDeclinedExpiredCard")

        assert (await home.hub.charge(payment_method=bad)).json()["status"] == "failed"

        assert await goes_to(home.hub, home) == account
        assert await goes_to(home.hub, home) != account


async def test_a_payment_made_while_the_database_is_asked_counts_once(database_url: str, tmp_path: Path) -> None:
    async with house(database_url, tmp_path, with_worker=False) as home:
        account = await limited(home, daily_count_max=10)
        held = Held(home.hub.parts.database)
        board = FigureBoard(held, SharedMemory(None), home.hub.parts.directory, lambda: datetime.now(UTC))

        asking = asyncio.create_task(board.read_days())
        await held.asked.wait()
        paid = (await home.hub.charge(payment_method=home.payment_method)).json()
        board.begun(paid["tag"], Attempt(account, Money(4_999, Currency.EUR)), datetime.now(UTC), {})
        held.go.set()
        await asking

        assert paid["merchant_account"] == account
        assert board.used_today(account) == {"count": 1, "EUR": 4_999}


async def test_two_processes_keep_one_limit(redis_url: str, postgres_url: str, tmp_path: Path) -> None:
    settings = replace(QUICK, redis_url=redis_url)
    async with house(postgres_url, tmp_path, settings=settings, second=True, with_worker=False) as home:
        account = await limited(home, daily_count_max=10)
        hubs = (home.hub, second_of(home))
        for number in range(10):
            assert await goes_to(hubs[number % 2], home) == account

        async def both_know() -> bool:
            return [(await health_of(hub, account))["today"]["count"] for hub in hubs] == [10, 10]

        await eventually(both_know)
        assert [await goes_to(hub, home) for hub in hubs] == [home.accounts["stripe-eu"]] * 2


async def test_without_redis_another_process_is_counted_when_the_database_is_read(
    postgres_url: str, tmp_path: Path
) -> None:
    async with house(postgres_url, tmp_path, second=True, with_worker=False) as home:
        account = await limited(home, daily_count_max=2)
        for _ in range(2):
            assert await goes_to(home.hub, home) == account

        await second_of(home).parts.shell.figures.read_days()

        assert await goes_to(second_of(home), home) != account


async def test_a_simulated_payment_is_kept_away_as_a_charge_would_be_now(sqlite_url: str, tmp_path: Path) -> None:
    async with house(sqlite_url, tmp_path, with_worker=False) as home:
        account = await limited(home, daily_count_max=5, daily_amount_max=10_000)
        asked = {"amount": 4_000, "currency": "EUR", "payment_method": home.payment_method}

        async def reason(amount: int) -> str | None:
            told = await home.hub.post("/v1/routing/simulate", asked | {"amount": amount})
            reasons = {one["merchant_account"]: one["reason"] for one in told.json()["routing"]["considered"]}
            found: str | None = reasons[account]
            return found

        before = await reason(10_000)
        await goes_to(home.hub, home, amount=6_001)

        assert [before, await reason(4_000), await reason(3_999)] == [None, "limits", None]


async def test_an_attempt_after_a_failed_one_passes_over_what_was_used_up_meanwhile(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with house(sqlite_url, tmp_path, with_worker=False) as home:
        account = await limited(home, daily_count_max=1)
        shell, caller = home.hub.parts.shell, Caller(**NOBODY)
        known = allowed(shell, caller, PAYMENT.money)
        decided = plan(PAYMENT, known)
        assert [choice.merchant_account for choice in decided.order] == [account, home.accounts["stripe-eu"]]

        await goes_to(home.hub, home)

        left = still_open(shell, caller, PAYMENT.money, decided)
        assert [choice.merchant_account for choice in left.order] == [home.accounts["stripe-eu"]]


async def test_a_session_for_an_amount_is_opened_elsewhere_and_one_without_stays(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with house(sqlite_url, tmp_path, with_worker=False) as home:
        account = await limited(home, daily_count_max=1)
        await goes_to(home.hub, home)

        pinned = {"currency": "EUR", "merchant_account": account}
        free = await home.hub.post("/v1/payment_sessions", pinned)
        charging = await home.hub.post("/v1/payment_sessions", pinned | {"amount": 4_999})

        assert free.status_code == 201, free.text
        assert (charging.status_code, charging.json()["code"]) == (422, "no_merchant_account")
        assert {"merchant_account": account, "eligible": False, "reason": "limits"} in charging.json()["considered"]
