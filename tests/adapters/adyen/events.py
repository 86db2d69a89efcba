"""Every event code of Adyen's webhooks as a notification of our own making, and what the hub makes of it.

The codes are those of Adyen's OpenAPI document of webhooks: its enum of event codes and the messages that it lists.
"""

from typing import Any

from adapters.contract import SettlementNotice, TokenNews
from normalization.disputes import DisputeReport
from normalization.outcome import Report

DISPUTED = {"pspReference": "DISPUTE1", "originalReference": "PSP1"}
"""A dispute has a reference of its own."""
PAYMENT_ONLY = {"pspReference": "PSP1"}
"""What four of the events say where the account lacks a setting."""
MODIFIED = {"pspReference": "MOD1", "originalReference": "PSP1"}


def _by_card(code: str, network: str, **facts: str) -> dict[str, Any]:
    return {"additionalData": {"chargebackReasonCode": code, "chargebackSchemeCode": network, **facts}}


EVENTS: dict[str, tuple[dict[str, Any], type | None]] = {
    "AUTHENTICATION": ({}, None),
    "AUTHORISATION": ({}, Report),
    "AUTHORISATION_ADJUSTMENT": (MODIFIED, None),
    "AUTORESCUE": ({"additionalData": {"retry.rescueReference": "RESCUE1"}}, None),
    "CANCELLATION": ({**MODIFIED, "merchantReference": "can_1"}, Report),
    "CANCEL_AUTORESCUE": ({}, None),
    "CANCEL_OR_REFUND": ({**MODIFIED, "merchantReference": "ref_1"}, Report),
    "CAPTURE": ({**MODIFIED, "merchantReference": "cap_1"}, Report),
    "CAPTURE_FAILED": ({**MODIFIED, "merchantReference": "cap_1", "reason": "Capture Failed"}, Report),
    "CHARGEBACK": ({**DISPUTED, **_by_card(" 4853", "mc", defendable="true")}, DisputeReport),
    "CHARGEBACK_REVERSED": (PAYMENT_ONLY, DisputeReport),
    "DISPUTE_DEFENSE_PERIOD_ENDED": (
        {**DISPUTED, **_by_card("10.4", "visa", disputeStatus="Lost")},
        DisputeReport,
    ),
    "EXPIRE": ({}, Report),
    "HANDLED_EXTERNALLY": (MODIFIED, None),
    "INFORMATION_SUPPLIED": (
        {**DISPUTED, **_by_card("13.3", "visa", disputeStatus="Pending")},
        DisputeReport,
    ),
    "ISSUER_COMMENTS": ({**DISPUTED, **_by_card("13.3", "visa", **{"issuerComments.type": "chargeback"})}, None),
    "ISSUER_RESPONSE_TIMEFRAME_EXPIRED": (
        {**DISPUTED, **_by_card("13.1", "visa", disputeStatus="Won")},
        DisputeReport,
    ),
    "MANUAL_REVIEW_ACCEPT": (MODIFIED, None),
    "MANUAL_REVIEW_REJECT": (MODIFIED, None),
    "NOTIFICATION_OF_CHARGEBACK": (
        {**DISPUTED, **_by_card(" 4853", "mc", defendable="false", autoDefended="true")},
        DisputeReport,
    ),
    "NOTIFICATION_OF_FRAUD": (
        {**DISPUTED, "additionalData": {"nofReasonCode": "6", "nofSchemeCode": "visa"}},
        None,
    ),
    "OFFER_CLOSED": ({}, None),
    "ORDER_CLOSED": ({"additionalData": {"order-1-pspReference": "PSP2"}}, None),
    "ORDER_OPENED": ({}, None),
    "PAIDOUT_REVERSED": (MODIFIED, None),
    "PAYOUT_DECLINE": (MODIFIED, None),
    "PAYOUT_EXPIRE": (MODIFIED, None),
    "PAYOUT_THIRDPARTY": ({"reason": "Approved"}, None),
    "POSTPONED_REFUND": (MODIFIED, None),
    "PREARBITRATION_ACCEPTED": (DISPUTED, DisputeReport),
    "PREARBITRATION_DECLINED": (DISPUTED, DisputeReport),
    "PREARBITRATION_ISSUER_WITHDRAWN": (DISPUTED, DisputeReport),
    "PREARBITRATION_LOST": (PAYMENT_ONLY, DisputeReport),
    "PREARBITRATION_OPEN": (DISPUTED, DisputeReport),
    "PREARBITRATION_WON": (PAYMENT_ONLY, DisputeReport),
    "RECURRING_CONTRACT": (
        {"pspReference": "8415TOKEN", "originalReference": "PSP1", "amount": {"value": 0, "currency": "EUR"}},
        TokenNews,
    ),
    "REFUND": ({**MODIFIED, "merchantReference": "ref_1"}, Report),
    "REFUNDED_REVERSED": ({**MODIFIED, "merchantReference": "ref_1"}, Report),
    "REFUND_FAILED": ({**MODIFIED, "merchantReference": "ref_1", "reason": "Refund Failed"}, Report),
    "REFUND_WITH_DATA": ({**MODIFIED, "merchantReference": "made elsewhere"}, None),
    "REPORT_AVAILABLE": (
        {
            "pspReference": "settlement_detail_report_batch_12.csv",
            "merchantReference": "",
            "paymentMethod": None,
            "reason": "https://reports.example/settlement_detail_report_batch_12.csv",
        },
        SettlementNotice,
    ),
    "REQUEST_FOR_INFORMATION": (
        {**DISPUTED, "additionalData": {"rfiReasonCode": "127", "rfiSchemeCode": "amex"}},
        DisputeReport,
    ),
    "SCHEME_ARBITRATION": (DISPUTED, DisputeReport),
    "SCHEME_ARBITRATION_LOST": (DISPUTED, DisputeReport),
    "SCHEME_ARBITRATION_WON": (DISPUTED, DisputeReport),
    "SECOND_CHARGEBACK": ({**PAYMENT_ONLY, **_by_card("502", "jcb")}, DisputeReport),
    "TECHNICAL_CANCEL": ({**MODIFIED, "merchantReference": "att_1:cancel"}, Report),
    "VOID_PENDING_REFUND": (MODIFIED, None),
}
"""By event code: how it differs from an AUTHORISATION, and the one thing that it tells; None: nothing."""
