"""Approvals as the API shows them; pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct

from hub.approvals.rules import ApprovalStatus, Kind


class ApprovalBody(Struct, frozen=True, kw_only=True):
    """Something that waits for a second person; `object_id` names what it is done to, `result` what came of it."""

    id: str
    object: str = "approval"
    livemode: bool
    kind: Kind
    status: ApprovalStatus
    object_id: str
    merchant_account: str | None
    amount: int | None
    currency: str | None
    summary: str
    requested_by: str
    decided_by: str | None
    decision_reason: str | None
    decided_at: datetime | None
    result: str | None
    error: str | None
    expires_at: datetime
    created_at: datetime


def approval_body(row: Mapping[Any, Any]) -> ApprovalBody:
    """Show a row of `approvals`."""
    same = (
        "id", "object_id", "merchant_account", "currency", "summary", "requested_by", "decided_by", "decision_reason",
        "decided_at", "result", "error", "expires_at", "created_at",
    )  # fmt: skip
    return ApprovalBody(
        **{name: row[name] for name in same},
        livemode=bool(row["livemode"]),
        kind=Kind(row["kind"]),
        status=ApprovalStatus(row["status"]),
        amount=row["amount_minor"],
    )
