"""Ending tasks that run until they are cancelled."""

import asyncio
from collections.abc import Iterable
from typing import Any, Final

AGAIN_AFTER_S: Final = 0.5


async def stopped(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel *tasks* until all of them have ended, whatever with.

    Once is not enough: a cancellation that meets the end of a time limit is taken for that limit by the libraries in
    between (Redis's client is one), and a loop that goes on after every failure goes on after that one too.
    """
    left = {task for task in tasks if not task.done()}
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=AGAIN_AFTER_S)
