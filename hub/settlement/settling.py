"""Where a report's new lines are written down, with all that is decided about them in the same transaction.

What a line settles to the unit is decided at once, with its chunk. Everything else is left open until the last line of
the report is there, because several lines may be about one thing.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.payments.shell import Shell
from hub.settlement import finishing, lookups, payouts
from hub.settlement.conserving import alarm, offs
from hub.settlement.matching import by_itself, exactly
from hub.settlement.placing import EXPECTED_AS
from hub.settlement.values import Decided, NewLine, Pending, Settled, Terms, Wanted
from hub.settlement.writing import Outcomes, add_lines, add_outcomes, line_rows, outcomes_of


class Prepared(Struct, frozen=True, kw_only=True):
    """What lines came to, as it is to be written; `off` is by how much which check does not add up.

    `taken` are the expectations that they are matched with.
    """

    lines: Sequence[NewLine]
    rows: Sequence[tuple[Any, ...]]
    outcomes: Outcomes
    off: Mapping[tuple[str, str], int]
    taken: frozenset[str]
    settled: Settled


async def settle(connection: AsyncConnection, terms: Terms, lines: Sequence[NewLine]) -> Settled:
    """Write *lines* and what was decided about them; what cannot be decided before the report's end stays open."""
    return await write(connection, terms, await prepare(connection, terms, lines))


async def prepare(
    connection: AsyncConnection, terms: Terms, lines: Sequence[NewLine], taken: frozenset[str] = frozenset()
) -> Prepared:
    """Decide about *lines*, and write nothing yet; expectations that are *taken* are left to others."""
    decided = {one.line.id: one for one in await _decide(connection, terms, lines, set(taken))}
    every = [*decided.values()]
    came_of = count_of(every)
    return Prepared(
        lines=lines,
        rows=line_rows(terms, lines, decided),
        outcomes=outcomes_of(terms, every),
        off=offs(terms.merchant_account, every),
        taken=frozenset(wanted.id for one in every for wanted in one.wanted),
        settled=replace(came_of, open=len(lines) - len(decided)),
    )


async def write(connection: AsyncConnection, terms: Terms, prepared: Prepared) -> Settled:
    """Write what was prepared; its account must be in the same turn still, or in one that nobody had in between."""
    alarm(terms.merchant_account, prepared.off)
    await add_lines(connection, prepared.rows)
    await add_outcomes(connection, prepared.outcomes, terms.now)
    await payouts.count(connection, terms, [new.line for new in prepared.lines])
    return prepared.settled


async def finish(shell: Shell, terms: Terms) -> Settled:
    """Decide about what was left open, after the last line of a report, and hold payouts against their lines."""
    settled = Settled()
    async for decided in finishing.rounds(shell, terms):
        settled += count_of(decided)
    await payouts.check(shell, terms)
    return settled


def count_of(decided: Iterable[Decided]) -> Settled:
    """Count what became of lines."""
    counts = {"matched": 0, "posted": 0, "exception": 0}
    for one in decided:
        counts[one.status] += 1
    return Settled(matched=counts["matched"], posted=counts["posted"], excepted=counts["exception"])


async def _decide(
    connection: AsyncConnection, terms: Terms, lines: Sequence[NewLine], taken: set[str]
) -> list[Decided]:
    """Decide about the lines that need no others beside them: by tag, then by the processor's reference."""
    decided, left = list[Decided](), list[Pending]()
    for new in lines:
        pending = Pending(new.id, new.line)
        alone = by_itself(terms, pending)
        if alone is not None:
            decided.append(alone)
        elif new.line.type in EXPECTED_AS:
            left.append(pending)
    match = partial(_match, terms, taken, decided)
    tags = {one.line.tag for one in left if one.line.tag}
    if tags:
        wanted = await lookups.wanted_of(connection, terms.merchant_account, tags)
        left = match(left, [wanted.get(one.line.tag or "", ()) for one in left])
    references = {one.line.processor_reference for one in left if one.line.processor_reference}
    if references:
        wanted = await lookups.wanted_by_reference(connection, terms.merchant_account, references)
        match(left, [wanted.get(one.line.processor_reference or "", ()) for one in left])
    return decided


def _match(
    terms: Terms,
    taken: set[str],
    decided: list[Decided],
    lines: Sequence[Pending],
    wanted: Sequence[Sequence[Wanted]],
) -> list[Pending]:
    """Match lines with what they settle to the unit, each expectation once; gives those that are left."""
    left = []
    for one, fitting in zip(lines, wanted, strict=True):
        found = exactly(terms, one, fitting) if fitting else None
        if found is None or found.wanted[0].id in taken:
            left.append(one)
        else:
            taken.add(found.wanted[0].id)
            decided.append(found)
    return left
