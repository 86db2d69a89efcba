"""The pretend processors of `hub dev`: each a process of its own, whose book outlives it and the hub."""

import asyncio
import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Final

import click
import msgspec
from msgspec import Struct

from hub.seed import PROCESSORS

START_SECONDS: Final = 30.0
STOP_SECONDS: Final = 5.0
_POLL_SECONDS: Final = 0.05


class CannotStartError(click.ClickException):
    """`hub dev` cannot start; the message says why and the mend."""


class Started(Struct, frozen=True):
    """A pretend processor as it was started last."""

    pid: int
    port: int


class Kept(Struct, kw_only=True):
    """What a folder remembers from one start to the next; `ahead_days` is how far its clocks are ahead."""

    api_key: str | None = None
    ahead_days: int = 0
    sandboxes: dict[str, Started] = {}


class Folder:
    """The folder of one `hub dev`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.kept = Kept()
        self._file = path / "dev.json"

    @property
    def database_url(self) -> str:
        """Where its own database is."""
        return f"sqlite:///{self.path / 'hub.db'}"

    def book(self, processor: str) -> Path:
        """Where a pretend processor remembers everything."""
        return self.path / f"{processor}.book"

    def read(self) -> None:
        """Take up what the last start left."""
        if self._file.exists():
            try:
                self.kept = msgspec.json.decode(self._file.read_bytes(), type=Kept)
            except msgspec.DecodeError as broken:
                raise CannotStartError(f"{self._file} cannot be read; start with --fresh") from broken

    def write(self) -> None:
        """Keep it, for this user only, since it holds an API key."""
        new = self._file.with_suffix(".new")
        new.touch(mode=0o600)
        new.write_bytes(msgspec.json.encode(self.kept))
        new.replace(self._file)

    def forget(self) -> None:
        """Remove what a `hub dev` put here, and nothing else."""
        for pattern in ("hub.db*", "*.book*", "dev.json"):
            for file in self.path.glob(pattern):
                file.unlink()
        self.kept = Kept()


@contextmanager
def claimed(path: Path) -> Iterator[Folder]:
    """Hold the folder, so that no second `hub dev` works on the same books.

    Raises:
        CannotStartError: when another one holds it.
    """
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (path / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as held:
            lock.seek(0)
            by = lock.read().strip() or "?"
            raise CannotStartError(
                f"{path} is in use by another `hub dev` (process {by}): end it, or choose another --folder"
            ) from held
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield Folder(path)


@asynccontextmanager
async def sandboxes(folder: Folder, *, fresh: bool) -> AsyncIterator[dict[str, tuple[str, asyncio.subprocess.Process]]]:
    """Run the pretend processors, on the ports they had last time where those are free; *fresh* forgets first."""
    async with AsyncExitStack() as running:
        for processor in PROCESSORS:
            _end_stale(folder, processor)
        if fresh:
            folder.forget()
        starting = [running.enter_async_context(_sandbox(folder, processor)) for processor in PROCESSORS]
        started = dict(zip(PROCESSORS, [await one for one in starting], strict=True))
        folder.write()
        yield started


@asynccontextmanager
async def _sandbox(folder: Folder, processor: str) -> AsyncIterator[tuple[str, asyncio.subprocess.Process]]:
    last = folder.kept.sandboxes.get(processor)
    port = last.port if last is not None and is_free(last.port) else 0
    asked = (processor, "--port", str(port), "--book", str(folder.book(processor)), "--json")
    # A session of its own: Ctrl-C is for the hub, which ends it after its last charge.
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "hub.sandbox", *asked, stdout=asyncio.subprocess.PIPE, start_new_session=True
    )
    try:
        url = await _told(processor, process)
        folder.kept.sandboxes[processor] = Started(process.pid, int(url.rpartition(":")[2]))
        yield url, process
    finally:
        await _end(process)


async def _told(processor: str, process: asyncio.subprocess.Process) -> str:
    line = b""
    if process.stdout is not None:
        with suppress(TimeoutError):
            line = await asyncio.wait_for(process.stdout.readline(), START_SECONDS)
    if not line:
        raise CannotStartError(f"the {processor} sandbox did not start; what it wrote stands above")
    return str(msgspec.json.decode(line)["url"])


async def _end(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), STOP_SECONDS)
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def _end_stale(folder: Folder, processor: str) -> None:
    """End the sandbox that a killed `hub dev` left at this folder's book; a stranger of that number is left alone."""
    last = folder.kept.sandboxes.get(processor)
    if last is None:
        return
    mine = f"hub.sandbox {processor} "
    until = time.monotonic() + STOP_SECONDS
    for number in (signal.SIGTERM, signal.SIGKILL):
        command = command_line(last.pid)
        if mine not in command or str(folder.book(processor)) not in command:
            return
        with suppress(ProcessLookupError):
            os.kill(last.pid, number)
        while command_line(last.pid) and time.monotonic() < until:
            time.sleep(_POLL_SECONDS)


def command_line(pid: int) -> str:
    """Give a running process's command line; empty where there is none."""
    listed = Path(f"/proc/{pid}/cmdline")
    if Path("/proc/self/cmdline").exists():
        try:
            return listed.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            return ""
    asked = ["ps", "-p", str(pid), "-o", "command="]
    told = subprocess.run(asked, capture_output=True, text=True, check=False)  # noqa: S603 - a number of our own
    return told.stdout.strip()


def is_free(port: int) -> bool:
    """Whether nobody listens on *port* of 127.0.0.1."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def listen(port: int) -> socket.socket:
    """Take a port of 127.0.0.1, 0 for a free one.

    Raises:
        CannotStartError: when somebody else has it.
    """
    door = socket.socket()
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        door.bind(("127.0.0.1", port))
        door.listen(2048)
    except OSError as taken:
        door.close()
        raise CannotStartError(f"port {port} is in use; choose another with --port, or 0 for a free one") from taken
    door.set_inheritable(False)
    return door
