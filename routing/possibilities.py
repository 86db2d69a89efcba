"""Which payments a condition is true of, as sets: what no payment can meet, and what others have met before.

The values of each fact fall into cells that no rule tells apart; not being known is a cell too. A condition becomes
boxes, each a set of cells for each fact it asks about, and is true of exactly the payments in one of them, since
three-valued logic distributes as sets do. Facts count as independent of each other: so more payments are thought
possible than are, and what is called impossible is.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import pairwise
from math import inf
from typing import Any, Final

from msgspec import UNSET

from normalization.money import Currency
from normalization.regions import REGION, Region
from routing.conditions import kind_of
from routing.facts import SINGLE, STARTS_WITH, Fact, Value, find_fact
from routing.rules import Condition

Box = Mapping[str, int]
"""By fact, a mask with a bit for each cell that is admitted; a fact that is missing admits all."""

BOXES_MAX: Final = 64
"""How many boxes one condition may come to before nothing is said about it."""
STEPS_MAX: Final = 5_000
"""How many boxes are compared for one rule before it counts as reachable."""
CLOSED: Final[dict[str, tuple[Value, ...]]] = {
    "currency": tuple(map(str, Currency)),
    "country": tuple(REGION),
    "region": tuple(map(str, Region)),
    "recurring": (SINGLE, "initial", "subsequent"),
    "off_session": (True, False),
}
"""The facts of which every value is known beforehand."""
ALWAYS_KNOWN: Final = frozenset({"amount", "currency", "hour_utc", "recurring", "off_session"})
_OTHER: Final = "\0"  # Stands for every text that no rule names.


class TooManyBoxesError(Exception):
    """A condition is too entangled to be looked through."""


class Space:
    """The cells of every fact that some conditions or accounts ask about."""

    def __init__(self, constants: Mapping[str, Collection[Value]]) -> None:
        """Cut each fact's values at its *constants*."""
        self._cells = {name: _cells(name, values) for name, values in constants.items()}
        self._every = {name: (1 << len(cells)) - 1 for name, cells in self._cells.items()}
        self._masks: dict[tuple[object, ...], int] = {}

    def boxes(self, condition: Condition, *, negated: bool = False) -> list[Box]:
        """Give the boxes that a valid *condition* is true in, or with *negated* false in; none where it never is.

        Raises:
            TooManyBoxesError: above `BOXES_MAX`.
        """
        if condition.not_ is not UNSET:
            return self.boxes(condition.not_, negated=not negated)
        if condition.fact is not UNSET:
            mask = self._leaf(condition.fact, condition, negated=negated)
            return [{condition.fact: mask}] if mask else []
        parts = condition.all if condition.all is not UNSET else condition.any or ()
        told = (self.boxes(part, negated=negated) for part in parts)
        if (condition.all is not UNSET) is not negated:
            return _all_of(told)
        return _bounded([box for boxes in told for box in boxes])

    def admits(self, name: str, values: Iterable[Value | None]) -> int:
        """Give the mask of the cells that *values* lie in; None is not being known."""
        wanted = set(values)
        return sum(1 << place for place, cell in enumerate(self._cells[name]) if cell in wanted)

    def between(self, name: str, least: int, most: int, *, besides: Collection[Value | None] = ()) -> int:
        """Give the mask of the numbers from *least* to *most*, and of those *besides*."""
        return sum(
            1 << place
            for place, cell in enumerate(self._cells[name])
            if cell in besides or (isinstance(cell, int | float) and least <= cell <= most)
        )

    def asks(self, name: str) -> bool:
        """Whether anybody asks about the fact *name*."""
        return name in self._cells

    def outside(self, box: Box, other: Box) -> Iterator[Box]:
        """Cut what of *box* is not in *other* into boxes that do not overlap."""
        for name, mask in other.items():
            here = box.get(name, self._every[name])
            if here & ~mask:
                yield {**box, name: here & ~mask}
            box = {**box, name: here & mask}

    def _leaf(self, name: str, leaf: Condition, *, negated: bool) -> int:
        tests = [self._compared(name, operator, values, not negated) for operator, values in leaf.operands().items()]
        if leaf.exists is not UNSET:
            tests.append(self._existing(name, wanted=leaf.exists is not negated))
        mask = 0 if negated else self._every[name]
        for test in tests:
            mask = mask | test if negated else mask & test
        return mask

    def _compared(self, name: str, operator: str, values: tuple[Value, ...], wanted: bool) -> int:  # noqa: FBT001 - what must come out
        kind = kind_of(values[0])
        key = (name, operator, values, kind, wanted)
        if key not in self._masks:
            cells, holds = self._cells[name], _holding(operator, values)
            # As text: adding up thousands of numbers of thousands of bits takes a hundred times as long.
            told = ("1" if _is_a(kind, cell) and holds(cell) is wanted else "0" for cell in reversed(cells))
            self._masks[key] = int("".join(told), 2)
        return self._masks[key]

    def _existing(self, name: str, *, wanted: bool) -> int:
        absent = (None, SINGLE) if name == "recurring" else (None,)
        return sum(1 << place for place, cell in enumerate(self._cells[name]) if (cell not in absent) is wanted)


def constants_of(conditions: Iterable[Condition]) -> dict[str, set[Value]]:
    """List by fact the values that *conditions* compare it with."""
    found: dict[str, set[Value]] = defaultdict(set)
    waiting = list(conditions)
    while waiting:
        condition = waiting.pop()
        waiting += [*(condition.all or ()), *(condition.any or ())]
        if condition.not_ is not UNSET:
            waiting.append(condition.not_)
        if condition.fact is not UNSET:
            found[condition.fact].update(value for values in condition.operands().values() for value in values)
    return found


def overlap(one: Box, other: Box) -> bool:
    """Whether some payment lies in both boxes."""
    return all(mask & one.get(name, mask) for name, mask in other.items())


def covering(space: Space, boxes: Sequence[Box], earlier: Sequence[tuple[int, Box]]) -> list[int] | None:
    """List the rules that together take every payment of *boxes*; None where one is left, or where it takes too long.

    *earlier* has the boxes of the rules before, each with its rule's place.
    """
    used: set[int] = set()
    left, steps = [(box, 0) for box in boxes], 0
    while left:
        box, start = left.pop()
        for index in range(start, len(earlier)):
            steps += 1
            if steps > STEPS_MAX:
                return None
            place, other = earlier[index]
            if overlap(box, other):
                used.add(place)
                left += [(rest, index + 1) for rest in space.outside(box, other)]
                break
        else:
            return None
    return sorted(used)


def _all_of(told: Iterable[list[Box]]) -> list[Box]:
    whole: list[Box] = [{}]
    for boxes in told:
        whole = _bounded([_both(one, other) for one in whole for other in boxes if overlap(one, other)])
    return whole


def _both(one: Box, other: Box) -> Box:
    return {**one, **{name: mask & one.get(name, mask) for name, mask in other.items()}}


def _bounded(boxes: list[Box]) -> list[Box]:
    if len(boxes) > BOXES_MAX:
        raise TooManyBoxesError
    return boxes


def _cells(name: str, constants: Collection[Value]) -> tuple[Value | None, ...]:
    """Give one value for each cell of a fact, or more, and None for not being known."""
    fact = find_fact(name)
    absent = () if name in ALWAYS_KNOWN else (None,)
    if fact is None or name in CLOSED:
        return (*CLOSED.get(name, ()), *absent)
    truths = (True, False) if fact.fits(True) else ()  # noqa: FBT003 - the value itself
    texts = () if "lt" in fact.operators and not fact.fits(_OTHER) else _texts(fact, constants)
    return (*_along(fact, constants), *texts, *truths, *absent)


def _texts(fact: Fact, constants: Collection[Value]) -> tuple[str, ...]:
    """Give a text for each constant, and one that is none; with beginnings, as along a line of words in order."""
    words = [one for one in constants if isinstance(one, str)]
    if STARTS_WITH not in fact.operators:
        return (*words, _OTHER)
    marks = {*words, *(word[:-1] + chr(ord(word[-1]) + 1) for word in words)}
    return (*marks, *(mark + _OTHER for mark in marks), _OTHER)


def _along(fact: Fact, constants: Collection[Value]) -> list[Value]:
    """Give a number for each constant, and one before, between and behind them; 0 and 1 may hide behind truths."""
    if "lt" not in fact.operators:
        return []
    numbers = sorted({0, 1, *(one for one in constants if not isinstance(one, str | bool))})
    around = {near for one in numbers if isinstance(one, int) for near in (one - 1, one + 1)}
    between = {(Fraction(low) + Fraction(high)) / 2 for low, high in pairwise(numbers)}
    along: list[Any] = [*numbers, *(around - set(numbers)), *between, -inf, inf]  # A fraction compares as they all do.
    return [one for one in along if fact.fits(one)]


def _is_a(kind: type, value: Value | None) -> bool:
    return value is not None and kind_of(value) is kind


def _holding(operator: str, values: tuple[Value, ...]) -> Callable[[Any], bool]:
    """Make what tells whether a comparison with *values* holds for a value of their kind."""
    first, known = values[0], frozenset(values)
    lengths = {len(str(value)) for value in values}
    return {
        "eq": lambda value: value in known,
        "in": lambda value: value in known,
        "ne": lambda value: value not in known,
        "not_in": lambda value: value not in known,
        "starts_with": lambda value: any(value[:length] in known for length in lengths),
        "lt": lambda value: value < first,
        "lte": lambda value: value <= first,
        "gt": lambda value: value > first,
        "gte": lambda value: value >= first,
    }[operator]
