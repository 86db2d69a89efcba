"""Every type of an event, so that a filter can be told from a misspelt one."""

from collections.abc import Sequence
from difflib import get_close_matches
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
    "exception.opened",
    "exception.assigned",
    "exception.resolved",
    "exception.reopened",
    "settlement.report_available",
    "settlement.imported",
    "settlement.refused",
    "payout.paid",
    "payout.failed",
    "webhook_endpoint.disabled",
)
"""As `type` of an event says it: what it is about, a full stop, and what became of it."""
FAMILIES: Final = tuple(dict.fromkeys(type_.partition(".")[0] for type_ in TYPES))
"""What events are about."""
ANY: Final = "*"
OF_FAMILY: Final = ".*"


def matches(pattern: str, type_: str) -> bool:
    """Whether `*`, `refund.*` or a type itself means *type_*."""
    if pattern.endswith(OF_FAMILY):
        return type_.startswith(pattern[:-1])
    return pattern in (ANY, type_)


def meant_by(pattern: str) -> Sequence[str]:
    """List the types that *pattern* means; none where it is misspelt."""
    return [type_ for type_ in TYPES if matches(pattern, type_)]


def nearest(pattern: str) -> str | None:
    """Name the type or family that *pattern* may have meant; None: it is one."""
    known = [*TYPES, *(family + OF_FAMILY for family in FAMILIES), ANY]
    if pattern in known:
        return None
    return get_close_matches(pattern, known, n=1, cutoff=0.0)[0]
