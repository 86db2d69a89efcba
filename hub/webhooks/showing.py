"""What a delivery holds, as people may see it: without what opens anything. Pure."""

from typing import Any, Final

import msgspec

from hub.pan import mask

HIDDEN: Final = "(hidden)"
_OPENS: Final = (
    "secret",
    "signature",
    "password",
    "authorization",
    "cookie",
    "sessiondata",
    "paymentdata",
    "encrypted",
)
"""Parts of the names, in small letters, of fields that let their holder act for a payer or pass for a processor."""


def shown_body(body: bytes) -> Any:  # noqa: ANN401 - whatever the processor sent
    """Read *body* as JSON, else as text; card numbers masked, secrets hidden."""
    text = mask(body.decode("utf-8", "replace"))[0]
    try:
        return _without_secrets(msgspec.json.decode(text))
    except (msgspec.DecodeError, RecursionError):
        return text


def _without_secrets(value: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, dict):
        return {
            name: HIDDEN if inner is not None and _opens(name) else _without_secrets(inner)
            for name, inner in value.items()
        }
    if isinstance(value, list):
        return [_without_secrets(inner) for inner in value]
    return value


def _opens(name: str) -> bool:
    return any(part in name.lower().replace("_", "") for part in _OPENS)
