"""Signatures of Standard Webhooks 1.0: HMAC-SHA256 over id, time and body, by every secret that is valid.

Source: the specification 1.0.0 of standard-webhooks, "Signature scheme" and "Webhook headers".
"""

import hashlib
import hmac
import os
from base64 import b64encode
from collections.abc import Sequence
from typing import Final

PREFIX: Final = "whsec_"
SECRET_BYTES: Final = 32


def new_secret() -> bytes:
    """Make a secret."""
    return os.urandom(SECRET_BYTES)


def shown_secret(secret: bytes) -> str:
    """Write a secret as receivers' libraries take it."""
    return PREFIX + b64encode(secret).decode()


def signed_headers(event_id: str, timestamp: int, body: bytes, secrets: Sequence[bytes]) -> dict[str, str]:
    """Make the three headers; *timestamp* is of this try, in seconds since 1970."""
    content = f"{event_id}.{timestamp}.".encode() + body
    signatures = (b64encode(hmac.new(secret, content, hashlib.sha256).digest()).decode() for secret in secrets)
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }
