"""Which line of an attempt settles what; pure, and never a guess.

Each expected settlement and each line is used once: one to one where the amounts are equal, otherwise several of one
side for the other where they add up. What fits two of different operations equally well is tied to neither.
"""

from collections.abc import Sequence

from hub.settlement.agreeing import amount_in, is_agreed
from hub.settlement.matching import Match, Placed, ambiguous, excepted
from hub.settlement.placing import EXPECTED_AS, Family, family_of
from hub.settlement.reasons import concern_of
from hub.settlement.values import Decided, Terms, Wanted


class Pool:
    """The lines of one attempt and what it expects, tied step by step; each side is used once."""

    def __init__(self, terms: Terms, lines: Sequence[Placed]) -> None:
        self._terms = terms
        self._left = list(lines)
        self._taken: set[str] = set()
        self.matches: list[Match] = []
        self.decided: list[Decided] = []

    def settle(self) -> Sequence[Placed]:
        """Tie what can be tied; gives the lines for which nothing is left that they could settle."""
        self._refuse_currencies()
        self._one_to_one()
        for family in Family:
            self._together(family)
        return self._left

    def _open(self, one: Placed) -> list[Wanted]:
        return [wanted for wanted in one.fitting if wanted.id not in self._taken]

    def _take(self, lines: Sequence[Placed], wanted: Sequence[Wanted]) -> None:
        self.matches.append(Match(tuple(one.pending for one in lines), tuple(wanted)))
        self._taken |= {one.id for one in wanted}
        self._left = [one for one in self._left if one not in lines]

    def _leave(self, one: Placed, decided: Decided) -> None:
        self.decided.append(decided)
        self._left.remove(one)

    def _refuse_currencies(self) -> None:
        """Never compare amounts of two currencies."""
        for one in list(self._left):
            line = one.pending.line
            if one.fitting and not any(is_agreed(line, wanted, self._terms.account) for wanted in one.fitting):
                first = one.fitting[0]
                agreed = first.settle_currency or first.currency
                told = {"expected": agreed, "settled": line.currency.value, "expected_id": first.id}
                detail = f"{agreed} was expected, {line.currency.value} was settled"
                concern = concern_of("currency_mismatch", line, detail, one.place, **told)
                self._leave(one, excepted(self._terms, one.pending, (concern,)))

    def _one_to_one(self) -> None:
        for one in list(self._left):
            equal = self._equal(one)
            if len({wanted.operation_id for wanted in equal}) == 1:
                self._take([one], equal[:1])
        for one in list(self._left):
            if one not in self._left:
                continue
            if equal := self._equal(one):
                self._share_out(equal)

    def _equal(self, one: Placed) -> list[Wanted]:
        line, expected = one.pending.line, EXPECTED_AS[one.pending.line.type]
        return [w for w in self._open(one) if w.type == expected and amount_in(line, w.currency) == w.gross_minor]

    def _share_out(self, equal: Sequence[Wanted]) -> None:
        """Give lines that are alike to expectations of several operations that are alike, if there are as many."""
        alike = [other for other in self._left if self._equal(other) == equal]
        if len(alike) == len(equal):
            for other, wanted in zip(alike, equal, strict=True):
                self._take([other], [wanted])
            return
        for other in alike:
            self._leave(other, ambiguous(self._terms, other.pending, other.place, equal))

    def _together(self, family: Family) -> None:
        """Tie lines to what they add up to, or to what they are the only ones to settle."""
        lines = [one for one in self._left if family_of(one.pending.line) is family and self._open(one)]
        if not lines:
            return
        every = list({wanted.id: wanted for one in lines for wanted in self._open(one)}.values())
        own = {one.place.operation.id for one in lines if one.place.operation is not None}
        mine = [wanted for wanted in every if wanted.operation_id in own]
        told = sum(amount_in(one.pending.line, every[0].currency) or 0 for one in lines)
        for wanted in (every, mine):
            if wanted and sum(one.gross_minor for one in wanted) == told:
                self._take(lines, wanted)
                return
        meant = mine or every
        if (told > 0) != (sum(one.gross_minor for one in meant) > 0):
            return  # A reversal alone settles no charge.
        if len({wanted.operation_id for wanted in meant}) == 1:
            self._take(lines, meant)
            return
        for one in lines:
            self._leave(one, ambiguous(self._terms, one.pending, one.place, meant))
