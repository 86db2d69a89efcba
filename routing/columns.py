"""What one fact's value means to all the rules at once, as a mask with a bit for each rule.

A value is looked up, not compared: all values that no rule tells apart have one mask, worked out when the ruleset is
loaded. That keeps hundreds of rules at a few microseconds for a payment.
"""

from bisect import bisect_left
from collections.abc import Callable, Collection, Sequence
from itertools import chain
from typing import Final

from msgspec import Struct

from routing.facts import STARTS_WITH, Value

Column = Callable[[Value | None], int]
"""Gives the rules that the value does not rule out."""

ORDERING: Final = frozenset({"lt", "lte", "gt", "gte", STARTS_WITH})
"""The operators that hold along a stretch of the line: of numbers, or of words as in a dictionary."""


class Leaf(Struct, frozen=True):
    """One comparison of one rule: the rule's bit, an operator and the values it compares with."""

    bit: int
    operator: str
    values: tuple[Value, ...]


def column(leaves: Sequence[Leaf], everyone: int) -> Column:
    """Make the column of one fact from the comparisons that rules make with it; *everyone* has every rule's bit."""
    if any(leaf.operator in ORDERING for leaf in leaves):
        return _along_a_line(leaves, everyone)
    table, other = _by_value(leaves, everyone)
    return lambda value: table.get(value, other)  # type: ignore[arg-type]  # None is in no table


def presence(wanting: int, avoiding: int, everyone: int, absent: Value | None) -> Column:
    """Make the column that tells whether a fact exists, for the rules that want it and those that do not."""
    if_there, if_not = everyone & ~avoiding, everyone & ~wanting
    return lambda value: if_not if value is None or value == absent else if_there


def _by_value(leaves: Sequence[Leaf], everyone: int) -> tuple[dict[Value, int], int]:
    """Give the rules left by each value that is compared with, and those left by every other one.

    Each value of a comparison is looked at once: lists of card number beginnings have thousands.
    """
    admitted: dict[int, set[Value]] = {}  # By the rule's bit: what all its comparisons admit, where some name it.
    left: dict[Value, int] = {}
    for leaf in leaves:
        if leaf.operator in {"eq", "in"}:
            admitted[leaf.bit] = admitted.get(leaf.bit, set(leaf.values)) & set(leaf.values)
    other = everyone & ~sum(admitted)
    for value in chain.from_iterable(leaf.values for leaf in leaves):
        left[value] = other
    for bit, values in admitted.items():
        for value in values:
            left[value] |= bit & everyone
    for leaf in leaves:
        if leaf.operator not in {"eq", "in"}:
            for value in leaf.values:
                left[value] &= ~leaf.bit
    return left, other


def _along_a_line(leaves: Sequence[Leaf], everyone: int) -> Column:
    """Cut the line at every constant: a cell for each constant and one before, between and behind them."""
    constants = sorted(set(chain.from_iterable(_marks(leaf) for leaf in leaves)))
    places = {constant: 2 * index + 1 for index, constant in enumerate(constants)}
    masks = [everyone] * (2 * len(constants) + 1)
    for leaf in leaves:
        held = _cells(leaf.operator, [places[value] for value in _marks(leaf)], len(masks))
        for cell in range(len(masks)):
            if cell not in held:
                masks[cell] &= ~leaf.bit

    def look_up(value: Value | None) -> int:
        index = bisect_left(constants, value)  # type: ignore[type-var]  # a number as well
        equal = index < len(constants) and constants[index] == value
        return masks[2 * index + 1 if equal else 2 * index]

    return look_up


def _marks(leaf: Leaf) -> tuple[Value, ...]:
    """Give the constants of a comparison; behind each beginning comes the first word that has it no more."""
    if leaf.operator != STARTS_WITH:
        return leaf.values
    beginnings = [value for value in leaf.values if isinstance(value, str)]
    return tuple(chain.from_iterable((b, b[:-1] + chr(ord(b[-1]) + 1)) for b in beginnings))


def _cells(operator: str, places: list[int], count: int) -> Collection[int]:
    """List the cells in which a comparison with the constants at *places* holds."""
    match operator:
        case "lt":
            return range(places[0])
        case "lte":
            return range(places[0] + 1)
        case "gt":
            return range(places[0] + 1, count)
        case "gte":
            return range(places[0], count)
        case "eq" | "in":
            return frozenset(places)
        case "starts_with":
            stretches = zip(places[::2], places[1::2], strict=True)
            return frozenset(chain.from_iterable(range(start, end) for start, end in stretches))
        case _:
            return frozenset(range(count)) - frozenset(places)
