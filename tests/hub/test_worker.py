"""When the worker does what: what somebody waits for as soon as the bell rings, the rest at its own pace."""

import asyncio
from typing import Any

from hub.worker import BY_THE_CLOCK, WHEN_RUNG, Bell, by_the_clock, repeat

NOBODY: Any = None
"""Whom a job that asks for nothing is done for."""


class Counted:
    """A job that never finds anything to do."""

    __name__ = "counted"

    def __init__(self) -> None:
        self.times = 0

    async def __call__(self, _: object) -> int:
        self.times += 1
        return 0

    async def until(self, times: int) -> None:
        for _ in range(10_000):
            if self.times >= times:
                return
            await asyncio.sleep(0)
        raise AssertionError(f"done {self.times} times, not {times}")


async def test_a_bell_that_rings_hurries_nothing_that_goes_by_the_clock() -> None:
    bell, stop = Bell(), asyncio.Event()
    rung, timed = Counted(), Counted()
    working = asyncio.gather(
        repeat(NOBODY, rung, 3_600, 0, bell.wait, stop), repeat(NOBODY, timed, 3_600, 0, by_the_clock(stop), stop)
    )
    await timed.until(1)
    for times in range(1, 20):
        await rung.until(times)
        await asyncio.sleep(0)
        bell.ring()
    await rung.until(20)

    assert timed.times == 1

    stop.set()
    bell.ring()
    await working


async def test_what_goes_by_the_clock_does_not_hold_up_a_stop() -> None:
    stop = asyncio.Event()
    timed = Counted()
    working = asyncio.create_task(repeat(NOBODY, timed, 3_600, 0, by_the_clock(stop), stop))
    await timed.until(1)

    stop.set()

    async with asyncio.timeout(10):
        await working
    assert timed.times == 1


def test_every_job_is_done_in_one_way() -> None:
    names = [job.__name__ for job, _ in (*WHEN_RUNG, *BY_THE_CLOCK)]

    assert sorted(set(names)) == sorted(names)
