"""Circuits while Valkey is away, and once it is back and has forgotten everything."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from redis.asyncio import Redis

from hub.merchants.health import KEY, HealthBoard
from hub.redis import SharedMemory
from routing.health import OPEN_FOR, Circuit
from tests.hub.figures.living import decide, eventually, health_of, second_of
from tests.hub.house import QUICK, House, Hub, add_account, house
from tests.hub.merchants.test_shared_circuits import LATER, Clock, fail
from tests.hub.money import agrees
from tests.processes import free_port
from tests.servers import Valkey


class Distant(SharedMemory):
    """Valkey behind a line that can be cut, or that breaks in a way nobody thought of."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.cut = False
        self.breaks = 0

    async def ask(self, question: Callable[[Redis], Awaitable[Any]]) -> Any:
        if self.breaks:
            self.breaks -= 1
            raise RuntimeError("nobody thought of this")
        return None if self.cut else await super().ask(question)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def forgetful() -> Iterator[Valkey]:
    server = Valkey()
    yield server
    server.stop()


def board(url: str, clock: Clock, **more: int) -> tuple[Distant, HealthBoard]:
    shared = Distant(url)
    return shared, HealthBoard(shared, clock, **more)


@pytest.mark.fault_case(id="RD-02")
async def test_a_circuit_stays_open_when_redis_has_forgotten_it_and_is_told_to_the_others_anew(
    redis_url: str, clock: Clock
) -> None:
    (line, first), (other_line, fresh) = board(redis_url, clock), board(redis_url, clock)
    await fail(first)
    async with Redis.from_url(redis_url) as client:
        await client.flushall()

    await first.read()
    await fresh.read()

    assert [one.circuit_of("ma_1") for one in (first, fresh)] == [Circuit.OPEN] * 2
    clock.now += LATER
    assert [one.circuit_of("ma_1") for one in (first, fresh)] == [Circuit.HALF_OPEN] * 2
    await line.close()
    await other_line.close()


async def test_what_was_taken_over_from_another_process_stays_until_its_time_is_over(
    redis_url: str, clock: Clock
) -> None:
    (line, first), (other_line, second) = board(redis_url, clock), board(redis_url, clock)
    await fail(first)
    await second.read()
    other_line.cut = True

    clock.now += OPEN_FOR - timedelta(seconds=1)
    await second.read()

    assert second.open_circuits() == {"ma_1"}
    await line.close()
    await other_line.close()


async def test_a_recovery_while_redis_was_away_is_told_when_it_is_back(redis_url: str, clock: Clock) -> None:
    (line, first), (other_line, second) = board(redis_url, clock), board(redis_url, clock)
    await fail(first)
    await second.read()
    line.cut = True
    clock.now += LATER
    first.sending("ma_1")
    assert await first.ended("ma_1", failed=False)
    line.cut = False

    await first.read()
    await second.read()

    assert [one.circuit_of("ma_1") for one in (first, second)] == [Circuit.CLOSED] * 2
    await line.close()
    await other_line.close()


async def test_a_failure_after_a_recovery_that_a_clock_ahead_told_counts_all_the_same(
    redis_url: str, clock: Clock
) -> None:
    ahead = Clock()
    ahead.now += timedelta(seconds=20)
    (line, first), (other_line, second) = board(redis_url, ahead), board(redis_url, clock)
    await fail(first)
    assert await first.ended("ma_1", failed=False, inquiry=True)
    await second.read()

    await fail(second)
    await first.read()

    assert [one.circuit_of("ma_1") for one in (first, second)] == [Circuit.OPEN] * 2
    await line.close()
    await other_line.close()


async def test_what_is_no_word_in_redis_is_passed_over(redis_url: str, clock: Clock) -> None:
    line, only = board(redis_url, clock)
    async with Redis.from_url(redis_url) as client:
        for number, word in enumerate(("", "-", "soon", "--1", "9" * 40, "1e9")):
            await client.hset(KEY, f"ma_{number}", word)

    await only.read()

    assert only.open_circuits() == frozenset()
    await line.close()


async def test_a_round_that_breaks_is_told_and_the_next_one_comes(redis_url: str, clock: Clock) -> None:
    (line, first), (other_line, second) = board(redis_url, clock), board(redis_url, clock, poll_ms=10)
    other_line.breaks = 3
    await second.start()
    await fail(first)

    async def heard() -> bool:
        return second.circuit_of("ma_1") is Circuit.OPEN

    await eventually(heard)
    assert other_line.breaks == 0
    await second.stop()
    await line.close()
    await other_line.close()


@pytest.mark.fault_case(id="RD-02")
async def test_charges_go_on_while_redis_is_killed_and_keep_away_from_an_account_that_fails(
    forgetful: Valkey, postgres_url: str, tmp_path: Path
) -> None:
    settings = replace(QUICK, redis_url=forgetful.url)
    async with house(postgres_url, tmp_path, settings=settings, second=True, with_worker=False) as home:
        nobody = {"base_url": f"http://127.0.0.1:{free_port()}"}
        failing = await add_account(home, "failing", "adyen", "Nobody", credentials=nobody)
        await decide(home, otherwise={"strategy": "priority", "accounts": [failing, home.accounts["stripe-eu"]]})
        went = [await _charged(home.hub, home) for _ in range(5)]

        going_on = asyncio.create_task(_charge_on(home, went))
        forgetful.crash()
        await going_on
        assert await _circuit(home.hub, failing) == "open"
        again = [await _charged(home.hub, home) for _ in range(2)]
        assert all(_left_out(one, failing) == "circuit_open" for one in again)

        forgetful.restart()

        async def shared_again() -> bool:
            return [await _circuit(hub, failing) for hub in (home.hub, second_of(home))] == ["open", "open"]

        async def is_told() -> bool:
            async with Redis.from_url(forgetful.url, decode_responses=True) as client:
                return bool(await client.hexists(KEY, failing))

        await eventually(is_told)
        await eventually(shared_again)
        assert {one["status"] for one in went + again} == {"captured"}
        assert await home.charges("stripe") == len(went + again)
        await agrees(home)


async def _charge_on(home: House, went: list[dict[str, Any]]) -> None:
    for _ in range(3):
        went += await asyncio.gather(*(_charged(hub, home) for hub in (home.hub, second_of(home))))


async def _charged(hub: Hub, home: House) -> dict[str, Any]:
    answer = await hub.charge(payment_method=home.payment_method)
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def _circuit(hub: Hub, account: str) -> str:
    return str((await health_of(hub, account))["circuit"])


def _left_out(payment: dict[str, Any], account: str) -> str | None:
    reasons = {one["merchant_account"]: one["reason"] for one in payment["routing"]["considered"]}
    reason: str | None = reasons[account]
    return reason
