"""HTTP as bytes on a socket, since no client library would send what is sent here."""

import http.client
import socket
from collections.abc import Sequence
from contextlib import suppress
from typing import Final
from urllib.parse import urlsplit

from msgspec import Struct
from msgspec.structs import replace

SECONDS_MAX: Final = 30.0
Header = tuple[bytes, bytes]


class Asked(Struct, frozen=True, kw_only=True):
    """One request as it is written; `counted` false: nothing says how long its body is."""

    method: bytes
    target: bytes
    headers: Sequence[Header] = ()
    body: bytes = b""
    counted: bool = True

    def written(self) -> bytes:
        """Give its bytes."""
        lines = [self.method + b" " + self.target + b" HTTP/1.1", b"Host: hub.test"]
        lines += [name + b": " + value for name, value in self.headers]
        if self.counted and (self.body or self.method in {b"POST", b"PATCH"}):
            lines.append(b"Content-Length: %d" % len(self.body))
        return b"\r\n".join(lines) + b"\r\n\r\n" + self.body

    def with_header(self, name: bytes, value: bytes) -> "Asked":
        """Say *name* otherwise."""
        kept = [one for one in self.headers if one[0].lower() != name.lower()]
        return replace(self, headers=(*kept, (name, value)))


class Answer(Struct, frozen=True):
    """A status and a body; status 0: the connection was closed without an answer."""

    status: int
    body: bytes = b""


class Wire:
    """A kept-alive connection to a hub, opened anew whenever it was closed."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._where = (parts.hostname or "127.0.0.1", parts.port or 80)
        self._socket: socket.socket | None = None

    def ask(self, raw: bytes, method: bytes = b"GET", *, half: bool = False) -> Answer:
        """Send *raw* and read the answer; *half*: nothing more comes, and the sender says so."""
        told: Answer | None = None
        for last in (False, True):
            door = self._open()
            try:
                door.sendall(raw)
                if half:
                    door.shutdown(socket.SHUT_WR)
                told = self._read(door, method)
            except OSError:
                told = None
            if half or told is None:
                self.close()
            if told is not None or last:
                break
        return told or Answer(0)

    def close(self) -> None:
        """Give the connection up."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _open(self) -> socket.socket:
        if self._socket is None:
            self._socket = socket.create_connection(self._where, SECONDS_MAX)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._socket

    def _read(self, door: socket.socket, method: bytes) -> Answer | None:
        answer = http.client.HTTPResponse(door, method=method.decode("latin-1"))
        try:
            answer.begin()
            body = answer.read()
        except http.client.HTTPException:
            return None
        finally:
            answer.close()
        if answer.will_close:
            self.close()
        return Answer(answer.status, body)


def answers(url: str, raw: bytes, seconds: float = 1.0) -> list[int]:
    """Send *raw* on a connection of its own and count what comes back until it is quiet: one status for each answer."""
    parts = urlsplit(url)
    came = b""
    with (
        socket.create_connection((parts.hostname or "127.0.0.1", parts.port or 80), seconds) as door,
        suppress(OSError),
    ):
        door.sendall(raw)
        while piece := door.recv(65_536):
            came += piece
    return [int(line.split()[1]) for line in came.split(b"\r\n") if line.startswith(b"HTTP/1.")]
