"""
Adyen's standard webhook: its items, its envelope and its signature. Pure.

Source: https://docs.adyen.com/development-resources/webhooks/verify-hmac-signatures and
https://docs.adyen.com/api-explorer/Webhooks/1/overview
"""

import base64
import hashlib
import hmac
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from hub.sandbox.adyen.records import Payment
from hub.sandbox.adyen.refusals import Answer
from hub.sandbox.adyen.replies import amount, card_data, stored_data

Item = dict[str, Any]

WRAPPED: Final = "NotificationRequestItem"
_OPERATIONS: Final = ["CANCEL", "CAPTURE", "REFUND"]


def authorisation(
    payment: Payment, answer: Answer, auth_code: str, asked_minor: int, at: float, *, shows_token: bool = True
) -> Item:
    """Tell how an authorisation ended."""
    month, year = payment.expiry
    done = answer.approved
    told = _item(payment, "AUTHORISATION", payment.id, at, success=done)
    told["amount"] = amount(payment, None if done else asked_minor)
    told["reason"] = f"{auth_code}:{payment.card.last4}:{month}/{year}" if done else answer.reason or ""
    told["additionalData"] = card_data(payment) | {"refusalReasonRaw": answer.raw}
    told["additionalData"] |= {f"metadata.{key}": value for key, value in payment.metadata.items()}
    if done:
        told["operations"] = list(_OPERATIONS)
        told["additionalData"] |= {"authCode": auth_code} | (stored_data(payment) if shows_token else {})
    elif answer.advice:
        told["additionalData"]["merchantAdviceCode"] = answer.advice
    return told


def modification(
    payment: Payment, event: str, psp: str, at: float, *, amount_minor: int, reference: str, reason: str = ""
) -> Item:
    """Tell how a modification ended; a *reason* means that it failed."""
    told = _item(payment, event, psp, at, success=not reason)
    told |= {"amount": amount(payment, amount_minor), "originalReference": payment.id, "reason": reason}
    return told | {"merchantReference": reference or payment.reference}


def stored(payment: Payment, at: float) -> Item:
    """Tell that a card was stored with a payment: `pspReference` is the token, not a payment."""
    told = _item(payment, "RECURRING_CONTRACT", payment.token, at, success=True)
    told["originalReference"] = payment.id
    told["additionalData"] = {
        "recurring.recurringDetailReference": payment.token,
        "recurring.shopperReference": payment.shopper_reference,
        "shopperReference": payment.shopper_reference,
    }
    return told


def undone(payment: Payment, event: str, psp: str, at: float, *, amount_minor: int, reference: str, why: str) -> Item:
    """Tell that what was told as done has failed after all: `success` is true, and that is bad news."""
    told = modification(payment, event, psp, at, amount_minor=amount_minor, reference=reference)
    return told | {"reason": why}


def unmatched_cancel(account: str, payment_reference: str, reference: str, psp: str, at: float) -> Item:
    """Tell that there was nothing to cancel under the merchant's reference."""
    return {
        "amount": {"currency": "EUR", "value": 0},
        "eventCode": "TECHNICAL_CANCEL",
        "eventDate": _date(at),
        "merchantAccountCode": account,
        "merchantReference": reference or payment_reference,
        "pspReference": psp,
        "reason": "Original transaction not found",
        "success": "false",
    }


def report(account: str, name: str, url: str, at: float) -> Item:
    """Tell that a report can be fetched: `pspReference` is its name, `reason` where it lies, which is not signed."""
    return {
        "amount": {"currency": "EUR", "value": 0},
        "eventCode": "REPORT_AVAILABLE",
        "eventDate": _date(at),
        "merchantAccountCode": account,
        "merchantReference": "",
        "pspReference": name,
        "reason": url,
        "success": "true",
    }


def envelope(items: list[Item], *, live: str = "false") -> bytes:
    """Wrap items as one delivery."""
    wrapped = [{WRAPPED: item} for item in items]
    return msgspec.json.encode({"live": live, "notificationItems": wrapped})


def signed(body: bytes, key_hex: str) -> bytes:
    """Put a signature into every item of a delivery."""
    told = msgspec.json.decode(body)
    for wrapped in told["notificationItems"]:
        item = wrapped[WRAPPED]
        item["additionalData"] = {**item.get("additionalData", {}), "hmacSignature": signature(item, key_hex)}
    return msgspec.json.encode(told)


def signature(item: Item, key_hex: str) -> str:
    """Sign an item: base64 of HMAC-SHA256, with the key unhexed, over eight fields and no more."""
    told = item["amount"]
    fields = (
        item["pspReference"],
        item.get("originalReference", ""),
        item["merchantAccountCode"],
        item["merchantReference"],
        str(told["value"]),
        told["currency"],
        item["eventCode"],
        item["success"],
    )
    digest = hmac.new(bytes.fromhex(key_hex), ":".join(fields).encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def _item(payment: Payment, event: str, psp: str, at: float, *, success: bool) -> Item:
    return {
        "amount": amount(payment),
        "eventCode": event,
        "eventDate": _date(at),
        "merchantAccountCode": payment.account,
        "merchantReference": payment.reference,
        "paymentMethod": payment.card.brand,
        "pspReference": psp,
        "reason": "",
        "success": "true" if success else "false",
    }


def _date(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
