"""Ids: a prefix that says what it is, and 26 letters that sort by when it was made."""

import os
import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import Final

_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's: no i, l, o, u to misread.
_PAIRS: Final = tuple(a + b for a in _ALPHABET for b in _ALPHABET)
_TRIPLES: Final = tuple(pair + c for pair in _PAIRS for c in _ALPHABET)
_RANDOM_BITS: Final = 80
_RANDOM_BYTES: Final = _RANDOM_BITS // 8
_TRIPLE_SHIFTS: Final = tuple(range(105, -1, -15))
_BLOCK: Final = len(_TRIPLES)
_LETTERS_OF_BLOCK: Final = 3
_STORE_BYTES: Final = _RANDOM_BYTES * 400
"""Randomness is fetched from the system for 400 ids at a time: asking for each costs more than all the rest."""


def _milliseconds() -> int:
    return time.time_ns() // 1_000_000


class _Maker:
    """What one process remembers between two ids."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.begin(_milliseconds, os.urandom)

    def begin(self, milliseconds: Callable[[], int], randomness: Callable[[int], bytes]) -> None:
        """Make ids of *milliseconds* since 1970 and of *randomness*, with nothing made before."""
        self.last = 0
        self._milliseconds = milliseconds
        self._randomness = randomness
        self.forget()

    def forget(self) -> None:
        """Use none of the randomness that another process may use too."""
        self.store, self.used = b"", 0

    def next(self) -> int:
        """Make the next value, larger than every one before."""
        milliseconds = self._milliseconds()
        with self.lock:
            if self.used == len(self.store):
                self.store, self.used = self._randomness(_STORE_BYTES), 0
            bits = self.store[self.used : self.used + _RANDOM_BYTES]
            self.used += _RANDOM_BYTES
            value = milliseconds << _RANDOM_BITS | int.from_bytes(bits)
            self.last = value if value > self.last else self.last + 1
            return self.last

    def block(self) -> int:
        """Make the first of `_BLOCK` values in a row, all larger than every one before."""
        milliseconds = self._milliseconds()
        with self.lock:
            fresh = milliseconds << _RANDOM_BITS | int.from_bytes(self._randomness(_RANDOM_BYTES))
            first = (max(fresh, self.last + 1) // _BLOCK + 1) * _BLOCK
            self.last = first + _BLOCK - 1
            return first


_maker = _Maker()
os.register_at_fork(after_in_child=_maker.forget)


def make_from(milliseconds: Callable[[], int], randomness: Callable[[int], bytes]) -> None:
    """Have this process's ids made from another clock and other randomness, so that a simulation repeats itself."""
    _maker.begin(milliseconds, randomness)


def new_id(prefix: str) -> str:
    """Make an id such as `pay_01jd…`: *prefix* with its underscore, 48 bits of milliseconds, 80 random bits.

    Ids of one process ascend, also within one millisecond and when the clock is set back. With a prefix of 14
    characters or fewer an id has 40 ASCII characters at most.
    """
    return prefix + _letters(_maker.next())


def new_ids(prefix: str, count: int) -> list[str]:
    """Make *count* ids at once, in ascending order: a small part of what as many calls of `new_id` cost."""
    ids: list[str] = []
    while len(ids) < count:
        head = prefix + _letters(_maker.block())[:-_LETTERS_OF_BLOCK]
        ids += [head + triple for triple in _TRIPLES[: count - len(ids)]]
    return ids


def first_id(prefix: str, at: datetime) -> str:
    """Give what every id made at *at* or later sorts behind, and every one made before it does not."""
    return prefix + _letters(int(at.timestamp() * 1000) << _RANDOM_BITS)


def _letters(value: int) -> str:
    return _PAIRS[value >> 120] + "".join([_TRIPLES[value >> shift & 32767] for shift in _TRIPLE_SHIFTS])
