"""Adyen's official SDK in two phases, so that it blocks no event loop and opens no connection of its own.

The SDK builds the request and hands it to its HTTP client, which here raises with it; the shared transport sends it;
the SDK's own response handling reads the answer.
"""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final, NoReturn, TypeVar

import msgspec
from Adyen import AdyenClient
from Adyen.exceptions import AdyenError
from Adyen.services import AdyenCheckoutApi, AdyenDisputesApi
from msgspec import Struct

from adapters.adyen.credentials import AdyenCredentials
from adapters.errors import AdapterError, ConfigurationError, NotSentError, OutcomeUnknownError
from adapters.transport import PAUSES_MAX_S, Answer, Pause, Transport, broke_while_kept_alive

PROCESSOR: Final = "adyen"
API_VERSION: Final = "v72"
DISPUTES_PATH: Final = "/ca/services/DisputeService/v30"
"""The Disputes API has a host of its own, the Customer Area's; behind a base URL it is told by its path."""
UNAUTHORIZED: Final = frozenset({401, 403})
READABLE_REFUSALS: Final = frozenset({400, 404, 422})
KEY_IN_USE: Final = "704"
"""The request with this key was processed or still is. Source: https://docs.adyen.com/development-resources/api-idempotency"""

UNREADABLE: Final = (AttributeError, TypeError, ValueError, RecursionError, msgspec.MsgspecError)
"""What is raised on a body that is no JSON object (a list, null, bad UTF-8, deep nesting) or not the expected one."""

Reply = TypeVar("Reply")


class RequestRefused(Struct, frozen=True):
    """A request that Adyen understood and did not carry out (400, 404, 422)."""

    error_code: str
    message: str
    psp_reference: str | None


class _Built(Exception):  # noqa: N818 - no error: it carries a request out of the SDK
    def __init__(self, method: str, url: str, body: object, headers: dict[str, str]) -> None:
        super().__init__(method, url)
        self.method, self.url, self.headers = method, url, headers
        self.body = None if body is None else msgspec.json.encode(body)


class _Door:
    """Stands where the SDK has its HTTP client, and lets nothing out."""

    user_agent = "payment-hub adyen-python-api-library"

    def request(self, method: str, url: str, *, json: object, headers: Mapping[str, str], xapikey: str) -> NoReturn:
        raise _Built(method, url, json, {**headers, "x-api-key": xapikey, "Content-Type": "application/json"})


class Client:
    """One merchant account's way to Adyen's Checkout and Disputes APIs."""

    def __init__(self, credentials: AdyenCredentials, transport: Transport, *, livemode: bool, pause: Pause) -> None:
        """Set up the SDK; nothing is sent."""
        self._sdk = AdyenClient(
            xapikey=credentials.api_key,
            platform="live" if livemode else "test",
            live_endpoint_prefix=credentials.live_endpoint_prefix,
        )
        self._sdk.http_client = _Door()
        self._sdk.http_init = True
        checkout = AdyenCheckoutApi(client=self._sdk)
        self.payments: Any = checkout.payments_api
        self.modifications: Any = checkout.modifications_api
        self.stored: Any = checkout.recurring_api
        self.disputes: Any = AdyenDisputesApi(client=self._sdk).disputes_api
        if credentials.base_url and not livemode:
            server = credentials.base_url.rstrip("/")
            self.payments.baseUrl = self.modifications.baseUrl = self.stored.baseUrl = f"{server}/{API_VERSION}"
            self.disputes.baseUrl = f"{server}{DISPUTES_PATH}"
        self._transport = transport
        self._pause = pause

    async def call(
        self, build: Callable[[], object], reply: type[Reply], *, only: HTTPStatus | None = None
    ) -> Reply | RequestRefused:
        """Send what the SDK call *build* builds and read the answer as *reply*.

        *only* is the one status of success where the body says nothing: the SDK takes any 2xx for an empty one.

        Raises:
            NotSentError: when nothing reached Adyen, or it said 429 to every sending.
            OutcomeUnknownError: when it may have acted and no answer could be understood.
            ConfigurationError: when it refused the key or the account.
        """
        built = _built(build)
        answer, resent = await self._send(built)
        if resent and answer.status in UNAUTHORIZED:  # The sending before this one may have charged.
            raise OutcomeUnknownError(PROCESSOR, f"resent, then status {answer.status}")
        if only is not None and answer.status < HTTPStatus.BAD_REQUEST and answer.status != only:
            raise OutcomeUnknownError(PROCESSOR, f"unexpected status {answer.status}")
        return self._read(built.url, answer, reply)

    async def _send(self, built: _Built) -> tuple[Answer, bool]:
        """Send, and again with the same key where Adyen did not act or answers as it did before.

        The second value says whether an earlier sending may have acted.
        """
        throttled, may_have_acted = 0, False
        while True:
            answer = await self._send_once(built, may_have_acted=may_have_acted)
            if answer is not None and answer.status == HTTPStatus.TOO_MANY_REQUESTS:
                if throttled == len(PAUSES_MAX_S):
                    raise _not_sent("too many requests, every time", may_have_acted=may_have_acted)
                throttled += 1
                await self._pause(throttled)
            elif answer is not None and (may_have_acted or not _transient(answer)):
                return answer, may_have_acted
            else:
                may_have_acted = True

    async def _send_once(self, built: _Built, *, may_have_acted: bool) -> Answer | None:
        """Send; None is a kept-alive connection that died as we wrote, for the first time."""
        try:
            return await self._transport.send(PROCESSOR, built.method, built.url, built.headers, built.body)
        except NotSentError as failure:
            raise _not_sent("not reached", may_have_acted=may_have_acted) from failure
        except OutcomeUnknownError as failure:
            if may_have_acted or not broke_while_kept_alive(failure):
                raise
            return None

    def _read(self, url: str, answer: Answer, reply: type[Reply]) -> Reply | RequestRefused:
        # The SDK's errors print what Adyen sent; they are left out of the chain, since that may end up in a log.
        try:
            result = self._sdk._handle_response(  # noqa: SLF001 - pinned by tests/adapters/adyen/test_sdk.py
                url, answer.body.decode(), None, answer.status, answer.headers
            )
            return msgspec.convert(result.message, reply)
        except AdyenError as error:
            refusal: object = error.message
        except UNREADABLE:
            raise OutcomeUnknownError(PROCESSOR, f"unreadable answer, status {answer.status}") from None
        return _refused(answer.status, refusal)


def _built(build: Callable[[], object]) -> _Built:
    """Have the SDK write a request; what carries it out is in the chain of no error, since its URL may name a token."""
    try:
        build()
    except _Built as built:
        return built.with_traceback(None)
    msg = "the SDK sent a request by itself"
    raise RuntimeError(msg)


def _refused(status: int, message: object) -> RequestRefused:
    """Read an error answer; *message* is a dict, or a str where the body was no JSON."""
    if status in UNAUTHORIZED:
        raise ConfigurationError(PROCESSOR, f"credentials or merchant account refused, status {status}")
    match message:
        case {"errorCode": str(code), **rest} if status in READABLE_REFUSALS and code != KEY_IN_USE:
            psp = rest.get("pspReference")
            return RequestRefused(code, str(rest.get("message", "")), psp if isinstance(psp, str) else None)
    raise OutcomeUnknownError(PROCESSOR, f"no understood answer, status {status}")


def _not_sent(message: str, *, may_have_acted: bool) -> AdapterError:
    """An earlier sending of the same request whose answer was lost makes every later failure unknown."""
    kind = OutcomeUnknownError if may_have_acted else NotSentError
    return kind(PROCESSOR, message)


def _transient(answer: Answer) -> bool:
    """Whether Adyen failed and invites a resend with the same key."""
    return answer.status >= HTTPStatus.BAD_REQUEST and answer.headers.get("transient-error", "").lower() == "true"
