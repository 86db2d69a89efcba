"""Conditions compiled once to closures over the payment's facts, in three-valued logic.

A closure answers True, False, or None for "unknown". The facts a ruleset compares are read once for each
payment into a row of values, and every leaf looks at its slot in that row: that keeps 200 rules at tens of
microseconds.
"""

import operator
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, Final

from msgspec import UNSET

from routing.facts import SINGLE, STARTS_WITH, Facts, Value, find_fact
from routing.rates import NO_RATES, Rates
from routing.rules import Condition

Row = tuple[Value | None, ...]
Test = Callable[[Row], bool | None]
Read = Callable[[Facts], Value | None]

_Comparison = tuple[int, Callable[[Any], bool], bool]
"""A slot, what to ask its value, and the answer that makes it true: plain C calls, with no closure of our own."""

_MIRRORED: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "lt": operator.gt,
    "lte": operator.ge,
    "gt": operator.lt,
    "gte": operator.le,
}
"""The operators with their sides changed, since the rule's value is bound first."""


class Slots:
    """The facts that a ruleset compares, each read once for a payment."""

    def __init__(self, rates: Rates = NO_RATES) -> None:
        """Start without any fact; amounts will be converted by *rates*."""
        self._rates = rates
        self.reads: list[Read] = []
        self._taken: dict[tuple[str, type], int] = {}

    @property
    def names(self) -> frozenset[str]:
        """The names of all these facts."""
        return frozenset(name for name, _ in self._taken)

    def take(self, name: str, comparable_with: type) -> int:
        """Give the slot for the fact *name* where its value is a *comparable_with*; `object` is any value.

        A value of another type cannot be compared, so it counts as not known.

        Raises:
            KeyError: when no such fact exists; a validated ruleset names none.
        """
        key = (name, comparable_with)
        if key not in self._taken:
            self._taken[key] = len(self.reads)
            self.reads.append(_reader(name, comparable_with, self._rates))
        return self._taken[key]


def compile_condition(condition: Condition, slots: Slots, compared: dict[int, str]) -> Test:
    """Turn a valid *condition* into a closure; adds the facts it compares, by slot, to *compared*."""
    if condition.any is not UNSET:
        return _any([compile_condition(part, slots, compared) for part in condition.any])
    if condition.not_ is not UNSET:
        return _not(compile_condition(condition.not_, slots, compared))
    comparisons: list[_Comparison] = []
    tests: list[Test] = []
    for part in (condition,) if condition.all is UNSET else condition.all:
        if part.fact is UNSET:
            tests.append(compile_condition(part, slots, compared))
        else:
            comparisons += _comparisons(part.fact, part, slots, compared)
            tests += _existence(part.fact, part, slots)
    return _all(comparisons, tests)


def _comparisons(fact: str, leaf: Condition, slots: Slots, compared: dict[int, str]) -> Iterator[_Comparison]:
    for name, values in leaf.operands().items():
        slot = slots.take(fact, kind_of(values[0]))
        compared[slot] = fact
        if name in _MIRRORED:
            yield slot, partial(_MIRRORED[name], values[0]), True
        elif name == STARTS_WITH:
            yield slot, operator.methodcaller("startswith", values), True
        else:
            yield slot, frozenset(values).__contains__, name in {"eq", "in"}


def _existence(fact: str, leaf: Condition, slots: Slots) -> Iterator[Test]:
    if leaf.exists is not UNSET:
        absent = SINGLE if fact == "recurring" else None
        yield _exists(slots.take(fact, object), absent, wanted=leaf.exists)


def _exists(slot: int, absent: Value | None, *, wanted: bool) -> Test:
    def test(row: Row) -> bool | None:
        value = row[slot]
        return (value is not None and value != absent) is wanted

    return test


def _all(comparisons: Iterable[_Comparison], tests: Iterable[Test]) -> Test:
    leaves, parts = tuple(comparisons), tuple(tests)

    def test(row: Row) -> bool | None:
        answer: bool | None = True
        for slot, holds, wanted in leaves:
            value = row[slot]
            if value is None:
                answer = None
            elif holds(value) is not wanted:
                return False
        for part in parts:
            told = part(row)
            if told is False:
                return False
            if told is None:
                answer = None
        return answer

    return test


def _any(tests: Iterable[Test]) -> Test:
    parts = tuple(tests)

    def test(row: Row) -> bool | None:
        answer: bool | None = False
        for part in parts:
            told = part(row)
            if told:
                return True
            if told is None:
                answer = None
        return answer

    return test


def _not(part: Test) -> Test:
    def test(row: Row) -> bool | None:
        told = part(row)
        return None if told is None else not told

    return test


def _reader(name: str, comparable_with: type, rates: Rates) -> Read:
    fact = find_fact(name, rates)
    if fact is None:
        raise KeyError(name)
    read = fact.read
    if not name.startswith("risk.") or comparable_with is object:
        return read

    def typed(facts: Facts) -> Value | None:
        value = read(facts)
        return value if value is not None and kind_of(value) is comparable_with else None

    return typed


def kind_of(value: Value) -> type:
    """Name the type that *value* is compared as: values of different kinds are never equal and have no order."""
    if isinstance(value, bool):
        return bool
    return str if isinstance(value, str) else float


def kinds(values: Iterable[Value]) -> set[type]:
    """List the types among *values* that do not compare with each other; any number is a float."""
    return {kind_of(value) for value in values}
