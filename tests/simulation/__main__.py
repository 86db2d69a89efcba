"""`python -m tests.simulation --seeds 1..100`: live through worlds, and say what does not hold in which."""

import argparse
import gc
import sys
import time
from collections import Counter
from hashlib import sha256
from pathlib import Path

import msgspec
import structlog
from msgspec import Struct, field

from tests.simulation.faults import Fault
from tests.simulation.plans import LIVES, Options, Plan, plan
from tests.simulation.shrink import shrink
from tests.simulation.table import table, thinnest
from tests.simulation.template import template
from tests.simulation.world import World, simulate

NETS = ("inquiry", "webhooks", "replay")
EVERY_S = 60.0
WARM = 5
"""After so many worlds nearly all that they share is there."""
CLEARED_EVERY = 8
"""After so many worlds what they left is collected: looking for it takes as long for one as for several."""


class Sum(Struct):
    """What many worlds came to."""

    worlds: int = 0
    payments: int = 0
    lifecycles: int = 0
    struck: Counter[tuple[str, Fault]] = field(default_factory=Counter)
    failing: list[int] = field(default_factory=list)

    def add(self, seed: int, world: World) -> None:
        """Add one world."""
        self.worlds += 1
        self.payments += len(world.plan.lives)
        self.lifecycles += len(world.struck_lives)
        self.struck += world.struck_cells
        if world.violations:
            self.failing.append(seed)

    def keep(self, path: str | None) -> None:
        """Write the counts where they can be added to those of other runs."""
        if path is not None:
            counts = [[step, fault, count] for (step, fault), count in sorted(self.struck.items())]
            told = {"worlds": self.worlds, "lifecycles": self.lifecycles, "failing": self.failing, "struck": counts}
            Path(path).write_bytes(msgspec.json.encode(told))

    def line(self, spent_s: float) -> str:
        """Say it in one line."""
        cost = 1000 * spent_s / max(1, self.lifecycles)
        return (
            f"{self.worlds:,} worlds, {self.payments:,} payments, {self.lifecycles:,} lifecycles with a fault,"
            f" {self.struck.total():,} faults, {len(self.failing)} worlds with a violation;"
            f" {spent_s:,.0f} s of processor, {cost:.1f} ms a lifecycle"
        )


def main() -> int:
    """Run the command."""
    asked = _arguments()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("critical"))
    options = Options(**dict.fromkeys(asked.without, False))
    template()
    gc.disable()  # A world ends before anything of it need be collected.
    first, _, last = asked.seeds.partition("..")
    seeds = range(int(first), int(last or first) + 1)
    began, told_at, total = time.process_time(), time.monotonic(), Sum()
    for seed in seeds:
        world = simulate(plan(seed, options, asked.payments))
        total.add(seed, world)
        if asked.history:
            print(*world.history, sep="\n")
        if asked.digest:
            print(seed, sha256("\n".join(world.history).encode()).hexdigest())
        if world.violations:
            _tell(world, seed, asked.without, shrinks=not (asked.no_shrink or asked.fail_fast))
            if asked.fail_fast:
                break
        del world
        if total.worlds <= WARM or total.worlds % CLEARED_EVERY == 0:
            gc.collect()
        if total.worlds <= WARM:
            gc.freeze()  # What is compiled and kept by now stays: looking through it again and again is a fifth of all.
        if time.monotonic() - told_at > EVERY_S:
            told_at = time.monotonic()
            print(f"seed {seed}: {total.line(time.process_time() - began)}", flush=True)
            total.keep(asked.counts)
    if len(seeds) > 1:
        print(table(total.struck), end="\n\n")
        print("fewest:", *(f"{count} {step}/{fault}" for count, step, fault in thinnest(total.struck)[:5]), sep="\n  ")
    print(f"seeds {asked.seeds}: {total.line(time.process_time() - began)}")
    total.keep(asked.counts)
    return 1 if total.failing else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", default="1..10", help="one seed, or from..to")
    parser.add_argument("--without", action="append", default=[], choices=NETS, help="a net that is taken away")
    parser.add_argument("--payments", type=int, default=LIVES, help="how many of them a world has")
    parser.add_argument(
        "--fail-fast", action="store_true", help="stop at the first world that fails, and leave it as it is"
    )
    parser.add_argument("--no-shrink", action="store_true", help="leave a failing world as it is")
    parser.add_argument("--history", action="store_true", help="print all that happened")
    parser.add_argument("--digest", action="store_true", help="print what a world's history comes to")
    parser.add_argument("--counts", help="a file to write the table's counts to, for adding up")
    return parser.parse_args()


def _tell(world: World, seed: int, without: list[str], *, shrinks: bool) -> None:
    """Print what does not hold, in the smallest world that was found in which it does not."""
    print(f"seed {seed}: {len(world.violations)} violations", *world.violations[:8], sep="\n  ", flush=True)
    if shrinks:
        kind = world.violations[0].partition(":")[0]

        def fails(smaller: Plan) -> bool:
            return any(told.startswith(kind) for told in simulate(smaller).violations)

        small = shrink(world.plan, fails)
        again = simulate(small)
        print("  the smallest world in which it is so:", *(f"    {life}" for life in small.lives), sep="\n")
        print(*(f"    {told}" for told in again.history[-120:]), sep="\n")
    nets = "".join(f" WITHOUT={net}" for net in without)
    print(f"  again: make simulate SEED={seed}{nets}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
