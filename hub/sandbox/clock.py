"""The processor's clock: real time, plus what a test has advanced it by."""

import time

import msgspec

from hub.sandbox.book import Book


class Clock:
    """Seconds since the epoch; the advance is kept in the book and only ever grows."""

    def __init__(self, book: Book) -> None:
        """Take up the advance the book remembers."""
        self._book = book
        kept = book.kept("clock").get("offset_s")
        self._offset_s: float = 0.0 if kept is None else msgspec.json.decode(kept, type=float)

    def now(self) -> float:
        """Return the processor's time."""
        return time.time() + self._offset_s

    def advance(self, seconds: float) -> None:
        """Let *seconds* pass at once."""
        self._offset_s += seconds
        self._book.keep("clock", "offset_s", self._offset_s)
