"""As much of HTTP/1.1 as a benchmark's two ends need: kept-alive connections, bodies with a Content-Length."""

from collections.abc import Iterator
from typing import Final

HEAD_END: Final = b"\r\n\r\n"
_LENGTH: Final = b"content-length:"


class Message:
    """One request or response: its first line, its head in lower case, its body."""

    __slots__ = ("body", "first", "head")

    def __init__(self, first: bytes, head: bytes, body: bytes) -> None:
        self.first = first
        self.head = head
        self.body = body

    def header(self, name: bytes) -> bytes:
        """Give a header's value, empty where there is none."""
        _, found, rest = self.head.partition(b"\r\n" + name + b":")
        return rest.partition(b"\r\n")[0].strip() if found else b""


class Messages:
    """Cuts a stream of bytes into messages."""

    __slots__ = ("_kept",)

    def __init__(self) -> None:
        self._kept = b""

    def feed(self, data: bytes) -> Iterator[Message]:
        """Give every message that *data* completes."""
        self._kept = self._kept + data if self._kept else data
        while (end := self._kept.find(HEAD_END)) >= 0:
            first, _, rest = self._kept[:end].partition(b"\r\n")
            head = b"\r\n" + rest.lower()
            at = head.find(_LENGTH)
            length = int(head[at + len(_LENGTH) :].partition(b"\r\n")[0]) if at >= 0 else 0
            begin = end + len(HEAD_END)
            if len(self._kept) < begin + length:
                return
            body = self._kept[begin : begin + length]
            self._kept = self._kept[begin + length :]
            yield Message(first, head, body)


def response(status: int, body: bytes) -> bytes:
    """Write a JSON answer."""
    return b"HTTP/1.1 %d -\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (
        status,
        len(body),
        body,
    )
