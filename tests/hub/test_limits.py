import asyncio

import pytest

from hub.limits import RateLimiter
from hub.redis import SharedMemory


async def test_no_more_than_the_limit_passes_and_the_rest_is_told_when_to_come_back() -> None:
    now = 0.0
    limiter = RateLimiter(SharedMemory(None), 3, lambda: now)

    answers = [await limiter.take("key_1") for _ in range(4)]
    now = 60.0

    assert answers == [None, None, None, 60]
    assert await limiter.take("key_1") is None


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
