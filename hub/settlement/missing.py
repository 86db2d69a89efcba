"""What was due and has not come: each expectation in an exception once, which its late line closes.

It is looked for once a day: what is due on a day is known before that day.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    RowMapping,
    Select,
    bindparam,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.exceptions.opening import OPEN, Opening
from hub.exceptions.rules import BY_TRANSFER, REOPENED
from hub.exceptions.store import HUB, close, history_row, open_exceptions
from hub.exceptions.tables import exception_history
from hub.exceptions.types import ExceptionType
from hub.ledger.tables import transfers
from hub.merchants.profile import Terms as AccountTerms
from hub.payments.shell import Shell
from hub.settlement.expecting import due_on
from hub.settlement.lookups import among, is_postgresql, listed
from hub.settlement.tables import exceptions, expected_settlements, settlement_days_checked, settlement_matches
from hub.settlement.taking_back import posted_back
from hub.settlement.turns import take_turn
from normalization.money import written

AT_ONCE: Final = 500
AGAIN: Final = timedelta(days=90)
"""How far back it is looked once more, each day."""
NEVER_MISSING: Final = "fee"
"""What is billed by the month is not missed on a day."""
TYPE: Final[ExceptionType] = "missing_settlement"
REVERSAL: Final = "_reversal"
"""Ends the type of what takes back an expectation of the type before it."""
_expected: Final = expected_settlements.c
_checked: Final = settlement_days_checked.c


def last_missed(today: date, account: AccountTerms) -> date:
    """Say of which day and all before it what was due is late *today*: by the account's working days and tolerance."""
    day, late_days = today - timedelta(days=1), account.tolerances.late_days
    while due_on(day, late_days, account.holidays) >= today:
        day -= timedelta(days=1)
    return day


async def find_missing(shell: Shell) -> int:
    """Open an exception for everything that is late by now; returns how many."""
    found = 0
    today = shell.clock().date()
    for account, connected in shell.directory.accounts().items():
        until = last_missed(today, connected.terms)
        async with shell.database.reading() as connection:
            since = await connection.scalar(_looked_until(account))
        if since is None or since < until:
            found += await _look(shell, account, until, livemode=connected.account.livemode)
    return found


async def _look(shell: Shell, account: str, until: date, *, livemode: bool) -> int:
    async with shell.database.transaction() as connection:
        await take_turn(connection, account)
        since: date | None = await connection.scalar(_looked_until(account).with_for_update())
        if since is not None and since >= until:
            return 0  # Another worker has looked meanwhile.
        await _close_taken_back(connection, account, shell.clock())
        rows = await _late(connection, account, since, until)
        for start in range(0, len(rows), AT_ONCE):
            openings = [_opening(row, livemode=livemode) for row in rows[start : start + AT_ONCE]]
            await open_exceptions(connection, openings, shell.clock())
        if since is None:
            row = {"merchant_account": account, "due_on": until}
            await connection.execute(insert(settlement_days_checked).values(row))
        else:
            mine = update(settlement_days_checked).where(_checked.merchant_account == account)
            await connection.execute(mine.values(due_on=until))
    return len(rows)


def _looked_until(account: str) -> Select[Any]:
    return select(_checked.due_on).where(_checked.merchant_account == account)


async def _late(connection: AsyncConnection, account: str, since: date | None, until: date) -> Sequence[RowMapping]:
    """Read what was due after *since* and until *until*, has not come and is not known to be missing.

    What was taken back before it came is owed no more: some processors settle neither a capture nor its failure. Since
    one of both may be settled alone after that, a while before *since* is looked at once more.
    """
    known = exists().where(  # What a human has decided about stays decided.
        exceptions.c.expected_id == _expected.id,
        exceptions.c.type == TYPE,
        or_(exceptions.c.status == OPEN, exceptions.c.resolved_by != HUB),
    )
    late = (
        select(expected_settlements)
        .select_from(
            expected_settlements.outerjoin(settlement_matches, settlement_matches.c.expected_id == _expected.id)
        )
        .where(
            _expected.merchant_account == account,
            _expected.due_on <= until,
            _expected.type != NEVER_MISSING,
            settlement_matches.c.expected_id.is_(None),
            still_owed() != 0,
            ~known,
        )
        .order_by(_expected.id)
    )
    if since is not None:
        late = late.where(_expected.due_on > min(since, until - AGAIN))
    return (await connection.execute(late)).mappings().all()


def _plain(type_: ColumnElement[str]) -> ColumnElement[str]:
    """Name what a type is, or takes back."""
    return func.replace(type_, REVERSAL, "")


def still_owed() -> ColumnElement[int]:
    """Add up what an operation expects of one kind and has not got, with what took it back."""
    also = expected_settlements.alias("also").c
    same = [also[name] == _expected[name] for name in ("operation_id", "merchant_account", "currency")]
    settled = exists().where(settlement_matches.c.expected_id == also.id)
    owed = select(func.sum(also.gross_minor)).where(*same, _plain(also.type) == _plain(_expected.type), ~settled)
    return owed.correlate(expected_settlements).scalar_subquery()


async def _close_taken_back(connection: AsyncConnection, account: str, at: datetime) -> None:
    """Close the exceptions of what was taken back after it had been missed."""
    gone = (
        select(exceptions.c.id)
        .join_from(exceptions, expected_settlements, _expected.id == exceptions.c.expected_id)
        .where(exceptions.c.type == TYPE, exceptions.c.status == OPEN, exceptions.c.merchant_account == account)
        .where(still_owed() == 0)
    )
    ids = (await connection.execute(gone)).scalars().all()
    if ids:
        await close(connection, ids, "taken_back", at, reason="it was taken back, and neither was settled")


def _opening(row: RowMapping, *, livemode: bool) -> Opening:
    gross, currency = row["gross_minor"], row["currency"]
    told = f"the {row['type']} of {written(gross, currency)} was due on {row['due_on']}"
    return Opening(
        type=TYPE,
        livemode=livemode,
        merchant_account=row["merchant_account"],
        amount_minor=abs(gross),
        currency=currency,
        variance_minor=-gross,
        detail=f"{told} and has not been settled",
        payment_id=row["payment_id"],
        operation_id=row["operation_id"],
        expected_id=row["id"],
        context={"type": row["type"], "due_on": row["due_on"].isoformat()},
    )


async def look_again(connection: AsyncConnection, account: str, expected: Sequence[str]) -> None:
    """Look once more for what was matched and no longer is: *expected*, by their ids."""
    postgresql = is_postgresql(connection)
    first = select(func.min(_expected.due_on)).where(among(_expected.id, "ids", postgresql=postgresql))
    due: date | None = await connection.scalar(first, {"ids": listed(connection, expected)})
    if due is not None:
        later = _checked.due_on >= bindparam("due")
        back = update(settlement_days_checked).where(_checked.merchant_account == account, later)
        await connection.execute(back.values(due_on=due - timedelta(days=1)), {"due": due})


async def close_arrived(connection: AsyncConnection, expected: Sequence[str], at: datetime) -> None:
    """Close the exceptions of *expected* that have been settled now, though late; what wrote one off is taken back."""
    asked = (
        select(exceptions.c.id, exceptions.c.status)
        .where(
            among(exceptions.c.expected_id, "ids", postgresql=is_postgresql(connection)),
            exceptions.c.type == TYPE,
            or_(exceptions.c.status == OPEN, exceptions.c.resolution.contains(BY_TRANSFER)),
        )
        .order_by(exceptions.c.id)
        .with_for_update(key_share=True)
    )
    found = (await connection.execute(asked, {"ids": listed(connection, expected)})).all()
    late = [id_ for id_, _ in found]
    await _take_back(connection, [id_ for id_, status in found if status != OPEN], at)
    if late:
        await close(connection, late, "settled_late", at, reason="its line came after all")


async def _take_back(connection: AsyncConnection, ids: Sequence[str], at: datetime) -> None:
    """Open exceptions again that a transfer had settled, and book that back: the money is there after all."""
    if not ids:
        return
    posted = await connection.execute(select(transfers).where(transfers.c.exception_id.in_(ids)))
    if back := posted_back(posted.mappings().all(), at, REOPENED):
        await connection.execute(insert(transfers), back)
    again = update(exceptions).where(exceptions.c.id.in_(ids)).values(status=OPEN, resolution=None)
    await connection.execute(again)
    why = {"reason": "its line came after all"}
    await connection.execute(insert(exception_history), [history_row(id_, "reopened", HUB, why, at) for id_ in ids])
