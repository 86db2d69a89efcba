"""The inbox as people look at it: listed, shown, and given back to the worker to be read anew."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from msgspec import Struct
from sqlalchemy import ColumnElement, RowMapping, func, literal_column, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.access.rules import Caller
from hub.access.store import AUDIT, audit_row
from hub.database import Database, in_seconds
from hub.webhooks.tables import webhook_deliveries

REPLAYED_AT_ONCE: Final = 1_000
"""Deliveries that one commit gives back: SQLite's other writers wait for it."""
_SHOWN: Final = [column for column in webhook_deliveries.c if column.name not in {"body", "lease_until"}]
_INDEXED: Final[Mapping[str | None, ColumnElement[bool]]] = {
    "waiting": webhook_deliveries.c.due_at.is_not(None),
    "unmatched": webhook_deliveries.c.status == literal_column("'unmatched'"),
    "parked": webhook_deliveries.c.status == literal_column("'parked'"),
}
"""What the index of a rare status wants to hear, beside the bound value that a plan for any status may have."""


class Sought(Struct, frozen=True, kw_only=True):
    """Which deliveries are meant; None does not narrow."""

    livemode: bool | None = None
    status: str | None = None
    merchant_account: str | None = None
    payment: str | None = None
    received_after: datetime | None = None
    received_before: datetime | None = None
    merchant_accounts: frozenset[str] | None = None


async def deliveries_before(database: Database, sought: Sought, before: str | None, most: int) -> Sequence[RowMapping]:
    """Read at most *most* deliveries without their bodies, newest first, from the one before *before* on."""
    table = webhook_deliveries
    narrow = _narrowed(sought)
    if before is not None:
        narrow.append(table.c.id < before)
    listed = select(*_SHOWN).where(*narrow).order_by(table.c.id.desc()).limit(most)
    async with database.reading() as connection:
        return (await connection.execute(listed)).mappings().all()


async def find_delivery(database: Database, sought: Sought, delivery_id: str) -> RowMapping | None:
    """Read one delivery with its body."""
    one = select(*_SHOWN, webhook_deliveries.c.body).where(webhook_deliveries.c.id == delivery_id, *_narrowed(sought))
    async with database.reading() as connection:
        return (await connection.execute(one)).mappings().one_or_none()


class Asker(Struct, frozen=True, kw_only=True):
    """Who wants something read again, for the audit log; without `caller` it is who has the hub's command."""

    at: datetime
    caller: Caller | None = None
    request_id: str | None = None


async def replay(database: Database, sought: Sought, delivery_id: str, asker: Asker) -> RowMapping | None:
    """Have one delivery read anew, whatever became of it; None where there is no such delivery.

    What was recorded of it stays: reading it again changes only what it changes now.
    """
    async with database.transaction() as connection:
        found = await _give_back(connection, [webhook_deliveries.c.id == delivery_id, *_narrowed(sought)])
        if not found:
            return None
        row = found[0]
        details = {"merchant_account": row["merchant_account"], "subject": row["subject"]}
        await _audit(connection, asker, delivery_id, details, livemode=bool(row["livemode"]))
    return row


async def count_sought(database: Database, sought: Sought) -> int:
    """Count the deliveries that are meant."""
    async with database.reading() as connection:
        counted = select(func.count()).select_from(webhook_deliveries).where(*_narrowed(sought))
        return int(await connection.scalar(counted) or 0)


async def replay_some(database: Database, sought: Sought, after: str | None, asker: Asker) -> list[str]:
    """Have the oldest deliveries that are meant read anew, from the one after *after* on, and give their ids.

    An empty answer is the end of it. Each commit is `REPLAYED_AT_ONCE` deliveries at most and has its audit row for
    each mode.
    """
    table = webhook_deliveries
    narrow = _narrowed(sought)
    if after is not None:
        narrow.append(table.c.id > after)
    meant = select(table.c.id).where(*narrow).order_by(table.c.id).limit(REPLAYED_AT_ONCE)
    async with database.transaction() as connection:
        ids = (await connection.execute(meant.with_for_update(of=table))).scalars().all()
        if not ids:
            return []
        rows = await _give_back(connection, [table.c.id.in_(ids)])
        for livemode in sorted({bool(row["livemode"]) for row in rows}):
            of_mode = [row["id"] for row in rows if bool(row["livemode"]) is livemode]
            details = {
                "count": len(of_mode),
                "first": min(of_mode),
                "last": max(of_mode),
                "status": sought.status,
                "merchant_account": sought.merchant_account,
            }
            await _audit(connection, asker, "webhook_deliveries", details, livemode=livemode)
    return list(ids)


async def _give_back(connection: AsyncConnection, narrow: Sequence[ColumnElement[bool]]) -> Sequence[RowMapping]:
    now = in_seconds(literal_column("0"))
    again = update(webhook_deliveries).where(*narrow).values(status="waiting", tries=0, due_at=now, error=None)
    return (await connection.execute(again.returning(*_SHOWN))).mappings().all()


async def _audit(
    connection: AsyncConnection, asker: Asker, object_id: str, details: Mapping[str, Any], *, livemode: bool
) -> None:
    row = audit_row(
        asker.caller,
        "webhook_delivery.replayed",
        object_id,
        details,
        livemode=livemode,
        at=asker.at,
        request_id=asker.request_id,
    )
    await connection.execute(AUDIT, row)


def _narrowed(sought: Sought) -> list[ColumnElement[bool]]:
    columns = webhook_deliveries.c
    narrow: list[ColumnElement[bool]] = []
    for column, value in (
        (columns.livemode, sought.livemode),
        (columns.status, sought.status),
        (columns.merchant_account, sought.merchant_account),
        (columns.payment_id, sought.payment),
    ):
        if value is not None:
            narrow.append(column == value)
    if sought.status in _INDEXED:
        narrow.append(_INDEXED[sought.status])
    if sought.received_after is not None:
        narrow.append(columns.received_at >= sought.received_after)
    if sought.received_before is not None:
        narrow.append(columns.received_at < sought.received_before)
    if sought.merchant_accounts is not None:
        narrow.append(columns.merchant_account.in_(sorted(sought.merchant_accounts)))
    return narrow
