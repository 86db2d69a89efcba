"""What was begun for a caller is carried through, and a shutdown knows of it, although the caller has gone."""

import asyncio

import pytest

from hub.payments.shell import shielded
from tests.hub.payments.bare import bare


async def test_a_caller_that_is_cancelled_cancels_nothing_of_what_was_begun(sqlite_url: str) -> None:
    begun, go_on, done = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def work() -> None:
        begun.set()
        await go_on.wait()
        done.set()

    async with bare(sqlite_url) as shell:
        caller = asyncio.create_task(shielded(shell, work()))
        await begun.wait()

        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller

        assert len(shell.running) == 1
        go_on.set()
        await asyncio.wait(shell.running)
        assert done.is_set()
