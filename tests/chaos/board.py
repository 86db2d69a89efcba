"""What is counted while everything is killed, and what is made of it."""

import math
import time
from collections import Counter
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from tests.chaos.places import AIMED, OF_ROLE, How, Place

ROLES: Final = tuple(OF_ROLE)


class Hit(Struct, frozen=True, kw_only=True):
    """One kill."""

    place: Place
    how: How
    role: str
    at: float


class Board:
    """Counts kills, and how long it took until there was service again."""

    def __init__(self) -> None:
        self.hits: list[Hit] = []
        self.back_s: dict[str, list[float]] = {}
        self.troubles: Counter[str] = Counter()

    def hit(self, hit: Hit) -> None:
        """Count a kill."""
        self.hits.append(hit)

    def back(self, what: str, seconds: float) -> None:
        """Note how long *what* was away."""
        self.back_s.setdefault(what, []).append(seconds)

    def count(self, place: Place) -> int:
        """Count the kills at a place."""
        return sum(hit.place is place for hit in self.hits)

    def neediest(self, role: str) -> Place:
        """Name the place that a process of *role* can be met at and where the fewest were killed so far."""
        return min(OF_ROLE[role], key=self.count)

    def reached(self, kills: int, each: int) -> bool:
        """Whether there were *kills* in all and *each* at every place."""
        return len(self.hits) >= kills and all(self.count(place) >= each for place in AIMED)

    def table(self) -> list[str]:
        """Write the kills by place, and by who was killed and how."""
        lines = [f"| place | kills | {' | '.join(ROLES)} | how |", f"|---|---|{'---|' * len(ROLES)}---|"]
        for place in Place:
            there = [hit for hit in self.hits if hit.place is place]
            roles = Counter(hit.role for hit in there)
            hows = Counter(hit.how for hit in there)
            told = ", ".join(f"{how} {count}" for how, count in hows.most_common())
            lines.append(f"| {place} | {len(there)} | {' | '.join(str(roles[role]) for role in ROLES)} | {told} |")
        return lines


class Stopwatch:
    """How long ago something began."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    @property
    def s(self) -> float:
        """Seconds since then."""
        return time.monotonic() - self._began


def percentile(values: Sequence[float], share: float) -> float:
    """Give the smallest value that *share* of all do not pass; 0 where there is none."""
    if not values:
        return 0.0
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def spread(values: Sequence[float]) -> str:
    """Write how many there are, and p50, p99 and the largest, in seconds."""
    if not values:
        return "none"
    p50, p99 = percentile(values, 0.5), percentile(values, 0.99)
    return f"{len(values)}: p50 {p50:.2f} s, p99 {p99:.2f} s, max {max(values):.2f} s"
