"""All SQL of lists of disputes, newest first."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct
from sqlalchemy import ColumnElement, RowMapping, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.disputes.tables import disputes
from normalization.disputes import DisputeStatus, Stage


class Filter(Struct, frozen=True, kw_only=True):
    """Which disputes to list; None does not narrow. `before` is the id that was listed last.

    `due_before` leaves out what needs no response any more, unless a status is named.
    """

    livemode: bool
    before: str | None = None
    status: DisputeStatus | None = None
    stage: Stage | None = None
    payment: str | None = None
    merchant_account: str | None = None
    due_before: datetime | None = None
    merchant_accounts: frozenset[str] | None = None


async def disputes_before(connection: AsyncConnection, wanted: Filter, most: int) -> Sequence[RowMapping]:
    """Read at most *most* disputes, newest first: ids ascend with time."""
    table = disputes
    narrow: list[ColumnElement[bool]] = [table.c.livemode == wanted.livemode]
    for column, value in (
        (table.c.status, wanted.status),
        (table.c.stage, wanted.stage),
        (table.c.payment_id, wanted.payment),
        (table.c.merchant_account, wanted.merchant_account),
    ):
        if value is not None:
            narrow.append(column == value)
    if wanted.due_before is not None:
        narrow.append(table.c.evidence_due_at < wanted.due_before)
        if wanted.status is None:
            narrow.append(table.c.status == DisputeStatus.NEEDS_RESPONSE)
    if wanted.merchant_accounts is not None:
        narrow.append(table.c.merchant_account.in_(sorted(wanted.merchant_accounts)))
    if wanted.before is not None:
        narrow.append(table.c.id < wanted.before)
    listed = select(table).where(*narrow).order_by(table.c.id.desc()).limit(most)
    return (await connection.execute(listed)).mappings().all()
