"""
The webhook of a stored card, in its own envelope and with its signature in a header. Pure.

Source: https://docs.adyen.com/api-explorer/Tokenization-webhooks/1/overview and
https://docs.adyen.com/development-resources/webhooks/secure-webhooks/verify-hmac-signatures
"""

import base64
import hashlib
import hmac
from datetime import UTC, datetime
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct

from hub.sandbox.adyen.cards import BY_NUMBER, Token

Event = Literal["created", "updated", "disabled"]

KIND: Final = "recurring.token."


class _Typed(Struct, frozen=True):
    type: str = ""


def told(token: Token, event: Event, account: str, shopper: str, psp: str, at: float) -> bytes:
    """Tell what became of a stored card: that it changed, not how."""
    data: dict[str, Any] = {
        "merchantAccount": account,
        "storedPaymentMethodId": token.id,
        "type": _variant(token),
        "shopperReference": shopper,
    }
    if event != "disabled":
        data["operation"] = event
    body = {
        "createdAt": datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds"),
        "eventId": psp,
        "environment": "test",
        "data": data,
        "type": f"{KIND}{event}",
    }
    return msgspec.json.encode(body)


def is_one(body: bytes) -> bool:
    """Tell this envelope from that of the standard webhook."""
    return msgspec.json.decode(body, type=_Typed).type.startswith(KIND)


def headers(body: bytes, key_hex: str) -> dict[str, str]:
    """Sign the body as it is: base64 of HMAC-SHA256, with the key unhexed."""
    digest = hmac.new(bytes.fromhex(key_hex), body, hashlib.sha256).digest()
    return {"HmacSignature": base64.b64encode(digest).decode(), "Protocol": "HmacSHA256"}


def _variant(token: Token) -> str:
    card = BY_NUMBER[token.card]
    return card.brand if card.brand == "amex" else f"{card.brand}standard{card.funding.lower()}"
