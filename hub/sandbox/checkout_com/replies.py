"""Checkout.com's answers: payments, actions, stored cards."""

from datetime import UTC, datetime
from typing import Any, Final

from hub.sandbox.checkout_com.cards import BY_NUMBER, Instrument
from hub.sandbox.checkout_com.codes import said
from hub.sandbox.checkout_com.records import Action, Payment

Json = dict[str, Any]

EXPIRY: Final = (12, 2030)


def date(at: float) -> str:
    """Write an instant."""
    return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")


def links(url: str, payment: Payment) -> Json:
    """Write where the payment and what can be done to it are found."""
    at = f"{url}/payments/{payment.id}"
    found: Json = {"self": {"href": at}, "actions": {"href": f"{at}/actions"}}
    if payment.status == "pending" and payment.sid:
        found["redirect"] = {"href": f"{url}/3ds/{payment.sid}"}
    if payment.to_capture_minor:
        found |= {"capture": {"href": f"{at}/captures"}, "void": {"href": f"{at}/voids"}}
    if payment.to_refund_minor:
        found["refund"] = {"href": f"{at}/refunds"}
    return found


def card(instrument: Instrument | None, number: str, fingerprint: str) -> Json:
    """Write what is known of a card."""
    facts, (month, year) = BY_NUMBER[number], EXPIRY
    return {
        "type": "card",
        "id": instrument.id if instrument else "",
        "expiry_month": month,
        "expiry_year": year,
        "scheme": facts.scheme,
        "last4": facts.last4,
        "fingerprint": fingerprint,
        "bin": facts.number[:8],
        "card_type": facts.funding,
        "card_category": "CONSUMER",
        "issuer_country": facts.country,
        "product_type": "F",
    }


def processing(payment: Payment, code: str) -> Json:
    """Write what the networks said."""
    answer = said(code)
    found: Json = {"acquirer_transaction_id": payment.scheme_id, "retrieval_reference_number": payment.scheme_id[:12]}
    if answer.network:
        found["partner_response_code"] = answer.network
    if answer.recommendation:
        found["recommendation_code"] = answer.recommendation
    if answer.advice and payment.card.scheme == "Mastercard":
        found["partner_merchant_advice_code"] = answer.advice
    return found


def authentication(payment: Payment) -> Json:
    """Write how 3D Secure went; empty where it was not asked for."""
    if not payment.enrolled:
        return {}
    return {"3ds": {"downgraded": payment.downgraded, "enrolled": payment.enrolled}}


def opened(url: str, payment: Payment, source: Json) -> Json:
    """Answer POST /payments: done, or the payer has to go somewhere first."""
    common: Json = {
        "id": payment.id,
        "status": payment.told_status,
        "reference": payment.reference,
        **authentication(payment),
        "customer": {"id": payment.customer} if payment.customer else {},
        "_links": links(url, payment),
    }
    if payment.status == "pending":
        return common
    answer = said(payment.response_code)
    return common | {
        "action_id": payment.action_id,
        "amount": payment.amount_minor,
        "currency": payment.currency,
        "approved": answer.approved,
        "auth_code": payment.scheme_id[:6] if answer.approved else "",
        "response_code": answer.code,
        "response_summary": answer.summary,
        "source": source | {"avs_check": "S", "cvv_check": payment.cvv_check},
        "processed_on": date(payment.at),
        "scheme_id": payment.scheme_id,
        "processing": processing(payment, answer.code),
        "metadata": payment.metadata,
    }


def details(url: str, payment: Payment, source: Json) -> Json:
    """Answer GET /payments/{id}: the payment as it now is, without response codes."""
    return {
        "id": payment.id,
        "requested_on": date(payment.at),
        "source": source | {"avs_check": "S", "cvv_check": payment.cvv_check},
        "amount": payment.amount_minor,
        "currency": payment.currency,
        "payment_type": payment.payment_type,
        "reference": payment.reference,
        "approved": payment.status in {"authorized", "verified", "voided"},
        "status": payment.told_status,
        "balances": balances(payment),
        **authentication(payment),
        "customer": {"id": payment.customer} if payment.customer else {},
        "processing_channel_id": payment.account,
        "scheme_id": payment.scheme_id,
        "metadata": payment.metadata,
        "_links": links(url, payment),
    }


def balances(payment: Payment) -> Json:
    """Write what is held, taken and given back."""
    standing = payment.status == "authorized"
    return {
        "total_authorized": payment.amount_minor if standing or payment.status == "voided" else 0,
        "total_voided": payment.amount_minor if payment.status == "voided" else 0,
        "available_to_void": payment.to_capture_minor,
        "total_captured": payment.captured_minor,
        "available_to_capture": payment.to_capture_minor,
        "total_refunded": payment.refunded_minor,
        "available_to_refund": payment.to_refund_minor,
    }


def action(payment: Payment, done: Action) -> Json:
    """Write one of GET /payments/{id}/actions; what is not done yet says neither yes nor no."""
    found: Json = {
        "id": done.id,
        "type": done.type,
        "processed_on": date(done.at),
        "amount": done.amount_minor,
        "reference": done.reference,
        "metadata": done.metadata,
    }
    if done.approved is None:
        return found
    answer = said(done.response_code)
    return found | {
        "approved": done.approved,
        "response_code": answer.code,
        "response_summary": answer.summary,
        "processing": processing(payment, answer.code),
    }


def accepted(url: str, payment: Payment, done: Action) -> Json:
    """Answer a capture, refund or void: it was taken on."""
    return {
        "action_id": done.id,
        "reference": done.reference,
        "_links": {"payment": {"href": f"{url}/payments/{payment.id}"}},
    }
