"""All SQL of approvals; the caller owns the transaction."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from msgspec import Struct
from sqlalchemy import Float, RowMapping, bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.access.store import AUDIT, audit_row
from hub.approvals.rules import ApprovalStatus, Kind
from hub.approvals.tables import approvals
from hub.database import in_seconds

HUB: Final = "hub"


class Filter(Struct, frozen=True, kw_only=True):
    """Which approvals to list; None does not narrow. `before` is the id that was listed last."""

    livemode: bool
    before: str | None = None
    status: ApprovalStatus | None = None
    kind: Kind | None = None
    object_id: str | None = None
    merchant_accounts: frozenset[str] | None = None


async def add(connection: AsyncConnection, row: Mapping[str, Any]) -> None:
    """Insert an approval that waits."""
    await connection.execute(insert(approvals).values(**row))


async def find(
    connection: AsyncConnection, *, livemode: bool, approval_id: str, to_change: bool = False
) -> RowMapping | None:
    """Read one; *to_change* keeps it from others until the transaction ends."""
    one = select(approvals).where(approvals.c.id == approval_id, approvals.c.livemode == livemode)
    return (await connection.execute(one.with_for_update() if to_change else one)).mappings().one_or_none()


async def before(connection: AsyncConnection, wanted: Filter, most: int) -> Sequence[RowMapping]:
    """Read at most *most* approvals, newest first: ids ascend with time."""
    columns = approvals.c
    listed = select(approvals).where(columns.livemode == wanted.livemode)
    for column, value in (
        (columns.status, wanted.status),
        (columns.kind, wanted.kind),
        (columns.object_id, wanted.object_id),
    ):
        if value is not None:
            listed = listed.where(column == value)
    if wanted.merchant_accounts is not None:
        listed = listed.where(columns.merchant_account.in_(sorted(wanted.merchant_accounts)))
    if wanted.before is not None:
        listed = listed.where(columns.id < wanted.before)
    return (await connection.execute(listed.order_by(columns.id.desc()).limit(most))).mappings().all()


async def decide(connection: AsyncConnection, row: Mapping[Any, Any], values: Mapping[str, Any], due_s: float) -> None:
    """Write a decision on an approval that is held; an approved one is a worker's after *due_s*."""
    due_at = in_seconds(bindparam("due_s", due_s, type_=Float))
    due = {"due_at": due_at} if values["status"] == ApprovalStatus.APPROVED else {}
    await connection.execute(update(approvals).where(approvals.c.id == row["id"]).values(**values, **due))


async def end(
    connection: AsyncConnection, approval_id: str, status: ApprovalStatus, at: datetime, **told: str | None
) -> bool:
    """Say what came of an approved one; False where that was said before."""
    still = update(approvals).where(approvals.c.id == approval_id, approvals.c.status == ApprovalStatus.APPROVED)
    done = await connection.execute(still.values(status=status, due_at=None, ended_at=at, **told))
    return done.rowcount == 1


async def expire(connection: AsyncConnection, at: datetime, most: int) -> int:
    """End what nobody decided on in time; returns how many there were."""
    old = approvals.c.status == ApprovalStatus.PENDING, approvals.c.expires_at <= at
    due = select(approvals.c.id, approvals.c.livemode, approvals.c.kind).where(*old).order_by(approvals.c.id)
    rows = (await connection.execute(due.limit(most).with_for_update(skip_locked=True))).mappings().all()
    if rows:
        ended = update(approvals).where(approvals.c.id.in_([row["id"] for row in rows]))
        await connection.execute(ended.values(status=ApprovalStatus.EXPIRED, ended_at=at))
        told = [
            audit_row(None, "approval.expired", row["id"], {"kind": row["kind"]}, livemode=row["livemode"], at=at)
            for row in rows
        ]
        await connection.execute(AUDIT, told)
    return len(rows)
