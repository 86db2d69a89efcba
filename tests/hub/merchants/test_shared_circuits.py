"""Circuits that several processes share through Valkey, and accounts that stop in all of them at once."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from hub.merchants.health import TURN_MS, HealthBoard
from hub.redis import SharedMemory
from routing.health import OPEN_FOR, PROBE_FOR, Circuit
from tests.hub.figures.living import eventually, health_of, second_of
from tests.hub.house import QUICK, house
from tests.processes import free_port

Boards = Callable[..., HealthBoard]
LATER = OPEN_FOR + timedelta(seconds=1)


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def boards(redis_url: str, clock: Clock) -> AsyncIterator[Boards]:
    """Makes boards as separate processes have them."""
    memories: list[SharedMemory] = []

    def make(turn_ms: int = TURN_MS) -> HealthBoard:
        memories.append(SharedMemory(redis_url))
        return HealthBoard(memories[-1], clock, turn_ms=turn_ms)

    yield make
    for memory in memories:
        await memory.close()


async def fail(board: HealthBoard, times: int = 5) -> None:
    for _ in range(times):
        await board.ended("ma_1", failed=True)


async def test_what_one_process_opened_is_open_and_half_open_in_the_other(boards: Boards, clock: Clock) -> None:
    first, second = boards(), boards()
    await fail(first)
    await second.read()
    assert second.open_circuits() == {"ma_1"}
    assert second.circuit_of("ma_1") is Circuit.OPEN

    clock.now += LATER

    assert second.circuit_of("ma_1") is Circuit.HALF_OPEN


@pytest.mark.fault_case(id="OPS-03")
async def test_one_process_at_a_time_may_send_the_probe(boards: Boards, clock: Clock) -> None:
    first, second = boards(), boards()
    await fail(first)
    await second.read()
    clock.now += LATER

    await first.read()
    await second.read()

    assert first.open_circuits() == frozenset()
    assert second.open_circuits() == {"ma_1"}


async def test_once_the_probe_is_sent_nobody_sends_another(boards: Boards, clock: Clock) -> None:
    first, second = boards(), boards()
    await fail(first)
    await second.read()
    clock.now += LATER
    await first.read()
    first.sending("ma_1")
    await first.read()  # Keeps its turn until the probe's end.

    assert first.open_circuits() == {"ma_1"}
    await asyncio.sleep(TURN_MS / 1000 + 0.2)
    await second.read()
    assert second.open_circuits() == {"ma_1"}


async def test_who_sends_no_probe_leaves_the_turn_to_another(boards: Boards, clock: Clock) -> None:
    first, second = boards(), boards()
    await fail(first)
    await second.read()
    clock.now += LATER
    await first.read()

    await asyncio.sleep(TURN_MS / 1000 + 0.2)
    await second.read()

    assert second.open_circuits() == frozenset()


@pytest.mark.fault_case(id="OPS-03")
async def test_who_asks_again_the_moment_its_turn_ends_lets_another_go_first(boards: Boards, clock: Clock) -> None:
    busy, idle = boards(turn_ms=200), boards(turn_ms=200)
    await fail(busy)
    await idle.read()
    clock.now += LATER
    await idle.read()
    await busy.read()
    had = [idle.open_circuits(), busy.open_circuits()]

    await asyncio.sleep(0.25)
    await idle.read()
    await busy.read()

    assert had == [frozenset(), {"ma_1"}]
    assert idle.open_circuits() == {"ma_1"}
    assert busy.open_circuits() == frozenset()


async def test_who_is_alone_has_one_turn_after_the_other(boards: Boards, clock: Clock) -> None:
    alone = boards(turn_ms=200)
    await fail(alone)
    clock.now += LATER
    await alone.read()

    await asyncio.sleep(0.25)
    await alone.read()

    assert alone.open_circuits() == frozenset()


async def test_a_probe_that_went_well_closes_the_circuit_in_every_process(boards: Boards, clock: Clock) -> None:
    first, second = boards(), boards()
    await fail(first)
    await second.read()
    await first.read()
    clock.now += LATER
    await second.read()
    second.sending("ma_1")
    assert await second.ended("ma_1", failed=False)

    await first.read()

    assert [one.circuit_of("ma_1") for one in (first, second)] == [Circuit.CLOSED] * 2
    assert first.open_circuits() == frozenset()


async def test_a_probe_that_failed_keeps_every_process_away_anew(boards: Boards, clock: Clock) -> None:
    first, second = boards(), boards()
    await fail(first)
    await second.read()
    clock.now += LATER
    await first.read()
    first.sending("ma_1")
    await fail(first, 1)

    await second.read()
    clock.now += OPEN_FOR / 2

    assert second.circuit_of("ma_1") is Circuit.OPEN


async def test_without_redis_a_process_sends_its_own_probe(clock: Clock) -> None:
    board = HealthBoard(SharedMemory(None), clock)
    await fail(board)
    clock.now += LATER
    assert board.open_circuits() == frozenset()

    board.sending("ma_1")

    assert board.open_circuits() == {"ma_1"}
    clock.now += PROBE_FOR
    assert board.open_circuits() == frozenset()


async def test_when_redis_is_lost_a_process_sends_its_own_probe(clock: Clock) -> None:
    gone = SharedMemory(f"redis://127.0.0.1:{free_port()}")
    board = HealthBoard(gone, clock)
    await fail(board)
    clock.now += LATER

    await board.read()

    assert board.open_circuits() == frozenset()
    await gone.close()


@pytest.mark.parametrize("status", ["draining", "paused"])
@pytest.mark.parametrize("with_redis", [True, False])
async def test_an_account_that_is_stopped_takes_nothing_new_anywhere_within_a_second(
    *, status: str, with_redis: bool, redis_url: str, postgres_url: str, tmp_path: Path
) -> None:
    # Where Valkey tells of a change, polling is not needed for it.
    poll_ms = 60_000 if with_redis else 1_000
    settings = replace(QUICK, redis_url=redis_url if with_redis else None, snapshot_poll_ms=poll_ms)
    async with house(postgres_url, tmp_path, settings=settings, second=True, with_worker=False) as home:
        hubs = (home.hub, second_of(home))
        if with_redis:
            await asyncio.gather(*(hub.parts.directory.listening() for hub in hubs))
        account = home.accounts["stripe-eu"]
        wanted = {"payment_method": home.payment_method, "merchant_account": account}
        assert (await hubs[1].charge(**wanted)).status_code == 201

        changed = await home.hub.client.patch(f"/v1/merchant_accounts/{account}", json={"status": status})
        assert changed.status_code == 200

        async def stopped() -> bool:
            return bool((await health_of(hubs[1], account))["status"] == status)

        await eventually(stopped, 1.5)
        refused = [await hub.charge(**wanted) for hub in hubs]

    assert [answer.status_code for answer in refused] == [503, 503]
    shown = {"merchant_account": account, "eligible": False, "reason": status}
    assert all(shown in answer.json()["considered"] for answer in refused)
