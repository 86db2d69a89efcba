"""The one pooled HTTP door that the official SDKs share, and what its failures mean.

Deadlines are explicit and nothing is retried in secret: a failure is classified by its consequence, `NotSentError` or
`OutcomeUnknownError`.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextvars import ContextVar
from ipaddress import IPv6Address, ip_address, ip_network
from random import SystemRandom
from typing import Final, TypeVar

import aiohttp
from msgspec import Struct

from adapters.errors import AdapterError, ConfigurationError, NotSentError, OutcomeUnknownError

BODY_MAX: Final = 8 * 1024 * 1024
"""The longest answer that is read, in bytes."""

FILE_MAX: Final = 2 * 1024 * 1024 * 1024
"""The longest file that is fetched, in bytes."""
PIECE_MAX: Final = 256 * 1024
"""The longest piece of a file that is held at once, in bytes."""

PAUSES_MAX_S: Final = (0.4, 0.8)
"""Seconds to wait, at most, before each of the resends of a request that the processor did not act on."""

Pause = Callable[[int], Awaitable[None]]
"""Waits before the first, the second … resend."""

Answered = TypeVar("Answered")

# Source: link-local (RFC 3927, RFC 4291), where most clouds serve metadata; AWS over IPv6 (fd00:ec2::254), Azure's
# platform (168.63.129.16) and Alibaba Cloud (100.100.100.200) by their own documentation, as of November 2026.
_METADATA: Final = tuple(
    ip_network(network)
    for network in ("169.254.0.0/16", "fe80::/10", "fd00:ec2::/32", "168.63.129.16/32", "100.100.100.200/32")
)

_jitter = SystemRandom()


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
"""What aiohttp raises before the first byte of a request leaves; true only while no redirect is followed."""

BROKEN: Final = (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError, aiohttp.ClientConnectionResetError)
"""What aiohttp raises when the other side closes or resets before it answers."""


class _Sending(Struct):
    """One request on its way; whether a socket had to be made for it."""

    connected: bool = False


_sending: ContextVar[_Sending | None] = ContextVar("sending", default=None)
"""The running task's last request. Sockets are made in tasks of aiohttp's own, which share what this holds."""


def _connected(address: aiohttp.AddrInfoType) -> socket.socket:
    """Make a socket and note for whom: a request without one went over a connection that had served before."""
    if sending := _sending.get():
        sending.connected = True
    family, kind, protocol, _, where = address
    if _tells_of_the_machine(str(where[0])):
        raise OSError("no processor is at an address where clouds tell a machine its own credentials")
    return socket.socket(family, kind, protocol)


def _tells_of_the_machine(address: str) -> bool:
    """Whether a cloud's metadata is at *address*, which credentials with a `base_url` could lead to."""
    where = ip_address(address.partition("%")[0])
    inner = (where.ipv4_mapped or where) if isinstance(where, IPv6Address) else where
    return any(inner in network for network in _METADATA)


class Transport:
    """One connection pool for every processor; made inside the running event loop, which it belongs to."""

    def __init__(self, deadlines: Deadlines | None = None, connections_max: int = 200) -> None:
        """Open the pool; *connections_max* bounds it over all processors together."""
        within = deadlines or Deadlines()
        self.timeout = aiohttp.ClientTimeout(
            total=within.total, connect=within.connect, sock_connect=within.connect, sock_read=within.answer
        )
        self.session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=connections_max, keepalive_timeout=30, socket_factory=_connected),
            timeout=self.timeout,
            cookie_jar=aiohttp.DummyCookieJar(),  # Nothing that one account is told goes out with another's request.
        )

    def within_deadline(self, processor: str, call: Awaitable[Answered]) -> Awaitable[Answered]:
        """Bound all sendings of one operation together by the total of the deadlines.

        Raises:
            OutcomeUnknownError: when they take longer.
        """
        within = self.timeout.total
        return by(None if within is None else asyncio.get_running_loop().time() + within, processor, call)

    async def send(
        self, processor: str, method: str, url: str, headers: Mapping[str, str], body: bytes | None
    ) -> Answer:
        """Send one request and read its whole answer, redirects not followed.

        Raises:
            NotSentError: when no byte reached the processor.
            OutcomeUnknownError: when it may have been reached and no complete answer came back.
        """
        _sending.set(_Sending())
        try:
            async with self.session.request(method, url, headers=headers, data=body, allow_redirects=False) as answer:
                content = await read_whole(answer)
                return Answer(answer.status, {k.lower(): v for k, v in answer.headers.items()}, content)
        except (aiohttp.ClientError, EOFError, OSError) as failure:
            raise classify(processor, failure) from failure

    async def fetch_file(self, processor: str, url: str, headers: Mapping[str, str]) -> AsyncIterator[bytes]:
        """GET a file piece by piece, redirects not followed; it may take long as long as something comes.

        Raises:
            ConfigurationError: when the server does not let us (401, 403), or sends us elsewhere.
            OutcomeUnknownError: when it was not to be had, or not to its end; asking again is safe.
        """
        within = aiohttp.ClientTimeout(
            total=None, sock_connect=self.timeout.sock_connect, sock_read=self.timeout.sock_read
        )
        try:
            async with self.session.get(url, headers=headers, timeout=within, allow_redirects=False) as answer:
                _have_file(processor, answer.status)
                read = 0
                async for piece in answer.content.iter_chunked(PIECE_MAX):
                    read += len(piece)
                    if read > FILE_MAX:
                        raise OutcomeUnknownError(processor, f"the file is longer than {FILE_MAX} bytes")
                    yield piece
        except (aiohttp.ClientError, EOFError, OSError) as failure:
            raise OutcomeUnknownError(processor, f"the file did not come whole: {_name(failure)}") from failure

    async def close(self) -> None:
        """Close the pool."""
        await self.session.close()


async def by(ends_at: float | None, processor: str, call: Awaitable[Answered]) -> Answered:
    """Await *call* until *ends_at* on the event loop's clock, None for however long it takes.

    Raises:
        OutcomeUnknownError: when it is not done by then.
    """
    try:
        async with asyncio.timeout_at(ends_at):
            return await call
    except TimeoutError as late:
        raise OutcomeUnknownError(processor, "no complete answer in time") from late


async def pause_with_jitter(resend: int) -> None:
    """Wait half to all of what `PAUSES_MAX_S` allows before the first or second *resend*."""
    await asyncio.sleep(PAUSES_MAX_S[resend - 1] * _jitter.uniform(0.5, 1.0))


def classify(processor: str, failure: BaseException) -> AdapterError:
    """Say what *failure*, or what caused it, means for the money."""
    if any(isinstance(cause, NOTHING_SENT) for cause in _causes(failure)):
        return NotSentError(processor, f"not reached: {_name(failure)}")
    return OutcomeUnknownError(processor, f"no complete answer: {_name(failure)}")


def broke_while_kept_alive(failure: BaseException) -> bool:
    """Tell whether the running task's last request failed because a connection out of the pool was dead.

    The other side may close an idle connection at any moment, also as we write. It may have read the request all the
    same, so only a request that is answered the same when sent twice may be sent again.
    """
    sending = _sending.get()
    if sending is None or sending.connected or isinstance(failure, NotSentError):
        return False
    return any(isinstance(cause, BROKEN) for cause in _causes(failure))


async def read_whole(answer: aiohttp.ClientResponse) -> bytes:
    """Read a body of bounded length.

    Raises:
        aiohttp.ClientError: when it ends early or is longer than `BODY_MAX`.
    """
    if answer.content_length is not None and "Content-Encoding" not in answer.headers:
        if answer.content_length <= BODY_MAX:
            return await answer.read()
        raise _too_long()
    content = bytearray()
    async for chunk in answer.content.iter_any():
        content += chunk
        if len(content) > BODY_MAX:
            raise _too_long()
    return bytes(content)


def _have_file(processor: str, status: int) -> None:
    """Insist on a whole file (200)."""
    if status in {401, 403}:
        raise ConfigurationError(processor, f"the credentials may not fetch this file, status {status}")
    if 300 <= status < 400:  # noqa: PLR2004 - HTTP's range of redirects
        raise ConfigurationError(processor, f"the file is said to be elsewhere, status {status}; that is not followed")
    if status != 200:  # noqa: PLR2004 - HTTP's OK
        raise OutcomeUnknownError(processor, f"the file is not to be had now, status {status}")


def _too_long() -> aiohttp.ClientPayloadError:
    return aiohttp.ClientPayloadError(f"the answer is longer than {BODY_MAX} bytes")


def _causes(failure: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = failure
    while cause is not None:
        yield cause
        cause = cause.__cause__


def _name(failure: BaseException) -> str:
    """Name the innermost cause; what it says may quote what was sent."""
    return type(list(_causes(failure))[-1]).__name__
