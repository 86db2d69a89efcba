"""Hold every mutant against what must notice it: exit 0 when all are noticed, 1 when one is not."""

import argparse
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory
from typing import Final

from tests.mutants.patches import Mutant, read_mutants
from tests.mutants.running import NETS, LoadError, Scratch, Verdict, hold

SIMULATED_MIN: Final = 15
"""So many of all mutants must fall to the simulation alone."""
SEEDS: Final = "1..8"
"""Worlds of 60 payments each; what they let through takes two seconds a world."""
AT_ONCE: Final = 40
"""So many tests are held against the code as it stands in one process, which may not take for ever."""


def main() -> int:
    asked = _arguments()
    try:
        mutants = read_mutants(asked.names)
    except LookupError as unknown:
        sys.stderr.write(f"{unknown.args[0]}\n")
        return 2
    seeds = None if asked.suite_only else asked.seeds
    with TemporaryDirectory(prefix="mutants-") as folder:
        scratches = [Scratch(Path(folder) / str(n)) for n in range(asked.jobs)]
        tests = not asked.simulation_only
        try:
            _sound(scratches[0], mutants if tests else (), seeds)
        except LoadError as failure:
            sys.stderr.write(f"{failure}\n")
            return 2
        verdicts = _hold_all(scratches, mutants, seeds, tests=tests)
    return _told(verdicts, seeds, every=not asked.names, tests=tests)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="the mutants to hold; all of them where none is named")
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--simulation-only", action="store_true", help="leave the tests out")
    only.add_argument("--suite-only", action="store_true", help="leave the simulation out")
    parser.add_argument("--seeds", default=SEEDS, help=f"the simulation's; {SEEDS} unless told")
    parser.add_argument("--jobs", type=int, default=1, help="how many mutants are held at the same time")
    return parser.parse_args()


def _sound(scratch: Scratch, mutants: Sequence[Mutant], seeds: str | None) -> None:
    """Make sure that what the simulation of *seeds* and the tests of *mutants* notice is the mutant.

    Raises:
        LoadError: where one of them fails on the code as it stands.
    """
    for net in NETS:
        if seeds is not None and scratch.simulate(seeds, net):
            raise LoadError(f"the simulation fails on the code as it stands ({net}), so that it proves nothing")
    killers = list(dict.fromkeys(killer for mutant in mutants for killer in mutant.killers))
    for at in range(0, len(killers), AT_ONCE):
        if failed := scratch.test(killers[at : at + AT_ONCE]):
            raise LoadError(f"{failed} fails on the code as it stands, so that it proves nothing")


def _hold_all(
    scratches: Sequence[Scratch], mutants: Sequence[Mutant], seeds: str | None, *, tests: bool
) -> list[Verdict]:
    free = SimpleQueue[Scratch]()
    for scratch in scratches:
        free.put(scratch)
    width = max(len(mutant.name) for mutant in mutants)
    _say(_row("mutant", width, [*NETS, "noticed by", "seconds"]))

    def one(mutant: Mutant) -> Verdict:
        scratch = free.get()
        try:
            verdict = hold(scratch, mutant, seeds, tests=tests)
        finally:
            free.put(scratch)
        _say(_row(mutant.name, width, _cells(verdict, tests=tests)))
        return verdict

    with ThreadPoolExecutor(len(scratches)) as pool:
        return list(pool.map(one, mutants))


def _cells(verdict: Verdict, *, tests: bool) -> list[str]:
    words = {True: "killed", False: "-", None: ""}
    suite = verdict.test.rpartition("::")[2] if verdict.test else "SURVIVED"
    simulated = [words[verdict.simulated[net]] for net in NETS]
    return [*simulated, suite if tests else "", f"{verdict.seconds:.0f}"]


def _row(name: str, width: int, cells: Sequence[str]) -> str:
    *simulated, suite, seconds = cells
    return "  ".join([name.ljust(width), *(cell.ljust(12) for cell in simulated), seconds.rjust(7), suite]).rstrip()


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _told(verdicts: Sequence[Verdict], seeds: str | None, *, every: bool, tests: bool) -> int:
    by_simulation = sum(verdict.killed_by_simulation for verdict in verdicts)
    by_suite = sum(verdict.test is not None for verdict in verdicts)
    alive = [v.mutant for v in verdicts if v.test is None and (tests or not v.killed_by_simulation)]
    suites = f", {by_suite} by the tests that they name" if tests else ""
    _say(f"\n{len(verdicts)} mutants: {by_simulation} killed by the simulation{suites}")
    for mutant in alive:
        _say(f"not noticed: {mutant.name}. {mutant.told}")
    for trouble in filter(None, (verdict.trouble for verdict in verdicts)):
        _say(f"nothing can be said: {trouble}")
    if not tests:
        return int(every and by_simulation < SIMULATED_MIN)
    return int(bool(alive) or (every and seeds is not None and by_simulation < SIMULATED_MIN))


if __name__ == "__main__":
    sys.exit(main())
