"""Stripe's events as a test makes them up, signed by Stripe's own SDK."""

import json
from datetime import datetime

from stripe import WebhookSignature

from adapters.contract import Delivery, Webhook
from tests.adapters.stripe.asking import AT

SECRET = "whsec_new"


def event(type: str, told: object, /, **fields: object) -> str:
    body = {
        "id": "evt_1", "object": "event", "type": type, "livemode": False, "api_version": "2026-10-28.endive",
        "created": 1, "data": {"object": told}, "pending_webhooks": 1, "request": {"id": None}, **fields,
    }  # fmt: skip
    return json.dumps(body)


def sign(body: str, secret: str = SECRET, at: datetime = AT) -> str:
    header: str = WebhookSignature.generate_signature_header(body, secret, int(at.timestamp()))
    return header


def arriving(body: str, signature: str | None = None) -> Webhook:
    headers = {"stripe-signature": sign(body) if signature is None else signature, "content-type": "application/json"}
    return Webhook(headers=headers, body=body.encode(), received_at=AT)


def delivered(body: str) -> Delivery:
    return Delivery(key="evt_1", subject="pi_1", account=None, livemode=False, body=body.encode())
