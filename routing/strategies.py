"""Drawing accounts by weight, the same for the same payment in every process and for ever."""

from bisect import bisect_right
from collections.abc import Sequence
from hashlib import sha256
from itertools import accumulate
from typing import Final

_SPAN: Final = 2**64


def split(accounts: Sequence[str], weights: Sequence[int], point: int) -> tuple[str, ...]:
    """Draw all *accounts* by weight: the first by *point* of 2**64, each next by what is left of it.

    The rest of the draw stays proportional too, so the share of an account that cannot be used falls to the
    others by their weights and no other payment moves. An account of weight 0 is only ever a fallback.
    """
    left, shares = list(accounts), list(weights)
    order: list[str] = []
    while left:
        ends = list(accumulate(shares))
        mark = point * ends[-1]
        index = bisect_right(ends, mark // _SPAN)
        if index == len(left):  # Only weights of 0 are left: as listed.
            return (*order, *left)
        weight = shares.pop(index)
        point = (mark - (ends[index] - weight) * _SPAN) // weight
        order.append(left.pop(index))
    return tuple(order)


def point_of(ruleset: str, rule: str, key: str) -> int:
    """Place *key* on the line from 0 to 2**64, the same in every process and for ever."""
    digest = sha256(f"{ruleset}:{rule}:{key}".encode()).digest()
    return int.from_bytes(digest[:8], "big")
