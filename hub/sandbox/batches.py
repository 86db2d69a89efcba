"""The batches of a pretend processor in its book: what each was made of, and what of the money is still to settle."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from hub.sandbox.book import Book
from hub.sandbox.lines import Line, Moved

UNSETTLED = (
    "SELECT seq, payment, tag, own_tag, kind, amount_minor, currency, at, reference, word FROM money"
    " WHERE account = ? AND batch IS NULL AND kind IN ('captured', 'refunded', 'disputed') ORDER BY seq"
)
COLUMNS = ("seq", "payment", "tag", "own_tag", "kind", "amount_minor", "currency", "at", "reference", "word")


class Paid(Struct, frozen=True, kw_only=True):
    """What of a batch goes to the bank in one currency; `id` is the processor's name of the payout."""

    id: str
    currency: str
    amount_minor: int


class Batch(Struct, frozen=True, kw_only=True):
    """What was settled in one go."""

    id: int
    account: str
    closed_at: float
    payouts: tuple[Paid, ...] = ()
    lines: int = 0
    told: int = 1  # How often its report was made: more than once where it was corrected.


class Batches:
    """The batches of all accounts, numbered through."""

    def __init__(self, book: Book) -> None:
        """Keep them in *book*."""
        self.sql = book.sql

    def unsettled(self, account: str) -> Iterator[Moved]:
        """Go through an account's money that no batch has, oldest first."""
        for row in self.sql.execute(UNSETTLED, (account,)):
            found: dict[str, Any] = dict(zip(COLUMNS, row, strict=True))
            yield Moved(**found)

    def next_id(self) -> int:
        """Return the number of the batch to come."""
        (last,) = self.sql.execute("SELECT coalesce(max(id), 0) FROM batches").fetchone()
        return int(last) + 1

    def keep(self, batch: Batch, lines: Sequence[Line] = (), moved: Iterable[int] = ()) -> None:
        """Keep a batch with its lines, in place of those it had; the *moved* rows of the book are settled with it."""
        kept = (batch.id, batch.account, msgspec.json.encode(batch))
        self.sql.execute("INSERT OR REPLACE INTO batches (id, account, body) VALUES (?, ?, ?)", kept)
        self.sql.executemany(
            "INSERT OR REPLACE INTO batch_lines (batch, place, body) VALUES (?, ?, ?)",
            ((batch.id, place, msgspec.json.encode(line)) for place, line in enumerate(lines)),
        )
        self.sql.executemany("UPDATE money SET batch = ? WHERE seq = ?", ((batch.id, seq) for seq in moved))

    def find(self, id: int) -> Batch | None:
        """Return a batch."""
        row = self.sql.execute("SELECT body FROM batches WHERE id = ?", (id,)).fetchone()
        return None if row is None else msgspec.json.decode(row[0], type=Batch)

    def newest(self, account: str) -> Iterator[Batch]:
        """Go through an account's batches, the newest first."""
        for (body,) in self.sql.execute("SELECT body FROM batches WHERE account = ? ORDER BY id DESC", (account,)):
            yield msgspec.json.decode(body, type=Batch)

    def lines(self, id: int) -> Iterator[Line]:
        """Go through a batch's lines in their order."""
        sql = "SELECT body FROM batch_lines WHERE batch = ? ORDER BY place"
        for (body,) in self.sql.execute(sql, (id,)):
            yield msgspec.json.decode(body, type=Line)
