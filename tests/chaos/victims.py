"""The hub's processes, as they are started, looked at on their lines, killed and started again."""

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Final

from hub.serving import serve_api, serve_jobs
from tests.chaos.board import Board, Hit
from tests.chaos.places import OPERATION_ID, How, Kind, Place, Trap, kind_of
from tests.chaos.relay import Relay, Step
from tests.chaos.wire import Frontend, Message, is_answered
from tests.hub.pretending import FORKS
from tests.processes import GUARD, free_port

ROOT: Final = Path(__file__).resolve().parents[2]
_DIE_WITH_PARENT: Final = 1
_STARTED: Final = b"worker_started"


class Victim:
    """One process of the hub: `hub serve` or `hub worker`; its database lies behind a relay of its own."""

    def __init__(self, name: str, role: str, folder: Path, board: Board) -> None:
        self.name = name
        self.role = role
        self.port = free_port()
        self.log = folder / f"{name}.log"
        self.trap: Trap | None = None
        self.settings: Mapping[str, str] = {}
        self.seen: set[bytes] = set()
        self._board = board
        self._process: BaseProcess | asyncio.subprocess.Process | None = None
        self._logged = 0
        self.struck = asyncio.Event()

    def lies_behind(self, database: Callable[[], int]) -> Relay:
        """Make the relay to its database, which looks for what its trap waits for."""
        return Relay(database, partial(_DatabaseLine, self))

    @property
    def pid(self) -> int:
        """Of the process; 0 when there is none."""
        return (self._process.pid or 0) if self._process is not None else 0

    async def start(self, *, fresh: bool) -> None:
        """Start it: in an interpreter that is started anew, or forked from one that has loaded everything."""
        self.struck.clear()
        self._logged = self.log.stat().st_size if self.log.exists() else 0
        if not fresh:
            forked = FORKS.Process(target=_run, args=(dict(self.settings), str(self.log), self.role))
            forked.start()
            self._process = forked
            return
        guard = (sys.executable, "-I", "-S", "-c", GUARD, str(int(signal.SIGKILL)), str(os.getpid()), "", "")
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *guard, sys.executable, "-m", "hub.cli", self.role, cwd=ROOT, env=self.settings, stdout=log, stderr=log
            )

    def is_alive(self) -> bool:
        """Whether the process runs."""
        if isinstance(self._process, asyncio.subprocess.Process):
            return self._process.returncode is None
        return self._process is not None and self._process.is_alive()

    async def works(self) -> bool:
        """Whether it does what it is there for."""
        if self.role == "worker":
            with self.log.open("rb") as log:
                log.seek(self._logged)
                return _STARTED in log.read()
        try:
            async with asyncio.timeout(2):
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                writer.write(b"GET /health/ready HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n\r\n")
                said = await reader.read(64)
                writer.close()
        except (OSError, TimeoutError):
            return False
        return b" 200 " in said

    def strike(self, place: Place, how: How) -> None:
        """End it with SIGKILL, now."""
        if self.struck.is_set() or not self.is_alive():
            return
        os.kill(self.pid, signal.SIGKILL)
        self.trap = None
        self._board.hit(Hit(place=place, how=how, role=self.role, at=time.monotonic()))
        self.struck.set()

    async def buried(self) -> None:
        """Wait until it has ended, ending it first where it runs."""
        while self.is_alive():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            await asyncio.sleep(0.01)
        if isinstance(self._process, asyncio.subprocess.Process):
            await self._process.wait()
        elif self._process is not None:
            self._process.join()
        self._process = None

    def begins(self, raw: bytes) -> frozenset[bytes]:
        """Note the operations that a first commit names, and give those that nobody has named before."""
        new = frozenset(OPERATION_ID.findall(raw)) - self.seen
        self.seen |= new
        return new


class _DatabaseLine:
    """Looks at one connection of a process to its database."""

    def __init__(self, victim: Victim) -> None:
        self._victim = victim
        self._said = Frontend()
        self._before: Kind | None = None  # What the transaction that is open has written.

    def up(self, some: bytes) -> Iterable[Step]:
        """Pass on message by message, up to the one that the process is killed at."""
        passed = bytearray()
        heard: Callable[[], None] | None = None
        for message in self._said.feed(some):
            how = None if heard else self._meets(message)
            if how in {How.UNSENT, How.HALF}:
                passed += message.raw[: len(message.raw) // 2] if how is How.HALF else b""
                yield Step(bytes(passed), self._strike(how))
                return
            passed += message.raw
            if how is not None:
                heard = self._strike(how)
        if passed:
            yield Step(bytes(passed), heard, heard=heard is not None)

    def is_heard(self, held: bytes) -> bool:
        """Whether the database has said all."""
        return is_answered(held)

    def _meets(self, message: Message) -> How | None:
        kind = kind_of(message.runs) if message.runs else None
        if kind is None:
            return None
        begun = self._victim.begins(message.raw) if kind is Kind.FIRST else frozenset[bytes]()
        before = self._before
        self._before = None if kind is Kind.COMMIT else kind
        trap = self._victim.trap
        return None if trap is None else trap.at_statement(kind, message.raw, begun, before)

    def _strike(self, how: How) -> Callable[[], None]:
        trap = self._victim.trap
        assert trap is not None
        return partial(self._victim.strike, trap.place, how)


class ProcessorLine:
    """Looks at one connection to a processor, whichever process has it."""

    def __init__(self, victims: Iterable[Victim]) -> None:
        self._victims = list(victims)

    def up(self, some: bytes) -> Iterable[Step]:
        """Pass on up to the request that a process is killed at."""
        for victim in self._victims:
            trap = victim.trap
            how = None if trap is None else trap.at_request(some)
            if trap is not None and how is not None:
                strike = partial(victim.strike, trap.place, how)
                yield Step(b"" if how is How.UNSENT else some, strike, heard=how is How.UNHEARD)
                return
        yield Step(some)

    def is_heard(self, held: bytes) -> bool:
        """Whether the answer's body is there; what says no length ends when its connection does."""
        head, end, body = held.partition(b"\r\n\r\n")
        told = next((line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), b":0")
        return bool(end) and len(body) >= int(told.partition(b":")[2])


def _run(settings: dict[str, str], log: str, role: str) -> None:
    _die_with_parent()
    os.environ.clear()
    os.environ.update(settings)
    written = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.dup2(written, 1)
    os.dup2(written, 2)
    if role == "worker":
        serve_jobs()
    else:
        serve_api(1)


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, int(signal.SIGKILL))
