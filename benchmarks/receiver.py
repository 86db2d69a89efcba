"""Applications that are told of events: one server with a path for each endpoint. Some of them never answer."""

import asyncio
import sys
import time
from typing import Final, cast

import msgspec
import uvloop
from msgspec import Struct

TAKEN: Final = b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"
_END: Final = b"\r\n\r\n"


class Arrived(Struct, frozen=True, array_like=True):
    """One delivery: which endpoint, which event, and when, in seconds since 1970."""

    endpoint: int
    event: str
    at: float


class Receiving(asyncio.Protocol):
    """Reads requests as aiohttp writes them; endpoints below *hanging* leave theirs unanswered."""

    def __init__(self, arrived: list[Arrived], hanging: int) -> None:
        self._arrived = arrived
        self._hanging = hanging
        self._buffer = b""
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep it to answer on."""
        self._transport = cast("asyncio.WriteTransport", transport)  # uvloop's do not inherit asyncio's.

    def data_received(self, data: bytes) -> None:
        """Take every request that is complete."""
        self._buffer += data
        while (end := self._buffer.find(_END)) >= 0:
            head = self._buffer[:end].decode("latin-1").split("\r\n")
            headers = dict(line.lower().split(": ", 1) for line in head[1:])
            whole = end + len(_END) + int(headers["content-length"])
            if len(self._buffer) < whole:
                return
            self._buffer = self._buffer[whole:]
            self._take(int(head[0].split()[1].rpartition("/")[2]), headers["webhook-id"])

    def _take(self, endpoint: int, event: str) -> None:
        self._arrived.append(Arrived(endpoint, event, time.time()))
        if endpoint >= self._hanging and self._transport is not None:
            self._transport.write(TAKEN)


async def receive(port: int, hanging: int) -> None:
    """Serve; each line of standard input is answered with what has arrived since the last."""
    loop, arrived = asyncio.get_running_loop(), list[Arrived]()
    await loop.create_server(lambda: Receiving(arrived, hanging), "127.0.0.1", port, backlog=1024)
    lines = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while await lines.readline():
        sys.stdout.buffer.write(msgspec.json.encode(arrived) + b"\n")
        sys.stdout.buffer.flush()
        arrived.clear()


if __name__ == "__main__":
    uvloop.run(receive(int(sys.argv[1]), int(sys.argv[2])))
