"""The `hub` command as a process of its own.

What goes on until it is told to end is started as a person would start it, and ended by its own process id. What runs
to its end is forked from a process that has loaded the hub: in a tenth of the time, which is all the difference.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import msgspec

from hub.cli import main
from hub.demo_shop import Place
from tests.hub.pretending import FORKS

SECONDS_MAX = 120
HUB = (sys.executable, "-m", "hub.cli")
ROOT = Path(__file__).parent.parent.parent
DEVELOPMENT_KEY = "first:" + "A" * 43 + "="


def environment(**settings: str) -> dict[str, str]:
    """This process's environment with these settings of the hub and no others."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("HUB_")}
    return {**plain, **settings, "PYTHONPATH": str(ROOT), "COLUMNS": "200"}


def hub(*words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return hub_in(None, *words, **settings)


def hub_in(folder: Path | None, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, in *folder* where one is given."""
    with TemporaryDirectory(prefix="hub-command-") as kept:
        told = Path(kept) / "out", Path(kept) / "err"
        for path in told:
            path.touch()
        process = FORKS.Process(target=_command, args=(words, environment(**settings), folder or ROOT, told))
        process.start()
        process.join(SECONDS_MAX)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired(words, SECONDS_MAX)
        out, err = (path.read_text() for path in told)
    return subprocess.CompletedProcess(words, process.exitcode, out, err)


def _command(words: Sequence[str], settings: Mapping[str, str], folder: Path, told: Sequence[Path]) -> None:
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(settings)
    for number, path in enumerate((Path(os.devnull), *told)):
        os.dup2(os.open(path, os.O_RDWR | os.O_APPEND), number)
    # Where the streams were open already, they hold what this process's parent said or not at all.
    sys.stdin, sys.stdout, sys.stderr = (os.fdopen(n, "w" if n else "r") for n in range(3))
    sys.argv = ["hub", *words]
    try:
        main(prog_name="hub")
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


@contextmanager
def started(*words: str, **settings: str) -> Iterator[subprocess.Popen[str]]:
    """Start a command that goes on; what still runs at the end is ended."""
    process = subprocess.Popen(
        (*HUB, *words),
        env=environment(**settings),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(SECONDS_MAX)
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()


def ended(process: subprocess.Popen[str], number: signal.Signals) -> int:
    """Send a signal and give the exit code."""
    process.send_signal(number)
    return process.wait(SECONDS_MAX)


@contextmanager
def developing(folder: Path, *words: str) -> Iterator[tuple[Place, subprocess.Popen[str]]]:
    """Run `hub dev` in *folder* on a free port until the end of the block."""
    with started("dev", "--port", "0", "--json", "--folder", str(folder), *words) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            assert process.stderr is not None
            raise AssertionError(process.stderr.read())
        yield msgspec.json.decode(line, type=Place), process


def ask(place: Place, method: str, path: str, body: Mapping[str, Any] | None = None, key: str = "") -> httpx.Response:
    """Ask the hub with the key it gave."""
    headers = {"Authorization": f"Bearer {place.api_key}", **({"Idempotency-Key": key} if key else {})}
    return httpx.request(method, place.url + path, json=body, headers=headers, timeout=SECONDS_MAX)
