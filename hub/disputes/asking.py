"""Whether a dispute, as it stands, can be answered; pure."""

from datetime import datetime

from hub.disputes.rules import by_weight
from hub.disputes.values import DECIDED, Case, Dispute, SubmissionKind
from hub.payments.asking import Refused
from normalization.disputes import DisputeReport, DisputeStatus


def refusal(dispute: Dispute, kind: SubmissionKind, at: datetime) -> Refused | None:
    """Say why an answer to *dispute* is not sent at *at*; None: it is."""
    now = dispute.standing
    if now.status in DECIDED:
        return Refused("dispute_decided", f"its {now.stage} is {now.status}")
    if now.status is DisputeStatus.UNDER_REVIEW:
        return Refused("dispute_answered", f"its {now.stage} is under review")
    if kind == "evidence" and now.defendable is False:
        return Refused("dispute_not_defendable", "the payer's bank takes no answer; it can be accepted only")
    if now.evidence_due_at is not None and now.evidence_due_at <= at:
        return Refused("dispute_past_due", f"it could be answered until {now.evidence_due_at:%Y-%m-%dT%H:%M:%SZ}")
    return None


def known_of(dispute: Dispute, case: Case) -> DisputeReport:
    """Put together what is known of *dispute*, for the adapter that answers it."""
    now, words = dispute.standing, by_weight(case)
    return DisputeReport(
        processor_reference=dispute.processor_reference,
        parent_reference=next((word.parent_reference for word in words if word.parent_reference), None),
        tag=next((word.tag for word in words if word.tag), None),
        livemode=dispute.livemode,
        stage=now.stage,
        status=now.status,
        money=now.money,
        reason=now.reason,
        processor_reason=now.processor_reason,
        network_reason=now.network_reason,
        evidence_due_at=now.evidence_due_at,
        defendable=now.defendable,
        accepted=now.accepted,
        movements=case.movements,
        raw_status=words[0].raw_status,
    )
