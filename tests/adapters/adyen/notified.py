"""Notifications as Adyen sends them; each test says only what differs."""

import json
from datetime import UTC, datetime
from typing import Any

from Adyen.util import generate_notification_sig

from adapters.adyen.adapter import AdyenAdapter
from adapters.contract import Delivery, Told, Webhook
from tests.adapters.adyen.conftest import HMAC_KEY

OTHER_KEY = "00" * 32
Item = dict[str, Any]


def item(code: str = "AUTHORISATION", **facts: object) -> Item:
    told = {
        "amount": {"value": 1000, "currency": "EUR"},
        "eventCode": code,
        "eventDate": "2026-11-21T12:00:00+01:00",
        "merchantAccountCode": "Shop",
        "merchantReference": "att_1",
        "paymentMethod": "visa",
        "pspReference": "PSP1",
        "reason": "",
        "success": "true",
    }
    return {**told, **facts}


def signed(told: Item, key: str = HMAC_KEY) -> Item:
    """Sign with the SDK's own function, the independent reading of Adyen's rule."""
    signature = generate_notification_sig(told, key).decode()
    return {**told, "additionalData": {**told.get("additionalData", {}), "hmacSignature": signature}}


def envelope(*items: Item, live: object = "false") -> bytes:
    return json.dumps({"live": live, "notificationItems": [{"NotificationRequestItem": one} for one in items]}).encode()


def webhook(body: bytes, **headers: str) -> Webhook:
    return Webhook(headers=headers, body=body, received_at=datetime(2026, 11, 21, 12, tzinfo=UTC))


def opened(adapter: AdyenAdapter, *items: Item) -> list[Delivery]:
    return adapter.open_webhook(webhook(envelope(*items)))


def told_by(adapter: AdyenAdapter, *items: Item) -> list[Told]:
    """What the adapter makes of one signed notification or several."""
    return [one for delivery in opened(adapter, *items) for one in adapter.read_delivery(delivery)]
