"""A report as the body of a request, a piece at a time: never whole in memory, never waited for without end."""

import asyncio
import zlib
from collections.abc import AsyncIterator
from typing import Any, Final

from litestar import Request

from hub.errors import ProblemError
from hub.settings import Settings

UNPACKED_AT_ONCE: Final = 256 * 1024
_GZIP: Final = 31  # What zlib calls a deflated stream with gzip's header.
_TYPES: Final = frozenset({"text/csv", "application/csv", "application/octet-stream"})


def report_body(request: Request[Any, Any, Any], settings: Settings) -> AsyncIterator[bytes]:
    """Give the pieces of the body, unpacked where it came with Content-Encoding gzip.

    Raises:
        ProblemError: unsupported_media_type and body_too_large at once; request_timeout and malformed_request while it
            is read.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    coding = request.headers.get("content-encoding", "identity").strip().lower()
    if kind not in _TYPES or coding not in {"identity", "gzip"}:
        detail = "send the report as Content-Type: text/csv in UTF-8, as it is or with Content-Encoding: gzip"
        raise ProblemError("unsupported_media_type", detail)
    announced = request.headers.get("content-length", "0")
    if not announced.isdecimal() or int(announced[:20]) > settings.settlement_file_max_bytes:
        detail = f"the report is larger than the {settings.settlement_file_max_bytes} bytes that are taken"
        raise ProblemError("body_too_large", detail)
    received = _received(request, settings.body_read_ms / 1000)
    return _checked(unpacked(received)) if coding == "gzip" else received


async def unpacked(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Unpack gzip, members after one another too, a bounded piece at a time.

    Raises:
        ValueError: for what is no gzip, or ends early.
    """
    unpacking = zlib.decompressobj(_GZIP)
    try:
        async for piece in pieces:
            packed = piece
            while packed:
                if unpacking.eof:
                    unpacking = zlib.decompressobj(_GZIP)
                some = unpacking.decompress(packed, UNPACKED_AT_ONCE)
                packed = unpacking.unused_data if unpacking.eof else unpacking.unconsumed_tail
                if some:
                    yield some
    except zlib.error as wrong:
        raise ValueError("is no gzip") from wrong
    if not unpacking.eof:
        raise ValueError("ends before its last byte")


async def _checked(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    try:
        async for piece in pieces:
            yield piece
    except ValueError as wrong:
        raise ProblemError("malformed_request", f"the gzip of the body {wrong}") from wrong


async def _received(request: Request[Any, Any, Any], patience_s: float) -> AsyncIterator[bytes]:
    """Give what arrives; each piece has the time that any small body has."""
    while True:
        try:
            async with asyncio.timeout(patience_s):
                message: Any = await request.receive()
        except TimeoutError:
            raise ProblemError("request_timeout", "the report did not go on in time; send it again") from None
        if message["type"] != "http.request":
            raise ProblemError("malformed_request", "the connection was closed before the report was complete")
        if piece := message.get("body", b""):
            yield piece
        if not message.get("more_body", False):
            return
