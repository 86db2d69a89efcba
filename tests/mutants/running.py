"""Mutants put into a copy of the tree, one after the other, and held against the simulation and the tests they name."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import cache_from_source
from pathlib import Path
from typing import Final

from msgspec import Struct

from tests.mutants.patches import MisfitError, Mutant

ROOT: Final = Path(__file__).parent.parent.parent
COPIED: Final = ("hub", "adapters", "routing", "normalization", "tests", "docs", "pyproject.toml", "README.md")
NETS: Final[Mapping[str, tuple[str, ...]]] = {
    "replay on": (),
    "inquiry off": ("--without", "inquiry"),
    "webhooks off": ("--without", "webhooks"),
    "replay off": ("--without", "replay"),
}
"""What catches a lost outcome: all nets, and each left out once, because one hides what another lets through."""
NOT_SIMULATED: Final = (
    "adapters/", "hub/database.py", "hub/disputes/", "hub/events/routes.py", "hub/pan.py", "hub/sealing.py",
    "hub/webhook_endpoints/", "hub/webhooks/routes.py",
)  # fmt: skip
"""The simulation has adapters, a driver and doors of its own: what is broken in these it cannot see."""
SECONDS_MAX: Final = 600
"""A mutant that hangs for so long has been noticed."""
NOTICED: Final = 1
"""What both the simulation and pytest exit with where something that must hold does not."""


class Verdict(Struct, frozen=True, kw_only=True):
    """What noticed a mutant: by net whether the simulation did, None where it did not run; and which test did.

    `trouble`: why nothing can be said of it.
    """

    mutant: Mutant
    simulated: Mapping[str, bool | None]
    test: str | None
    seconds: float
    trouble: str | None = None

    @property
    def killed_by_simulation(self) -> bool:
        """Whether it falls to the simulation alone."""
        return any(self.simulated.values())


class LoadError(Exception):
    """A run ended for another reason than that something noticed the mutant: a patch that breaks nothing but Python."""


class Scratch:
    """A copy of the tree."""

    def __init__(self, folder: Path) -> None:
        """Copy what runs."""
        self.root = folder
        for name in COPIED:
            here = ROOT / name
            if here.is_dir():
                shutil.copytree(here, folder / name)
            else:
                shutil.copyfile(here, folder / name)
        self._environment = {**os.environ, "PYTHONPATH": str(folder)}
        self._environment.pop("PYTHONDONTWRITEBYTECODE", None)
        where = self.run("-c", "import hub; print(hub.__file__)")[1]
        if not where.startswith(str(folder)):
            raise LoadError(f"the copy would run {where.strip()}, which no mutant is in")

    @contextmanager
    def mutated(self, mutant: Mutant) -> Iterator[None]:
        """Put *mutant* in, and take it out again."""
        changed = mutant.files(self.root)
        before = {path: (self.root / path).read_text() for path in changed}
        try:
            self._write(changed)
            yield
        finally:
            self._write(before)

    def simulate(self, seeds: str, net: str) -> bool:
        """Run the simulation without a net; whether it noticed something."""
        return self._noticed("-m", "tests.simulation", "--seeds", seeds, *NETS[net], "--fail-fast")[0]

    def test(self, killers: Sequence[str]) -> str | None:
        """Run the tests *killers* until one fails; gives that one."""
        noticed, said = self._noticed("-m", "pytest", "-x", "-q", "--no-header", "-p", "no:cacheprovider", *killers)
        if not noticed:
            return None
        failed = (line.split()[1] for line in said.splitlines() if line.startswith(("FAILED tests/", "ERROR tests/")))
        return next(failed, "hung")

    def run(self, *words: str) -> tuple[int | None, str]:
        """Run Python on the copy: its exit status, None where it hung, and what it said."""
        process = subprocess.Popen(
            (sys.executable, *words), cwd=self.root, env=self._environment, text=True, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            said, _ = process.communicate(timeout=SECONDS_MAX)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return None, process.communicate()[0]
        return process.returncode, said

    def _noticed(self, *words: str) -> tuple[bool, str]:
        status, said = self.run(*words)
        if status not in {0, NOTICED, None}:
            raise LoadError(f"{' '.join(words)}: exit {status}\n{said[-2000:]}")
        return status != 0, said

    def _write(self, texts: Mapping[str, str]) -> None:
        """Write files anew; what Python had compiled of them it would take for theirs within one second."""
        for path, text in texts.items():
            (self.root / path).write_text(text)
            Path(cache_from_source(str(self.root / path))).unlink(missing_ok=True)


def hold(scratch: Scratch, mutant: Mutant, seeds: str | None, *, tests: bool) -> Verdict:
    """See what notices *mutant*: the simulation of *seeds* with each net off, and then the tests that it names."""
    began = time.monotonic()
    seen = seeds if any(not hunk.path.startswith(NOT_SIMULATED) for hunk in mutant.hunks) else None
    simulated: dict[str, bool | None] = dict.fromkeys(NETS)
    test, trouble = None, None
    try:
        with scratch.mutated(mutant):
            if seen:
                simulated |= {net: scratch.simulate(seen, net) for net in NETS}
            test = scratch.test(mutant.killers) if tests else None
    except (LoadError, MisfitError) as failure:
        trouble = str(failure)
    seconds = time.monotonic() - began
    return Verdict(mutant=mutant, simulated=simulated, test=test, seconds=seconds, trouble=trouble)
