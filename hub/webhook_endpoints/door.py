"""The one door deliveries leave by: no address inside, no redirect, no proxy, bounded time and bounded answers.

The address is checked three times: as it is written, as the name resolves, and on the very socket that is connected,
so that a name that leads elsewhere the second time leads nowhere. A kept-alive connection stays with its address.
"""

import asyncio
import socket
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from msgspec import Struct
from yarl import URL

from hub.pan import mask
from hub.webhook_endpoints.addresses import Network, UrlRefusedError, is_open, parse_address, read_url

BODY_MAX: Final = 64 * 1024
"""How much of an answer's body is read, in bytes; the connection is closed on the rest."""
SHOWN_MAX: Final = 1_024
"""How much of it is kept."""
KEEP_ALIVE_S: Final = 4.0
"""Shorter than receivers commonly keep idle connections, so that few are closed as we write."""
_LOOKUPS_AT_ONCE: Final = 24
_KNOWN_MAX: Final = 10_000
_ALWAYS: Final = {
    "Content-Type": "application/json",
    "User-Agent": "payment-hub",
    "Accept-Encoding": "identity",  # What is packed could unpack to anything.
}


class AddressForbiddenError(OSError):
    """A name or a socket leads to an address that is not sent to."""


class Answered(Struct, frozen=True, kw_only=True):
    """What came of one try; `failure` None: a 2xx."""

    code: int | None
    failure: str | None
    text: str = ""
    retry_after: str | None = None


class OpenAddresses(AbstractResolver):
    """Resolves names, and keeps forbidden addresses to itself.

    Names that have resolved before do not queue behind those that never did: a look-up cannot be cancelled.
    """

    def __init__(self, *, livemode: bool, allowed: Sequence[Network]) -> None:
        self._livemode = livemode
        self._allowed = allowed
        self._known: dict[str, None] = {}
        self._of_known = ThreadPoolExecutor(_LOOKUPS_AT_ONCE, "resolve-known")
        self._of_new = ThreadPoolExecutor(_LOOKUPS_AT_ONCE, "resolve-new")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Look *host* up.

        Raises:
            AddressForbiddenError: when every address it has is forbidden.
            OSError: when it does not resolve.
        """
        known = host in self._known
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(
            self._of_known if known else self._of_new, socket.getaddrinfo, host, port, family, socket.SOCK_STREAM
        )
        if not known and len(self._known) < _KNOWN_MAX:
            self._known[host] = None
        return self.kept(host, port, [(of_family, protocol, address) for of_family, _, protocol, _, address in found])

    def kept(
        self, host: str, port: int, found: Sequence[tuple[socket.AddressFamily, int, Sequence[object]]]
    ) -> list[ResolveResult]:
        """Keep the open ones of what a look-up found.

        Raises:
            AddressForbiddenError: when there is none.
        """
        results = [
            ResolveResult(
                hostname=host,
                host=str(address[0]),
                port=port,
                family=family,
                proto=protocol,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for family, protocol, address in found
            if self.is_open(str(address[0]))
        ]
        if not results:
            raise AddressForbiddenError("every address of the name is forbidden")
        return results

    def is_open(self, address: str) -> bool:
        """Whether *address*, as a resolver or a socket gives it, is sent to."""
        try:
            parsed = parse_address(address)
        except ValueError:
            return False
        return is_open(parsed, livemode=self._livemode, allowed=self._allowed)

    async def close(self) -> None:
        """Wait for no look-up that is under way."""
        for pool in (self._of_known, self._of_new):
            pool.shutdown(wait=False, cancel_futures=True)


class Door:
    """The connections of one mode; made inside the running event loop.

    *resolver* is another only where a test says what names lead to.
    """

    def __init__(
        self,
        *,
        livemode: bool,
        allowed: Sequence[Network],
        timeout_s: float,
        resolver: OpenAddresses | None = None,
        tls: Any = True,  # noqa: ANN401 - as aiohttp takes it
    ) -> None:
        self._livemode = livemode
        self._allowed = allowed
        self._timeout_s = timeout_s
        self._resolver = resolver or OpenAddresses(livemode=livemode, allowed=allowed)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                resolver=self._resolver,
                socket_factory=self._socket,
                limit=0,  # How much goes at once is bounded by who sends.
                keepalive_timeout=KEEP_ALIVE_S,
                ssl=tls,
            ),
            timeout=aiohttp.ClientTimeout(total=timeout_s),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
        )

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answered:
        """Send one delivery; whatever happens is an answer."""
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._post(url, headers, body)
        except UrlRefusedError:
            return Answered(code=None, failure="url_refused")
        except TimeoutError:
            return Answered(code=None, failure="timeout")
        except (aiohttp.ClientError, OSError, ValueError) as failure:
            return Answered(code=None, failure=_word(failure))

    async def close(self) -> None:
        """Close every connection."""
        await self._session.close()
        await self._resolver.close()

    async def _post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answered:
        read_url(url, livemode=self._livemode, allowed=self._allowed)
        async with self._session.post(
            URL(url, encoded=True), data=body, headers={**_ALWAYS, **headers}, allow_redirects=False
        ) as answer:
            text = await _beginning(answer)
            failure = None
            if not 200 <= answer.status < 300:  # noqa: PLR2004 - a success, by HTTP
                failure = "gone" if answer.status == 410 else "status"  # noqa: PLR2004 - Gone
            asked = answer.headers.get("Retry-After")
            return Answered(code=answer.status, failure=failure, text=text, retry_after=asked)

    def _socket(self, where: aiohttp.AddrInfoType) -> socket.socket:
        """Make the socket of a connection, if it leads where we go."""
        family, kind, protocol, _, address = where
        if not self._resolver.is_open(str(address[0])):
            raise AddressForbiddenError("the address is forbidden")
        return socket.socket(family, kind, protocol)


async def _beginning(answer: aiohttp.ClientResponse) -> str:
    """Read an answer up to its bound; what is longer ends its connection, and is an answer all the same."""
    content = bytearray()
    async for chunk in answer.content.iter_any():
        content += chunk
        if len(content) > BODY_MAX:
            answer.close()
            break
    masked, _ = mask(
        bytes(content[: 2 * SHOWN_MAX]).decode("utf-8", "replace").replace("\0", "\N{REPLACEMENT CHARACTER}")
    )
    return masked.encode()[:SHOWN_MAX].decode("utf-8", "ignore")


def _word(failure: BaseException) -> str:
    """Name a failure by a word of `rules.FAILURES`."""
    cause: BaseException | None = failure
    while cause is not None:
        if isinstance(cause, AddressForbiddenError):
            return "address_forbidden"
        cause = cause.__cause__
    if isinstance(failure, aiohttp.InvalidURL):
        return "url_refused"
    if isinstance(failure, aiohttp.ClientConnectorError):
        return "not_reached"
    if isinstance(failure, (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError, aiohttp.ClientPayloadError)):
        return "broken_off"
    return "unreadable" if isinstance(failure, (aiohttp.ClientError, ValueError)) else "not_reached"
