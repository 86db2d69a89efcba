"""An event loop without threads, sockets and waiting: its clock jumps to the next thing that is due."""

import asyncio
from collections.abc import Callable
from contextvars import Context
from itertools import count
from typing import Any


class DeadlockError(Exception):
    """Everybody waits and nothing is due: somebody waits for what never comes."""


class NumberedTask(asyncio.Task[Any]):
    """A task whose place in a set does not depend on where it lies in memory."""

    def __init__(self, coro: Any, *, number: int, **named: Any) -> None:
        self._number = number
        super().__init__(coro, **named)

    def __hash__(self) -> int:
        return self._number

    def __eq__(self, other: object) -> bool:
        return self is other


class _Jump:
    """What stands for the selector: instead of waiting for a socket it moves the clock."""

    def __init__(self, loop: "VirtualLoop") -> None:
        self._loop = loop

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None:
            raise DeadlockError("every task waits and no timer is set")
        if timeout > 0:
            self._loop.jump(timeout)
        return []

    def close(self) -> None:
        """Nothing was opened."""


class VirtualLoop(asyncio.BaseEventLoop):
    """Runs whatever is ready in the order in which it became ready; what is run aside in threads is run at once.

    `owned` hears of each new task, in the task that makes it.
    """

    def __init__(self, owned: Callable[[asyncio.Task[Any]], None] = lambda _task: None) -> None:
        super().__init__()
        self._virtual_s = 0.0
        self._numbers = count()
        self._selector = _Jump(self)
        self.set_task_factory(self._make)
        self._owned = owned

    def time(self) -> float:
        """Give the seconds since the world began."""
        return self._virtual_s

    def jump(self, seconds: float) -> None:
        """Go on to the timer that is next, so many *seconds* ahead."""
        due = self._scheduled[0].when() if self._scheduled else 0.0  # type: ignore[attr-defined] # asyncio's own heap
        ahead = self._virtual_s + seconds
        self._virtual_s = due if abs(due - ahead) < 1e-6 else ahead  # So that adding up loses nothing.

    def run_in_executor(self, _executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:  # type: ignore[override] # a future all the same
        """Run *func* here and now."""
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as failure:  # noqa: BLE001 - told to whoever waits, as a thread's is
            future.set_exception(failure)
        return future

    def _make(
        self, loop: asyncio.AbstractEventLoop, coro: Any, *, context: Context | None = None, **named: Any
    ) -> asyncio.Task[Any]:
        task = NumberedTask(coro, number=next(self._numbers), loop=loop, context=context, **named)
        self._owned(task)
        return task

    def _process_events(self, event_list: list[Any]) -> None:
        """There are no sockets."""

    def _write_to_self(self) -> None:
        """There are no threads that could wake the loop."""
