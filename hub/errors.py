"""What the API says when it cannot do as asked: RFC 9457 problem documents, one code for each reason.

The table `CODES` is the contract; docs/errors.md is made from it. Nothing internal is ever in a problem.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import asyncpg
import msgspec
import structlog
from litestar import Request, Response
from litestar.connection import ASGIConnection
from litestar.exceptions import HTTPException, ValidationException
from litestar.openapi.datastructures import ResponseSpec
from msgspec import Struct
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from hub.database import is_lost
from hub.decoding_messages import parameter_message
from hub.field_errors import FieldError
from hub.ids import new_id
from hub.pan import mask
from hub.problem_codes import CODES, Code

__all__ = [
    "CODES",
    "HANDLERS",
    "Code",
    "FieldError",
    "Problem",
    "ProblemError",
    "errors_page",
    "problems",
    "request_id_of",
]

MEDIA_TYPE: Final = "application/problem+json"
TYPE_PREFIX: Final = "urn:payment-hub:problem:"
ANYWHERE: Final = frozenset({400, 401, 403, 422, 429, 500, 503})
"""The statuses of problems that every handler behind an API key may answer."""
OUTSIDE: Final = frozenset({400, 500, 503})
"""Those that a handler without one may answer: to payers, processors and whoever watches over the hub."""
_OF_STATUS: Final = {
    400: "malformed_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    413: "body_too_large",
    415: "unsupported_media_type",
    422: "validation_failed",
    429: "too_many_requests",
    503: "shutting_down",
}
_SQLITE_AWAY: Final = (
    "SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_FULL", "SQLITE_IOERR", "SQLITE_READONLY", "SQLITE_CANTOPEN"
)  # fmt: skip
_MISSING: Final = re.compile(r"Missing required query parameter '(\w+)'")
_log = structlog.get_logger(__name__)


class ProblemError(Exception):
    """A request that is answered with a problem document.

    `code` is a key of `CODES`. `retry_after` is in seconds. `extra` adds members to the document.
    """

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        errors: Sequence[FieldError] | None = None,
        retry_after: int | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.errors = errors
        self.retry_after = retry_after
        self.extra = extra

    @property
    def status(self) -> int:
        """The HTTP status this is answered with."""
        return CODES[self.code].status


class Problem(Struct, kw_only=True, omit_defaults=True):
    """A problem document as the API sends it (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    retryable: bool
    request_id: str
    errors: list[FieldError] | None = None


def problem_body(problem: ProblemError, *, instance: str, request_id: str) -> bytes:
    """Write *problem* as bytes of media type application/problem+json."""
    code = CODES[problem.code]
    document: dict[str, Any] = {
        "type": TYPE_PREFIX + problem.code,
        "title": code.title,
        "status": code.status,
        "detail": problem.detail,
        "instance": instance,
        "code": problem.code,
        "retryable": code.retryable,
        "request_id": request_id,
    }
    if problem.errors:
        document["errors"] = problem.errors
    return msgspec.json.encode({**(problem.extra or {}), **document})


def request_id_of(connection: ASGIConnection[Any, Any, Any, Any]) -> str:
    """Name this request: the id that a middleware put into the state, else one made now and kept there."""
    known: str = connection.scope["state"].setdefault("request_id", "") or new_id("req_")
    connection.scope["state"]["request_id"] = known
    return known


def problem_response(
    request: Request[Any, Any, Any], problem: ProblemError, headers: Mapping[str, str] | None = None
) -> Response[bytes]:
    """Answer *request* with *problem*."""
    request_id = request_id_of(request)
    sent = {**(headers or {}), "X-Request-Id": request_id, "Cache-Control": "no-store"}
    if problem.retry_after is not None:
        sent["Retry-After"] = str(problem.retry_after)
    if problem.status == HTTPStatus.UNAUTHORIZED:
        sent["WWW-Authenticate"] = "Bearer"
    body = problem_body(problem, instance=mask(request.scope["path"])[0], request_id=request_id)
    return Response(body, status_code=problem.status, media_type=MEDIA_TYPE, headers=sent)


def _problem(request: Request[Any, Any, Any], problem: ProblemError) -> Response[bytes]:
    return problem_response(request, problem)


def _invalid_parameters(request: Request[Any, Any, Any], invalid: ValidationException) -> Response[bytes]:
    """Answer wrong query or path parameters, and a body that is missing; the framework's words stay out."""
    found = [entry for entry in invalid.extra if isinstance(entry, dict)] if isinstance(invalid.extra, list) else []
    fields = [str(entry.get("key", "")) for entry in found]
    if "data" in fields:
        return problem_response(request, ProblemError("malformed_request", "the body is missing; send a JSON object"))
    declared = request.route_handler.parsed_fn_signature.parameters
    errors = []
    for field, entry in zip(fields, found, strict=True):
        type_ = declared[field].annotation if field in declared else None
        if field:
            spoken = field.removesuffix("_")  # Such as `from`, which is no name in Python.
            errors.append(FieldError(spoken, parameter_message(str(entry.get("message", "")), type_)))
    if missing := _MISSING.match(invalid.detail):
        errors.append(FieldError(missing[1], "is missing"))
    detail = "a parameter of the request is missing or not valid"
    return problem_response(request, ProblemError("validation_failed", detail, errors=errors))


def _http(request: Request[Any, Any, Any], refused: HTTPException) -> Response[bytes]:
    """Answer what the framework refuses (no such route, method not allowed …) in our form."""
    client = HTTPStatus.BAD_REQUEST <= refused.status_code < HTTPStatus.INTERNAL_SERVER_ERROR
    code = _OF_STATUS.get(refused.status_code, "malformed_request" if client else "internal_error")
    if code == "internal_error":
        return _unforeseen(request, refused)
    if isinstance(refused, ValidationException):
        return _invalid_parameters(request, refused)
    return problem_response(request, ProblemError(code, CODES[code].meaning), refused.headers)


def _unforeseen(request: Request[Any, Any, Any], failure: Exception) -> Response[bytes]:
    """Answer what nobody foresaw, keeping what went wrong to the log."""
    if _database_is_away(failure):
        _log.warning("database_unavailable", request_id=request_id_of(request), failure=type(failure).__name__)
        detail = "the database does not answer; nothing is lost, try again with the same Idempotency-Key"
        return problem_response(request, ProblemError("database_unavailable", detail, retry_after=1))
    _log.error("internal_error", request_id=request_id_of(request), exc_info=failure)
    detail = "something went wrong on our side; it is logged under the request id"
    return problem_response(request, ProblemError("internal_error", detail))


def _database_is_away(failure: Exception) -> bool:
    """Whether the database cannot be reached, is starting or stopping, has no room, or is locked by another writer."""
    if is_lost(failure) or isinstance(failure, PoolTimeoutError):
        return True
    cause: BaseException | None = failure.orig if isinstance(failure, DBAPIError) else failure
    while cause is not None:
        if isinstance(cause, (asyncpg.OperatorInterventionError, asyncpg.InsufficientResourcesError)):
            return True
        if getattr(cause, "sqlite_errorname", "").startswith(_SQLITE_AWAY):
            return True
        cause = cause.__cause__
    return False


HANDLERS: Final[dict[int | type[Exception], Any]] = {
    ProblemError: _problem,
    ValidationException: _invalid_parameters,
    HTTPException: _http,
    Exception: _unforeseen,
}
"""Litestar's `exception_handlers` for the whole application."""


def problems(*statuses: int, anywhere: Collection[int] = ANYWHERE) -> dict[int, ResponseSpec]:
    """Document that a handler may answer problems of *statuses*.

    Those of *anywhere* come by themselves, and with 413 the 408 that any body may end in.
    """
    with_body = {HTTPStatus.REQUEST_TIMEOUT} if HTTPStatus.REQUEST_ENTITY_TOO_LARGE in statuses else set()
    return {
        int(status): ResponseSpec(
            data_container=Problem,
            description=", ".join(sorted(name for name, code in CODES.items() if code.status == status)),
            media_type=MEDIA_TYPE,
            generate_examples=False,
        )
        for status in sorted({*statuses, *with_body, *anywhere})
    }


def errors_page() -> str:
    """Write docs/errors.md."""
    rows = [
        f"| `{name}` | {code.status} | {'yes' if code.retryable else 'no'} | {code.meaning} |"
        for name, code in sorted(CODES.items(), key=lambda row: (row[1].status, row[0]))
    ]
    return "\n".join(
        [
            "# Errors",
            "",
            "Every error is a problem document (RFC 9457, `application/problem+json`) with `type`, `title`, `status`,",
            "`detail`, `instance`, `code`, `retryable`, `request_id`, and `errors` (`field`, `message`) where fields",
            "are at fault. Programs go by `code`; `detail` is for people and may change. A decline is no error: it is",
            "a payment with `status: failed`.",
            "",
            "| code | status | retryable | meaning |",
            "|---|---|---|---|",
            *rows,
            "",
        ]
    )
