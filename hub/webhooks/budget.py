"""How often a processor may be asked about deliveries: so many times a second for each account, and so many at once.

Processors limit how often they are read, and the charge path's own questions count too.
"""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

AT_ONCE_MAX: Final = 16
"""Questions about one account that may be on their way, so that a silent processor leaves room for the others."""
WAIT_MAX_S: Final = 60.0


class ReadBudget:
    """What is left for one account; times are in seconds of any clock that only goes forward.

    A second's worth may be spent at once. Who gets nothing is told when to come again, each at another moment.
    """

    def __init__(self, per_second: float) -> None:
        self._per_second = per_second
        self._left = per_second
        self._filled_at = 0.0
        self._promised_until = 0.0
        self.on_their_way = 0

    def take(self, now: float) -> float:
        """Take one question: 0 where it may be asked now, else how many seconds to wait, `WAIT_MAX_S` at most."""
        earned = (now - self._filled_at) * self._per_second
        self._left = min(self._per_second, self._left + earned)
        self._filled_at = now
        if self._left >= 1 and self.on_their_way < AT_ONCE_MAX:
            self._left -= 1
            return 0.0
        self._promised_until = max(self._promised_until, now) + 1 / self._per_second
        return min(self._promised_until - now, WAIT_MAX_S)

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Count a question as on its way."""
        self.on_their_way += 1
        try:
            yield
        finally:
            self.on_their_way -= 1


class ReadBudgets:
    """The budgets of this process, by merchant account."""

    def __init__(self, per_second: float) -> None:
        self._of: defaultdict[str, ReadBudget] = defaultdict(lambda: ReadBudget(per_second))

    def of(self, merchant_account: str) -> ReadBudget:
        """Give the budget of one account."""
        return self._of[merchant_account]
