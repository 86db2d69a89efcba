"""What routes do with a caller's key: read it with what makes two requests the same, and send what it answers."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import msgspec
from litestar import Request, Response
from msgspec import Struct

from hub.errors import ProblemError
from hub.idempotency.documented import KEY_MAX
from hub.idempotency.service import Reply
from hub.idempotency.store import Key
from hub.pan import find_card_number


def key_of(
    request: Request[Any, Any, Any], body: Struct, path: str, location: str, *, others: Sequence[Struct] = ()
) -> Key:
    """Read the Idempotency-Key header; *others* are further ways to write the same body.

    Raises:
        ProblemError: idempotency_key_missing, idempotency_key_invalid.
    """
    given = [key.rstrip(" \t") for key in request.headers.getall("idempotency-key", [])]  # As HTTP reads a header.
    if not given or not given[0]:
        raise ProblemError("idempotency_key_missing", "send an Idempotency-Key header: one wish, one key")
    key = given[0]
    if len(given) > 1 or len(key) > KEY_MAX or not key.isascii() or not key.isprintable():
        raise ProblemError("idempotency_key_invalid", f"send one Idempotency-Key of 1 to {KEY_MAX} visible characters")
    if find_card_number(key) is not None:
        raise ProblemError("idempotency_key_invalid", "the Idempotency-Key holds what looks like a card number")
    also = tuple(fingerprint(other, path) for other in others)
    return Key(key=key, fingerprint=fingerprint(body, path), also=also, location=location)


def fingerprint(request: Struct, path: str) -> bytes:
    """Tell one request from another: what was validated, and where it was sent. Nothing volatile goes in."""
    return sha256(path.encode() + b"\n" + msgspec.json.encode(request, order="deterministic")).digest()


def answer(reply: Reply) -> Response[Any]:
    """Send *reply* byte for byte, and say whether it was given before."""
    headers = {"Location": reply.location}
    if reply.replayed:
        headers["Idempotent-Replayed"] = "true"
    return Response(reply.body, status_code=reply.status, media_type="application/json", headers=headers)
