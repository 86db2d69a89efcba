"""Request bodies, read strictly: what is not exactly what a handler declares is refused, naming the field.

Litestar hands a body over leniently (`"12"` becomes 12, duplicate keys pass), so this `Request` decodes the raw bytes
into the handler's declared Struct by itself. The checks around it look at the raw bytes where that tells enough.
"""

import asyncio
import contextlib
import json
import re
from typing import Any, Final, NoReturn, TypeVar

import msgspec
from litestar import Request
from litestar.datastructures import State
from litestar.types import Empty, HTTPReceiveMessage

from hub.decoding_messages import field_error
from hub.errors import FieldError, ProblemError
from hub.pan import find_card_number, may_hold_card_number

DEPTH_MAX: Final = 32
BODY_MAX_DEFAULT: Final = 256 * 1024
READ_MS_DEFAULT: Final = 10_000
UPLOAD_TAKES: Final = 10
"""How many times as long as a small body one of megabytes may take to arrive."""
_UNPRINTED: Final = "(a key)"  # Stands for a key that is better not repeated.
_KEY_SHOWN_MAX: Final = 64
_ENCRYPTED: Final = re.compile(r"(?:payment_method_data\.)?data\.(?:[^.]+\.)*encrypted[^.]*")

T = TypeVar("T")
_anything: Final = msgspec.json.Decoder()
_encode: Final = msgspec.json.Encoder().encode
_decoders: Final[dict[Any, msgspec.json.Decoder[Any]]] = {}


class StrictRequest(Request[Any, Any, State]):
    """Litestar's request with a body that is bounded in size and time, and decoded strictly.

    Sizes come from the handler's `request_max_body_size`, the time from `settings.body_read_ms` in the app's state;
    handlers with the option `uploads` wait `UPLOAD_TAKES` times as long.
    """

    async def body(self) -> bytes:
        """Read the whole body, once.

        Raises:
            ProblemError: body_too_large, request_timeout, malformed_request when the sender hung up.
        """
        if self._body is Empty:
            settings = self.app.state.get("settings")
            longer = UPLOAD_TAKES if self.route_handler.opt.get("uploads") else 1
            try:
                async with asyncio.timeout(longer * (settings.body_read_ms if settings else READ_MS_DEFAULT) / 1000):
                    self._body = self._connection_state.body = await self._receive_all()
            except TimeoutError:
                raise ProblemError("request_timeout", "the body did not arrive in time; send it again") from None
        return self._body

    async def json(self) -> Any:  # noqa: ANN401 - whatever the handler declares
        """Decode the body into what the handler declares as `data`.

        Raises:
            ProblemError: unsupported_media_type and what `decode` and `body` raise.
        """
        if self._json is Empty:
            check_content_type(self.headers.get("content-type", ""))
            self._json = decode(await self.body(), self._decoder())
        return self._json

    def _decoder(self) -> msgspec.json.Decoder[Any]:
        field = self.route_handler.parsed_data_field
        declared = field.annotation if field else Any
        decoder = _decoders.get(declared)
        if decoder is None:
            decoder = _decoders[declared] = msgspec.json.Decoder(declared)
        return decoder

    async def _receive_all(self) -> bytes:
        size_max = self.route_handler.resolve_request_max_body_size() or BODY_MAX_DEFAULT
        announced = self.headers.get("content-length", "0")
        if not announced.isdecimal() or int(announced[:20]) > size_max:
            _too_large(size_max)
        parts: list[bytes] = []
        size = 0
        while True:
            message: HTTPReceiveMessage = await self.receive()  # type: ignore[assignment] # of an HTTP request
            if message["type"] != "http.request":
                raise ProblemError("malformed_request", "the connection was closed before the body was complete")
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > size_max:
                _too_large(size_max)
            if not message.get("more_body", False):
                return parts[0] if len(parts) == 1 else b"".join(parts)


def check_content_type(content_type: str) -> None:
    """Refuse a body that does not say it is JSON in UTF-8.

    Raises:
        ProblemError: unsupported_media_type.
    """
    if content_type == "application/json":
        return
    kind, _, parameters = content_type.lower().partition(";")
    if kind.strip() != "application/json" or parameters.strip().replace('"', "") not in {"", "charset=utf-8"}:
        raise ProblemError("unsupported_media_type", "send the body as Content-Type: application/json in UTF-8")


def decode(raw: bytes, decoder: msgspec.json.Decoder[T]) -> T:
    """Decode *raw* with nothing let through that the decoder's type does not say.

    Raises:
        ProblemError: malformed_request for what is no JSON as we take it, card_data_refused and validation_failed for
            a field that is not as it should be.
    """
    try:
        value = decoder.decode(raw)
    except msgspec.ValidationError as invalid:
        with contextlib.suppress(msgspec.ValidationError):  # A number too large to be decoded at all.
            _check_form(raw)
        _refuse_invalid(invalid, decoder.type)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as unreadable:
        _refuse_unreadable(unreadable)
    try:
        _check_form(raw)
    except msgspec.ValidationError as invalid:
        _refuse_invalid(invalid, decoder.type)
    return value


def _check_form(raw: bytes) -> None:
    """Refuse what msgspec takes and we do not: deep nesting, a key twice, NUL, a card number anywhere."""
    try:
        value = _anything.decode(raw)
    except msgspec.ValidationError:
        raise
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as unreadable:
        _refuse_unreadable(unreadable)
    if raw.count(b"{") + raw.count(b"[") > DEPTH_MAX:
        _check_depth(value)
    escaped = b"\\" in raw
    # Without escapes every string has two quotes, and a key that stands twice was dropped with its two.
    if escaped or raw.count(b'"') != _encode(value).count(b'"'):
        _check_keys(raw)
    if escaped:
        _check_nul(value)
    if escaped or may_hold_card_number(raw):
        path = find_card_number(value, skip=_is_sealed)
        if path is not None:
            error = FieldError(path or "(body)", "holds what looks like a card number; send a token instead")
            raise ProblemError("card_data_refused", "a card number was sent; nothing of it was kept", errors=[error])


def _is_sealed(path: str) -> bool:
    """Encrypted one-time data and credentials are random letters that are never stored open nor logged."""
    return path.startswith("credentials.") or _ENCRYPTED.fullmatch(path) is not None


def _check_depth(value: object) -> None:
    level: list[object] = [value]
    for _ in range(DEPTH_MAX):
        level = [inner for outer in level for inner in _inside(outer)]
        if not level:
            return
    if any(isinstance(inner, (dict, list)) for inner in level):
        raise ProblemError("malformed_request", f"the body is nested more than {DEPTH_MAX} levels deep")


def _inside(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _check_keys(raw: bytes) -> None:
    def pairs(found: list[tuple[str, object]]) -> dict[str, object]:
        keys = dict(found)
        if len(keys) != len(found):
            seen: set[str] = set()
            twice = next(key for key, _ in found if key in seen or seen.add(key))  # type: ignore[func-returns-value] # add() returns None
            shown = twice if len(twice) <= _KEY_SHOWN_MAX and find_card_number(twice) is None else _UNPRINTED
            error = FieldError(shown, "stands twice in one object; send it once")
            raise ProblemError("malformed_request", "a key stands twice in one object", errors=[error])
        return keys

    try:
        json.loads(raw, object_pairs_hook=pairs)
    except (ValueError, RecursionError) as unreadable:
        _refuse_unreadable(unreadable)


def _check_nul(value: object, path: str = "") -> None:
    waiting = [(path, value)]
    while waiting:
        at, found = waiting.pop()
        if isinstance(found, str) and "\0" in found:
            error = FieldError(at or "(body)", "holds a NUL character; leave it out")
            raise ProblemError("validation_failed", "a field holds a character that cannot be kept", errors=[error])
        if isinstance(found, dict):
            waiting.extend((f"{at}.(a key)".removeprefix("."), key) for key in found)
            waiting.extend((f"{at}.{key}".removeprefix("."), inner) for key, inner in found.items())
        elif isinstance(found, list):
            waiting.extend((f"{at}[{position}]", inner) for position, inner in enumerate(found))


def _refuse_invalid(invalid: msgspec.ValidationError, declared: Any) -> NoReturn:  # noqa: ANN401 - a handler's type
    errors = [field_error(str(invalid), declared)]
    raise ProblemError("validation_failed", "a field is not as this request needs it", errors=errors) from None


def _too_large(size_max: int) -> NoReturn:
    raise ProblemError("body_too_large", f"the body is larger than the {size_max} bytes this address takes")


def _refuse_unreadable(unreadable: Exception) -> NoReturn:
    if isinstance(unreadable, RecursionError):
        raise ProblemError("malformed_request", f"the body is nested more than {DEPTH_MAX} levels deep") from None
    if isinstance(unreadable, UnicodeDecodeError):
        raise ProblemError("malformed_request", "the body is not valid UTF-8") from None
    raise ProblemError("malformed_request", "the body is not valid JSON") from None
