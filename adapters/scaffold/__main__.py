"""`python -m adapters.scaffold NAME`: write the first files of an adapter, below the current folder."""

import sys
from pathlib import Path
from typing import Final

from adapters.scaffold.plan import NameRefusedError, files, next_steps

USAGE: Final = "usage: make adapter NAME=acme (or: python -m adapters.scaffold acme)\n"
REFUSED: Final = 2


def write(name: str, root: Path) -> str:
    """Write the adapter's files below *root* and tell what to do next.

    Raises:
        NameRefusedError: when *name* cannot be an adapter's, or one of the files is there already, or *root* is not
            the project's; nothing is written.
    """
    planned = files(name)
    if not (root / "adapters" / "contract.py").exists():
        raise NameRefusedError(f"{root}: there are no adapters here; go to the project's root first")
    there = [path for path in planned if (root / path).exists()]
    if there:
        raise NameRefusedError(
            f"NAME: {name!r} is taken, and nothing was written; choose another name, or remove these first:"
            f" {', '.join(map(str, there))}"
        )
    for path, text in planned.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return next_steps(name)


def main(arguments: list[str]) -> int:
    """Read the command line; returns the exit status."""
    if len(arguments) != 1:
        sys.stderr.write(USAGE)
        return REFUSED
    try:
        told = write(arguments[0], Path.cwd())
    except NameRefusedError as refused:
        sys.stderr.write(f"{refused}\n")
        return REFUSED
    sys.stdout.write(told)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
