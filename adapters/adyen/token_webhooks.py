"""Adyen's webhooks of the newer kind, signed as a whole in a header; those about stored cards are read.

Source: https://docs.adyen.com/api-explorer/Tokenization-webhooks/1/overview for the messages,
https://docs.adyen.com/development-resources/webhooks/secure-webhooks/verify-hmac-signatures for the signature.
"""

import hashlib
from typing import Final, TypeVar

import msgspec

from adapters.adyen import signatures
from adapters.adyen.client import PROCESSOR
from adapters.adyen.credentials import AdyenCredentials
from adapters.adyen.wire import Message, Shape, TokenFacts
from adapters.contract import Delivery, TokenNews, TokenUpdate, Webhook
from adapters.errors import WebhookRejectedError
from normalization.tokens import ProcessorToken

SIGNATURE: Final = "hmacsignature"
PROTOCOL: Final = "protocol"
ALGORITHM: Final = "HmacSHA256"
VERSION: Final = "1"

STORED: Final = frozenset({"recurring.token.created", "recurring.token.alreadyExisting"})
"""A charge or a check that was to store the card found it stored already: the token is the same kind of news."""
CHANGED: Final = "recurring.token.updated"
RETIRED: Final = "recurring.token.disabled"
OF_TOKENS: Final = STORED | {CHANGED, RETIRED}

M = TypeVar("M", Message, TokenFacts)


def is_message(webhook: Webhook) -> bool:
    """Tell whether a request is of the newer kind; what it claims to be is verified by either way."""
    return SIGNATURE in webhook.headers and b'"notificationItems"' not in webhook.body


def open_message(webhook: Webhook, credentials: AdyenCredentials, *, livemode: bool) -> Delivery:
    """Verify raw bytes, then the mode and account inside.

    Raises:
        WebhookRejectedError: when anything of it does not verify.
    """
    if webhook.headers.get(PROTOCOL, ALGORITHM) != ALGORITHM:
        raise _rejected(f"the signature is not made by {ALGORITHM}")
    if not signatures.fits(webhook.body, webhook.headers[SIGNATURE], signatures.keys_of(credentials)):
        raise _rejected("the signature is wrong")
    message = _decoded(webhook.body, Message)
    if message.environment != ("live" if livemode else "test"):
        raise _rejected("the message is not of this account's mode")
    digest = hashlib.sha256(webhook.body).hexdigest()
    if message.type not in OF_TOKENS:
        return _delivery(webhook, message, f"{message.type}:{digest}", digest, None, livemode=livemode)
    facts = _decoded(message.data, TokenFacts)
    if facts.merchant_account != credentials.merchant_account:
        raise _rejected("the message is for another merchant account")
    token = facts.stored_payment_method_id
    key = f"{message.event_id or digest}:{message.type}:{token}"  # A card is renewed more than once in its life.
    return _delivery(webhook, message, key, token, facts.merchant_account, livemode=livemode)


def _delivery(
    webhook: Webhook, message: Message, key: str, subject: str, account: str | None, *, livemode: bool
) -> Delivery:
    return Delivery(
        key=key,
        subject=subject,
        account=account,
        livemode=livemode,
        body=webhook.body,
        api_version=None if message.version in (None, VERSION) else message.version,
    )


def is_of_tokens(delivery: Delivery) -> bool:
    """Tell a message of the newer kind from a notification."""
    shape = msgspec.json.decode(delivery.body, type=Shape)
    return shape.type is not None and shape.event_code is None


def read(delivery: Delivery) -> list[TokenNews | TokenUpdate]:
    """Tell what became of a stored card.

    All of it is signed. Our own id is not in it: `event_id` is the pspReference of what stored the card. A renewed card
    is not described; it can be asked for.
    """
    message = msgspec.json.decode(delivery.body, type=Message)
    if message.type not in OF_TOKENS:
        return []
    facts = msgspec.json.decode(message.data, type=TokenFacts)
    token = ProcessorToken(
        processor=PROCESSOR, token=facts.stored_payment_method_id, customer_reference=facts.shopper_reference
    )
    if message.type in STORED:
        return [TokenNews(tag=None, parent_reference=message.event_id, token=token, livemode=delivery.livemode)]
    return [TokenUpdate(token=token, livemode=delivery.livemode, retired=message.type == RETIRED)]


def _decoded(body: bytes | msgspec.Raw, kind: type[M]) -> M:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise _rejected("the body is no message") from None


def _rejected(message: str) -> WebhookRejectedError:
    return WebhookRejectedError(PROCESSOR, message)
