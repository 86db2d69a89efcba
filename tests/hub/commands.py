"""The `hub` command as a process of its own, started as a person would and ended by its own process id."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec

from hub.demo_shop import Place

SECONDS_MAX = 60
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
    return subprocess.run(
        (*HUB, *words),
        env=environment(**settings),
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS_MAX,
    )


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
