"""Exceptions of parked and unmatched deliveries are closed when what they are about was read after all."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import RowMapping, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.access.store import AUDIT, audit_row
from hub.payments.shell import Shell
from hub.settlement.tables import exceptions
from hub.webhooks.tables import webhook_deliveries

BATCH: Final = 500
"""Exceptions that are read at once; those that wait for a human are all looked at, however many."""
PARKED: Final = "delivery_parked"
OF_DELIVERIES: Final = (PARKED, "dispute_unmatched", "money_unmatched")
OPEN: Final = "open"
RESOLVED: Final = "resolved"
READ: Final = "it was read after all"
PARKED_AGAIN: Final = "it was parked again, and has another exception"


async def close_mended(shell: Shell) -> int:
    """Close what needs no human any more; returns how many exceptions there were."""
    closed, before, seen = 0, None, set[str]()
    while page := await _open_before(shell, before):
        mended = _mended(page, seen)
        for row, why in mended:
            async with shell.database.transaction() as connection:
                await _close(connection, row, why, shell.clock())
        closed, before = closed + len(mended), page[-1][0]["id"]
    return closed


async def _open_before(shell: Shell, before: str | None) -> list[tuple[RowMapping, str | None]]:
    """Read open exceptions of deliveries, the newest first, each with how its delivery stands now."""
    columns = exceptions.c
    parked = select(exceptions).where(columns.status == OPEN, columns.type.in_(OF_DELIVERIES))
    if before is not None:
        parked = parked.where(columns.id < before)
    async with shell.database.reading() as connection:
        rows = (await connection.execute(parked.order_by(columns.id.desc()).limit(BATCH))).mappings().all()
        named = select(webhook_deliveries.c.id, webhook_deliveries.c.status).where(
            webhook_deliveries.c.id.in_({_delivery(row) for row in rows})
        )
        statuses: dict[str, str] = {row.id: row.status for row in await connection.execute(named)} if rows else {}
    return [(row, statuses.get(_delivery(row))) for row in rows]


def _mended(page: Sequence[tuple[RowMapping, str | None]], seen: set[str]) -> list[tuple[RowMapping, str]]:
    """Tell which of a *page* are settled, and why; *seen* holds the deliveries of newer exceptions, and gets these."""
    mended = []
    for row, status in page:
        delivery = _delivery(row)
        if status in {"done", "ignored"}:
            mended.append((row, READ))
        elif row["type"] == PARKED and delivery in seen:
            mended.append((row, PARKED_AGAIN))
        if row["type"] == PARKED:
            seen.add(delivery)
    return mended


async def _close(connection: AsyncConnection, row: RowMapping, why: str, at: datetime) -> None:
    still = update(exceptions).where(exceptions.c.id == row["id"], exceptions.c.status == OPEN)
    closed = await connection.execute(still.values(status=RESOLVED, detail=f"{row['detail']}; {why}"))
    if closed.rowcount:
        details = {"type": row["type"], "delivery": _delivery(row), "why": why}
        entry = audit_row(None, "exception.resolved", row["id"], details, livemode=bool(row["livemode"]), at=at)
        await connection.execute(AUDIT, entry)


def _delivery(row: RowMapping) -> str:
    """Read which delivery an exception is about: its detail begins with that."""
    return str(row["detail"]).partition(" ")[0]
