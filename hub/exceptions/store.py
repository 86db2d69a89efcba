"""All SQL that opens and closes exceptions, or adds up what settled them; the caller owns the transaction."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec import Struct
from sqlalchemy import RowMapping, bindparam, case, func, insert, or_, select, update
from sqlalchemy.dialects.postgresql import insert as insert_or_nothing
from sqlalchemy.ext.asyncio import AsyncConnection

from hub import metrics
from hub.access.store import AUDIT, audit_row
from hub.events.tables import events
from hub.exceptions.opening import OPEN, RESOLVED, Opening, open_rows, told_by
from hub.exceptions.showing import Resolution
from hub.exceptions.tables import exception_history
from hub.ids import new_id
from hub.ledger.tables import transfers
from hub.settlement.tables import exceptions

HUB: Final = "hub"
"""Who closes what needs no human any more."""
AT_ONCE: Final = 500
_CLOSE: Final = (
    update(exceptions)
    .where(exceptions.c.id == bindparam("b_id"))
    .values({name: bindparam(f"b_{name}") for name in ("status", "resolution", "resolved_by", "resolved_at")})
)


async def open_exceptions(connection: AsyncConnection, openings: Sequence[Opening], at: datetime) -> int:
    """Insert exceptions with their events; one whose given id is there already is left alone. Returns how many."""
    rows, told = open_rows(openings, at)
    once = [opening.id is not None for opening in openings]
    kept = [
        (row, event)
        for row, event, named in zip(rows, told, once, strict=True)
        if not named or await _inserted(connection, row)
    ]
    if fresh := [row for row, named in zip(rows, once, strict=True) if not named]:
        await connection.execute(insert(exceptions), fresh)
    if kept:
        await connection.execute(insert(events), [event for _, event in kept])
    for row, _ in kept:
        metrics.EXCEPTIONS.labels(row["type"]).inc()
    return len(kept)


async def close(
    connection: AsyncConnection, ids: Iterable[str], how: str, at: datetime, *, reason: str | None = None
) -> int:
    """Close those of *ids* that are open, because the hub learned that no human is needed; returns how many.

    *how* is one word of what happened, such as `settled_later`; *reason* a sentence where there is more to say.
    """
    closed, wanted = 0, sorted(set(ids))
    for first in range(0, len(wanted), AT_ONCE):
        some = wanted[first : first + AT_ONCE]
        still = select(exceptions).where(exceptions.c.id.in_(some), exceptions.c.status == OPEN)
        rows = (await connection.execute(still.order_by(exceptions.c.id).with_for_update())).mappings().all()
        if rows:
            await _write_closed(connection, rows, Resolution(how=how, reason=reason), at)
        closed += len(rows)
    return closed


class Stood(Struct, frozen=True):
    """What a payment has in an account, debits positive; *cleared*: the hub has put some there and taken some back."""

    left_minor: int
    cleared: bool


async def stands(connection: AsyncConnection, payment_id: str, account: str, currency: str) -> Stood:
    """Add up what is booked of a payment in a ledger *account*."""
    table = transfers.c
    ours = func.coalesce(func.sum(case((table.exception_id.is_(None), 1), else_=0)), 0)
    sums = func.coalesce(func.sum(table.amount_minor), 0), ours
    of = table.payment_id == payment_id, table.currency == currency
    debits = (await connection.execute(select(*sums).where(*of, table.debit == account))).one()
    credits_ = (await connection.execute(select(*sums).where(*of, table.credit == account))).one()
    return Stood(int(debits[0]) - int(credits_[0]), cleared=bool(debits[1] and credits_[1]))


async def booked_by_hand(connection: AsyncConnection, payment_id: str, account: str, currency: str) -> int:
    """Add up, in minor units, what transfers that settled exceptions of a payment took out of a ledger *account*."""
    table = transfers.c
    moved = func.sum(case((table.debit == account, table.amount_minor), else_=-table.amount_minor))
    booked = (
        select(func.coalesce(moved, 0))
        .join_from(transfers, exceptions, exceptions.c.id == table.exception_id)
        .where(
            exceptions.c.payment_id == payment_id,
            table.currency == currency,
            or_(table.debit == account, table.credit == account),
        )
    )
    return int(await connection.scalar(booked) or 0)


async def _inserted(connection: AsyncConnection, row: Mapping[str, Any]) -> bool:
    # A statement of PostgreSQL's dialect, which SQLite writes in the same words.
    opened = await connection.execute(insert_or_nothing(exceptions).values(row).on_conflict_do_nothing())
    return opened.rowcount == 1


async def _write_closed(
    connection: AsyncConnection, rows: Sequence[RowMapping], resolution: Resolution, at: datetime
) -> None:
    why = msgspec.json.encode(resolution).decode()
    ended = {"status": RESOLVED, "resolution": why, "resolved_by": HUB, "resolved_at": at}
    bound = {f"b_{name}": value for name, value in ended.items()}
    await connection.execute(_CLOSE, [bound | {"b_id": row["id"]} for row in rows])
    told = [told_by(dict(row) | ended, "exception.resolved", at) for row in rows]
    await connection.execute(insert(events), told)
    details = msgspec.to_builtins(resolution)
    steps = [history_row(row["id"], "resolved", HUB, details, at) for row in rows]
    await connection.execute(insert(exception_history), steps)
    told_of = [
        audit_row(
            None, "exception.resolved", row["id"], details | {"type": row["type"]}, livemode=row["livemode"], at=at
        )
        for row in rows
    ]
    await connection.execute(AUDIT, told_of)


def history_row(
    exception_id: str, action: str, principal: str, details: Mapping[str, Any], at: datetime
) -> dict[str, Any]:
    """Make the row of one step."""
    return {
        "id": new_id("exh_"),
        "exception_id": exception_id,
        "action": action,
        "principal": principal,
        "details": msgspec.json.encode(details).decode(),
        "created_at": at,
    }
