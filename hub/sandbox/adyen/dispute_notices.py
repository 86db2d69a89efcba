"""
The webhook of a dispute. Pure.

Source: https://docs.adyen.com/api-explorer/Webhooks/1/post/NOTIFICATION_OF_CHARGEBACK and
https://docs.adyen.com/risk-management/disputes-api/dispute-notifications
"""

from datetime import UTC, datetime
from typing import Final

from hub.sandbox.adyen import notices
from hub.sandbox.adyen.dispute_course import Move
from hub.sandbox.adyen.records import Dispute, Payment

REASONS: Final = {
    "4837": "No Cardholder Authorization",
    "4853": "Cardholder Dispute",
    "10.4": "Other Fraud-Card Absent Environment",
    "13.1": "Merchandise/Services Not Received",
}
_MASTERCARD: Final = "mc"
_NEEDS_A_SETTING: Final = frozenset(
    {"CHARGEBACK_REVERSED", "SECOND_CHARGEBACK", "PREARBITRATION_WON", "PREARBITRATION_LOST"}
)


def told(payment: Payment, dispute: Dispute, move: Move, at: float, *, own_reference: bool) -> notices.Item:
    """
    Tell of one step.

    Without *own_reference*, as an account is that has not asked for it, four of the events name the payment alone: as
    `pspReference`, with no `originalReference`.
    """
    item = notices.modification(
        payment, move.event, dispute.id, at, amount_minor=dispute.amount_minor, reference=payment.reference
    )
    item["reason"] = _reason(dispute)
    item["additionalData"] = _data(payment, dispute, move)
    if not own_reference and move.event in _NEEDS_A_SETTING:
        item["pspReference"] = item.pop("originalReference")
    return item


def _reason(dispute: Dispute) -> str:
    reason = REASONS.get(dispute.reason_code, "Dispute")
    return f"{reason} (automatically defended)" if dispute.auto_defended else reason


def _data(payment: Payment, dispute: Dispute, move: Move) -> dict[str, str]:
    brand = payment.card.brand
    data = {
        "captureMerchantReference": payment.capture_reference or payment.reference,
        "capturePspReference": payment.capture_psp,
        "defendable": str(dispute.defendable).lower(),
        "defensePeriodEndsAt": datetime.fromtimestamp(dispute.due_at, UTC).isoformat(timespec="seconds"),
        "disputeStatus": move.status,
        "grossCurrency": payment.currency,
        "grossValue": str(dispute.amount_minor),
        "modificationMerchantReferences": ",".join((*payment.modification_references, payment.reference)),
        "paymentMethodVariant": brand,
    }
    kind = "rfi" if dispute.inquiry else "chargeback"
    # Adyen's own examples have a blank before Mastercard's codes.
    data[f"{kind}ReasonCode"] = f" {dispute.reason_code}" if brand == _MASTERCARD else dispute.reason_code
    data[f"{kind}SchemeCode"] = brand
    data |= {"autoDefended": "true"} if dispute.auto_defended else {}
    return data | ({"shopperReference": payment.shopper_reference} if payment.shopper_reference else {})
