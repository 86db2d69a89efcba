"""Exceptions as the API shows them, and as events keep them; pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from hub.exceptions.types import ACTION, SEVERITY, ExceptionType, Severity, due_at


class Resolution(Struct, frozen=True, kw_only=True):
    """Why an exception is no longer open: how, in whose words, by which transfer."""

    how: str
    reason: str | None = None
    transfer: str | None = None


class ExceptionBody(Struct, frozen=True, kw_only=True):
    """A disagreement; `amount` is the money at risk, `variance` what was settled less what was expected.

    `context` is what else its type tells. `due_at` is when it is to be settled, by its severity.
    """

    id: str
    object: str = "exception"
    livemode: bool
    type: ExceptionType
    severity: Severity
    status: str
    merchant_account: str
    payment: str | None
    operation: str | None
    settlement: str | None
    settlement_line: str | None
    amount: int
    currency: str | None
    variance: int | None
    detail: str
    context: dict[str, Any]
    suggested_action: str
    owner: str | None
    resolution: Resolution | None
    resolved_by: str | None
    resolved_at: datetime | None
    due_at: datetime
    created_at: datetime


class ExceptionShown(ExceptionBody, frozen=True, kw_only=True):
    """An exception as it stands now."""

    overdue: bool


def shown_at(body: ExceptionBody, at: datetime) -> ExceptionShown:
    """Show an exception as it stands at an instant."""
    return ExceptionShown(**msgspec.structs.asdict(body), overdue=body.status == "open" and body.due_at < at)


def exception_body(row: Mapping[Any, Any]) -> ExceptionBody:
    """Show a row of `exceptions`; columns that an opening leaves out are None."""
    type_: ExceptionType = row["type"]
    context, resolution = row.get("context"), row.get("resolution")
    return ExceptionBody(
        id=row["id"],
        livemode=bool(row["livemode"]),
        type=type_,
        severity=SEVERITY[type_],
        status=row["status"],
        merchant_account=row["merchant_account"],
        payment=row.get("payment_id"),
        operation=row.get("operation_id"),
        settlement=row.get("batch_id"),
        settlement_line=row.get("line_id"),
        amount=row["amount_minor"],
        currency=row["currency"] or None,
        variance=row.get("variance_minor"),
        detail=row["detail"],
        context=msgspec.json.decode(context) if context else {},
        suggested_action=ACTION[type_],
        owner=row.get("owner"),
        resolution=msgspec.json.decode(resolution, type=Resolution) if resolution else None,
        resolved_by=row.get("resolved_by"),
        resolved_at=row.get("resolved_at"),
        due_at=due_at(row["created_at"], type_),
        created_at=row["created_at"],
    )
