"""Drawing accounts by weight, the same for the same payment in every process and for ever."""

from collections.abc import Sequence
from hashlib import sha256
from math import log
from typing import Final

_SPAN: Final = 2**64
_FOR_THE_LOT: Final = 8
"""Bytes of a digest that are drawn with."""


def split(accounts: Sequence[str], weights: Sequence[int], lot: str) -> tuple[str, ...]:
    """Draw all *accounts* by weight and by *lot*, which names the payment and what it is drawn for.

    Each account waits for a time of its own, the shorter the larger its weight, and the first comes first. So an
    account's weight moves payments to it or from it alone, and the share of one that cannot be used falls to the others
    by their weights. An account of weight 0 is only ever a fallback.

    Source: weighted rendezvous hashing, https://en.wikipedia.org/wiki/Rendezvous_hashing#Weighted_rendezvous_hash
    """
    begun = sha256(f"{lot}:".encode())
    waits: list[tuple[float, str]] = []
    for account, weight in zip(accounts, weights, strict=True):
        if weight:
            digest = begun.copy()
            digest.update(account.encode())
            drawn = int.from_bytes(digest.digest()[:_FOR_THE_LOT], "big") + 1
            waits.append((-log(drawn / _SPAN) / weight, account))
    waits.sort()
    order = [account for _, account in waits]
    if len(order) < len(accounts):
        order += [account for account, weight in zip(accounts, weights, strict=True) if not weight]
    return tuple(order)


def lot_of(ruleset: str, rule: str, key: str) -> str:
    """Name what is drawn: by the ruleset's name, so that its next version draws the same payments alike."""
    return f"{ruleset}:{rule}:{key}"


def point_of(ruleset: str, rule: str, key: str) -> int:
    """Place *key* on the line from 0 to 2**64, the same in every process and for ever."""
    return point_of_lot(lot_of(ruleset, rule, key))


def point_of_lot(lot: str) -> int:
    """Place *lot* on the line from 0 to 2**64."""
    return int.from_bytes(sha256(lot.encode()).digest()[:_FOR_THE_LOT], "big")
