"""Stripe's disputes in the hub's words. Pure.

Source: https://docs.stripe.com/api/disputes/object, https://docs.stripe.com/disputes/how-disputes-work.
An early fraud warning (`radar.early_fraud_warning.*`) is none of them: the bank asks nothing and no money moves, it
only says that a charge may be fraudulent. Source: https://docs.stripe.com/disputes/measuring#early-fraud-warnings.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from adapters.contract import ATTEMPT_PREFIX
from adapters.errors import OutcomeUnknownError
from adapters.stripe.client import PROCESSOR
from adapters.stripe.parameters import OPERATION
from adapters.stripe.translate import money_of
from adapters.stripe.wire import BalanceTransaction, Dispute, EvidenceDetails, Tagged, id_of
from normalization.disputes import DisputeReason, DisputeReport, DisputeStatus, FundsMovement, Stage

STATUSES: Final = MappingProxyType(
    {
        "warning_needs_response": (Stage.INQUIRY, DisputeStatus.NEEDS_RESPONSE),
        "warning_under_review": (Stage.INQUIRY, DisputeStatus.UNDER_REVIEW),
        "warning_closed": (Stage.INQUIRY, DisputeStatus.CLOSED),
        "prevented": (Stage.INQUIRY, DisputeStatus.CLOSED),  # It ended before it became a chargeback.
        "needs_response": (Stage.CHARGEBACK, DisputeStatus.NEEDS_RESPONSE),
        "under_review": (Stage.CHARGEBACK, DisputeStatus.UNDER_REVIEW),
        "won": (Stage.CHARGEBACK, DisputeStatus.WON),
        "lost": (Stage.CHARGEBACK, DisputeStatus.LOST),
        "appeal_needs_response": (Stage.ARBITRATION, DisputeStatus.NEEDS_RESPONSE),
        "appeal_under_review": (Stage.ARBITRATION, DisputeStatus.UNDER_REVIEW),
    }
)
"""Every `status` of a dispute. An appeal ends as won or lost, without a word of its own."""

_R = DisputeReason
REASONS: Final = MappingProxyType(
    {
        "bank_cannot_process": _R.PROCESSING_ERROR,
        "check_returned": _R.GENERAL,  # No card's.
        "credit_not_processed": _R.CREDIT_NOT_PROCESSED,
        "customer_initiated": _R.GENERAL,  # The payer's bank says no more than that.
        "debit_not_authorized": _R.AUTHORIZATION,
        "duplicate": _R.DUPLICATE,
        "fraudulent": _R.FRAUDULENT,
        "general": _R.GENERAL,
        "incorrect_account_details": _R.PROCESSING_ERROR,
        "insufficient_funds": _R.GENERAL,  # No card's.
        "noncompliant": _R.GENERAL,  # Some rule of the network was broken; the network's code says which.
        "product_not_received": _R.PRODUCT_NOT_RECEIVED,
        "product_unacceptable": _R.PRODUCT_UNACCEPTABLE,
        "subscription_canceled": _R.SUBSCRIPTION_CANCELED,
        "unrecognized": _R.UNRECOGNIZED,
    }
)
"""Every `reason` of a dispute. Source: https://docs.stripe.com/disputes/categories."""


def report(told: Dispute) -> DisputeReport:
    """Report how a dispute stands.

    Raises:
        OutcomeUnknownError: when its status, an amount or its date is none that we know.
    """
    if told.status not in STATUSES:
        raise OutcomeUnknownError(PROCESSOR, f"Dispute {told.status[:40]}")
    stage, status = STATUSES[told.status]
    due_at, defendable = _answering(told.evidence_details, status)
    card = told.payment_method_details.card if told.payment_method_details else None
    return DisputeReport(
        processor_reference=told.id,
        parent_reference=id_of(told.payment_intent),
        tag=_tag(told),
        livemode=told.livemode,
        stage=stage,
        status=status,
        money=money_of(told.amount, told.currency),
        reason=REASONS.get(told.reason or "", DisputeReason.GENERAL),
        processor_reason=told.reason,
        network_reason=(card.network_reason_code if card else None) or told.network_reason_code,
        evidence_due_at=due_at,
        defendable=defendable,
        movements=tuple(_movements(told.balance_transactions or ())),
        raw_status=told.status,
    )


def _tag(told: Dispute) -> str | None:
    """Find our id of the attempt, which stands on the payment and its charge and comes where they are expanded."""
    for one in (told.payment_intent, told.charge):
        tag = one.metadata.get(OPERATION) if isinstance(one, Tagged) else None
        if tag and tag.startswith(ATTEMPT_PREFIX):
            return tag
    return None


def _answering(details: EvidenceDetails | None, status: DisputeStatus) -> tuple[datetime | None, bool | None]:
    """Say until when it can be answered, and whether it can; a date of 0 means that the bank takes no answer."""
    if details is None or details.due_by is None:
        return None, None
    if not details.due_by:
        return None, False
    try:
        due_at = datetime.fromtimestamp(details.due_by, UTC)
    except (OverflowError, OSError, ValueError) as failure:
        raise OutcomeUnknownError(PROCESSOR, "a dispute with a date that is none") from failure
    return due_at, True if status is DisputeStatus.NEEDS_RESPONSE else None


def _movements(moved: Iterable[BalanceTransaction]) -> Iterable[FundsMovement]:
    """Give what was taken and given back, in the currency of our balance, which may be another than the payment's."""
    for one in moved:
        if one.amount:
            yield FundsMovement(key=one.id, money=money_of(abs(one.amount), one.currency), reinstated=one.amount > 0)
