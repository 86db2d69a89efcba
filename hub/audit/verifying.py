"""Verifying the chain: every row is read once, a page at a time, whatever the log's size."""

from datetime import datetime
from typing import Final

from msgspec import Struct

from hub.audit import store
from hub.audit.chain import Break, Head, follow
from hub.database import Database

PAGE: Final = 2_000


class Verdict(Struct, frozen=True, kw_only=True):
    """What a verification found; `head` is where the chain ends, or where it holds up to.

    `has_head` says whether a hash that was given stands in the chain; None where none was given.
    """

    head: Head
    broken: Break | None
    has_head: bool | None
    unsealed: int
    oldest_unsealed_at: datetime | None

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return self.broken is None and self.has_head is not False


async def verify(database: Database, known: str | None = None, *, page: int = PAGE) -> Verdict:
    """Walk the whole chain; *known* is the hash of a head that was told before and must stand in it."""
    head, broken, seen = Head(), None, known == Head().hash
    async with database.reading() as connection:
        while rows := await store.chained_after(connection, head.position, page):
            seen = seen or any(row["hash"] == known for row in rows)
            found = follow(head, rows)
            if isinstance(found, Break):
                broken = found
                break
            head = found
        return Verdict(
            head=head,
            broken=broken,
            has_head=None if known is None or (broken is not None and not seen) else seen,
            unsealed=await store.unsealed(connection),
            oldest_unsealed_at=await store.oldest_unsealed(connection),
        )
