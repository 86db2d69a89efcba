"""The chain: each row's hash is made of the row and the hash before it; pure."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final

import msgspec
from msgspec import Struct

START: Final = "0" * 64
"""What stands before the first row."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_NAMES: Final = ("id", "key_id", "principal", "action", "object_id", "details", "request_id")


class Head(Struct, frozen=True):
    """The end of the chain: how many rows it has, and the hash of the last one."""

    position: int = 0
    hash: str = START


class Break(Struct, frozen=True):
    """The first place where the chain does not hold, and why, in a sentence."""

    position: int
    why: str


def link(head: Head, row: Mapping[Any, Any]) -> Head:
    """Chain *row* to *head*: SHA-256, in hexadecimal, over the hash before and all that the row says."""
    position = head.position + 1
    said = [
        position,
        bool(row["livemode"]),
        *(row[name] for name in _NAMES),
        (row["created_at"] - _EPOCH) // _MICROSECOND,
    ]
    return Head(position, sha256(head.hash.encode() + b"\n" + msgspec.json.encode(said)).hexdigest())


def follow(head: Head, rows: Iterable[Mapping[Any, Any]]) -> Head | Break:
    """Walk on from *head* over *rows*, in the order of their positions, until the end or the first break."""
    for row in rows:
        expected = head.position + 1
        if row["position"] != expected:
            return Break(expected, f"position {expected} is missing: a row was deleted")
        following = link(head, row)
        if row["hash"] != following.hash:
            told = f"position {expected}, {row['id']}: does not follow from what is before it: it was changed or put in"
            return Break(expected, told)
        head = following
    return head
