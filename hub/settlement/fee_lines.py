"""Lines that charge a fee of an operation and nothing else: they join the match of its gross; pure.

A processor that writes a row for every fee tells the gross in one line and its fees in others, maybe in another report.
What the schedule says is held against all of them together.
"""

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from hub.settlement.agreeing import Agreement, fees_agree
from hub.settlement.matching import Match, Placed, joined
from hub.settlement.placing import Booked
from hub.settlement.posting import of_expected
from hub.settlement.values import Decided, Terms, Wanted
from normalization.settlements import SettlementLine


class Home(Struct, frozen=True, gc=False):
    """A match that fees may be of: one that is being made, or, without a *match*, one that was made before."""

    match_id: str
    wanted: tuple[Wanted, ...]
    references: frozenset[str | None]
    charged_minor: int = 0
    match: Match | None = None


def is_fee_alone(line: SettlementLine) -> bool:
    """Whether *line* charges for an operation and moves nothing of its amount."""
    return not line.gross_minor and (line.presented is None or not line.presented.minor)


def homes_of(matches: Sequence[Match], wanted: Sequence[Wanted], booked: Sequence[Booked]) -> list[Home]:
    """List the matches of an attempt, with what was booked of their fees before.

    *wanted* is all that the attempt expects. What was posted before there was a match counts for its operation's.
    """
    homes = [
        Home(one.lines[0].id, one.wanted, frozenset(each.line.processor_reference for each in one.lines), match=one)
        for one in matches
    ]
    for match_id in dict.fromkeys(one.line_id for one in wanted if one.line_id is not None):
        settled = tuple(one for one in wanted if one.line_id == match_id)
        references = frozenset(one.processor_reference for one in booked if one.match_id == match_id)
        homes.append(Home(match_id, settled, references))
    return [replace(one, charged_minor=_charged(one, booked)) for one in homes]


def _charged(home: Home, booked: Sequence[Booked]) -> int:
    of = {one.operation_id for one in home.wanted}
    return sum(
        one.fee_minor
        for one in booked
        if one.match_id == home.match_id or (one.match_id is None and one.operation_id in of)
    )


def home_of(one: Placed, homes: Sequence[Home]) -> Home | None:
    """Find the match that a fee is of: by the processor's reference of the operation, or the only one there is."""
    history = {wanted.id for wanted in one.history}
    near = [home for home in homes if any(wanted.id in history for wanted in home.wanted)]
    named = [home for home in near if one.pending.line.processor_reference in home.references]
    fitting = named or near
    return fitting[0] if len(fitting) == 1 else None


def grown(home: Home, fees: Sequence[Placed]) -> Match | None:
    """Give the match that is being made together with its fees; None for one that was made before."""
    if home.match is None:
        return None
    lines = (*home.match.lines, *(one.pending for one in fees))
    return Match(lines, home.wanted, home.charged_minor)


def late(terms: Terms, home: Home, fees: Sequence[Placed], told_minor: int | None) -> tuple[list[Decided], bool]:
    """Add fees to a match that was made before, and say whether what was *told* of its fees before is past.

    *told_minor* is how far its fees are off as an open exception says, None where none does.
    """
    decided = [joined(terms, one, home.match_id) for one in fees]
    agreement = fees_so_far(terms, home, fees)
    off = agreement.concerns[0].variance_minor if agreement.concerns else None
    if off is not None and off != told_minor:
        decided[0] = replace(decided[0], concerns=agreement.concerns)
    return decided, told_minor is not None and off != told_minor


def fees_so_far(terms: Terms, home: Home, fees: Sequence[Placed]) -> Agreement:
    """Hold all fees of a match against the schedule."""
    lines = [one.pending.line for one in fees]
    return fees_agree(lines, home.wanted, terms.account.tolerances.fee_minor, home.charged_minor)


def posted(terms: Terms, one: Placed) -> Decided:
    """Post a fee of an operation of ours whose gross is not matched: it counts when that comes."""
    known = one.place.operation or one.place.parent
    expecting = {wanted.operation_id for wanted in one.fitting}
    own = expecting.pop() if len(expecting) == 1 else known.id if known else None
    return Decided(
        line=one.pending,
        status="posted",
        bookings=of_expected(terms.merchant_account, one.pending.line, 0),
        payment_id=known.payment_id if known else None,
        operation_id=own,
    )
