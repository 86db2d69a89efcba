"""Mutants as they are written down: one patch file each, put in by text alone, wherever a tree stands.

A patch begins with a sentence that says what is broken and which promise that breaks, and names the tests that must
notice. Line numbers count for nothing: a hunk belongs where its lines stand, once in its file.
"""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct

FOLDER: Final = Path(__file__).parent / "patches"
_KILLER: Final = "Killed by "
_FILE: Final = re.compile(r"\+\+\+ b/(\S+)")


class MisfitError(Exception):
    """The lines that a patch changes do not stand, once, in the file it names: the patch has to be made anew."""


class Hunk(Struct, frozen=True):
    """Lines of one file, as they must stand there and as the mutant has them."""

    path: str
    before: str
    after: str


class Mutant(Struct, frozen=True, kw_only=True):
    """One seeded bug; `killers` are what pytest is given to notice it, `told` says what it breaks."""

    name: str
    told: str
    killers: tuple[str, ...]
    hunks: tuple[Hunk, ...]

    def files(self, root: Path) -> dict[str, str]:
        """Give the mutated text of every file that the mutant changes in the tree at *root*.

        Raises:
            MisfitError: when a hunk does not fit.
        """
        mutated: dict[str, str] = {}
        for hunk in self.hunks:
            text = mutated.get(hunk.path) or (root / hunk.path).read_text()
            times = text.count(hunk.before)
            if times != 1:
                raise MisfitError(f"{self.name}: its lines stand {times} times in {hunk.path}")
            mutated[hunk.path] = text.replace(hunk.before, hunk.after)
        return mutated


def read_mutants(names: Iterable[str] = ()) -> list[Mutant]:
    """Read the mutants called *names*, or all of them.

    Raises:
        LookupError: for a name of none.
    """
    known = {path.stem: path for path in sorted(FOLDER.glob("*.patch"))}
    wanted = list(names) or list(known)
    if strange := [name for name in wanted if name not in known]:
        raise LookupError(f"there is no mutant {strange[0]!r}; there are: {', '.join(known)}")
    return [read_patch(name, known[name].read_text()) for name in wanted]


def read_patch(name: str, text: str) -> Mutant:
    """Read one patch file."""
    head, _, diff = text.partition("\n\n")
    told, *rest = head.splitlines()
    killers = tuple(line.removeprefix(_KILLER) for line in rest if line.startswith(_KILLER))
    return Mutant(name=name, told=told, killers=killers, hunks=tuple(_hunks(diff.splitlines(keepends=True))))


def _hunks(lines: Sequence[str]) -> list[Hunk]:
    path, hunks = "", list[Hunk]()
    before, after = list[str](), list[str]()

    def close() -> None:
        if before or after:
            hunks.append(Hunk(path, "".join(before), "".join(after)))
        before.clear()
        after.clear()

    for line in lines:
        if line.startswith(("--- a/", "@@")):
            close()
        elif found := _FILE.match(line):
            path = found[1]
        else:
            sign, told = line[:1], line[1:]
            if sign != "+":
                before.append(told)
            if sign != "-":
                after.append(told)
    close()
    return hunks
