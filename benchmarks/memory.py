"""Whether the process that serves grows with what it has served."""

import time
from typing import Final

from benchmarks.compare import expect_charged, warm_up
from benchmarks.cpu import resident_mb
from benchmarks.stage import Stage, Target

AFTER: Final = (10_000, 25_000, 50_000, 75_000, 100_000)
GROWTH_MAX_MB: Final = 20.0
BOUND_S: Final = 1_800.0
AT_ONCE: Final = 32


def measure(stage: Stage, hub: Target) -> list[str]:
    """Charge 100,000 times, tell the memory on the way and name the bar that was not reached.

    Raises:
        SystemExit: when it takes longer than half an hour.
    """
    warm_up(stage, [hub])
    began = time.monotonic()
    done, found = 0, {}
    for goal in AFTER:
        while done < goal:
            step = min(5_000, goal - done)
            told = stage.load.drive(hub.slice(AT_ONCE, BOUND_S, step))
            expect_charged(hub, told)
            done += told.answers
            if time.monotonic() - began > BOUND_S:
                raise SystemExit(f"{done} charges took more than {BOUND_S:.0f} s")
        found[goal] = resident_mb(hub.pids[0])
        print(f"after {goal:>7,} charges: {found[goal]:.1f} MB ({time.monotonic() - began:.0f} s)", flush=True)
    growth = found[AFTER[-1]] - found[AFTER[0]]
    print(f"grown by {growth:.1f} MB from {AFTER[0]:,} to {AFTER[-1]:,}; {GROWTH_MAX_MB:.0f} are allowed")
    return [f"memory grew by {growth:.1f} MB"] if growth > GROWTH_MAX_MB else []
