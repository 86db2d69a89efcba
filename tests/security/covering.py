"""Bytes for every parser until one of them breaks: `make fuzz`.

With atheris what reaches new code is changed further; where it is not installed bytes are changed blindly.
"""

import os
import re
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from tests.security.mutations import mutated

if TYPE_CHECKING:  # Loaded later, so that it is seen by what watches imports.
    from tests.security.parsers import Parser

RUNS: Final = 20_000
OURS: Final = (
    "adapters", "hub.decoding", "hub.disputes.evidence", "hub.events.cursors", "hub.pages", "hub.pan", "hub.settings",
    "hub.settlement", "hub.token_imports", "hub.webhook_endpoints.addresses", "normalization", "routing.rules",
)  # fmt: skip
"""What parses; watching more takes longer and shows nothing of it."""
LENGTH_MAX: Final = 8_192
_COVERED: Final = re.compile(r"cov: (\d+)")


def parsers() -> Sequence["Parser"]:
    """Load the parsers, so that atheris sees which of their branches are taken where it is installed."""
    if find_spec("atheris") is None:
        return _loaded()
    import atheris  # noqa: PLC0415 - installed for this alone

    with atheris.instrument_imports(include=list(OURS)):
        return _loaded()


def _loaded() -> Sequence["Parser"]:
    from tests.security.parsers import PARSERS  # noqa: PLC0415 - to be instrumented as it is loaded

    return PARSERS


def cover(parser: "Parser", runs: int, folder: Path) -> None:
    """Be the process in which one parser is covered; it ends itself, with a failure where the parser broke."""
    import atheris  # noqa: PLC0415 - installed for this alone

    with (folder / "said").open("wb") as said:
        os.dup2(said.fileno(), 1)
        os.dup2(said.fileno(), 2)
    corpus = folder / "corpus"
    corpus.mkdir()
    for number, seed in enumerate(parser.seeds):
        (corpus / str(number)).write_bytes(seed)
    told = [f"-runs={runs}", f"-max_len={LENGTH_MAX}", "-rss_limit_mb=4096", "-timeout=60", "-seed=1"]

    def one(raw: bytes) -> None:
        parser.takes(raw)

    atheris.Setup([sys.argv[0], *told, f"-artifact_prefix={folder}/", str(corpus)], one)
    atheris.Fuzz()


def covered(parser: "Parser", runs: int) -> bool:
    """Cover one parser in a process of its own and print how far that came; false where it broke."""
    with TemporaryDirectory(prefix="hub-cover-") as folder:
        child = os.fork()
        if not child:
            cover(parser, runs, Path(folder))
            os._exit(1)
        ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        said = (Path(folder) / "said").read_text(errors="replace")
    reached = _COVERED.findall(said)
    print(f"{runs:>9,} tries, {reached[-1] if reached else '?':>6} edges, {parser.name}", flush=True)
    if ended:
        print(said[-4_000:])
    return ended == 0


def tried(parser: "Parser", runs: int) -> bool:
    """Change bytes blindly for one parser; false where it broke."""
    random = Random(runs)  # noqa: S311 - which bytes
    taken = 0
    for _ in range(runs):
        raw = mutated(parser.seeds, random)
        try:
            taken += parser.takes(raw)
        except Exception as failure:  # noqa: BLE001 - this is what is looked for
            print(f"FAULT {parser.name}: {failure!r} of {raw[:1_000]!r}")
            return False
    print(f"{runs:>9,} tries, {taken:>6,} taken, {parser.name}", flush=True)
    return True


def main() -> None:
    """Cover every parser, with as many tries each as the command line says."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else RUNS
    known = parsers()
    how = covered if find_spec("atheris") else tried
    print(f"{'by coverage, with atheris' if how is covered else 'blindly: atheris is not installed'}", flush=True)
    broken = [parser.name for parser in known if not how(parser, runs)]
    print(f"{len(known)} parsers, {len(broken)} broke: {', '.join(broken) or 'none'}")
    sys.exit(bool(broken))


if __name__ == "__main__":
    main()
