"""A ruleset ready to be asked: which rule decides, found for all rules at once.

Each fact's value rules rules out (`routing.columns`); the first that no fact rules out, and that needs no fact that is
not known, decides. Only where a rule has `any` or `not` in it is it asked by itself, if it is still in question.
"""

from collections.abc import Sequence
from typing import Final

from msgspec import UNSET, Struct

from routing.columns import Column, Leaf, column, presence
from routing.conditions import Row, Slots, Test, compile_condition, kind_of
from routing.facts import SINGLE, Facts
from routing.rates import NO_RATES, Rates
from routing.rules import Condition


class _Side(Struct):
    """One slot while a ruleset is compiled: its fact, who compares it at all, and who must be told true by it."""

    fact: str
    compared: int = 0
    leaves: list[Leaf] = []
    wanting: int = 0
    avoiding: int = 0


_NOWHERE: Final = _Side("")
"""The side of a slot that only parts of rules compare, and not the one to add to."""


class _Slot(Struct, frozen=True):
    """One slot as a payment meets it: rules that `need` its value, and that want to know it somewhere (`compared`)."""

    fact: str
    admits: Column | None
    needed: int
    compared: int
    asks_presence: bool


class Found(Struct, frozen=True):
    """The place of the rule that decides, None where none does, and the facts that rules before it lacked."""

    place: int | None
    unknown_facts: tuple[str, ...]


class RuleIndex:
    """The conditions of a ruleset, in order; `find` gives the first that is true of a payment."""

    def __init__(self, conditions: Sequence[Condition], rates: Rates = NO_RATES) -> None:
        """Compile *conditions*, which have been validated before; they convert amounts by *rates*."""
        self._everyone = (1 << len(conditions)) - 1
        self._apart: dict[int, Test] = {}
        slots, sides = Slots(rates), dict[int, _Side]()
        for place, condition in enumerate(conditions):
            self._take(condition, 1 << place, slots, sides)
        self._reads = tuple(slots.reads)
        self._slots = tuple(_slot(sides.get(number, _NOWHERE), self._everyone) for number in range(len(self._reads)))
        self.facts = slots.names

    def find(self, facts: Facts) -> Found:
        """Find the rule that decides."""
        row = tuple([read(facts) for read in self._reads])
        left, lacking = self._everyone, 0
        for slot, value in zip(self._slots, row, strict=True):
            if value is None and not slot.asks_presence:
                lacking |= slot.needed
            elif slot.admits is not None:
                left &= slot.admits(value)
        if self._apart:
            place, lacking = self._ask_apart(row, left, lacking)
        else:
            certain = left & ~lacking
            place = (certain & -certain).bit_length() - 1 if certain else None
        before = left & lacking if place is None else left & lacking & ((1 << place) - 1)
        return Found(place, self._names(row, before) if before else ())

    def _ask_apart(self, row: Row, left: int, lacking: int) -> tuple[int | None, int]:
        """Go through the rules that are left, and ask those that have more to them than comparisons."""
        while left:
            bit = left & -left
            left ^= bit
            test = self._apart.get(bit)
            told = True if test is None else test(row)
            if told is None:
                lacking |= bit
            elif not told:
                lacking &= ~bit
            elif not lacking & bit:
                return bit.bit_length() - 1, lacking
        return None, lacking

    def _names(self, row: Row, undecided: int) -> tuple[str, ...]:
        lacked = zip(self._slots, row, strict=True)
        return tuple({slot.fact: None for slot, value in lacked if value is None and slot.compared & undecided})

    def _take(self, condition: Condition, bit: int, slots: Slots, sides: dict[int, _Side]) -> None:
        parts = (condition,) if condition.all is UNSET else condition.all
        nested = [part for part in parts if part.fact is UNSET]
        for part in parts:
            if part.fact is not UNSET:
                _take_leaf(part, part.fact, bit, slots, sides)
        if nested:
            compared: dict[int, str] = {}
            self._apart[bit] = compile_condition(Condition(all=tuple(nested)), slots, compared)
            for number, fact in compared.items():
                sides.setdefault(number, _Side(fact)).compared |= bit


def _take_leaf(leaf: Condition, fact: str, bit: int, slots: Slots, sides: dict[int, _Side]) -> None:
    for operator, values in leaf.operands().items():
        side = sides.setdefault(slots.take(fact, kind_of(values[0])), _Side(fact))
        side.compared |= bit
        side.leaves.append(Leaf(bit, operator, values))
    if leaf.exists is not UNSET:
        side = sides.setdefault(slots.take(fact, object), _Side(fact))
        if leaf.exists:
            side.wanting |= bit
        else:
            side.avoiding |= bit


def _slot(side: _Side, everyone: int) -> _Slot:
    asks_presence = bool(side.wanting | side.avoiding)
    needed = 0
    for leaf in side.leaves:
        needed |= leaf.bit
    admits = None
    if asks_presence:
        admits = presence(side.wanting, side.avoiding, everyone, SINGLE if side.fact == "recurring" else None)
    elif side.leaves:
        admits = column(side.leaves, everyone)
    return _Slot(side.fact, admits, needed, side.compared, asks_presence)
