"""Lines that name no operation: one expectation of the same amount and about the same day, or all of one day; pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Final

from hub.settlement.agreeing import is_agreed
from hub.settlement.matching import Match, ambiguous, placed, tie, unexpected
from hub.settlement.placing import EXPECTED_AS, NOWHERE
from hub.settlement.values import Decided, Pending, Terms, Wanted
from normalization.settlements import LineType, SettlementLine

WINDOW: Final = timedelta(days=10)
"""How far the day of a line may be from the day on which its money was due."""
BUNDLED: Final = frozenset({LineType.CHARGE, LineType.REFUND})
"""Types of lines that some processors add up, a day's in one line."""

Key = tuple[str, str, int]
"""What lines and expectations are alike by: the expected type, currency and amount."""
Day = tuple[str, str, date]
"""What a bundle is of: the expected type, currency and day."""


def key_of(line: SettlementLine) -> Key | None:
    """Say what is looked for; None for a line that settles nothing expected, or names an operation of somebody else."""
    expected = EXPECTED_AS.get(line.type)
    if expected is None or line.tag is not None:
        return None
    if line.presented is not None:
        return expected, line.presented.currency.value, line.presented.minor
    return expected, line.currency.value, line.gross_minor


def days_of(lines: Iterable[SettlementLine]) -> tuple[date, date]:
    """Say from which day to which what *lines* settle may have been due."""
    days = [line.booked_at.date() for line in lines]
    return min(days) - WINDOW, max(days) + WINDOW


def by_amount(
    terms: Terms, lines: Iterable[Pending], found: Sequence[tuple[str | None, Wanted]], most: int
) -> tuple[list[Decided], list[Pending]]:
    """Match lines with the one expectation that each fits; gives those for which there is none beside.

    Of lines that are alike none is matched before the others: which settles what would be a guess. So it would be where
    *most* of one amount were found, since there may be more.
    """
    by_key: dict[Key, list[tuple[str | None, Wanted]]] = defaultdict(list)
    for reference, wanted in found:
        by_key[wanted.type, wanted.currency, wanted.gross_minor].append((reference, wanted))
    alike: dict[Key | None, list[Pending]] = defaultdict(list)
    for one in lines:
        alike[key_of(one.line)].append(one)
    decided, rest = list[Decided](), alike.pop(None, [])
    for key, same in alike.items():
        near = by_key[key or ("", "", 0)]
        for one in same:
            fitting = [w for reference, w in near if _fits(one.line, reference, w, terms)]
            if not fitting:
                rest.append(one)
            elif len(fitting) == 1 and len(same) == 1 and len(near) < most:
                decided += tie(terms, Match((one,), (fitting[0],)))
            else:
                decided.append(ambiguous(terms, one, NOWHERE, fitting))
    return decided, rest


def _fits(line: SettlementLine, reference: str | None, wanted: Wanted, terms: Terms) -> bool:
    """Whether nothing that is known of both sides speaks against it."""
    named = line.processor_reference or line.parent_reference
    if reference is not None and named is not None:
        return False  # Were it this operation's, it would have been found by the reference.
    near = abs(line.booked_at.date() - wanted.due_on) <= WINDOW
    return near and is_agreed(line, wanted, terms.account)


def bundles_of(lines: Iterable[Pending], sums: Iterable[tuple[str, str, date, int]]) -> Mapping[str, Sequence[Day]]:
    """Say for lines that name nothing of which days they may be all, by the line's id."""
    by_sum: dict[Key, list[date]] = defaultdict(list)
    for type_, currency, day, minor in sums:
        by_sum[type_, currency, minor].append(day)
    found: dict[str, Sequence[Day]] = {}
    for one in lines:
        key = key_of(one.line)
        if key is not None and may_be_bundle(one.line):
            near = [day for day in by_sum[key] if abs(one.line.booked_at.date() - day) <= WINDOW]
            if near:
                found[one.id] = [(key[0], key[1], day) for day in near]
    return found


def may_be_bundle(line: SettlementLine) -> bool:
    """Whether *line* may be of several operations: it is of a type that is bundled, and names none."""
    return line.type in BUNDLED and not (line.tag or line.processor_reference or line.parent_reference)


def unexplained(terms: Terms, pending: Pending) -> Decided:
    """Leave a line to a human that belongs to nothing of ours."""
    return unexpected(terms, placed(pending, NOWHERE, ()))
