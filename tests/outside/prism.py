"""Stoplight Prism as a proxy that refuses what an OpenAPI document does not allow, on the way in and out.

Source: https://docs.stoplight.io/docs/prism/4b480cc3d4e5c-prism-proxy
"""

import asyncio
import contextlib
import json
import os
import re
import shutil
import socket
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.outside.report import MissingError

VERSION = "5"
FOLDER = Path(__file__).resolve().parents[2] / "build" / "outside"
START_SECONDS_MAX = 60
SETTLED_S = 0.1
INSTALL_SECONDS_MAX = 300
VIOLATION = re.compile(r"violation|terminated with error", re.IGNORECASE)
COLOURS = re.compile(r"\x1b\[[0-9;]*m")


class Prism:
    """A running proxy and what it wrote."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.lines: list[str] = []

    async def violations(self) -> list[str]:
        """What it objected to since it was last asked; it writes a moment after it has answered."""
        await asyncio.sleep(SETTLED_S)
        found = [line for line in self.lines if VIOLATION.search(line)]
        self.lines.clear()
        return found


async def install() -> Path:
    """Install Prism once under build/outside, from whatever registry npm is set to."""
    program = FOLDER / "node_modules" / ".bin" / "prism"
    if program.exists():
        return program
    npm = shutil.which("npm")
    if npm is None:
        raise MissingError("npm is not here: install Node.js 18 or newer, which Stoplight Prism runs on.")
    FOLDER.mkdir(parents=True, exist_ok=True)
    command = ("install", "--no-audit", "--no-fund", "--prefix", str(FOLDER), f"@stoplight/prism-cli@{VERSION}")
    process = await asyncio.create_subprocess_exec(npm, *command, stdout=PIPE, stderr=STDOUT)
    told, _ = await asyncio.wait_for(process.communicate(), INSTALL_SECONDS_MAX)
    if process.returncode or not program.exists():
        raise MissingError(f"npm could not install Stoplight Prism:\n{told.decode(errors='replace')[-2000:]}")
    return program


def under(prefix: str, openapi: Path, name: str) -> Path:
    """Write a copy of an OpenAPI document whose paths begin with *prefix*, as Prism knows no base path."""
    document = json.loads(openapi.read_text())
    document["paths"] = {prefix + path: item for path, item in document["paths"].items()}
    FOLDER.mkdir(parents=True, exist_ok=True)
    copy = FOLDER / name
    copy.write_text(json.dumps(document))
    return copy


@asynccontextmanager
async def proxy(openapi: Path, upstream: str) -> AsyncIterator[Prism]:
    """Stand in front of *upstream*; every request and reply must be as *openapi* says."""
    program = await install()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ("proxy", str(openapi), upstream, "--errors", "--host", "127.0.0.1", "--port", str(port))
    process = await asyncio.create_subprocess_exec(
        program, *command, stdout=PIPE, stderr=STDOUT, env={**os.environ, "NO_COLOR": "1"}
    )
    running = Prism(f"http://127.0.0.1:{port}")
    listening = asyncio.Event()
    reader = asyncio.create_task(_read(process, running, listening))
    try:
        await asyncio.wait_for(listening.wait(), START_SECONDS_MAX)
        yield running
    finally:
        await _end(process)
        await reader


async def _read(process: Process, running: Prism, listening: asyncio.Event) -> None:
    assert process.stdout is not None
    async for raw in process.stdout:
        line = COLOURS.sub("", raw.decode(errors="replace")).strip()
        running.lines.append(line)
        if "Prism is listening" in line:
            listening.set()


async def _end(process: Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), 5)
    except TimeoutError:
        process.kill()
        await process.wait()
