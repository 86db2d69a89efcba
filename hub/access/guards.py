"""The door before every handler: who is asking, may they, and not too often."""

from typing import Any, Final

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.handlers.base import BaseRouteHandler
from litestar.types import AsyncAnyCallable

from hub.access.rules import SCOPES, Caller
from hub.access.service import Keys
from hub.errors import ProblemError
from hub.limits import RateLimiter

_CALLER: Final = "caller"
PUBLIC: Final[list[dict[str, list[str]]]] = [{}]
"""What the OpenAPI document says of handlers that ask for no API key."""


def requires(scope: str) -> AsyncAnyCallable:
    """Let pass only callers whose key has *scope*: a handler's guard, or its `before_request`.

    Litestar copies the handler for every guard of every request, which costs more than all that is done here; the
    charge path takes `before_request`, which does not.

    Needs `api_keys` (`access.service.Keys`) and `limiter` (`limits.RateLimiter`) in the application's state.
    """
    if scope not in SCOPES:
        raise ValueError(f"{scope!r} is no scope; add it to hub.access.rules")

    async def guard(connection: ASGIConnection[Any, Any, Any, Any], _handler: BaseRouteHandler | None = None) -> None:
        await addressed(connection)
        keys: Keys = connection.app.state.api_keys
        limiter: RateLimiter = connection.app.state.limiter
        caller = await keys.authenticate(connection.headers.get("authorization"))
        connection.scope["state"][_CALLER] = caller
        wait = await limiter.take(caller.key_id)
        if wait is not None:
            raise ProblemError("too_many_requests", f"wait {wait} seconds and go slower", retry_after=wait)
        if not caller.may(scope):
            raise ProblemError("forbidden", f"the API key lacks the scope {scope}")

    return guard


async def addressed(connection: ASGIConnection[Any, Any, Any, Any], _handler: BaseRouteHandler | None = None) -> None:
    """Refuse an address that no database can look up; by itself the guard of handlers that need no API key.

    Raises:
        ProblemError: malformed_request.
    """
    if "\0" in connection.scope["path"] or b"%00" in connection.scope["query_string"]:
        raise ProblemError("malformed_request", "the address holds a NUL character, which nothing is called")


def provide_caller(request: Request[Any, Any, Any]) -> Caller:
    """Give a handler whom its guard has let in, under the name `caller`."""
    caller: Caller = request.scope["state"][_CALLER]
    return caller
