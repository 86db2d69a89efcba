"""Deciding on what waits for a second person."""

from datetime import datetime
from typing import Final

from sqlalchemy import RowMapping

from hub.access.rules import Caller
from hub.access.store import AUDIT, audit_row
from hub.approvals import store
from hub.approvals.carrying import carry_out
from hub.approvals.rules import ApprovalStatus, Judged, Kind, refusal
from hub.errors import ProblemError
from hub.payments.shell import Shell

LEASE_S: Final = 60.0
"""How long whoever approved has to carry it out before a worker does."""


async def find(shell: Shell, caller: Caller, approval_id: str) -> RowMapping:
    """Read an approval.

    Raises:
        ProblemError: not_found.
    """
    async with shell.database.reading() as connection:
        row = await store.find(connection, livemode=caller.livemode, approval_id=approval_id)
    return _reached(row, caller)


async def approve(shell: Shell, caller: Caller, approval_id: str, reason: str | None, request_id: str) -> RowMapping:
    """Agree, and carry it out.

    Raises:
        ProblemError: not_found, approval_decided, forbidden.
    """
    row = await _decide(shell, caller, approval_id, ApprovalStatus.APPROVED, reason, request_id)
    await carry_out(shell, row)
    return await find(shell, caller, approval_id)


async def reject(shell: Shell, caller: Caller, approval_id: str, reason: str | None, request_id: str) -> RowMapping:
    """Refuse, or withdraw what one asked for oneself.

    Raises:
        ProblemError: not_found, approval_decided, forbidden.
    """
    await _decide(shell, caller, approval_id, ApprovalStatus.REJECTED, reason, request_id)
    return await find(shell, caller, approval_id)


async def _decide(
    shell: Shell, caller: Caller, approval_id: str, status: ApprovalStatus, reason: str | None, request_id: str
) -> RowMapping:
    at = shell.clock()
    async with shell.database.transaction() as connection:
        found = await store.find(connection, livemode=caller.livemode, approval_id=approval_id, to_change=True)
        row = _reached(found, caller)
        refused = refusal(_judged(row), caller, at, approving=status is ApprovalStatus.APPROVED)
        if refused is not None:
            raise ProblemError(*refused)
        ended: dict[str, datetime] = {} if status is ApprovalStatus.APPROVED else {"ended_at": at}
        values = {"status": status, "decided_by": caller.principal, "decision_reason": reason, "decided_at": at}
        await store.decide(connection, row, values | ended, LEASE_S)
        told = {"kind": row["kind"], "object": row["object_id"], "reason": reason}
        action = f"approval.{status}"
        entry = audit_row(caller, action, approval_id, told, livemode=caller.livemode, at=at, request_id=request_id)
        await connection.execute(AUDIT, entry)
    return row


def _reached(row: RowMapping | None, caller: Caller) -> RowMapping:
    # What is of no account, such as a ruleset, decides over all of them.
    if row is None or not caller.may_use(row["merchant_account"] or ""):
        raise ProblemError("not_found", "there is no such approval in this mode")
    return row


def _judged(row: RowMapping) -> Judged:
    return Judged(
        kind=Kind(row["kind"]),
        status=ApprovalStatus(row["status"]),
        requested_by=row["requested_by"],
        expires_at=row["expires_at"],
        amount_minor=row["amount_minor"],
        currency=row["currency"],
    )
