"""Whether a webhook comes from somebody who knows the account's key; pure.

Source: https://docs.adyen.com/development-resources/webhooks/secure-webhooks/verify-hmac-signatures
"""

import base64
import hmac

from adapters.adyen.credentials import AdyenCredentials, is_hmac_key
from adapters.contract import Webhook


def keys_of(credentials: AdyenCredentials) -> list[bytes]:
    """Give the keys that are good now: the current one, and the one before while it is changed."""
    told = (credentials.webhook_secret, credentials.webhook_secret_previous)
    return [bytes.fromhex(key) for key in told if key is not None and is_hmac_key(key)]


def fits(signed: bytes, brought: str, keys: list[bytes]) -> bool:
    """Compare with every key, so that the time taken does not tell which one fits."""
    given = brought.encode("utf-8", "surrogateescape")
    made = [base64.b64encode(hmac.digest(key, signed, "sha256")) for key in keys]
    return any([hmac.compare_digest(one, given) for one in made])  # noqa: C419 - a generator would stop at the first


def may_knock(webhook: Webhook, credentials: AdyenCredentials) -> bool:
    """Tell whether user and password are right, where the account has them."""
    if credentials.webhook_user is None:
        return True
    pair = f"{credentials.webhook_user}:{credentials.webhook_password}"
    expected = b"Basic " + base64.b64encode(pair.encode())
    brought = webhook.headers.get("authorization", "").encode("utf-8", "surrogateescape")
    return hmac.compare_digest(expected, brought)
