"""Requests whose heads never end: their connections are closed, so that thousands of them keep nobody out.

Bodies have a deadline of their own, where they are read.
"""

import asyncio
from typing import ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class Impatient(HttpToolsProtocol):
    """Speaks HTTP as uvicorn does, and waits for the end of a head no longer than `head_s`, `silence_s` for its begin.

    What has been answered once is kept open by uvicorn's own `timeout_keep_alive`.
    """

    head_s: ClassVar[float] = 10.0
    silence_s: ClassVar[float] = 75.0
    _until: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._wait(self.silence_s)

    def on_message_begin(self) -> None:
        """Begin to wait for the end of a head that has begun."""
        super().on_message_begin()
        self._wait(self.head_s)

    def on_headers_complete(self) -> None:
        """Wait no more: the head is whole."""
        self._wait(None)
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more: nobody is there."""
        self._wait(None)
        super().connection_lost(exc)

    def _wait(self, seconds: float | None) -> None:
        if self._until is not None:
            self._until.cancel()
        self._until = None if seconds is None else self.loop.call_later(seconds, self.transport.close)
