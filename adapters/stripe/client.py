"""One call to Stripe through its own SDK, and what its end means for the money."""

import asyncio
import logging
from collections.abc import Mapping
from enum import Enum
from typing import Final, TypeVar, cast

import msgspec
import stripe
from msgspec import Struct
from stripe import _api_requestor
from stripe._base_address import BaseAddresses

from adapters.errors import ConfigurationError, NotSentError, OutcomeUnknownError
from adapters.stripe.wire import Error, ErrorBody
from adapters.transport import PAUSES_MAX_S, Transport, broke_while_kept_alive, by, pause_with_jitter
from adapters.transport import Answer as HttpAnswer

PROCESSOR: Final = "stripe"

API_VERSION: Final = "2026-10-28.endive"
"""The version of Stripe's API that `adapters.stripe.wire` was written for, which is the SDK's own.

Source: https://docs.stripe.com/api/versioning.
"""

stripe.enable_telemetry = False  # It would write a file into the home directory and report on this machine.
logging.getLogger("stripe").setLevel(logging.WARNING)  # Below that the SDK logs whole requests and answers.


def _say_nothing(_message: str, **_said: object) -> None:
    """Stand in for the SDK's log functions.

    They format whole requests and answers before they ask whether anybody listens, a tenth of a call's cost, and print
    them where STRIPE_LOG is set.
    """


for _name in ("log_info", "log_debug"):
    setattr(_api_requestor, _name, _say_nothing)
# Else the SDK looks through the environment on every call and tells Stripe of the agent that the hub runs under.
_api_requestor._APIRequestor.AI_AGENTS = []  # noqa: SLF001 - pinned by tests/adapters/stripe/test_sdk.py

BUSY_CODES: Final = frozenset({"lock_timeout", "rate_limit"})
"""Error codes with which Stripe says that it did not act, whatever the status.

Source: https://docs.stripe.com/rate-limits.
"""

FILES: Final = "/v1/files"
TOO_LARGE: Final = 413
_FILE_TOO_LARGE: Final = Error(type="invalid_request_error", code="413")
"""What a 413 to a file says in whatever words: a server in front of Stripe's own may turn it away with a page."""

T = TypeVar("T")


class Answer(Struct, frozen=True):
    """A complete answer that says yes (2xx, `error` None) or no (`error` set)."""

    status: int
    body: bytes
    error: Error | None


class Consequence(Enum):
    """What an answer means for the money."""

    YES = "yes"
    NO = "no"
    BUSY = "busy"  # Not executed; may be sent again.
    LOCKED_OUT = "locked out"  # Not executed: our key or account is refused.
    UNKNOWN = "unknown"


def consequence(status: int, error: Error | None) -> Consequence:
    """Judge an answer; *error* is None where its body was no error that we can read.

    A 409 is a key in use by a request still running, an idempotency_error a key used for something else: of neither
    is the outcome known.
    """
    if _succeeded(status):
        return Consequence.YES
    if status in {401, 403}:
        return Consequence.LOCKED_OUT
    if status == 429 or (error is not None and error.code in BUSY_CODES):  # noqa: PLR2004 - Too Many Requests
        return Consequence.BUSY
    readable = error is not None and error.type in {"card_error", "invalid_request_error"}
    return Consequence.NO if readable and status in {400, 402, 404, TOO_LARGE, 422} else Consequence.UNKNOWN


def _succeeded(status: int) -> bool:
    return 200 <= status < 300  # noqa: PLR2004 - HTTP's range of success


class Document:
    """A file as the SDK reads it: whole at every sending, a resend included."""

    def __init__(self, name: str, content: bytes) -> None:
        """Begin at the first byte."""
        self.name = name
        self._content = content
        self._at = 0

    def read(self, size: int) -> bytes:
        """Give the next *size* bytes; empty at the end, after which it begins again."""
        chunk = self._content[self._at : self._at + size]
        self._at = self._at + size if chunk else 0
        return chunk


class Client:
    """Stripe's SDK for one account, on the shared connection pool."""

    def __init__(self, api_key: str, base_url: str | None, transport: Transport) -> None:
        """Keep the pool; *base_url* replaces Stripe's own address."""
        self._within = transport.timeout.total or 0.0
        self._sdk = stripe.StripeClient(
            api_key,
            stripe_version=API_VERSION,
            base_addresses=_addresses(base_url.rstrip("/")) if base_url else {},
            max_network_retries=0,
            http_client=_Door(transport),
        )

    async def act(self, path: str, parameters: dict[str, object], key: str) -> Answer:
        """Send a request that moves money, under our idempotency *key*.

        A connection out of the pool that broke before an answer is sent over again once: the key answers the same.

        Raises:
            NotSentError: when no byte reached Stripe, or it said that it did not act, also when asked again.
            OutcomeUnknownError: when it may have acted.
            ConfigurationError: when it refused our key or account.
        """
        return await self._send("post", path, {**parameters, "idempotency_key": key})

    async def ask(self, path: str, parameters: dict[str, object]) -> Answer:
        """Read.

        Raises:
            OutcomeUnknownError: when no readable answer came, for whatever reason: an inquiry that was not sent
                says nothing of what it was to ask about.
        """
        try:
            return await self._send("get", path, parameters)
        except (NotSentError, ConfigurationError) as failure:
            raise OutcomeUnknownError(PROCESSOR, f"could not ask: {failure}") from failure

    async def read(self, path: str, parameters: dict[str, object]) -> bytes:
        """Read what Stripe itself told us of, and give the body of its yes.

        Raises:
            NotSentError: when the question was not sent.
            ConfigurationError: when our key may not read it.
            OutcomeUnknownError: when no readable answer came, or it is not there.
        """
        answer = await self._send("get", path, parameters)
        if answer.error:
            said = f"{answer.status} {answer.error.code or answer.error.type}"
            raise OutcomeUnknownError(PROCESSOR, f"told of, and not to be had: {said}")
        return answer.body

    async def upload(self, document: Document, purpose: str, key: str) -> Answer:
        """Hand in a file, which has an address of its own at Stripe; ends as `act` does, and a 413 is a no.

        Source: https://docs.stripe.com/api/files/create.
        """
        sent: dict[str, object] = {"base": "files", "content_type": "multipart/form-data", "idempotency_key": key}
        return await self._send("post", FILES, {**sent, "purpose": purpose, "file": document})

    async def _send(self, method: str, path: str, parameters: dict[str, object]) -> Answer:
        ends_at = asyncio.get_running_loop().time() + self._within
        paused = 0
        doubt: OutcomeUnknownError | None = None
        while True:  # Ends: every turn but the last takes one of two pauses or sets the doubt, which is set once.
            try:
                answer = await by(ends_at, PROCESSOR, self._once(method, path, parameters))
            except NotSentError:
                if doubt:
                    raise doubt from None
                raise
            except OutcomeUnknownError as unknown:
                if doubt or not broke_while_kept_alive(unknown):
                    raise
                doubt = unknown
                continue
            match consequence(answer.status, answer.error):
                case Consequence.YES | Consequence.NO:
                    return answer
                case Consequence.BUSY if paused < len(PAUSES_MAX_S) and _left(ends_at) > PAUSES_MAX_S[paused]:
                    paused += 1
                    await pause_with_jitter(paused)
                case verdict:
                    raise doubt or _failure(verdict, answer)

    async def _once(self, method: str, path: str, parameters: dict[str, object]) -> Answer:
        try:
            told = await self._sdk.raw_request_async(method, path, **parameters)
        except stripe.StripeError as failure:
            status, body = failure.http_status or 0, str(failure.http_body or "").encode()
        except (AttributeError, RuntimeError, TypeError, ValueError) as failure:
            # The SDK, on bodies of no shape that it knows; aiohttp, once the pool is closed.
            raise OutcomeUnknownError(PROCESSOR, f"no readable answer: {type(failure).__name__}") from failure
        else:
            answer = cast("_Told", told.headers).answer  # The SDK hands on what the door gave it.
            return Answer(answer.status, answer.body, None)
        return Answer(status, body, _FILE_TOO_LARGE if (status, path) == (TOO_LARGE, FILES) else _read_error(body))


class _Told(dict[str, str]):
    """What stands for the headers of an answer in the SDK's hands, none, and carries the answer itself."""

    answer: HttpAnswer


class _Door(stripe.AIOHTTPClient):
    """The SDK's aiohttp client, sending through the hub's one pool with its deadlines, failures and bounds.

    The SDK is handed no body where Stripe said yes: it would decode it for nobody, and format it for a log that is
    off, which costs a tenth of the whole call.
    """

    def __init__(self, transport: Transport) -> None:
        super().__init__(timeout=None, session=transport.session)
        self._transport = transport

    async def request_async(
        self, method: str, url: str, headers: Mapping[str, str], post_data: str | bytes | None = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        body = post_data.encode() if isinstance(post_data, str) else post_data
        told = _Told()
        told.answer = answer = await self._transport.send(PROCESSOR, method, url, headers, body)
        return (b"{}" if _succeeded(answer.status) else answer.body), answer.status, told


def _addresses(base_url: str) -> BaseAddresses:
    """Put one server behind everything; Stripe itself takes files at a host of their own."""
    return {"api": base_url, "files": base_url}


def _left(ends_at: float) -> float:
    return ends_at - asyncio.get_running_loop().time()


def _failure(verdict: Consequence, answer: Answer) -> Exception:
    """Name the status and Stripe's code only: a body may quote what was sent."""
    said = f"{answer.status} {answer.error.code or answer.error.type}" if answer.error else str(answer.status)
    match verdict:
        case Consequence.BUSY:
            return NotSentError(PROCESSOR, f"too many requests, not executed: {said}")
        case Consequence.LOCKED_OUT:
            return ConfigurationError(PROCESSOR, f"the API key or the account is refused: {said}")
        case _:
            return OutcomeUnknownError(PROCESSOR, f"no outcome in the answer: {said}")


def _read_error(body: bytes) -> Error | None:
    try:
        return msgspec.json.decode(body, type=ErrorBody).error
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        return None


def decode(body: bytes | msgspec.Raw, wanted: type[T]) -> T:
    """Decode one of Stripe's objects.

    Raises:
        OutcomeUnknownError: when it is not what it should be.
    """
    try:
        return msgspec.json.decode(body, type=wanted)
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as failure:
        raise OutcomeUnknownError(PROCESSOR, f"no {wanted.__name__} in the answer") from failure
