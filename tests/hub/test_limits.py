import asyncio

import pytest

from hub.limits import _KEYS_MAX, WINDOW_MS, RateLimiter
from hub.redis import SharedMemory


async def test_no_more_than_the_limit_passes_and_the_rest_is_told_when_to_come_back() -> None:
    now = 0.0
    limiter = RateLimiter(SharedMemory(None), 3, lambda: now)

    answers = [await limiter.take("key_1") for _ in range(4)]
    now = 60.0

    assert answers == [None, None, None, 60]
    assert await limiter.take("key_1") is None


async def test_who_asks_again_and_again_waits_no_longer_for_it() -> None:
    now = 0.0
    limiter = RateLimiter(SharedMemory(None), 1, lambda: now)

    await limiter.take("key_1")
    now = 59.0

    assert [await limiter.take("key_1") for _ in range(3)] == [1, 1, 1]
    now = 60.0
    assert await limiter.take("key_1") is None


async def test_who_has_used_its_limit_up_has_so_however_many_keys_there_are() -> None:
    now = 0.0
    limiter = RateLimiter(SharedMemory(None), 1, lambda: now)
    for number in range(_KEYS_MAX - 1):
        await limiter.take(f"key_{number}")
    now = 30.0
    await limiter.take("busy")

    now = 61.0
    await limiter.take("one too many to keep them all")

    assert await limiter.take("busy") == 29


async def test_a_shared_limit_is_of_one_key_and_of_one_minute(redis_url: str) -> None:
    memory = SharedMemory(redis_url)
    limiter = RateLimiter(memory, 1)
    assert memory.client is not None

    answers = [await limiter.take(key) for key in ("lim_1", "lim_2")]
    left_ms = await memory.client.pttl("hub:limit:lim_1")
    answers.append(await limiter.take("lim_1"))
    await memory.client.persist("hub:limit:lim_1")  # As where Redis died right after it had counted.
    again = await limiter.take("lim_1")
    set_ms = await memory.client.pttl("hub:limit:lim_1")
    await memory.close()

    assert answers[:2] == [None, None]
    assert answers[2] is not None
    assert 0 < left_ms <= WINDOW_MS
    assert (again, 0 < set_ms <= WINDOW_MS) == (60, True)


@pytest.mark.fault_case(id="API-11")
async def test_keys_do_not_share_a_limit() -> None:
    limiter = RateLimiter(SharedMemory(None), 1)

    assert [await limiter.take(key) for key in ("key_1", "key_2")] == [None, None]


@pytest.mark.fault_case(id="API-11")
async def test_two_processes_share_one_limit_exactly(redis_url: str) -> None:
    first, second = SharedMemory(redis_url), SharedMemory(redis_url)
    limiters = [RateLimiter(first, 20), RateLimiter(second, 20)]

    answers = await asyncio.gather(*(limiters[n % 2].take("key_1") for n in range(60)))
    await first.close()
    await second.close()

    assert answers.count(None) == 20
    assert all(wait is None or 1 <= wait <= 60 for wait in answers)


async def test_without_its_redis_a_limiter_counts_for_itself() -> None:
    gone = SharedMemory("redis://127.0.0.1:1")
    limiter = RateLimiter(gone, 2)

    answers = [await limiter.take("key_1") for _ in range(3)]
    await gone.close()

    assert answers == [None, None, 60]
