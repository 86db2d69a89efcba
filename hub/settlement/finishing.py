"""The second look: lines that were left open, seen together with all that the books know, in chunks.

What a line tells of an operation whose outcome nobody knew goes through the one room before it is matched: the
exception is written first, so that it is not forgotten by who is killed in between.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Final

import structlog
from sqlalchemy import RowMapping, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.exceptions.store import open_exceptions
from hub.payments.recording import record_delivered
from hub.payments.shell import Shell
from hub.settlement import billing, lookups, searching
from hub.settlement.conserving import alarm, offs
from hub.settlement.deciding import decide
from hub.settlement.matching import Match, Placed, ambiguous, tie, unexpected
from hub.settlement.placing import NOWHERE
from hub.settlement.rows import to_pending
from hub.settlement.tables import settlement_lines
from hub.settlement.turns import take_turn
from hub.settlement.values import Decided, Pending, Terms, Wanted
from hub.settlement.writing import add_outcomes, close_mended, name_subjects, openings_of, outcomes_of, update_lines
from normalization.money import Money
from normalization.outcome import Approved, Operation, Report
from normalization.settlements import LineType, SettlementLine

AT_ONCE: Final = 2_000
"""Lines of one transaction; those of one subject stay together where there are no more of them than as many again."""
_KINDS: Final = {LineType.CHARGE: Operation.CAPTURE, LineType.REFUND: Operation.REFUND}
_log = structlog.get_logger(__name__)
_lines: Final = settlement_lines.c


async def rounds(shell: Shell, terms: Terms) -> AsyncIterator[Sequence[Decided]]:
    """Decide about the account's open lines, a chunk in a transaction; gives what was decided in each."""
    async with shell.database.transaction() as connection:
        await name_subjects(connection, terms.merchant_account)
    while True:
        async with shell.database.transaction() as connection:
            await take_turn(connection, terms.merchant_account)
            lines = await _open_lines(connection, terms.merchant_account)
            if not lines:
                return
            decided, news = await _look(connection, terms, lines)
        yield decided
        if news:
            for one in news:
                await _record(shell, terms, one)
            async with shell.database.transaction() as connection:
                await take_turn(connection, terms.merchant_account)
                again = await _still_open(connection, [one.pending.id for one in news])
                decided, _ = await _look(connection, terms, again, frozenset(one.id for one in again))
            yield decided


async def _open_lines(connection: AsyncConnection, account: str) -> list[Pending]:
    open_ = select(settlement_lines).where(_lines.merchant_account == account, _lines.status == text("'open'"))
    in_order = open_.order_by(_lines.subject, _lines.id).limit(AT_ONCE)
    rows: list[RowMapping] = [*(await connection.execute(in_order)).mappings()]
    if len(rows) == AT_ONCE:
        last = rows[-1]
        same = open_.where(_lines.subject == last["subject"], _lines.id > last["id"])
        rows += (await connection.execute(same.order_by(_lines.id).limit(AT_ONCE))).mappings()
    return [to_pending(row) for row in rows]


async def _still_open(connection: AsyncConnection, ids: Sequence[str]) -> list[Pending]:
    """Read those of *ids* that nobody decided about since: who was held up for long may have been taken over from."""
    open_ = select(settlement_lines).where(_lines.id.in_(ids), _lines.status == text("'open'"))
    return [to_pending(row) for row in (await connection.execute(open_.order_by(_lines.id))).mappings()]


async def _look(
    connection: AsyncConnection, terms: Terms, lines: Sequence[Pending], heard: frozenset[str] = frozenset()
) -> tuple[Sequence[Decided], Sequence[Placed]]:
    facts = await lookups.facts_of(connection, terms.merchant_account, [one.line for one in lines])
    found = decide(terms, lines, facts, heard)
    searched = await _search(connection, terms, found.nameless)
    decided = [*found.decided, *searched, *await _bill(connection, terms, found.bills)]
    alarm(terms.merchant_account, offs(terms.merchant_account, decided))
    await update_lines(connection, decided)
    await add_outcomes(connection, outcomes_of(terms, decided), terms.now)
    await close_mended(connection, found.mended, terms.now)
    told = [opening for one in found.news for opening in openings_of(terms, unexpected(terms, one))]
    if told:
        await open_exceptions(connection, told, terms.now)
    return decided, found.news


async def _search(connection: AsyncConnection, terms: Terms, lines: Sequence[Pending]) -> list[Decided]:
    """Look for what lines settle that name no operation."""
    if not lines:
        return []
    first, last = searching.days_of(one.line for one in lines)
    amounts = {key[2] for one in lines if (key := searching.key_of(one.line)) is not None}
    found = await lookups.alike(connection, terms.merchant_account, amounts, first, last)
    decided, rest = searching.by_amount(terms, lines, found, lookups.ALIKE_MAX)
    bundled = await _unbundle(connection, terms, rest)
    known = {one.line.id for one in bundled}
    return [*decided, *bundled, *(searching.unexplained(terms, one) for one in rest if one.id not in known)]


async def _bill(connection: AsyncConnection, terms: Terms, lines: Sequence[Pending]) -> list[Decided]:
    """Look for the month of fees that each line bills."""
    if not lines:
        return []
    first, last = billing.billed_since(one.line for one in lines)
    wanted = await lookups.unsettled(connection, terms.merchant_account, billing.BILLED, first, last)
    return billing.bill(terms, lines, billing.by_month(wanted))


async def _unbundle(connection: AsyncConnection, terms: Terms, lines: Sequence[Pending]) -> list[Decided]:
    """Match lines that are all of one day's; each day is one line's, and a line that fits two is left to a human."""
    nameless = [one for one in lines if searching.may_be_bundle(one.line)]
    if not nameless:
        return []
    first, last = searching.days_of(one.line for one in nameless)
    account = terms.merchant_account
    sums = await lookups.bundles(connection, account, ("charge", "refund"), first, last)
    days = searching.bundles_of(nameless, sums)
    decided: list[Decided] = []
    for one in nameless:
        fitting = days.get(one.id, ())
        rivals = sum(bool({*fitting} & {*other}) for other in days.values())
        if not fitting:
            continue
        wanted = [w for day in fitting for w in await _bundle(connection, account, day)]
        if len(fitting) == 1 and rivals == 1:
            decided += tie(terms, Match((one,), tuple(wanted)))
        else:
            decided.append(ambiguous(terms, one, NOWHERE, wanted[: lookups.ALIKE_MAX]))
    return decided


async def _bundle(connection: AsyncConnection, account: str, of: searching.Day) -> list[Wanted]:
    type_, currency, day = of
    due = await lookups.unsettled(connection, account, type_, day, day)
    return [one for one in due if one.currency == currency]


async def _record(shell: Shell, terms: Terms, one: Placed) -> None:
    """Tell the one room what the line proves; what it cannot take stays with the line's exception."""
    report = report_of(one, livemode=terms.livemode)
    try:
        await record_delivered(shell, terms.merchant_account, report, "settlement")
    except LookupError:
        _log.exception("settlement_not_recorded", line=one.pending.id)


def report_of(one: Placed, *, livemode: bool) -> Report:
    """Say of what the processor settled that it was done."""
    line, own = one.pending.line, one.place.operation
    kind = own.kind if own is not None else _KINDS[line.type]
    return Report(
        kind=Operation.CAPTURE if kind is Operation.AUTHORIZE else kind,
        tag=own.id if own is not None else line.tag,
        processor_reference=own.processor_reference if own and own.processor_reference else line.processor_reference,
        parent_reference=line.parent_reference,
        money=_money(line),
        livemode=livemode,
        outcome=Approved(),
        raw_status=line.raw_type,
    )


def _money(line: SettlementLine) -> Money:
    told = line.presented or Money(line.gross_minor, line.currency)
    return Money(abs(told.minor), told.currency)
