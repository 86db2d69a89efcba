"""Undoing what a line did that another one stands in place of: its match, its postings and its exceptions."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import RowMapping, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.exceptions.store import close
from hub.ledger.tables import transfers
from hub.settlement import payouts
from hub.settlement.missing import look_again
from hub.settlement.rows import to_pending
from hub.settlement.tables import exceptions, settlement_lines, settlement_matches
from hub.settlement.taking_back import posted_back
from hub.settlement.values import Terms

CODE: Final = "line_superseded"
"""Why a transfer gives back what a line had posted."""


async def supersede(connection: AsyncConnection, terms: Terms, ids: Sequence[str]) -> Mapping[str, RowMapping]:
    """Let the lines *ids* stand no more, in the transaction of *connection*; gives them as they were, by id.

    Lines that were matched together with them are open again: what they fit without them is decided anew.
    """
    if not ids:
        return {}
    lines = settlement_lines
    standing = select(lines).where(lines.c.id.in_(ids)).order_by(lines.c.id).with_for_update(key_share=True)
    before = (await connection.execute(standing)).mappings().all()
    matches = sorted({row["match_id"] for row in before if row["match_id"] is not None})
    together: Sequence[str] = ()
    if matches:
        members = select(lines.c.id).where(lines.c.match_id.in_(matches), lines.c.id.not_in(ids))
        together = (await connection.execute(members)).scalars().all()
        freed = delete(settlement_matches).where(settlement_matches.c.line_id.in_(matches))
        expected = await connection.execute(freed.returning(settlement_matches.c.expected_id))
        await look_again(connection, terms.merchant_account, expected.scalars().all())
    undone = sorted({*ids, *together})
    await _hold_exceptions(connection, undone)
    await _post_back(connection, undone, terms.now)
    await _close_exceptions(connection, undone, terms.now)
    await payouts.count(connection, terms, [to_pending(row).line for row in before], sign=-1)
    await connection.execute(update(lines).where(lines.c.id.in_(ids)).values(status="superseded"))
    if together:
        loose = {"status": "open", "match_id": None, "payment_id": None, "operation_id": None}
        await connection.execute(update(lines).where(lines.c.id.in_(together)).values(**loose))
    return {row["id"]: row for row in before}


async def _hold_exceptions(connection: AsyncConnection, ids: Sequence[str]) -> None:
    """Wait for whoever settles one of the lines' exceptions, so that what he books is seen, and keep others waiting."""
    about = select(exceptions.c.id).where(exceptions.c.line_id.in_(ids))
    await connection.execute(about.order_by(exceptions.c.id).with_for_update(key_share=True))


async def _post_back(connection: AsyncConnection, ids: Sequence[str], at: datetime) -> None:
    posted = await connection.execute(select(transfers).where(transfers.c.line_id.in_(ids)).order_by(transfers.c.id))
    if back := posted_back(posted.mappings().all(), at, CODE):
        await connection.execute(insert(transfers), back)


async def _close_exceptions(connection: AsyncConnection, ids: Sequence[str], at: datetime) -> None:
    about = select(exceptions.c.id).where(exceptions.c.line_id.in_(ids), exceptions.c.status == "open")
    found = (await connection.execute(about)).scalars().all()
    await close(connection, found, "line_restated", at, reason="a later report says something else of the line")
