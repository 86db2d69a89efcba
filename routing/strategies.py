"""Drawing accounts by weight, the same for the same payment in every process and for ever."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Final

_SPAN: Final = 2**64


def split(accounts: Sequence[str], weights: Sequence[int], point: int) -> tuple[str, ...]:
    """Draw all *accounts* by weight: the first by *point* of 2**64, each next by what is left of it.

    The rest of the draw stays proportional too, so the share of an account that cannot be used falls to the
    others by their weights and no other payment moves. An account of weight 0 is only ever a fallback.
    """
    left = list(zip(accounts, weights, strict=True))
    order = []
    while left:
        index, point = _draw([weight for _, weight in left], point)
        order.append(left.pop(index)[0])
    return tuple(order)


def point_of(ruleset: str, rule: str, key: str) -> int:
    """Place *key* on the line from 0 to 2**64, the same in every process and for ever."""
    digest = sha256(f"{ruleset}:{rule}:{key}".encode()).digest()
    return int.from_bytes(digest[:8], "big")


def _draw(weights: list[int], point: int) -> tuple[int, int]:
    """Find whose part of the line *point* falls on, and where in that part, on a line of the same length."""
    mark = point * sum(weights)
    for index, weight in enumerate(weights):
        part = weight * _SPAN
        if mark < part:
            return index, mark // weight
        mark -= part
    return 0, point  # Only weights of 0 are left: as listed.
