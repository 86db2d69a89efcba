"""How many forms with files one process takes at the same time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from hub.errors import ProblemError

AT_ONCE: Final = 4
"""Each is in memory several times while it is read, sealed, kept and sent: up to 150 MiB for the largest."""
WAIT_S: Final = 2.0
AGAIN_S: Final = 5


class Uploads:
    """The places of one process."""

    def __init__(self) -> None:
        self._places = asyncio.Semaphore(AT_ONCE)

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Have a place; nothing of the body is read before.

        Raises:
            ProblemError: uploads_busy, where none became free in time.
        """
        try:
            async with asyncio.timeout(WAIT_S):
                await self._places.acquire()
        except TimeoutError:
            detail = f"{AT_ONCE} forms with files are being taken already, and this process takes no more at once"
            raise ProblemError("uploads_busy", detail, retry_after=AGAIN_S) from None
        try:
            yield
        finally:
            self._places.release()
