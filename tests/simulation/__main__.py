"""`python -m tests.simulation --seeds 1..100`: live through worlds, and say what does not hold."""

import argparse
import os
import sys
import time
from collections import Counter

import structlog

from tests.simulation.plans import Options, plan
from tests.simulation.world import simulate


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation")
    parser.add_argument("--seeds", default="1..10")
    parser.add_argument("--without", action="append", default=[], choices=["inquiry", "webhooks", "replay"])
    parser.add_argument("--fail-fast", action="store_true")
    parser.add_argument("--history", action="store_true")
    asked = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("critical"), logger_factory=structlog.PrintLoggerFactory(open(os.devnull, "w")))
    options = Options(**{name: False for name in asked.without})
    first, _, last = asked.seeds.partition("..")
    began, lives, cells, failed = time.process_time(), 0, Counter(), 0
    for seed in range(int(first), int(last or first) + 1):
        world = simulate(plan(seed, options))
        lives += len(world.struck_lives)
        cells += world.struck_cells
        if asked.history:
            print("\n".join(world.history))
        if world.violations:
            failed += 1
            print(f"seed {seed}:", *world.violations, sep="\n  ")
            if asked.fail_fast:
                break
    spent = time.process_time() - began
    print(f"{lives} lifecycles, {sum(cells.values())} faults, {failed} failing seeds, {spent:.1f} s, {1000*spent/max(1,lives):.2f} ms each")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
