"""Stopping in order: saying so before it happens, and ending tasks that run until they are cancelled."""

import asyncio
import signal
from collections.abc import Iterable
from types import FrameType
from typing import Any, Final

AGAIN_AFTER_S: Final = 0.5
SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


class Draining:
    """Whether a process is about to stop: it serves on, and whoever sends it requests is told to send no more."""

    def __init__(self) -> None:
        self.has_begun = False

    def put_off_signals(self, seconds: float) -> None:
        """Let a first signal begin the draining, and hand it to whom it was for *seconds* later; a second at once."""
        loop = asyncio.get_running_loop()
        meant_for = {number: signal.getsignal(number) for number in SIGNALS}

        def hand_over(number: int, frame: FrameType | None) -> None:
            handler = meant_for[signal.Signals(number)]
            if callable(handler):
                handler(number, frame)

        def take(number: int, frame: FrameType | None) -> None:
            if self.has_begun or not seconds:
                self.has_begun = True
                hand_over(number, frame)
                return
            self.has_begun = True
            loop.call_soon_threadsafe(loop.call_later, seconds, hand_over, number, None)

        for number in SIGNALS:
            signal.signal(number, take)


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
