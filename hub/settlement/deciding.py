"""What becomes of lines that are seen together with all that the books know of what they name; pure."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from msgspec import Struct

from hub.settlement.agreeing import amount_in
from hub.settlement.billing import is_bill
from hub.settlement.fee_lines import Home, grown, home_of, homes_of, is_fee_alone, late, posted
from hub.settlement.matching import Match, Placed, by_itself, joined, placed, tie, unexpected
from hub.settlement.placing import Facts, place
from hub.settlement.pooling import Pool
from hub.settlement.reasons import is_news
from hub.settlement.searching import key_of
from hub.settlement.values import Decided, Pending, Terms


class Sorted(Struct, frozen=True):
    """Lines that are decided, those that tell what nobody knew and is recorded first, and those that name nothing.

    `bills` may be of many fees at once; `mended` are exceptions that a line has made good.
    """

    decided: tuple[Decided, ...]
    news: tuple[Placed, ...]
    nameless: tuple[Pending, ...]
    bills: tuple[Pending, ...]
    mended: tuple[str, ...]


class _Deciding:
    def __init__(self, terms: Terms, facts: Facts, heard: frozenset[str]) -> None:
        self.terms = terms
        self.facts = facts
        self.heard = heard
        self.decided: list[Decided] = []
        self.news: list[Placed] = []
        self.nameless: list[Pending] = []
        self.bills: list[Pending] = []
        self.mended: list[str] = []

    def pool(self, lines: Iterable[Placed]) -> None:
        """Settle the lines of one attempt; what is left of them was not expected."""
        every = [*lines]
        fees = [one for one in every if is_fee_alone(one.pending.line)]
        pool = Pool(self.terms, [one for one in every if one not in fees])
        left = pool.settle()
        self.decided += pool.decided
        self._tie(pool.matches, fees, every[0].place.attempt_id or "")
        for one in left:
            match_id = self._made_good(one)
            if match_id is not None:
                self.decided.append(joined(self.terms, one, match_id))
            elif is_news(one.pending.line, one.place) and one.pending.id not in self.heard:
                self.news.append(one)
            else:
                self.decided.append(unexpected(self.terms, one))

    def _tie(self, matches: Sequence[Match], fees: Sequence[Placed], attempt_id: str) -> None:
        """Decide about the lines of *matches*, and about *fees*, each with the match that it is of."""
        homes = homes_of(matches, self.facts.wanted.get(attempt_id, ()), self.facts.booked.get(attempt_id, ()))
        shares: dict[str, list[Placed]] = defaultdict(list)
        for one in fees:
            home = home_of(one, homes)
            if home is None:
                self.decided.append(posted(self.terms, one))
            else:
                shares[home.match_id].append(one)
        for home in homes:
            share = shares[home.match_id]
            match = grown(home, share)
            if match is not None:
                self.decided += tie(self.terms, match)
            elif share:
                self._join(home, share)

    def _join(self, home: Home, fees: Sequence[Placed]) -> None:
        told = next((self.facts.fees_off[one.id] for one in home.wanted if one.id in self.facts.fees_off), None)
        decided, past = late(self.terms, home, fees, told[1] if told else None)
        self.decided += decided
        if told and past:
            self.mended.append(told[0])

    def _made_good(self, one: Placed) -> str | None:
        """Find the match whose open difference of amount a line brings to nothing."""
        for wanted in one.history:
            exception, off = self.facts.uneven.get(wanted.line_id or "", ("", 0))
            told = amount_in(one.pending.line, wanted.currency)
            if exception and exception not in self.mended and told is not None and off + told == 0:
                self.mended.append(exception)
                return wanted.line_id
        return None


def decide(terms: Terms, lines: Iterable[Pending], facts: Facts, heard: frozenset[str] = frozenset()) -> Sorted:
    """Decide about *lines*; *heard* are those whose news were recorded before."""
    deciding = _Deciding(terms, facts, heard)
    pools: dict[str, list[Placed]] = defaultdict(list)
    for pending in lines:
        found = place(pending.line, terms.merchant_account, facts)
        attempt_id = found.attempt_id
        if (alone := by_itself(terms, pending)) is not None:
            deciding.decided.append(alone)
        elif is_bill(pending.line, terms.account):
            deciding.bills.append(pending)
        elif attempt_id is not None:
            pools[attempt_id].append(placed(pending, found, facts.wanted.get(attempt_id, ())))
        elif found.elsewhere is None and key_of(pending.line) is not None:
            deciding.nameless.append(pending)
        else:
            deciding.decided.append(unexpected(terms, placed(pending, found, ())))
    for pool in pools.values():
        deciding.pool(pool)
    return Sorted(
        decided=tuple(deciding.decided),
        news=tuple(deciding.news),
        nameless=tuple(deciding.nameless),
        bills=tuple(deciding.bills),
        mended=tuple(deciding.mended),
    )
