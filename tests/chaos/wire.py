"""What a client says to PostgreSQL, cut into messages, and with each the SQL that it runs."""

from typing import Final

from msgspec import Struct

_SSL_ASKED: Final = 80_877_103
_GSS_ASKED: Final = 80_877_104
_LENGTH: Final = 4
READY: Final = b"Z\x00\x00\x00\x05"
"""How the last message of every answer begins; one byte follows, the state of the transaction."""


class Message(Struct, frozen=True):
    """One message as sent; `runs` is empty where it has nothing executed."""

    raw: bytes
    runs: str = ""


class Frontend:
    """One connection's client side: bytes in, whole messages out."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._prepared: dict[bytes, str] = {}
        self._begun = False

    def feed(self, some: bytes) -> list[Message]:
        """Take *some* bytes and give the messages that are whole by now."""
        self._buffer += some
        found = []
        while (message := self._next()) is not None:
            found.append(message)
        return found

    def _next(self) -> Message | None:
        start = 1 if self._begun else 0  # What opens a connection has no letter before its length.
        if len(self._buffer) < start + _LENGTH:
            return None
        size = start + int.from_bytes(self._buffer[start : start + _LENGTH])
        if len(self._buffer) < size:
            return None
        raw = bytes(self._buffer[:size])
        del self._buffer[:size]
        if not self._begun:
            code = int.from_bytes(raw[_LENGTH : 2 * _LENGTH])
            self._begun = code not in {_SSL_ASKED, _GSS_ASKED}
            return Message(raw)
        return Message(raw, self._runs(raw))

    def _runs(self, raw: bytes) -> str:
        letter, body = raw[:1], raw[1 + _LENGTH :]
        if letter == b"Q":
            return body.rstrip(b"\0").decode()
        if letter == b"P":
            name, sql, _ = body.split(b"\0", 2)
            self._prepared[name] = sql.decode()
        if letter == b"B":
            _, name, _ = body.split(b"\0", 2)
            return self._prepared.get(name, "")
        return ""


def is_answered(heard: bytes) -> bool:
    """Whether what the server said ends an answer."""
    return heard[-6:-1] == READY
