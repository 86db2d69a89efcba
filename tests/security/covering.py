"""Bytes for every parser until one of them breaks: `make fuzz`.

With atheris what reaches new code is changed further; where it is not installed bytes are changed blindly.
"""

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Final

RUNS: Final = 20_000
LENGTH_MAX: Final = 8_192
_COVERED: Final = re.compile(r"cov: (\d+)")


def cover(name: str, runs: int, folder: Path) -> None:
    """Be the process in which one parser is covered; it ends itself, with a failure where the parser broke."""
    import atheris  # noqa: PLC0415 - installed for this alone

    with atheris.instrument_imports(include=["hub", "adapters", "routing", "normalization"]):
        from tests.security.parsers import PARSERS  # noqa: PLC0415 - to be instrumented as it is loaded
    parser = next(one for one in PARSERS if one.name == name)
    corpus = folder / "corpus"
    corpus.mkdir()
    for number, seed in enumerate(parser.seeds):
        (corpus / str(number)).write_bytes(seed)
    told = [f"-runs={runs}", f"-max_len={LENGTH_MAX}", "-rss_limit_mb=4096", "-timeout=20", "-seed=1"]
    atheris.Setup([sys.argv[0], *told, f"-artifact_prefix={folder}/", str(corpus)], parser.takes)
    atheris.Fuzz()


def covered(name: str, runs: int) -> bool:
    """Cover one parser in a process of its own and print how far that came; false where it broke."""
    with TemporaryDirectory(prefix="hub-cover-") as folder:
        command = (sys.executable, "-m", __spec__.name, name, str(runs), folder)
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    reached = _COVERED.findall(done.stderr)
    print(f"{runs:>9,} tries, {reached[-1] if reached else '?':>6} edges, {name}", flush=True)
    if done.returncode:
        print(done.stdout[-3_000:], done.stderr[-3_000:], sep="\n")
    return done.returncode == 0


def tried(name: str, runs: int) -> bool:
    """Change bytes blindly for one parser; false where it broke."""
    from tests.security.mutations import mutated  # noqa: PLC0415 - as below
    from tests.security.parsers import PARSERS  # noqa: PLC0415 - not loaded where atheris loads it itself

    parser, random = next(one for one in PARSERS if one.name == name), Random(runs)  # noqa: S311 - which bytes
    taken = 0
    for _ in range(runs):
        raw = mutated(parser.seeds, random)
        try:
            taken += parser.takes(raw)
        except Exception as failure:  # noqa: BLE001 - this is what is looked for
            print(f"FAULT {name}: {failure!r} of {raw[:1_000]!r}")
            return False
    print(f"{runs:>9,} tries, {taken:>6,} taken, {name}", flush=True)
    return True


def main() -> None:
    """Cover every parser, or as one process of that the one that is named."""
    match sys.argv[1:]:
        case [name, tries, folder]:
            cover(name, int(tries), Path(folder))
        case told:
            runs = int(told[0]) if told else RUNS
            how = covered if find_spec("atheris") else tried
            print(f"{'by coverage, with atheris' if how is covered else 'blindly: atheris is not installed'}")
            from tests.security.parsers import PARSERS  # noqa: PLC0415 - a covered process loads it itself

            broken = [parser.name for parser in PARSERS if not how(parser.name, runs)]
            print(f"{len(PARSERS)} parsers, {len(broken)} broke: {', '.join(broken) or 'none'}")
            sys.exit(bool(broken))


if __name__ == "__main__":
    main()
