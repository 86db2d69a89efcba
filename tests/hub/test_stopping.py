"""Loops end when they are told to, also where a cancellation gets lost on the way."""

import asyncio

from hub.stopping import stopped


async def test_a_loop_that_takes_a_cancellation_for_a_failure_is_ended_all_the_same() -> None:
    taken = 0

    async def deaf() -> None:
        nonlocal taken
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                taken += 1
                if taken > 1:
                    raise

    loop = asyncio.create_task(deaf())
    await asyncio.sleep(0)

    async with asyncio.timeout(5):
        await stopped([loop])

    assert loop.done()
    assert taken == 2


async def test_what_has_ended_is_left_alone() -> None:
    async def fails() -> None:
        raise LookupError

    ended = asyncio.create_task(fails())
    await asyncio.wait([ended])

    await stopped([ended])

    assert isinstance(ended.exception(), LookupError)
