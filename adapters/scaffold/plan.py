"""Which files a new adapter begins with; pure but for reading the templates."""

import keyword
import re
from collections.abc import Mapping
from importlib.resources import files as resources
from itertools import groupby
from pathlib import Path
from string import Template
from typing import Final

NAME: Final = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")
NAME_MAX: Final = 20
"""With longer ones the lines of the templates would have to be broken elsewhere."""
TAKEN: Final = frozenset({
    "abilities", "conformance", "contract", "errors", "registry", "scaffold", "transport", "writing",
    "adapters", "hub", "normalization", "routing",
})  # fmt: skip
"""What stands in the adapters' folder or among their pages and is none, the four packages, and the hub's own codes."""

PLACES: Final[Mapping[str, str]] = {
    "init": "adapters/$name/__init__.py",
    "credentials": "adapters/$name/credentials.py",
    "client": "adapters/$name/client.py",
    "wire": "adapters/$name/wire.py",
    "codes": "adapters/$name/codes.py",
    "translate": "adapters/$name/translate.py",
    "webhooks": "adapters/$name/webhooks.py",
    "adapter": "adapters/$name/adapter.py",
    "harness": "tests/adapters/$name/harness.py",
    "test_first_half": "tests/adapters/$name/test_first_half.py",
    "page": "docs/adapters/$name.md",
}
"""Where each template goes."""


class NameRefusedError(ValueError):
    """The name cannot be a new adapter's; the message says why and what to do."""


def files(name: str) -> dict[Path, str]:
    """Give every file of the adapter *name*, by its place below the project's root.

    Raises:
        NameRefusedError: when *name* is none for an adapter.
    """
    _check(name)
    words = _words(name)
    templates = resources("adapters.scaffold") / "templates"
    return {
        Path(Template(place).substitute(words)): _filled((templates / f"{template}.txt").read_text(), words)
        for template, place in PLACES.items()
    }


def next_steps(name: str) -> str:
    """Say what to do with the files."""
    return (
        f"adapters/{name}, tests/adapters/{name} and docs/adapters/{name}.md are written.\n"
        f"  .venv/bin/pytest tests/adapters/{name}    runs the conformance kit's first half: it passes already\n"
        "Then, as docs/adapters/writing.md says: fill in the tables and the wire format from the processor's pages,\n"
        f'give the harness a server, run both halves, and add "adapters.{name}" to OURS in adapters/registry.py\n'
        "(the tests ask for that server then), and let `make pages` write its page of decline codes.\n"
        "For its settlement reports add an `open_report` to the adapter and a `sample_report` to the harness: the kit\n"
        "tries them then.\n"
    )


def _check(name: str) -> None:
    if not name:
        raise NameRefusedError("NAME: is missing; give the processor's, as in: make adapter NAME=acme")
    if len(name) > NAME_MAX or not NAME.fullmatch(name):
        raise NameRefusedError(
            f"NAME: {_cut(name)!r} is no name for an adapter; use lower-case letters and digits, words joined by"
            f" one _, beginning with a letter, {NAME_MAX} at the most: acme, checkout_com"
        )
    if keyword.iskeyword(name) or name in TAKEN:
        raise NameRefusedError(f"NAME: {name!r} means something else here; use the processor's full name")


def _cut(name: str) -> str:
    return name if len(name) <= NAME_MAX else f"{name[:NAME_MAX]}…"


def _filled(template: str, words: Mapping[str, str]) -> str:
    """Fill in a template, and put neighbouring imports in the order that the name gives them."""
    lines = Template(template).substitute(words).splitlines(keepends=True)
    blocks = (list(block) for _, block in groupby(lines, lambda line: line.startswith("from ")))
    ordered = (sorted(block, key=_module) if block[0].startswith("from ") else block for block in blocks)
    return "".join(line for block in ordered for line in block)


def _module(line: str) -> str:
    return line.split()[1]


def _words(name: str) -> dict[str, str]:
    """Write the name as a module, as a class, as a header and for people."""
    parts = name.split("_")
    return {
        "name": name,
        "Name": "".join(part.capitalize() for part in parts),
        "NAME": name.upper(),
        "title": " ".join(part.capitalize() for part in parts),
        "header": "-".join(parts),
    }
