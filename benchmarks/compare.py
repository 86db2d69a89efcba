"""Floor and hub in the same minute, by turns of a second; the bars that the hub must reach."""

import os
import time
from collections.abc import Iterable, Mapping
from statistics import median
from typing import Final

from msgspec import Struct

from benchmarks.cpu import cpu_ms, machine_busy_ms, with_children
from benchmarks.load import Measured
from benchmarks.stage import Stage, Target

OTHERS_MAX: Final = 0.1
"""The share of the machine that anything else may use before the figures say little."""
ROUNDS: Final = 5
TURNS: Final = 5
SLICE_S: Final = 1.0
AT_ONCE: Final = (1, 32)
WARM_UP: Final = 400
RATIO_MIN: Final = 0.4
P50_MAX: Final = 2.5
NULL_MIN: Final = 4.0
"""How many times faster than the floor the load generator must be against a server that does nothing."""


class Figures(Struct, frozen=True, kw_only=True):
    """What one round measured of one target."""

    per_second: float
    p50_ms: float
    p99_ms: float
    python_ms: float
    postgres_ms: float
    answered: int
    charges: int


class Row(Struct, frozen=True, kw_only=True):
    """All rounds at one number of charges at a time."""

    at_once: int
    floor: list[Figures]
    hub: list[Figures]

    @property
    def ratios(self) -> list[float]:
        """The hub's share of the floor's throughput, round by round."""
        return [hub.per_second / floor.per_second for floor, hub in zip(self.floor, self.hub, strict=True)]

    @property
    def p50_factors(self) -> list[float]:
        """How many times the floor's median latency the hub's is, round by round."""
        return [hub.p50_ms / floor.p50_ms for floor, hub in zip(self.floor, self.hub, strict=True)]


def warm_up(stage: Stage, targets: Iterable[Target]) -> None:
    """Send some charges, uncounted: connections, statements and caches are made by the first ones."""
    for target in targets:
        told = stage.load.drive(target.slice(max(AT_ONCE), 30.0, WARM_UP))
        expect_charged(target, told)


def expect_charged(target: Target, told: Measured) -> None:
    """Make sure that every request was answered with 201.

    Raises:
        SystemExit: when one was not; speed without charges is none.
    """
    if set(told.statuses) != {201}:
        raise SystemExit(f"{target.name} answered {dict(told.statuses)}, such as: {told.sample}")


def load_limit(stage: Stage) -> float:
    """Measure how many requests a second the load generator sends to a server that does nothing."""
    told = stage.load.drive(stage.null().slice(max(AT_ONCE), SLICE_S))
    return len(told.latencies_ms) / told.counted_s


def compare(stage: Stage, floor: Target, hub: Target, at_once: int, *, rounds: int = ROUNDS) -> Row:
    """Measure both by turns."""
    row = Row(at_once=at_once, floor=[], hub=[])
    for _ in range(rounds):
        taken: dict[str, list[_Turn]] = {floor.name: [], hub.name: []}
        for turn in range(TURNS):
            for target in (floor, hub) if turn % 2 == 0 else (hub, floor):
                taken[target.name].append(_turn(stage, target, at_once))
        row.floor.append(_figures(taken[floor.name]))
        row.hub.append(_figures(taken[hub.name]))
    return row


class _Turn(Struct, frozen=True, kw_only=True):
    told: Measured
    python_ms: float
    postgres_ms: float
    charges: int


def _turn(stage: Stage, target: Target, at_once: int) -> _Turn:
    before, charged = _used(stage, target), stage.counts().charges
    told = stage.load.drive(target.slice(at_once, SLICE_S))
    after = _used(stage, target)
    expect_charged(target, told)
    return _Turn(
        told=told,
        python_ms=after[0] - before[0],
        postgres_ms=after[1] - before[1],
        charges=stage.counts().charges - charged,
    )


def _used(stage: Stage, target: Target) -> tuple[float, float]:
    return cpu_ms(target.pids), cpu_ms(with_children(stage.postgres.pid))


def _figures(turns: list[_Turn]) -> Figures:
    latencies = sorted(ms for turn in turns for ms in turn.told.latencies_ms)
    answered = sum(turn.told.answers for turn in turns)
    return Figures(
        per_second=len(latencies) / sum(turn.told.counted_s for turn in turns),
        p50_ms=latencies[len(latencies) // 2],
        p99_ms=latencies[len(latencies) * 99 // 100],
        python_ms=sum(turn.python_ms for turn in turns) / answered,
        postgres_ms=sum(turn.postgres_ms for turn in turns) / answered,
        answered=answered,
        charges=sum(turn.charges for turn in turns),
    )


class Company:
    """Tells how much of the machine was used by anything else meanwhile."""

    def __init__(self, stage: Stage, targets: Iterable[Target]) -> None:
        self._stage = stage
        self._pids = [*stage.pids, *(pid for target in targets for pid in target.pids)]
        self._began_at, self._before = time.monotonic(), self._others_ms()

    def share(self) -> float:
        """Give the share since this was made, of all cores."""
        spent_ms = (time.monotonic() - self._began_at) * 1000 * (os.cpu_count() or 1)
        return max(0.0, (self._others_ms() - self._before) / spent_ms)

    def _others_ms(self) -> float:
        ours = cpu_ms([*self._pids, *with_children(self._stage.postgres.pid)])
        return machine_busy_ms() - ours


def failures(rows: Mapping[int, Row], load_per_second: float) -> list[str]:
    """Name every bar that was not reached."""
    found = []
    ratio = median(rows[32].ratios)
    if ratio < RATIO_MIN:
        found.append(f"at 32 the hub reaches {ratio:.2f} of the floor, less than {RATIO_MIN}")
    p50 = median(rows[1].p50_factors)
    if p50 >= P50_MAX:
        found.append(f"one at a time the hub takes {p50:.2f} times as long as the floor, not less than {P50_MAX}")
    for name in ("floor", "hub"):
        rounds: list[Figures] = [figures for row in rows.values() for figures in getattr(row, name)]
        per_answer = sum(figures.charges for figures in rounds) / sum(figures.answered for figures in rounds)
        if per_answer != 1:
            found.append(f"{name}: {per_answer:.3f} charges at the processor for each 201")
    fastest = max(figures.per_second for row in rows.values() for figures in row.floor)
    if load_per_second < NULL_MIN * fastest:
        found.append(f"the load generator sends {load_per_second:.0f}/s at most, too near to the floor's {fastest:.0f}")
    return found


def table(row: Row) -> str:
    """Write the rows of one number of charges at a time: the median of the rounds, and the ratio's spread."""
    lines = []
    for name, rounds in (("floor", row.floor), ("hub", row.hub)):
        charges = sum(f.charges for f in rounds) / sum(f.answered for f in rounds)
        cells = (
            f"{row.at_once}", name, f"{_mid(rounds, 'per_second'):.0f}", f"{_mid(rounds, 'p50_ms'):.2f}",
            f"{_mid(rounds, 'p99_ms'):.2f}", f"{_mid(rounds, 'python_ms'):.2f}", f"{_mid(rounds, 'postgres_ms'):.2f}",
            f"{charges:.3f}", *((_spread(row.ratios), _spread(row.p50_factors)) if name == "hub" else ("", "")),
        )  # fmt: skip
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


HEAD: Final = (
    "| at once | | req/s | p50 ms | p99 ms | Python CPU ms | PostgreSQL CPU ms | charges per 201 "
    "| of the floor | p50, times the floor's |\n|---|---|---|---|---|---|---|---|---|---|"
)


def _mid(rounds: list[Figures], name: str) -> float:
    return float(median(getattr(figures, name) for figures in rounds))


def _spread(values: list[float]) -> str:
    return f"{median(values):.2f} ({min(values):.2f} to {max(values):.2f})"
