"""Drawing accounts by weight, the same for the same payment in every process and for ever."""

from collections.abc import Sequence
from hashlib import sha256
from math import inf, log
from struct import unpack
from typing import Final

from msgspec import Struct

_SPAN: Final = 2.0**64
_FOR_THE_LOT: Final = 8
"""Bytes of a digest that are drawn with."""
_DRAWN: Final = f"Q{sha256().digest_size - _FOR_THE_LOT}x"
"""How `struct` reads what is drawn with out of a digest."""


class Draw(Struct, frozen=True):
    """Accounts that are drawn by weight, ready to be drawn again and again; `shares` are the weights below 0."""

    accounts: tuple[str, ...]
    written: tuple[bytes, ...]
    shares: tuple[float, ...]
    form: str

    def among(self, accounts: tuple[str, ...]) -> "Draw":
        """Give the draw of these alone, which keep their order among each other: the others change nothing about it."""
        if len(accounts) == len(self.accounts):
            return self
        by_account = dict(zip(self.accounts, self.shares, strict=True))
        return _draw(accounts, tuple([by_account[one] for one in accounts]))


def draw_of(accounts: Sequence[str], weights: Sequence[int]) -> Draw:
    """Make *accounts* ready to be drawn by their *weights*."""
    return _draw(tuple(accounts), tuple([-float(weight) for weight in weights]))


def _draw(accounts: tuple[str, ...], shares: tuple[float, ...]) -> Draw:
    return Draw(accounts, tuple([one.encode() for one in accounts]), shares, f">{_DRAWN * len(accounts)}")


def split(draw: Draw, lot: str) -> list[int]:
    """Draw all accounts by weight and by *lot*, which names the payment and what it is drawn for: gives their places.

    Each account waits for a time of its own, the shorter the larger its weight, and the first comes first. So an
    account's weight moves payments to it or from it alone, and the share of one that cannot be used falls to the others
    by their weights. An account of weight 0 is only ever a fallback.

    Source: weighted rendezvous hashing, https://en.wikipedia.org/wiki/Rendezvous_hashing#Weighted_rendezvous_hash
    """
    begun = f"{lot}:".encode()
    drawn = unpack(draw.form, b"".join([sha256(begun + account).digest() for account in draw.written]))
    waits = [log((one + 1) / _SPAN) / share if share else inf for one, share in zip(drawn, draw.shares, strict=True)]
    return sorted(range(len(waits)), key=waits.__getitem__)


def lot_of(ruleset: str, rule: str, key: str) -> str:
    """Name what is drawn: by the ruleset's name, so that its next version draws the same payments alike."""
    return f"{ruleset}:{rule}:{key}"


def point_of(ruleset: str, rule: str, key: str) -> int:
    """Place *key* on the line from 0 to 2**64, the same in every process and for ever."""
    return point_of_lot(lot_of(ruleset, rule, key))


def point_of_lot(lot: str) -> int:
    """Place *lot* on the line from 0 to 2**64."""
    return int.from_bytes(sha256(lot.encode()).digest()[:_FOR_THE_LOT], "big")
