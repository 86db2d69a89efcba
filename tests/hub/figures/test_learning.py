"""Processes learn together from outcomes, with Valkey, without, and when it is lost."""

import msgspec
from redis.asyncio import Redis

from hub.figures.outcomes import LEASE, LIST, VALUE, VERSION, WAITING_MAX, Learning
from hub.figures.rules import Told
from hub.redis import SharedMemory
from routing.evidence import estimate, groups_within
from tests.processes import free_port

GROUP = ("EUR", "visa", "credit", "DE")


def told(*, approved: bool = True, livemode: bool = False) -> Told:
    return Told(livemode, "ma_1", GROUP, approved)


def outcomes(learning: Learning, *, livemode: bool = False) -> float:
    return round(estimate(learning.known.of(livemode=livemode), "ma_1", groups_within(GROUP)).outcomes, 1)


async def push(redis_url: str, *some: Told) -> None:
    async with Redis.from_url(redis_url, decode_responses=True) as client:
        lines = [msgspec.json.encode(one).decode() for one in some]
        await client.rpush(LIST, *lines)


async def test_without_redis_a_process_learns_for_itself() -> None:
    learning = Learning(SharedMemory(None))
    for _ in range(3):
        learning.add(told())

    await learning.learn()

    assert (outcomes(learning), learning.known.version) == (3.0, 1)
    await learning.learn()
    assert learning.known.version == 1


async def test_what_processes_learned_by_themselves_has_other_names_and_nothing_has_one() -> None:
    first, second = Learning(SharedMemory(None)), Learning(SharedMemory(None))
    assert first.name == second.name
    for learning, approved in ((first, True), (second, False)):
        learning.add(told(approved=approved))
        await learning.learn()

    assert first.known.version == second.known.version
    assert first.name != second.name


async def test_live_and_test_are_learned_apart() -> None:
    learning = Learning(SharedMemory(None))
    learning.add(told(livemode=True))

    await learning.learn()

    assert (outcomes(learning, livemode=True), outcomes(learning)) == (1.0, 0)


async def test_what_waits_is_bounded() -> None:
    learning = Learning(SharedMemory(None))
    for _ in range(WAITING_MAX + 5):
        learning.add(told())

    assert len(learning.take()) == WAITING_MAX


async def test_one_process_learns_and_all_know_the_same(redis_url: str) -> None:
    shared = SharedMemory(redis_url)
    first, second = Learning(shared), Learning(shared)
    await push(redis_url, told(), told(approved=False))

    await first.learn()
    await second.learn()

    assert outcomes(first) == outcomes(second) == 2.0
    assert first.known == second.known
    await shared.close()


async def test_an_outcome_is_learned_from_once(redis_url: str) -> None:
    shared = SharedMemory(redis_url)
    processes = [Learning(shared) for _ in range(3)]
    await push(redis_url, told())

    for _ in range(3):
        for process in processes:
            await process.learn()

    assert [outcomes(process) for process in processes] == [1.0, 1.0, 1.0]
    await shared.close()


async def test_another_process_goes_on_when_the_one_that_learned_is_gone(redis_url: str) -> None:
    shared = SharedMemory(redis_url)
    first, second = Learning(shared), Learning(shared)
    await push(redis_url, told())
    await first.learn()
    await push(redis_url, told())
    async with Redis.from_url(redis_url) as client:
        await client.delete(LEASE)  # As it is when the first has not come for a while.

    await second.learn()

    assert outcomes(second) == 2.0
    await shared.close()


async def test_what_was_known_is_published_again_when_redis_has_forgotten_it(redis_url: str) -> None:
    shared = SharedMemory(redis_url)
    first, new = Learning(shared), Learning(shared)
    await push(redis_url, told())
    await first.learn()
    async with Redis.from_url(redis_url) as client:
        await client.delete(VALUE, VERSION)

    await first.learn()
    await new.learn()

    assert outcomes(new) == 1.0
    await shared.close()


async def test_what_cannot_be_read_is_passed_over(redis_url: str) -> None:
    shared = SharedMemory(redis_url)
    learning = Learning(shared)
    async with Redis.from_url(redis_url, decode_responses=True) as client:
        await client.rpush(LIST, "{", "[]")
        await push(redis_url, told())

        await learning.learn()

        assert (outcomes(learning), await client.llen(LIST)) == (1.0, 0)
    await shared.close()


async def test_a_value_that_cannot_be_read_leaves_what_was_known(redis_url: str) -> None:
    shared = SharedMemory(redis_url)
    learning = Learning(shared)
    await push(redis_url, told())
    await learning.learn()
    async with Redis.from_url(redis_url) as client:
        await client.set(VALUE, "of another version")
        await client.set(VERSION, "99")

    await learning.learn()

    assert outcomes(learning) == 1.0
    await shared.close()


async def test_what_is_known_goes_on_being_used_when_redis_is_lost() -> None:
    shared = SharedMemory(f"redis://127.0.0.1:{free_port()}")
    learning = Learning(shared)
    before = learning.known

    await learning.learn()

    assert learning.known is before
    await shared.close()
