"""How often a processor may be asked about deliveries: so many times a second for each account, and so many at once.

Processors limit how often they are read, and the charge path's own questions count too.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

AT_ONCE_MAX: Final = 16
"""Questions about one account that may be on their way, so that a silent processor leaves room for the others."""
PLACE_S: Final = 0.25
"""How long to wait for one of them to be answered: those of a processor that answers are, by then."""
WAIT_MAX_S: Final = 60.0


class ReadBudget:
    """What is left for one account; *now* is a clock in seconds that only goes forward.

    A second's worth may be spent at once. Who gets nothing is told when to come again, each at another moment.
    """

    def __init__(self, per_second: float, now: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self._now = now
        self._left = per_second
        self._filled_at = now()
        self._promised_until = 0.0
        self._places = asyncio.Semaphore(AT_ONCE_MAX)

    @asynccontextmanager
    async def question(self) -> AsyncIterator[float]:
        """Hold the place of one question: 0 where it may be asked now, else how many seconds to wait."""
        try:
            async with asyncio.timeout(PLACE_S):
                await self._places.acquire()
        except TimeoutError:
            yield self._later()
            return
        try:
            yield 0.0 if self._taken() else self._later()
        finally:
            self._places.release()

    def _taken(self) -> bool:
        now = self._now()
        self._left = min(self._per_second, self._left + (now - self._filled_at) * self._per_second)
        self._filled_at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True

    def _later(self) -> float:
        now = self._now()
        self._promised_until = max(self._promised_until, now) + 1 / self._per_second
        return min(self._promised_until - now, WAIT_MAX_S)


class ReadBudgets:
    """The budgets of this process, by merchant account; for *now* see `ReadBudget`."""

    def __init__(self, per_second: float, now: Callable[[], float] = time.monotonic) -> None:
        self._of: defaultdict[str, ReadBudget] = defaultdict(lambda: ReadBudget(per_second, now))

    def of(self, merchant_account: str) -> ReadBudget:
        """Give the budget of one account."""
        return self._of[merchant_account]
