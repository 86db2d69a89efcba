"""
What a pretend processor knows, in one SQLite file outside the hub's processes.

Every request commits before it is answered, so killing the server, or the hub, loses nothing that was told.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct

Body = dict[str, Any]
Kind = Literal["authorized", "captured", "refunded", "voided", "disputed"]

SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
    seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, id TEXT NOT NULL, account TEXT NOT NULL,
    parent TEXT, body BLOB NOT NULL, UNIQUE (kind, id));
CREATE INDEX IF NOT EXISTS objects_listed ON objects (kind, account, seq);
CREATE INDEX IF NOT EXISTS objects_of_parent ON objects (parent, kind, seq) WHERE parent IS NOT NULL;
CREATE TABLE IF NOT EXISTS idempotency (
    account TEXT NOT NULL, key TEXT NOT NULL, fingerprint BLOB NOT NULL, status INTEGER NOT NULL,
    body BLOB NOT NULL, at REAL NOT NULL, PRIMARY KEY (account, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS money (
    seq INTEGER PRIMARY KEY, account TEXT NOT NULL, payment TEXT NOT NULL, tag TEXT NOT NULL,
    own_tag TEXT NOT NULL, kind TEXT NOT NULL, amount_minor INTEGER NOT NULL, currency TEXT NOT NULL, at REAL NOT NULL,
    reference TEXT NOT NULL DEFAULT '', word TEXT NOT NULL DEFAULT '', batch INTEGER);
CREATE INDEX IF NOT EXISTS money_by_tag ON money (tag);
CREATE INDEX IF NOT EXISTS money_by_own_tag ON money (own_tag);
CREATE TABLE IF NOT EXISTS batches (id INTEGER PRIMARY KEY, account TEXT NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS batch_lines (
    batch INTEGER NOT NULL, place INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (batch, place)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS documents (
    kind TEXT NOT NULL, id TEXT NOT NULL, body BLOB NOT NULL, PRIMARY KEY (kind, id));
CREATE TABLE IF NOT EXISTS jobs (seq INTEGER PRIMARY KEY, due_at REAL NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS deliveries (
    seq INTEGER PRIMARY KEY, account TEXT NOT NULL, label TEXT NOT NULL, body BLOB NOT NULL,
    event TEXT NOT NULL DEFAULT '',
    state TEXT NOT NULL, rank INTEGER NOT NULL, mode TEXT NOT NULL, copies INTEGER NOT NULL,
    tries INTEGER NOT NULL, due_at REAL NOT NULL,
    last_status INTEGER);
CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (due_at) WHERE state = 'queued';
CREATE INDEX IF NOT EXISTS deliveries_undelivered ON deliveries (account, event) WHERE state != 'delivered';
CREATE INDEX IF NOT EXISTS deliveries_of_event ON deliveries (event) WHERE event != '';
"""


class Entry(Struct, frozen=True, kw_only=True):
    """
    One movement of money.

    `amount_minor` is in the unit the processor's own wire uses for the currency, which is not ISO 4217's for
    all (Stripe has ISK with two decimals, Adyen CLP). It is negative where an earlier movement was undone.
    """

    account: str
    payment: str  # The processor's reference of the payment; `charges` counts the distinct ones.
    tag: str  # The caller's reference on the payment; empty where it sent none.
    own_tag: str = ""  # The caller's reference on this capture or refund; empty for the payment itself.
    kind: Kind
    amount_minor: int
    currency: str  # Upper case.
    at: float
    reference: str = ""  # The processor's own of this movement, where it has one.
    word: str = ""  # The processor's word for it, where its kind and sign do not tell.


class Stored(Struct, frozen=True):
    """The first answer to an idempotency key."""

    fingerprint: bytes
    status: int
    body: bytes
    at: float


class Book:
    """The book of one pretend processor; synchronous, one writer."""

    def __init__(self, path: str | Path) -> None:
        """Open the book at *path*, creating it where there is none; ":memory:" forgets at the end."""
        self.sql = sqlite3.connect(path, isolation_level=None, cached_statements=256)
        self.sql.execute("PRAGMA journal_mode=WAL")
        # NORMAL survives the death of the process, which is what is promised; not that of the machine.
        self.sql.execute("PRAGMA synchronous=NORMAL")
        self.sql.execute("PRAGMA busy_timeout=5000")
        self._add_what_older_books_lack()
        self.sql.executescript(SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self.sql.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit everything inside together, or nothing; joins a transaction that is already open."""
        if self.sql.in_transaction:
            yield
            return
        self.sql.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.sql.execute("ROLLBACK")
            raise
        self.sql.execute("COMMIT")

    def put(self, kind: str, account: str, body: Body, *, parent: str | None = None, id: str = "") -> None:
        """Store an object under *id*, or its body's `id`; replaces the one before, keeps its place."""
        self.sql.execute(
            "INSERT INTO objects (kind, id, account, parent, body) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body,"
            " account = excluded.account, parent = coalesce(excluded.parent, parent)",
            (kind, id or body["id"], account, parent, msgspec.json.encode(body)),
        )

    def get(self, kind: str, account: str, id: str) -> Body | None:
        """Return the object, unless there is none or it belongs to another account."""
        sql = "SELECT body FROM objects WHERE kind = ? AND id = ? AND account = ?"
        row = self.sql.execute(sql, (kind, id, account)).fetchone()
        return None if row is None else _body(row[0])

    def account_of(self, kind: str, id: str) -> str | None:
        """Return whose object this is."""
        row = self.sql.execute("SELECT account FROM objects WHERE kind = ? AND id = ?", (kind, id)).fetchone()
        return None if row is None else str(row[0])

    def newest(
        self, kind: str, account: str, *, before: str | None = None, parent: str | None = None
    ) -> Iterator[Body]:
        """Go through an account's objects of a kind, newest first; behind *before* and under *parent*, where given."""
        under, values = ("", ()) if parent is None else (" AND parent = ?", (parent,))
        sql = f"SELECT body FROM objects WHERE kind = ? AND account = ? AND seq < ?{under} ORDER BY seq DESC"  # noqa: S608 - our own words
        for row in self.sql.execute(sql, (kind, account, self._seq(kind, before), *values)):
            yield _body(row[0])

    def mentioning(self, kind: str, account: str, text: str) -> list[Body]:
        """List an account's objects of a kind with *text* somewhere in them, newest first."""
        sql = "SELECT body FROM objects WHERE kind = ? AND account = ? AND instr(body, ?) > 0 ORDER BY seq DESC"
        return [_body(row[0]) for row in self.sql.execute(sql, (kind, account, text.encode()))]

    def since(self, kind: str, account: str, id: str, *, parent: str | None = None) -> Iterator[Body]:
        """Go through an account's objects of a kind that were made after the one of that *id*, oldest first."""
        under, values = ("", ()) if parent is None else (" AND parent = ?", (parent,))
        sql = f"SELECT body FROM objects WHERE kind = ? AND account = ? AND seq > ?{under} ORDER BY seq"  # noqa: S608 - our own words
        for row in self.sql.execute(sql, (kind, account, self._seq(kind, id), *values)):
            yield _body(row[0])

    def orphans(self, kind: str, account: str) -> Iterator[Body]:
        """Go through an account's objects of a kind that were put under nothing, oldest first."""
        sql = "SELECT body FROM objects WHERE kind = ? AND account = ? AND parent IS NULL ORDER BY seq"
        for row in self.sql.execute(sql, (kind, account)):
            yield _body(row[0])

    def adopt(self, kind: str, ids: Iterable[str], parent: str) -> None:
        """Put objects that are there under *parent*."""
        sql = "UPDATE objects SET parent = ? WHERE kind = ? AND id = ?"
        self.sql.executemany(sql, ((parent, kind, id) for id in ids))

    def children(self, kind: str, parent: str) -> list[Body]:
        """List the objects of a kind that were put under *parent*, newest first."""
        sql = "SELECT body FROM objects WHERE parent = ? AND kind = ? ORDER BY seq DESC"
        return [_body(row[0]) for row in self.sql.execute(sql, (parent, kind))]

    def remember(self, account: str, key: str, answer: Stored) -> None:
        """Keep the answer to an idempotency key; replaces the one before."""
        self.sql.execute(
            "INSERT OR REPLACE INTO idempotency (account, key, fingerprint, status, body, at)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (account, key, answer.fingerprint, answer.status, answer.body, answer.at),
        )

    def recall(self, account: str, key: str) -> Stored | None:
        """Return the kept answer to an idempotency key."""
        sql = "SELECT fingerprint, status, body, at FROM idempotency WHERE account = ? AND key = ?"
        row = self.sql.execute(sql, (account, key)).fetchone()
        return None if row is None else Stored(*row)

    def enter(self, entry: Entry) -> None:
        """Record that money moved."""
        self.sql.execute(
            "INSERT INTO money (account, payment, tag, own_tag, kind, amount_minor, currency, at, reference, word)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (entry.account, entry.payment, entry.tag, entry.own_tag, entry.kind, entry.amount_minor,
             entry.currency, entry.at, entry.reference, entry.word),
        )  # fmt: skip

    def entries(self, account: str, start: float, end: float) -> list[Entry]:
        """List what moved for an account from *start* on and before *end*, oldest first."""
        columns = ", ".join(Entry.__struct_fields__)
        sql = f"SELECT {columns} FROM money WHERE account = ? AND at >= ? AND at < ? ORDER BY seq"  # noqa: S608 - our own words
        rows = self.sql.execute(sql, (account, start, end))
        return [Entry(**dict(zip(Entry.__struct_fields__, row, strict=True))) for row in rows]

    def keep(self, kind: str, id: str, body: object) -> None:
        """Keep a document of the sandbox's own (settings, faults, modes); drop it where *body* is None."""
        if body is None:
            self.sql.execute("DELETE FROM documents WHERE kind = ? AND id = ?", (kind, id))
        else:
            sql = "INSERT OR REPLACE INTO documents (kind, id, body) VALUES (?, ?, ?)"
            self.sql.execute(sql, (kind, id, msgspec.json.encode(body)))

    def kept(self, kind: str) -> dict[str, bytes]:
        """Return the sandbox's own documents of a kind, by id, as JSON."""
        return dict(self.sql.execute("SELECT id, body FROM documents WHERE kind = ? ORDER BY id", (kind,)))

    def _add_what_older_books_lack(self) -> None:
        columns = {row[1] for row in self.sql.execute("PRAGMA table_info(deliveries)")}
        if columns and "event" not in columns:
            self.sql.execute("ALTER TABLE deliveries ADD COLUMN event TEXT NOT NULL DEFAULT ''")
        columns = {row[1] for row in self.sql.execute("PRAGMA table_info(money)")}
        if columns and "batch" not in columns:
            self.sql.execute("ALTER TABLE money ADD COLUMN reference TEXT NOT NULL DEFAULT ''")
            self.sql.execute("ALTER TABLE money ADD COLUMN word TEXT NOT NULL DEFAULT ''")
            self.sql.execute("ALTER TABLE money ADD COLUMN batch INTEGER")

    def _seq(self, kind: str, id: str | None) -> int:
        if id is None:
            return 1 << 62
        row = self.sql.execute("SELECT seq FROM objects WHERE kind = ? AND id = ?", (kind, id)).fetchone()
        return 0 if row is None else int(row[0])


def _body(raw: bytes) -> Body:
    return msgspec.json.decode(raw, type=Body)
