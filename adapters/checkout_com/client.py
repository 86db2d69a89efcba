"""Checkout.com's official SDK as the builder of requests; the shared transport sends them.

The SDK hands a built request to its HTTP client, which here raises with it. Its own reading of answers is left aside:
it decodes into objects field by field, and writes what it cannot read to the root logger.
"""

import logging
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final, NoReturn, TypeVar
from urllib.parse import quote, urlencode

import msgspec
from checkout_sdk.api_client import ApiClient
from checkout_sdk.checkout_configuration import CheckoutConfiguration
from checkout_sdk.default_keys_credentials import DefaultKeysSdkCredentials
from checkout_sdk.environment import Environment
from checkout_sdk.environment_subdomain import EnvironmentSubdomain
from checkout_sdk.instruments.instruments_client import InstrumentsClient
from checkout_sdk.payments.payments_client import PaymentsClient
from msgspec import Struct

from adapters.checkout_com.credentials import CheckoutComCredentials
from adapters.checkout_com.wire import Problem
from adapters.errors import ConfigurationError, NotSentError, OutcomeUnknownError
from adapters.transport import PAUSES_MAX_S, Answer, Pause, Transport

PROCESSOR: Final = "checkout_com"
REQUEST_ID: Final = "cko-request-id"
REFUSALS: Final = frozenset({400, 403, 404, 422})
UNDECIDED: Final = frozenset({"processing_error", "service_unavailable", "issuer_network_unavailable"})
"""Error codes of an attempt that was begun: how it ended they do not say."""
UNREADABLE: Final = (ValueError, RecursionError, msgspec.MsgspecError)

logging.getLogger("checkout").setLevel(logging.CRITICAL)  # The SDK's own, which writes down the path: stored cards.

Reply = TypeVar("Reply")


class RequestRefused(Struct, frozen=True):
    """A request that Checkout.com understood and did not carry out."""

    code: str


class _Request(Struct, frozen=True):
    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None


class _Built(Exception):  # noqa: N818 - no error: it carries a request out of the SDK
    def __init__(self, request: _Request) -> None:
        super().__init__(request.method, request.url)
        self.request = request


class _Door:
    """Stands where the SDK has its HTTP client, and lets nothing out."""

    def request(
        self,
        *,
        method: str,
        url: str,
        headers: Mapping[str, str],
        params: Mapping[str, Any] | None,
        data: str | None,
        files: object,  # noqa: ARG002 - the SDK's own signature
    ) -> NoReturn:
        target = f"{url}?{urlencode(params, quote_via=quote)}" if params else url
        raise _Built(_Request(method, target, headers, None if data is None else data.encode()))


class Client:
    """One account's way to Checkout.com."""

    def __init__(
        self, credentials: CheckoutComCredentials, transport: Transport, *, livemode: bool, pause: Pause
    ) -> None:
        """Set up the SDK; nothing is sent."""
        environment = Environment.production() if livemode else Environment.sandbox()
        base = environment.base_uri
        if credentials.api_prefix:
            base = EnvironmentSubdomain(environment, credentials.api_prefix).base_uri
        if credentials.base_url and not livemode:
            base = f"{credentials.base_url.rstrip('/')}/"
        configuration = CheckoutConfiguration(
            credentials=DefaultKeysSdkCredentials(credentials.secret_key),
            environment=environment,
            http_client=_Door(),
        )
        api = ApiClient(configuration, base)
        self.payments: Any = PaymentsClient(api_client=api, configuration=configuration)
        self.instruments: Any = InstrumentsClient(api_client=api, configuration=configuration)
        self._transport = transport
        self._pause = pause

    async def call(self, build: Callable[[], object], reply: type[Reply]) -> Reply | RequestRefused:
        """Send what the SDK call *build* builds and read the answer as *reply*.

        Raises:
            NotSentError: when nothing reached Checkout.com, or it said 429 to every sending.
            OutcomeUnknownError: when it may have acted and no answer could be understood. Nothing is sent again: a key
                whose first request ended in an error is attempted anew.
            ConfigurationError: when it refused the key or the account.
        """
        answer = await self._send(_built(build))
        if answer.status in range(HTTPStatus.OK, HTTPStatus.MULTIPLE_CHOICES):
            return _decoded(answer, reply)
        return _refused(answer)

    async def _send(self, request: _Request) -> Answer:
        for resend in range(len(PAUSES_MAX_S) + 1):
            if resend:
                await self._pause(resend)
            answer = await self._transport.send(PROCESSOR, request.method, request.url, request.headers, request.body)
            if answer.status != HTTPStatus.TOO_MANY_REQUESTS:
                return answer
        raise NotSentError(PROCESSOR, "too many requests, every time")


def _built(build: Callable[[], object]) -> _Request:
    try:
        build()
    except _Built as built:
        return built.request
    msg = "the SDK sent a request by itself"
    raise RuntimeError(msg)


def _decoded(answer: Answer, reply: type[Reply]) -> Reply:
    try:
        if answer.status == HTTPStatus.NO_CONTENT:
            return msgspec.convert(None, reply)
        return msgspec.json.decode(answer.body, type=reply)
    except UNREADABLE:
        # Left out of the chain: what was sent back may end up in a log.
        raise OutcomeUnknownError(PROCESSOR, f"unreadable answer, status {answer.status}") from None


def _refused(answer: Answer) -> RequestRefused:
    """Read an error answer; one without a body is Checkout.com's own where it bears a request id.

    Source: https://www.checkout.com/docs/developer-resources/codes/error-codes
    """
    status = answer.status
    if status == HTTPStatus.UNAUTHORIZED:
        raise ConfigurationError(PROCESSOR, "the secret key is refused, status 401")
    codes = _error_codes(answer.body)
    if status in REFUSALS and codes and not UNDECIDED.intersection(codes):
        return RequestRefused(codes[0])
    if status == HTTPStatus.FORBIDDEN:
        raise ConfigurationError(PROCESSOR, "the account may not do this, status 403")
    if status == HTTPStatus.NOT_FOUND and not answer.body and REQUEST_ID in answer.headers:
        return RequestRefused("http_404")
    raise OutcomeUnknownError(PROCESSOR, f"no understood answer, status {status}")


def _error_codes(body: bytes) -> list[str]:
    try:
        return msgspec.json.decode(body, type=Problem).error_codes
    except UNREADABLE:
        return []
