"""Ids: a prefix that says what it is, and 26 letters that sort by when it was made."""

import os
import threading
import time
from typing import Final

_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's: no i, l, o, u to misread.
_PAIRS: Final = tuple(a + b for a in _ALPHABET for b in _ALPHABET)
_TRIPLES: Final = tuple(pair + c for pair in _PAIRS for c in _ALPHABET)
_RANDOM_BITS: Final = 80
_RANDOM_BYTES: Final = _RANDOM_BITS // 8
_TRIPLE_SHIFTS: Final = tuple(range(105, -1, -15))
_lock = threading.Lock()
_last = 0


def new_id(prefix: str) -> str:
    """Make an id such as `pay_01jd…`: *prefix* with its underscore, 48 bits of milliseconds, 80 random bits.

    Ids of one process ascend, also within one millisecond and when the clock is set back. With a prefix of 14
    characters or fewer an id has 40 ASCII characters at most.
    """
    global _last  # noqa: PLW0603 - ascending ids need to remember the last one
    milliseconds = time.time_ns() // 1_000_000
    value = milliseconds << _RANDOM_BITS | int.from_bytes(os.urandom(_RANDOM_BYTES))
    with _lock:
        if value <= _last:
            value = _last + 1
        _last = value
    return prefix + _PAIRS[value >> 120] + "".join([_TRIPLES[value >> shift & 32767] for shift in _TRIPLE_SHIFTS])
