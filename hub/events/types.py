"""Every type of an event, so that a filter can be told from a misspelt one."""

from typing import Final

from hub.payments.states import Status

TYPES: Final = (
    *(f"payment.{status}" for status in Status),
    "payment.capture_failed",
    "payment.cancel_failed",
    "refund.pending",
    "refund.succeeded",
    "refund.failed",
    "dispute.created",
    "dispute.updated",
    "dispute.evidence_due",
    "dispute.accepted",
    "dispute.won",
    "dispute.lost",
    "dispute.closed",
    "payment_method.updated",
    "payment_method.token_retired",
    "settlement.report_available",
    "payout.paid",
    "payout.failed",
    "webhook_endpoint.disabled",
)
"""As `type` of an event says it: what it is about, a full stop, and what became of it."""
FAMILIES: Final = tuple(dict.fromkeys(type_.partition(".")[0] for type_ in TYPES))
"""What events are about."""
