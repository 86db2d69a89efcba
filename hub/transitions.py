"""A status as a table: from which word to which, and why. The code asks it, the pages are drawn from it."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Generic, TypeVar

from msgspec import Struct

Word = TypeVar("Word", bound=StrEnum)


class Machine(Struct, Generic[Word], frozen=True, kw_only=True):
    """Where something may stand and where it may go from there.

    `born`: the words it may begin with; `moves`: every word it knows, and the words that may follow it. The texts say
    what makes it so.
    """

    name: str
    born: Mapping[Word, str]
    moves: Mapping[Word, Mapping[Word, str]]
