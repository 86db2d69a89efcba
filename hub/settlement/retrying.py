"""Lines in exceptions are looked at again when what they lacked has become known: a webhook may come after its money.

What such a line had left in suspense is moved to where it belongs, and its exception closes.
"""

from collections.abc import Sequence
from typing import Any, Final

from msgspec.structs import replace
from sqlalchemy import RowMapping, Select, and_, exists, or_, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.database import Database
from hub.exceptions.rules import BY_TRANSFER
from hub.exceptions.store import close
from hub.payments.shell import Shell
from hub.payments.states import Booking
from hub.payments.tables import operations
from hub.settlement import lookups
from hub.settlement.deciding import decide
from hub.settlement.posting import of_tied
from hub.settlement.reasons import counter_of
from hub.settlement.rows import to_pending
from hub.settlement.tables import exceptions, expected_settlements, settlement_lines, settlement_matches
from hub.settlement.turns import take_turn
from hub.settlement.values import Decided, Terms
from hub.settlement.writing import add_outcomes, close_mended, outcomes_of, update_lines

AT_ONCE: Final = 500
BESIDES: Final = frozenset({"fee_unexpected", "fee_variance", "fx_variance", "settlement_file_restated"})
"""Exceptions that are not about a line as a whole."""
ENDED: Final = "settled_later"
_lines: Final = settlement_lines.c
_expected: Final = expected_settlements.c


async def settle_waiting(shell: Shell) -> int:
    """Tie lines in exceptions to what is expected now; returns how many."""
    tied = 0
    for account, connected in shell.directory.accounts().items():
        terms = Terms(
            batch_id="",
            livemode=connected.account.livemode,
            merchant_account=account,
            account=connected.terms,
            now=shell.clock(),
        )
        tied += await settle_waiting_of(shell.database, terms)
    return tied


async def settle_waiting_of(database: Database, terms: Terms) -> int:
    """Tie one account's lines, of whatever report; returns how many."""
    tied, after = 0, ""
    while True:
        async with database.reading() as connection:
            ids = (await connection.execute(_hopeful(terms.merchant_account, after))).scalars().all()
        if not ids:
            return tied
        after = ids[-1]
        async with database.transaction() as connection:
            await take_turn(connection, terms.merchant_account)
            held = _waiting().where(_lines.id.in_(ids)).with_for_update(key_share=True)
            rows = (await connection.execute(held)).mappings().all()
            tied += await _tie(connection, terms, rows)


def _waiting() -> Select[Any]:
    """Ask for lines in an open exception of whose money no human has decided anything."""
    other = exceptions.alias()
    by_hand = exists().where(other.c.line_id == _lines.id, other.c.resolution.contains(BY_TRANSFER))
    return (
        select(settlement_lines, exceptions.c.id.label("exception_id"), exceptions.c.type.label("exception_type"))
        .join_from(settlement_lines, exceptions, exceptions.c.line_id == _lines.id)
        .where(
            _lines.status == text("'exception'"),
            exceptions.c.status == "open",
            exceptions.c.type.not_in(sorted(BESIDES)),
            ~by_hand,
        )
        .order_by(_lines.id)
    )


def _hopeful(account: str, after: str) -> Select[Any]:
    """Ask for those for whose operation something is expected and not settled; an attempt stands for its captures."""
    open_ = and_(
        _expected.merchant_account == account,
        ~exists().where(settlement_matches.c.expected_id == _expected.id),
    )
    named = or_(_expected.operation_id == _lines.tag, _expected.operation_id == _lines.operation_id)
    referred = and_(
        operations.c.merchant_account == account,
        operations.c.processor_reference == _lines.processor_reference,
        _expected.operation_id == operations.c.id,
    )
    followed = and_(
        operations.c.payment_id == _lines.payment_id,
        operations.c.attempt_id == _lines.operation_id,
        _expected.operation_id == operations.c.id,
    )
    return (
        _waiting()
        .with_only_columns(_lines.id)
        .where(
            _lines.merchant_account == account,
            _lines.id > after,
            or_(*(exists().where(open_, found) for found in (named, referred, followed))),
        )
        .limit(AT_ONCE)
    )


async def _tie(connection: AsyncConnection, terms: Terms, rows: Sequence[RowMapping]) -> int:
    account = terms.merchant_account
    by_id = {row["id"]: row for row in rows}  # Once, though it may be in two exceptions.
    pending = [to_pending(row) for row in by_id.values()]
    facts = await lookups.facts_of(connection, account, [one.line for one in pending])
    heard = frozenset(one.id for one in pending)
    found = decide(terms, pending, facts, heard)
    tied = [one for one in found.decided if one.status == "matched"]
    moved = [replace(one, bookings=_moved(account, one, by_id[one.line.id])) for one in tied]
    await update_lines(connection, moved)
    await _close(connection, [one.line.id for one in tied], terms)
    for one in moved:
        outcomes = outcomes_of(replace(terms, batch_id=by_id[one.line.id]["batch_id"]), [one])
        await add_outcomes(connection, outcomes, terms.now)
    await close_mended(connection, found.mended, terms.now)
    return len(tied)


def _moved(account: str, one: Decided, row: RowMapping) -> tuple[Booking, ...]:
    return of_tied(account, counter_of(row["exception_type"], account), one.bookings)


async def _close(connection: AsyncConnection, lines: Sequence[str], terms: Terms) -> None:
    """Close what was said of *lines* while nothing was known; a restated line stays a human's matter."""
    asked = select(exceptions.c.id).where(
        lookups.among(exceptions.c.line_id, "lines", postgresql=lookups.is_postgresql(connection)),
        exceptions.c.type != "settlement_file_restated",
        exceptions.c.status == "open",
    )
    ids = (await connection.execute(asked, {"lines": lookups.listed(connection, lines)})).scalars().all()
    if ids:
        why = "what it lacked was told after all, and its money was moved out of suspense"
        await close(connection, ids, ENDED, terms.now, reason=why)
