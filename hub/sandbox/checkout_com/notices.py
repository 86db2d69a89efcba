"""
Webhooks: one event each, the signature over the whole body. Pure.

Source: https://www.checkout.com/docs/developer-resources/webhooks/webhook-event-types and
https://checkout.com/docs/workflows/set-up-your-webhook-receiver
"""

import hashlib
import hmac
from typing import Any, Final

import msgspec

from hub.sandbox.checkout_com import replies
from hub.sandbox.checkout_com.codes import said
from hub.sandbox.checkout_com.records import Action, Payment, new_id

Json = dict[str, Any]

HEADER: Final = "Cko-Signature"
DONE: Final = {
    "Authorization": "payment_approved",
    "Card Verification": "card_verified",
    "Capture": "payment_captured",
    "Refund": "payment_refunded",
    "Void": "payment_voided",
}
REFUSED: Final = {
    "Authorization": "payment_declined",
    "Card Verification": "card_verification_declined",
    "Capture": "payment_capture_declined",
    "Refund": "payment_refund_declined",
    "Void": "payment_void_declined",
}


def event(url: str, payment: Payment, done: Action, at: float, type: str = "") -> Json:
    """Tell how an action ended, under its usual name unless *type* is another."""
    answer = said(done.response_code)
    usual = (DONE if answer.approved else REFUSED)[done.type]
    data: Json = {
        "id": payment.id,
        "action_id": done.id,
        "reference": done.reference,
        "amount": done.amount_minor,
        "currency": payment.currency,
        "processed_on": replies.date(done.at),
        "response_code": answer.code,
        "response_summary": answer.summary,
        "balances": replies.balances(payment),
        "processing": replies.processing(payment, answer.code),
        "metadata": done.metadata,
        "processing_channel_id": payment.account,
        "event_links": {"payment": f"{url}/payments/{payment.id}"},
    }
    if done.type in {"Authorization", "Card Verification"}:
        data |= replies.authentication(payment)
        data |= {"payment_type": payment.payment_type, "scheme_id": payment.scheme_id}
        data["source"] = replies.card(None, payment.number, payment.instrument) | {"id": payment.instrument}
        if payment.customer:
            data["customer"] = {"id": payment.customer}
    return _enveloped(url, payment, type or usual, data, at)


def dispute(url: str, payment: Payment, type: str, facts: Json, at: float) -> Json:
    """Tell of a step of a dispute."""
    return _enveloped(url, payment, type, {"payment_id": payment.id, "currency": payment.currency, **facts}, at)


def signature(body: bytes, key: str) -> str:
    """Sign a body: HMAC-SHA256 in hexadecimal digits, with the key as it is written."""
    return hmac.new(key.encode(), body, hashlib.sha256).hexdigest()


def encoded(told: Json) -> bytes:
    """Write an event as it goes over the wire."""
    return msgspec.json.encode(told)


def _enveloped(url: str, payment: Payment, type: str, data: Json, at: float) -> Json:
    id = new_id("evt")
    return {
        "id": id,
        "type": type,
        "version": "1.0.33",
        "created_on": replies.date(at),
        "data": data,
        "_links": {
            "self": {"href": f"{url}/workflows/events/{id}"},
            "subject": {"href": f"{url}/workflows/events/subject/{payment.id}"},
            "payment": {"href": f"{url}/payments/{payment.id}"},
        },
    }
