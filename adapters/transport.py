"""The one pooled HTTP door that the official SDKs share, and what its failures mean.

Deadlines are explicit and nothing is retried in secret: a failure is classified by its consequence, `NotSentError` or
`OutcomeUnknownError`.
"""

import asyncio
from collections.abc import Mapping
from typing import Final

import aiohttp
from msgspec import Struct

from adapters.errors import AdapterError, NotSentError, OutcomeUnknownError


class Deadlines(Struct, frozen=True, kw_only=True):
    """How long a call may take, in seconds: to connect, between two bytes of the answer, and altogether."""

    connect: float = 2.0
    answer: float = 25.0
    total: float = 28.0


class Answer(Struct, frozen=True):
    """A complete HTTP answer; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


NOTHING_SENT: Final = (
    aiohttp.ClientConnectorError,  # DNS, refused, TLS: includes its certificate and SSL errors.
    aiohttp.ConnectionTimeoutError,  # The connection, or a place in the pool, was not had in time.
    aiohttp.InvalidURL,
)
"""What aiohttp raises before the first byte of a request leaves."""


class Transport:
    """One connection pool for every processor; made inside the running event loop."""

    def __init__(self, deadlines: Deadlines | None = None, connections_max: int = 200) -> None:
        """Open the pool; *connections_max* bounds it over all processors together."""
        within = deadlines or Deadlines()
        self.timeout = aiohttp.ClientTimeout(
            total=within.total, connect=within.connect, sock_connect=within.connect, sock_read=within.answer
        )
        connector = aiohttp.TCPConnector(limit=connections_max, keepalive_timeout=30)
        self.session = aiohttp.ClientSession(connector=connector, timeout=self.timeout, auto_decompress=True)

    async def send(
        self, processor: str, method: str, url: str, headers: Mapping[str, str], body: bytes | None
    ) -> Answer:
        """Send one request and read its whole answer, redirects not followed.

        Raises:
            NotSentError: when no byte reached the processor.
            OutcomeUnknownError: when it may have been reached and no complete answer came back.
        """
        try:
            async with self.session.request(
                method, url, headers=headers, data=body, allow_redirects=False
            ) as answer:
                content = await answer.read()
                return Answer(answer.status, {k.lower(): v for k, v in answer.headers.items()}, content)
        except (aiohttp.ClientError, TimeoutError, asyncio.IncompleteReadError, OSError) as failure:
            raise classify(processor, failure) from failure

    async def close(self) -> None:
        """Close the pool."""
        await self.session.close()


def classify(processor: str, failure: BaseException) -> AdapterError:
    """Say what *failure*, or what caused it, means for the money."""
    cause: BaseException | None = failure
    while cause is not None:
        if isinstance(cause, NOTHING_SENT):
            return NotSentError(processor, f"not reached: {type(cause).__name__}")
        cause = cause.__cause__
    return OutcomeUnknownError(processor, f"no complete answer: {type(failure).__name__}")
