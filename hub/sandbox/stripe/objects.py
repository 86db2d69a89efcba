"""
Stripe's objects, field for field as on the wire.

A name that begins with an underscore is the sandbox's own memory and never leaves it.
"""

import secrets
from typing import Any

import msgspec

from hub.sandbox.book import Body
from hub.sandbox.stripe.cards import Card, Decline

API_VERSION = "2026-10-28.endive"
EXPIRY_MONTH = 12
EXPIRY_YEAR = 2034
EVIDENCE = (
    "access_activity_log", "billing_address", "cancellation_policy", "cancellation_policy_disclosure",
    "cancellation_rebuttal", "customer_communication", "customer_email_address", "customer_name",
    "customer_purchase_ip", "customer_signature", "duplicate_charge_documentation", "duplicate_charge_explanation",
    "duplicate_charge_id", "product_description", "receipt", "refund_policy", "refund_policy_disclosure",
    "refund_refusal_explanation", "service_date", "service_documentation", "shipping_address", "shipping_carrier",
    "shipping_date", "shipping_documentation", "shipping_tracking_number", "uncategorized_file",
    "uncategorized_text",
)  # fmt: skip
FILE_KEPT_S = 270 * 86_400
NETWORK_REASONS = {
    "visa": {
        "credit_not_processed": "13.6", "duplicate": "12.6.1", "fraudulent": "10.4", "general": "12.5",
        "product_not_received": "13.1", "product_unacceptable": "13.3", "subscription_canceled": "13.2",
        "unrecognized": "10.4",
    },
    "mastercard": {
        "credit_not_processed": "4853", "duplicate": "4834", "fraudulent": "4837", "general": "4853",
        "product_not_received": "4853", "product_unacceptable": "4853", "subscription_canceled": "4853",
        "unrecognized": "4837",
    },
    "amex": {
        "credit_not_processed": "C02", "duplicate": "P08", "fraudulent": "F29", "general": "P05",
        "product_not_received": "C08", "product_unacceptable": "C31", "subscription_canceled": "C28",
        "unrecognized": "F29",
    },
}  # fmt: skip
"""The networks' own codes behind a dispute's reason; none where a network has no such code."""

ELIGIBLE: dict[str, Body] = {
    "mastercard_compliance": {"status": "requires_fee_acknowledgement"},
    "visa_compelling_evidence_3": {"required_actions": [], "status": "qualified"},
    "visa_compliance": {"status": "requires_fee_acknowledgement"},
}


def new_id(prefix: str) -> str:
    """Return a fresh id in Stripe's manner."""
    return f"{prefix}_{secrets.token_hex(12)}"


def public(value: Any) -> Any:  # noqa: ANN401 - any JSON value, and the same kind of value back
    """Return an object without the sandbox's own memory."""
    if isinstance(value, dict):
        # Metadata is the caller's: its names may begin with anything.
        return {
            name: child if name == "metadata" else public(child) for name, child in value.items() if name[0:1] != "_"
        }
    if isinstance(value, list):
        return [public(child) for child in value]
    return value


def encode(body: Body) -> bytes:
    """Return JSON as Stripe prints it, indented."""
    return msgspec.json.format(msgspec.json.encode(body), indent=2)


def billing_details() -> Body:
    """Return billing details of which nothing is known."""
    address = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))
    return {"address": address, "email": None, "name": None, "phone": None, "tax_id": None}


def checks(card: Card) -> Body:
    """Return what the bank said of address and security code."""
    return {
        "address_line1_check": card.line1,
        "address_postal_code_check": card.postal,
        "cvc_check": card.cvc,
    }


def payment_method(card: Card, now: int) -> Body:
    """Return a fresh PaymentMethod that holds a test card."""
    details = {
        "brand": card.brand, "checks": checks(card), "country": card.country, "display_brand": card.brand,
        "exp_month": EXPIRY_MONTH, "exp_year": EXPIRY_YEAR, "fingerprint": card.fingerprint,
        "funding": card.funding, "generated_from": None, "last4": card.last4,
        "networks": {"available": [card.brand], "preferred": None}, "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": card.brand in {"visa", "mastercard"}}, "wallet": None,
    }  # fmt: skip
    return {
        "id": new_id("pm"), "object": "payment_method", "allow_redisplay": "unspecified",
        "billing_details": billing_details(), "card": details, "created": now, "customer": None,
        "customer_account": None, "livemode": False, "metadata": {}, "type": "card",
        "_card": card.name, "_used": False, "_set_up": False,
    }  # fmt: skip


def customer(now: int) -> Body:
    """Return a fresh Customer."""
    return {
        "id": f"cus_{secrets.token_hex(7)}", "object": "customer", "address": None, "balance": 0, "created": now,
        "currency": None, "default_source": None, "delinquent": False, "description": None, "discount": None,
        "email": None, "invoice_prefix": secrets.token_hex(4).upper(),
        "invoice_settings": {
            "custom_fields": None, "default_payment_method": None, "footer": None, "rendering_options": None,
        },
        "livemode": False, "metadata": {}, "name": None, "next_invoice_sequence": 1, "phone": None,
        "preferred_locales": [], "shipping": None, "tax_exempt": "none", "test_clock": None,
    }  # fmt: skip


def payment_intent(amount: int, currency: str, now: int) -> Body:
    """Return a fresh PaymentIntent that has no PaymentMethod."""
    id = new_id("pi")
    return {
        "id": id, "object": "payment_intent", "allowed_payment_method_types": None, "amount": amount,
        "amount_capturable": 0,
        "amount_details": {"tip": {}}, "amount_received": 0, "application": None, "application_fee_amount": None,
        "automatic_payment_methods": None, "canceled_at": None, "cancellation_reason": None,
        "capture_method": "automatic_async", "client_secret": f"{id}_secret_{secrets.token_hex(12)}",
        "confirmation_method": "automatic", "created": now, "currency": currency, "customer": None,
        "customer_account": None, "description": None, "excluded_payment_method_types": None,
        "last_payment_error": None, "latest_charge": None, "livemode": False, "managed_payments": None,
        "metadata": {}, "next_action": None, "on_behalf_of": None, "payment_method": None,
        "payment_method_configuration_details": None, "payment_method_options": {},
        "payment_method_types": ["card"], "processing": None, "receipt_email": None, "review": None,
        "setup_future_usage": None, "shipping": None, "source": None, "statement_descriptor": None,
        "statement_descriptor_suffix": None, "status": "requires_payment_method", "transfer_data": None,
        "transfer_group": None, "_tag": "", "_multicapture": False,
    }  # fmt: skip


def setup_intent(now: int) -> Body:
    """Return a fresh SetupIntent that has no PaymentMethod."""
    id = new_id("seti")
    return {
        "id": id, "object": "setup_intent", "allowed_payment_method_types": None, "application": None,
        "automatic_payment_methods": None,
        "cancellation_reason": None, "client_secret": f"{id}_secret_{secrets.token_hex(12)}", "created": now,
        "customer": None, "description": None, "excluded_payment_method_types": None, "flow_directions": None,
        "last_setup_error": None, "latest_attempt": None, "livemode": False, "mandate": None, "metadata": {},
        "next_action": None, "on_behalf_of": None, "payment_method": None,
        "payment_method_configuration_details": None, "payment_method_options": {},
        "payment_method_types": ["card"], "single_use_mandate": None, "status": "requires_payment_method",
        "usage": "off_session",
    }  # fmt: skip


def charge(intent: Body, method: Body, card: Card, now: int, *, challenged: bool) -> Body:
    """Return the charge that an attempt on a PaymentIntent made; approved and captured until said otherwise."""
    id = new_id("ch")
    return {
        "id": id, "object": "charge", "amount": intent["amount"], "amount_captured": 0, "amount_refunded": 0,
        "application": None, "application_fee": None, "application_fee_amount": None, "balance_transaction": None,
        "billing_details": method["billing_details"], "calculated_statement_descriptor": "SANDBOX",
        "captured": False, "created": now, "currency": intent["currency"], "customer": intent["customer"],
        "description": intent["description"], "disputed": False, "failure_balance_transaction": None,
        "failure_code": None, "failure_message": None, "fraud_details": {}, "livemode": False,
        "metadata": intent["metadata"], "on_behalf_of": None, "outcome": approved(card), "paid": True,
        "payment_intent": intent["id"], "payment_method": method["id"],
        "payment_method_details": {"card": _details(intent, method, card, challenged=challenged), "type": "card"},
        "receipt_email": intent["receipt_email"], "receipt_number": None, "receipt_url": None, "refunded": False,
        "refunds": None, "review": None, "shipping": intent["shipping"], "source": None, "source_transfer": None,
        "statement_descriptor": None, "statement_descriptor_suffix": intent["statement_descriptor_suffix"],
        "status": "succeeded", "transfer_data": None, "transfer_group": None, "_card": card.name,
    }  # fmt: skip


def _details(intent: Body, method: Body, card: Card, *, challenged: bool) -> Body:
    multicapture = "available" if intent["_multicapture"] else "unavailable"
    authenticated = {
        "authentication_flow": "challenge", "electronic_commerce_indicator": "05", "exemption_indicator": None,
        "result": "authenticated", "result_reason": None, "transaction_id": new_id("3ds"), "version": "2.2.0",
    }  # fmt: skip
    return {
        "amount_authorized": intent["amount"], "authorization_code": secrets.token_hex(3), "brand": card.brand,
        "checks": checks(card), "country": card.country, "exp_month": method["card"]["exp_month"],
        "exp_year": method["card"]["exp_year"], "extended_authorization": {"status": "disabled"},
        "fingerprint": method["card"]["fingerprint"],
        "funding": card.funding, "incremental_authorization": {"status": "unavailable"}, "installments": None,
        "last4": method["card"]["last4"], "mandate": None, "multicapture": {"status": multicapture},
        "network": card.brand,
        "network_token": {"used": False}, "network_transaction_id": secrets.token_hex(7),
        "overcapture": {"maximum_amount_capturable": intent["amount"], "status": "unavailable"},
        "regulated_status": "unregulated", "three_d_secure": authenticated if challenged else None,
        "transaction_link_id": None, "wallet": None,
    }  # fmt: skip


def approved(card: Card) -> Body:
    """Return the outcome of an approved charge."""
    return {
        "advice_code": None, "network_advice_code": None, "network_decline_code": None,
        "network_status": "approved_by_network", "reason": None, "risk_level": card.risk_level,
        "seller_message": "Payment complete.", "type": "authorized",
    }  # fmt: skip


def refused(card: Card, decline: Decline) -> Body:
    """Return the outcome of a refused charge."""
    reason = decline.decline_code or decline.code
    told = f"The bank returned the decline code `{reason}`."
    return {
        "advice_code": decline.advice_code, "network_advice_code": None,
        "network_decline_code": decline.network_decline_code,
        "network_status": "not_sent_to_network" if decline.blocked else "declined_by_network",
        "reason": "highest_risk_level" if decline.blocked else reason, "risk_level": card.risk_level,
        "seller_message": "Stripe blocked this payment as too risky." if decline.blocked else told,
        "type": "blocked" if decline.blocked else "issuer_declined",
    }  # fmt: skip


def refund(of: Body, amount: int, now: int) -> Body:
    """Return a refund of a charge; succeeded until said otherwise."""
    return {
        "id": new_id("re"), "object": "refund", "amount": amount, "balance_transaction": None, "charge": of["id"],
        "created": now, "currency": of["currency"], "customer": of["customer"], "customer_account": None,
        "destination_details": {"card": {"type": "refund"}, "type": "card"}, "metadata": {},
        "payment_intent": of["payment_intent"], "payment_method": of["payment_method"], "reason": None,
        "receipt_number": None, "source_transfer_reversal": None, "status": "succeeded", "transfer_reversal": None,
    }  # fmt: skip


def dispute(of: Body, amount: int, reason: str, case_type: str, enhanced: str, *, now: int, due_by: int) -> Body:
    """Return a dispute of a charge."""
    brand, inquiry = of["payment_method_details"]["card"]["brand"], case_type == "inquiry"
    code = NETWORK_REASONS.get(brand, {}).get(reason)
    return {
        "id": new_id("du"), "object": "dispute", "amount": amount, "balance_transactions": [], "charge": of["id"],
        "created": now, "currency": of["currency"], "enhanced_eligibility_types": [enhanced] if enhanced else [],
        "evidence": {**dict.fromkeys(EVIDENCE), "enhanced_evidence": {}},
        "evidence_details": {
            "due_by": due_by, "enhanced_eligibility": {enhanced: ELIGIBLE[enhanced]} if enhanced else {},
            "has_evidence": False, "past_due": False, "submission_count": 0, "submission_method": "not_submitted",
        },
        "intended_submission_method": None, "is_charge_refundable": inquiry, "livemode": False, "metadata": {},
        "network_reason_code": code, "payment_intent": of["payment_intent"],
        "payment_method_details": {
            "card": {"brand": brand, "case_type": case_type, "network": brand, "network_reason_code": code},
            "type": "card",
        },
        "reason": reason, "status": "warning_needs_response" if inquiry else "needs_response",
    }  # fmt: skip


def file(filename: str, type: str, size: int, purpose: str, now: int) -> Body:
    """Return a file that was uploaded."""
    id = new_id("file")
    links = {"object": "list", "data": [], "has_more": False, "url": f"/v1/file_links?file={id}"}
    return {
        "id": id, "object": "file", "created": now, "expires_at": now + FILE_KEPT_S, "filename": filename,
        "links": links, "purpose": purpose, "size": size, "title": None, "type": type,
        "url": f"https://files.stripe.com/v1/files/{id}/contents",
    }  # fmt: skip


def payout(amount: int, currency: str, now: int, *, arrives_at: int) -> Body:
    """Return an automatic payout that is on its way."""
    return {
        "id": new_id("po"), "object": "payout", "amount": amount, "application_fee": None,
        "application_fee_amount": None, "arrival_date": arrives_at, "automatic": True, "balance_transaction": None,
        "created": now, "currency": currency, "description": "STRIPE PAYOUT", "destination": new_id("ba"),
        "failure_balance_transaction": None, "failure_code": None, "failure_message": None, "livemode": False,
        "metadata": {}, "method": "standard", "original_payout": None, "payout_method": None,
        "reconciliation_status": "in_progress", "reversed_by": None, "source_type": "card",
        "statement_descriptor": None, "status": "in_transit", "trace_id": {"status": "pending", "value": None},
        "type": "bank_account",
    }  # fmt: skip


def previous(before: Body, after: Body) -> Body:
    """Return what changed, as it was before: the `previous_attributes` of an event."""
    return {
        name: previous(value, after[name]) if isinstance(value, dict) and isinstance(after[name], dict) else value
        for name, value in before.items()
        if value != after[name] and name[0:1] != "_"
    }


CATEGORIES = {
    "adjustment": "dispute", "payout_failure": "payout_reversal", "reserve_transaction": "risk_reserved_funds",
    "stripe_fee": "fee",
}  # fmt: skip
"""The reporting category of a type of balance transaction, where it is another word."""


def balance_transaction(
    type: str, source: Body, amount: int, fee: int, now: int, *, currency: str, available_on: int
) -> Body:
    """Return a line of Stripe's balance; *amount* and *fee* are signed, in *currency*."""
    return {
        "id": new_id("txn"), "object": "balance_transaction", "amount": amount, "available_on": available_on,
        "balance_type": "payments", "created": now, "currency": currency, "description": source.get("description"),
        "exchange_rate": None, "fee": fee, "fee_details": fee_details(fee, currency), "net": amount - fee,
        "reporting_category": CATEGORIES.get(type, type), "source": source["id"], "status": "pending", "type": type,
    }  # fmt: skip


def fee_details(fee: int, currency: str) -> list[Body]:
    """Return what a fee is made of."""
    told = {
        "amount": fee, "application": None, "currency": currency, "description": "Stripe processing fees",
        "type": "stripe_fee",
    }  # fmt: skip
    return [told] if fee else []


def aged(line: Body, now: int) -> Body:
    """Return a balance transaction as it is now: available once its day has come."""
    return {**line, "status": "available" if line["available_on"] <= now else "pending"}


def event(
    type: str, of: Body, before: Body | None, *, now: int, cause: tuple[str | None, str | None], version: str
) -> Body:
    """Return an event about an object as it is; *cause* is the request that led to it and its idempotency key."""
    data = {"object": of} if before is None else {"object": of, "previous_attributes": before}
    return {
        "id": new_id("evt"), "object": "event", "api_version": version, "created": now, "data": data,
        "livemode": False, "pending_webhooks": 1,
        "request": {"id": cause[0], "idempotency_key": cause[1]}, "type": type,
    }  # fmt: skip
