"""The charge path's own PostgreSQL connections: the one used last is used next, and nothing is asked twice.

asyncpg's pool costs more than twice what a short statement costs on a connection of one's own, and the charge path
makes three statements a charge.
"""

import asyncio
import socket
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final, Self

import asyncpg

STATEMENT_SECONDS: Final = 30.0
LAST_WORDS: Final = (asyncpg.PostgresConnectionError, asyncpg.OperatorInterventionError)
"""Errors told by a database that closes the connection after them, or may do so."""
SILENT_S_MAX: Final = 60
"""How long the other end may be gone without a word, as on a failover that nobody tells of, before that is noticed."""
FAREWELL_S: Final = 2.0
"""How long a connection that is closed may take to say so."""
_LOOK_AFTER_S: Final = 30
_LOOK_EVERY_S: Final = 10


class Kept(asyncpg.Connection):  # type: ignore[misc] # asyncpg ships no types
    """A connection whose other end is looked for when nothing is heard of it.

    Without that a statement waits for ever when its answer is lost with the machine it was to come from.
    """

    def __init__(self, protocol: Any, transport: Any, *others: Any) -> None:  # noqa: ANN401 - as asyncpg makes it
        super().__init__(protocol, transport, *others)
        look_for_the_end(transport.get_extra_info("socket"))


def look_for_the_end(held: socket.socket) -> None:
    """Have the kernel ask the other end whether it is there, and give up what it does not confirm."""
    if held.family not in {socket.AF_INET, socket.AF_INET6}:
        return
    held.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    looks = (SILENT_S_MAX - _LOOK_AFTER_S) // _LOOK_EVERY_S
    told = (
        ("TCP_KEEPIDLE", _LOOK_AFTER_S),
        ("TCP_KEEPINTVL", _LOOK_EVERY_S),
        ("TCP_KEEPCNT", looks),
        ("TCP_USER_TIMEOUT", SILENT_S_MAX * 1000),
    )
    for name, value in told:
        if option := getattr(socket, name, None):  # Not every system has every one.
            held.setsockopt(socket.IPPROTO_TCP, option, value)


class Connections:
    """At most `most` connections, opened when they are first needed; statements are prepared once on each.

    Each call is a transaction of its own. A connection on which anything but an error told by the database
    happened, being cancelled too, is closed and not used again: nobody can say in which state it is. Where it had ended
    before is told as a ConnectionResetError.
    """

    def __init__(self, url: str, most: int) -> None:
        self._url = url
        self._free: asyncio.LifoQueue[asyncpg.Connection[Any] | None] = asyncio.LifoQueue()
        for _ in range(most):
            self._free.put_nowait(None)  # A place for a connection that is not open yet.
        self._most = most

    async def started(self) -> Self:
        """Open the first connection.

        Raises:
            OSError: when PostgreSQL does not answer.
        """
        self._free.put_nowait(await self._take())
        return self

    async def fetchval(self, statement: str, *values: object) -> Any:  # noqa: ANN401 - whatever is selected
        """Run *statement* and give the first value of its first row."""
        connection = await self._take()
        try:
            found = await connection.fetchval(statement, *values)
        except BaseException as failure:
            self._put_back(connection, failure)
            raise
        self._free.put_nowait(connection)
        return found

    async def executemany(self, statement: str, rows: Sequence[Sequence[object]]) -> None:
        """Run *statement* once for each of *rows*, all in one transaction."""
        connection = await self._take()
        try:
            await connection.executemany(statement, rows)
        except BaseException as failure:
            self._put_back(connection, failure)
            raise
        self._free.put_nowait(connection)

    async def fetch(self, statement: str, *values: object) -> Sequence[Any]:
        """Run *statement* and give its rows."""
        connection = await self._take()
        try:
            found: Sequence[Any] = await connection.fetch(statement, *values)
        except BaseException as failure:
            self._put_back(connection, failure)
            raise
        self._free.put_nowait(connection)
        return found

    async def close(self) -> None:
        """Wait for what is under way, then close every connection."""
        for _ in range(self._most):
            connection = await self._free.get()
            if connection is not None:
                with suppress(TimeoutError):  # It is cut off then.
                    await connection.close(timeout=FAREWELL_S)

    async def _take(self) -> "asyncpg.Connection[Any]":
        connection = await self._free.get()
        if connection is not None and not connection.is_closed():
            return connection
        try:
            return await asyncpg.connect(self._url, command_timeout=STATEMENT_SECONDS, connection_class=Kept)
        except BaseException:
            self._free.put_nowait(None)
            raise

    def _put_back(self, connection: "asyncpg.Connection[Any]", failure: BaseException) -> None:
        told = isinstance(failure, asyncpg.PostgresError) and not isinstance(failure, LAST_WORDS)
        if told and not connection.is_closed():
            self._free.put_nowait(connection)
            return
        connection.terminate()
        self._free.put_nowait(None)
        if isinstance(failure, asyncpg.InternalClientError):  # So asyncpg calls what was closed while nobody used it.
            raise ConnectionResetError("the connection to the database had ended") from failure
