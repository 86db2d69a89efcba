"""A TCP relay between the hub and what it needs: it delays, cuts, half-closes and swallows, and alters nothing."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable, Iterable
from typing import Any, Final, Protocol

from msgspec import Struct

CHUNK: Final = 64 * 1024
HEARD_WITHIN_S: Final = 2.0
"""How long an answer is waited for before the process is killed without it: its statement may wait for a lock."""
_RESET: Final = struct.pack("ii", 1, 0)


class Step(Struct, frozen=True):
    """Bytes to pass on, and whom to strike after them: at once, or when the answer is there, which is kept back."""

    forward: bytes
    strike: Callable[[], None] | None = None
    heard: bool = False


class LineWatch(Protocol):
    """Looks at one connection."""

    def up(self, some: bytes) -> Iterable[Step]:
        """Look at what the client says."""

    def is_heard(self, held: bytes) -> bool:
        """Whether *held* is a whole answer."""


class Unwatched:
    """Passes everything on."""

    def up(self, some: bytes) -> Iterable[Step]:
        """Pass *some* on."""
        return (Step(some),)

    def is_heard(self, held: bytes) -> bool:
        """Say yes: nobody asks."""
        return bool(held)


class _Line:
    """One connection through a relay."""

    def __init__(
        self,
        client: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        server: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        watch: LineWatch,
    ) -> None:
        self.from_client, self.to_client = client
        self.from_server, self.to_server = server
        self.watch = watch
        self.open = asyncio.Event()
        self.open.set()
        self.strike: Callable[[], None] | None = None
        self.held = bytearray()

    def abort(self) -> None:
        """Reset both sides, and let go of what was swallowed."""
        self.open.set()
        for writer in (self.to_client, self.to_server):
            connection = writer.get_extra_info("socket")
            if connection is not None and connection.fileno() >= 0:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            writer.transport.abort()

    def struck(self) -> None:
        """Strike whom this line's answer was held back for."""
        strike, self.strike = self.strike, None
        if strike is not None:
            strike()


class Relay:
    """Listens on `port` and passes on to `target`, which may be changed; both on 127.0.0.1."""

    def __init__(self, target: Callable[[], int], watch: Callable[[], LineWatch] = Unwatched) -> None:
        self.port = 0
        self.delay_s = 0.0
        self._target = target
        self._watch = watch
        self._lines: set[_Line] = set()
        self._accepted: set[asyncio.Task[Any]] = set()
        self._server: asyncio.Server | None = None
        self._answers = asyncio.Event()
        self._answers.set()

    async def start(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, backlog=512)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """End every connection and listen no more."""
        if self._server is not None:
            self._server.close()
        self.hush(silent=False)
        self.cut()
        await asyncio.gather(*self._accepted, return_exceptions=True)

    def cut(self) -> None:
        """Reset every connection."""
        for line in list(self._lines):
            line.abort()

    def half_close(self) -> None:
        """End the hub's side of every connection towards the server, which may still answer."""
        for line in list(self._lines):
            with contextlib.suppress(OSError, RuntimeError):
                line.to_server.write_eof()

    def swallow(self) -> None:
        """Pass nothing on any more on the connections that are there: neither side is told, ever."""
        for line in list(self._lines):
            line.open.clear()

    def hush(self, *, silent: bool) -> None:
        """Pass on what is asked and keep back every answer while *silent*."""
        if silent:
            self._answers.clear()
        else:
            self._answers.set()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._accepted.add(task)
        task.add_done_callback(self._accepted.discard)
        try:
            server = await asyncio.open_connection("127.0.0.1", self._target())
        except OSError:
            writer.transport.abort()
            return
        line = _Line((reader, writer), server, self._watch())
        self._lines.add(line)
        pumps = [asyncio.create_task(self._up(line)), asyncio.create_task(self._down(line))]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            self._lines.discard(line)
            line.to_server.close()
            line.to_client.close()

    async def _up(self, line: _Line) -> None:
        with contextlib.suppress(OSError, RuntimeError):
            while some := await line.from_client.read(CHUNK):
                await self._weather(line)
                for step in line.watch.up(some):
                    if step.strike is not None and step.heard:
                        line.strike = step.strike
                        asyncio.get_running_loop().call_later(HEARD_WITHIN_S, line.struck)
                    line.to_server.write(step.forward)
                    if step.strike is not None and not step.heard:
                        await line.to_server.drain()
                        step.strike()
                        return
                await line.to_server.drain()

    async def _down(self, line: _Line) -> None:
        with contextlib.suppress(OSError, RuntimeError):
            while some := await line.from_server.read(CHUNK):
                if line.strike is not None:
                    line.held += some
                    if line.watch.is_heard(bytes(line.held)):
                        line.struck()
                    continue
                await self._weather(line)
                await self._answers.wait()
                line.to_client.write(some)
                await line.to_client.drain()

    async def _weather(self, line: _Line) -> None:
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        await line.open.wait()
