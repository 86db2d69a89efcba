"""The door before every handler: who is asking, may they, and not too often."""

import re
from typing import Any, Final
from urllib.parse import parse_qsl

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.handlers.base import BaseRouteHandler
from litestar.params import QueryParameter
from litestar.types import AsyncAnyCallable
from litestar.typing import FieldDefinition

from hub.access.rules import SCOPES, Caller
from hub.access.service import Keys
from hub.errors import FieldError, ProblemError
from hub.limits import RateLimiter
from hub.pan import find_card_number, may_hold_card_number

_CALLER: Final = "caller"
_NAME_MAX: Final = 64
_OUR_ID: Final = re.compile(r"[a-z]{2,3}_[0-9a-z]{26}")
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
        _refuse_card_number(connection)
        _refuse_unknown_parameters(connection)
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


async def of_all_accounts(connection: ASGIConnection[Any, Any, Any, Any], _handler: BaseRouteHandler) -> None:
    """Let pass only callers whose key is for every merchant account; a guard that stands behind `requires`.

    Raises:
        ProblemError: forbidden.
    """
    caller: Caller = connection.scope["state"][_CALLER]
    if caller.merchant_accounts is not None:
        raise ProblemError("forbidden", "the API key is for certain accounts only, and this is of all of them")


async def addressed(connection: ASGIConnection[Any, Any, Any, Any], _handler: BaseRouteHandler | None = None) -> None:
    """Refuse an address that no database can look up; by itself the guard of handlers that need no API key.

    Raises:
        ProblemError: malformed_request.
    """
    if "\0" in connection.scope["path"] or b"%00" in connection.scope["query_string"]:
        raise ProblemError("malformed_request", "the address holds a NUL character, which nothing is called")


def _refuse_card_number(connection: ASGIConnection[Any, Any, Any, Any]) -> None:
    """Addresses are logged by whatever stands before the hub, so a card number there is told at once."""
    query: bytes = connection.scope["query_string"]
    path: str = connection.scope["path"]
    if (found := _parameter_with_card_number(query)) is not None:
        field = found
    elif may_hold_card_number(path.encode()) and any(
        find_card_number(part) is not None for part in path.split("/") if not _OUR_ID.fullmatch(part)
    ):
        field = "(path)"
    else:
        return
    error = FieldError(field, "holds what looks like a card number; send a token instead")
    raise ProblemError("card_data_refused", "a card number was sent; nothing of it was kept", errors=[error])


def _parameter_with_card_number(query: bytes) -> str | None:
    """Look at each by itself, since a name may come twice, and at names without a value too."""
    pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True) if query else []
    return next(filter(None, (find_card_number({name: value}) for name, value in pairs)), None)


def _refuse_unknown_parameters(connection: ASGIConnection[Any, Any, Any, Any]) -> None:
    """A filter that is misspelt must not list everything."""
    if not connection.scope["query_string"]:
        return
    known = {_spoken(name, of) for name, of in connection.route_handler.parsed_fn_signature.parameters.items()}
    for name in connection.query_params:
        if name not in known or name in connection.path_params:
            error = FieldError(name[:_NAME_MAX], "is no parameter of this address")
            raise ProblemError("validation_failed", "the address has a parameter that is not known", errors=[error])


def _spoken(name: str, parameter: FieldDefinition) -> str:
    """Name a parameter as the address does: `from` is no name in Python."""
    declared = parameter.kwarg_definition
    return (declared.name if isinstance(declared, QueryParameter) else None) or name


def provide_caller(request: Request[Any, Any, Any]) -> Caller:
    """Give a handler whom its guard has let in, under the name `caller`."""
    caller: Caller = request.scope["state"][_CALLER]
    return caller
