"""Batches, their lines and their broken rows in pages."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, RowMapping, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.settlement.showing import Ties
from hub.settlement.tables import (
    broken_rows,
    exceptions,
    settlement_batches,
    settlement_lines,
    settlement_matches,
    settlement_payouts,
)


class Filter(Struct, frozen=True, kw_only=True):
    """Which batches to list; None does not narrow. `payout` leaves those that told last of one."""

    livemode: bool
    before: str | None = None
    merchant_account: str | None = None
    status: str | None = None
    payout: str | None = None
    merchant_accounts: frozenset[str] | None = None


async def batches_before(connection: AsyncConnection, wanted: Filter, most: int) -> Sequence[RowMapping]:
    """Read batches, newest first."""
    columns = settlement_batches.c
    narrow: list[ColumnElement[bool]] = [columns.livemode == wanted.livemode]
    if wanted.before is not None:
        narrow.append(columns.id < wanted.before)
    if wanted.merchant_account is not None:
        narrow.append(columns.merchant_account == wanted.merchant_account)
    if wanted.status is not None:
        narrow.append(columns.status == wanted.status)
    if wanted.payout is not None:
        told = select(settlement_payouts.c.batch_id).where(settlement_payouts.c.payout == wanted.payout)
        narrow.append(columns.id.in_(told.where(settlement_payouts.c.merchant_account == columns.merchant_account)))
    if wanted.merchant_accounts is not None:
        narrow.append(columns.merchant_account.in_(sorted(wanted.merchant_accounts)))
    listed = select(settlement_batches).where(*narrow).order_by(columns.id.desc()).limit(most)
    return (await connection.execute(listed)).mappings().all()


async def lines_after(
    connection: AsyncConnection, batch_id: str, number: int, most: int, **narrowed: str | None
) -> Sequence[RowMapping]:
    """Read the lines of a batch behind line *number* of its file, in their order; None does not narrow."""
    columns = settlement_lines.c
    listed = select(settlement_lines).where(columns.batch_id == batch_id, columns.number > number)
    listed = listed.where(*(columns[name] == value for name, value in narrowed.items() if value is not None))
    return (await connection.execute(listed.order_by(columns.number).limit(most))).mappings().all()


async def broken_after(connection: AsyncConnection, batch_id: str, number: int, most: int) -> Sequence[RowMapping]:
    """Read the broken rows of a batch behind line *number* of its file, in their order."""
    columns = broken_rows.c
    listed = select(broken_rows).where(columns.batch_id == batch_id, columns.number > number)
    return (await connection.execute(listed.order_by(columns.number).limit(most))).mappings().all()


async def ties_of(connection: AsyncConnection, lines: Sequence[Mapping[Any, Any]]) -> Ties:
    """Read what *lines* are matched with, and the exceptions about them."""
    ids = [row["id"] for row in lines]
    matches = sorted({row["match_id"] for row in lines if row["match_id"] is not None})
    matched, members = settlement_matches.c, settlement_lines.c
    expected = select(matched.line_id, matched.expected_id).where(matched.line_id.in_(matches))
    together = select(members.match_id, members.id).where(members.match_id.in_(matches), members.match_id != members.id)
    about = select(exceptions.c.line_id, exceptions.c.id).where(exceptions.c.line_id.in_(ids))
    others = _by_first((await connection.execute(together)).all())
    return Ties(
        expected=_by_first((await connection.execute(expected)).all()),
        members={match: [match, *others[match]] for match in others},
        exceptions=_by_first((await connection.execute(about.order_by(exceptions.c.id))).all()),
    )


def _by_first(pairs: Iterable[Any]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for first, second in pairs:
        found[first].append(second)
    return dict(found)
