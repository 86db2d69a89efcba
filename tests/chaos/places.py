"""Where a kill lands: the statement or the request that a process is killed at, and how much of it gets through."""

import re
from enum import StrEnum
from functools import lru_cache
from typing import Final

OPERATION_ID: Final = re.compile(rb"(?:att|cap|can|ref)_[0-9a-hjkmnp-tv-z]{26}")


class Place(StrEnum):
    """Where a process is killed."""

    AFTER_T1 = "after T1"
    IN_CALL = "in the call"
    AFTER_ANSWER = "after the answer"
    IN_T2 = "in T2"
    INBOX = "in the inbox"
    OUTBOX = "in the outbox"
    IMPORT = "in an import"
    ANYWHERE = "anywhere"


class How(StrEnum):
    """How much of what it was killed at got through."""

    UNSENT = "nothing sent"
    HALF = "half sent"
    SENT = "sent"
    UNHEARD = "done, its answer not heard"
    AT_RANDOM = "at random"


class Kind(StrEnum):
    """What a statement is for."""

    FIRST = "first commit"
    SECOND = "second commit"
    INBOX = "inbox"
    OUTBOX = "outbox"
    IMPORT = "import"
    COMMIT = "commit"


AIMED: Final = tuple(place for place in Place if place is not Place.ANYWHERE)
OF_ROLE: Final = {
    "serve": (Place.AFTER_T1, Place.IN_CALL, Place.AFTER_ANSWER, Place.IN_T2, Place.INBOX),
    "worker": (Place.INBOX, Place.OUTBOX, Place.IMPORT, Place.IN_T2),
}
"""Where the processes of each role can be met."""
_KIND: Final = {
    Place.IN_T2: Kind.SECOND,
    Place.INBOX: Kind.INBOX,
    Place.OUTBOX: Kind.OUTBOX,
    Place.IMPORT: Kind.IMPORT,
}
_WRITTEN: Final = (
    (Kind.FIRST, re.compile(r"INSERT INTO operations\b")),
    (Kind.SECOND, re.compile(r"INSERT INTO reports\b")),
    (Kind.INBOX, re.compile(r"(?:INSERT INTO|UPDATE) webhook_deliveries\b")),
    (Kind.IMPORT, re.compile(r"(?:INTO|UPDATE|DELETE FROM|COPY) \"?settlement_(?:batches|files|lines|matches)\b")),
    (Kind.OUTBOX, re.compile(r"UPDATE (?:events|event_fan_out)\b|(?:INSERT INTO|UPDATE) event_deliver")),
)  # fmt: skip


@lru_cache(maxsize=4096)
def kind_of(sql: str) -> Kind | None:
    """Tell what a statement is for; None for all that nobody is killed at."""
    if sql.rstrip(" ;").upper() == "COMMIT":
        return Kind.COMMIT
    return next((kind for kind, pattern in _WRITTEN if pattern.search(sql)), None)


class Trap:
    """Waits for one process to come to a place, and says then how far it may still get."""

    def __init__(self, place: Place, how: How, *, at_commit: bool = False) -> None:
        self.place = place
        self.how = how
        self._at_commit = at_commit
        self._sent: set[bytes] = set()

    def at_statement(self, kind: Kind, raw: bytes, begun: frozenset[bytes], before: Kind | None) -> How | None:
        """Look at a statement of *kind*; *begun* are the operations it begins, *before* what its transaction wrote.

        None lets it pass.
        """
        match self.place:
            case Place.AFTER_T1:
                return How.UNHEARD if kind is Kind.FIRST else None
            case Place.IN_CALL:
                self._sent |= begun
                return None
            case Place.AFTER_ANSWER:
                return How.UNSENT if kind is Kind.SECOND and b"answer" in raw else None
        if self._at_commit:
            return How.UNHEARD if kind is Kind.COMMIT and before is _KIND[self.place] else None
        return self.how if kind is _KIND[self.place] else None

    def at_request(self, raw: bytes) -> How | None:
        """Look at what goes to a processor; None lets it pass."""
        return self.how if self._sent and not self._sent.isdisjoint(OPERATION_ID.findall(raw)) else None


HOWS: Final = {
    Place.AFTER_T1: (How.UNHEARD,),
    Place.IN_CALL: (How.UNSENT, How.SENT, How.UNHEARD),
    Place.AFTER_ANSWER: (How.UNSENT,),
    Place.IN_T2: (How.HALF, How.UNHEARD),
    Place.INBOX: (How.UNSENT, How.HALF, How.UNHEARD),
    Place.OUTBOX: (How.UNSENT, How.HALF, How.UNHEARD),
    Place.IMPORT: (How.UNSENT, How.HALF, How.UNHEARD),
}
IN_TRANSACTIONS: Final = frozenset({Place.INBOX, Place.OUTBOX, Place.IMPORT})
"""Where several statements are committed together, so that the commit is a place of its own."""
