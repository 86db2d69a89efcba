"""
Webhooks out of a pretend processor: signed, posted for real, retried on the processor's own schedule.

The queue is in the book, so a restarted sandbox goes on where it stopped.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Literal

import aiohttp
import msgspec
from msgspec import Struct
from yarl import URL

from hub.sandbox.book import Body

if TYPE_CHECKING:
    from hub.sandbox.processor import Processor, Sandbox

ModeName = Literal["normal", "duplicate", "reorder", "delay", "drop", "forge", "storm"]

BATCH_MAX = 100
IDLE_S = 1.0
SUCCESS = range(200, 300)


class Signed(Struct, frozen=True):
    """A delivery ready to post."""

    headers: dict[str, str]
    body: bytes


class Mode(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    How deliveries made from now on travel.

    `reorder` holds them until none came for `window_ms`, then sends the newest first; `forge` sends before each
    one more for each of `forgeries` (the processor's names; none: its usual one); `storm` sends each `copies` times
    at once.
    """

    mode: ModeName = "normal"
    delay_s: float = 5.0
    window_ms: int = 200
    copies: int = 10
    forgeries: tuple[str, ...] = ()


class Row(Struct, frozen=True):
    """A delivery that is due."""

    seq: int
    account: str
    body: bytes
    mode: ModeName
    copies: int
    tries: int


class Deliveries:
    """The queue and the task that works it off: one at a time per account."""

    def __init__(self, sandbox: "Sandbox", processor: "Processor") -> None:
        """Take up mode and settings as the book remembers them."""
        self._sandbox = sandbox
        self._processor = processor
        kept = sandbox.book.kept("account")
        self.settings = {name: msgspec.json.decode(raw, type=Body) for name, raw in kept.items()}
        mode = sandbox.book.kept("webhooks").get("mode")
        self.mode = Mode() if mode is None else msgspec.json.decode(mode, type=Mode)
        self._busy: dict[str, asyncio.Task[None]] = {}  # An account whose receiver hangs holds up no other.
        self._woken = asyncio.Event()
        self._rested = asyncio.Event()

    def set_mode(self, mode: Mode) -> None:
        """Let deliveries made from now on travel by *mode*."""
        self.mode = mode
        self._sandbox.book.keep("webhooks", "mode", mode)

    def set_account(self, account: str, settings: Body) -> None:
        """Change settings of an account; those not named stay."""
        self.settings[account] = {**self.settings.get(account, {}), **settings}
        self._sandbox.book.keep("account", account, self.settings[account])

    def send(self, account: str, label: str, body: bytes, *, event: str = "", delay_s: float = 0.0) -> None:
        """
        Queue a delivery to an account, if it has a `webhook_url`; belongs in the transaction that caused it.

        *label* names the kind of event for people and tests, *event* is its id where the processor gives it one.
        """
        if not self.settings.get(account, {}).get("webhook_url"):
            return
        mode, sql = self.mode, self._sandbox.book.sql
        hold_s = {"delay": mode.delay_s, "reorder": mode.window_ms / 1000}.get(mode.mode, 0.0)
        due_at = self._sandbox.clock.now() + delay_s + hold_s
        if mode.mode == "reorder":
            held = "UPDATE deliveries SET due_at = ? WHERE state = 'queued' AND mode = 'reorder'"
            sql.execute(held, (due_at,))
        state = "dropped" if mode.mode == "drop" else "queued"
        for _ in range(2 if mode.mode == "duplicate" else 1):
            cursor = sql.execute(
                "INSERT INTO deliveries (account, label, event, body, state, rank, mode, copies, tries, due_at)"
                " VALUES (?, ?, ?, ?, ?, 0, ?, ?, 0, ?)",
                (account, label, event, body, state, mode.mode, mode.copies, due_at),
            )
            rank = cursor.lastrowid or 0
            signed_rank = -rank if mode.mode == "reorder" else rank
            sql.execute("UPDATE deliveries SET rank = ? WHERE seq = ?", (signed_rank, rank))

    def redeliver(self, event: str | None, seq: int | None) -> bool:
        """Queue an event's delivery, or the one of that *seq*, once more, now and by no mode; False: there is none."""
        made = self._sandbox.book.sql.execute(
            "INSERT INTO deliveries (account, label, event, body, state, rank, mode, copies, tries, due_at)"
            " SELECT account, label, event, body, 'queued', seq, 'normal', 1, 0, ? FROM deliveries"
            " WHERE event = ? OR seq = ? ORDER BY seq LIMIT 1",
            (self._sandbox.clock.now(), event, seq),
        )
        return made.rowcount > 0

    def undelivered(self, account: str) -> set[str]:
        """Return the ids of the events that were to be sent to an account and never arrived, so far."""
        sql = (
            "SELECT DISTINCT event FROM deliveries AS late"
            " WHERE account = ? AND state != 'delivered' AND event != '' AND NOT EXISTS"
            " (SELECT 1 FROM deliveries WHERE event = late.event AND event != '' AND state = 'delivered')"
        )
        return {row[0] for row in self._sandbox.book.sql.execute(sql, (account,))}

    def schedule(self, delay_s: float, job: Body) -> None:
        """Put off *job* by *delay_s* seconds of the processor's clock."""
        sql = "INSERT INTO jobs (due_at, body) VALUES (?, ?)"
        self._sandbox.book.sql.execute(sql, (self._sandbox.clock.now() + delay_s, msgspec.json.encode(job)))

    def wake(self) -> None:
        """Look at the queue now."""
        self._woken.set()

    async def flush(self, timeout_s: float) -> Body:
        """Wait until nothing is due any more, retries and delays to come aside; return the counts."""
        held = "UPDATE deliveries SET due_at = 0 WHERE state = 'queued' AND mode = 'reorder' AND tries = 0"
        self._sandbox.book.sql.execute(held)
        self._rested.clear()
        self.wake()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._rested.wait(), timeout_s)
        return self.counts()

    def counts(self) -> Body:
        """Count deliveries by state: queued, delivered, dropped, failed (given up)."""
        states = dict.fromkeys(("queued", "delivered", "dropped", "failed"), 0)
        found = self._sandbox.book.sql.execute("SELECT state, count(*) FROM deliveries GROUP BY state")
        return {**states, **dict(found)}

    def listed(self, limit: int) -> list[Body]:
        """List the newest deliveries with what became of them."""
        names = ("seq", "account", "label", "event", "state", "tries", "due_at", "last_status")
        sql = f"SELECT {', '.join(names)} FROM deliveries ORDER BY seq DESC LIMIT ?"  # noqa: S608 - our own names
        rows = self._sandbox.book.sql.execute(sql, (limit,))
        return [dict(zip(names, row, strict=True)) for row in rows]

    async def run(self) -> None:
        """Work until cancelled."""
        timeout = aiohttp.ClientTimeout(total=self._processor.webhook_timeout_s)
        async with aiohttp.ClientSession(timeout=timeout) as session, self._ended():
            while True:
                self._woken.clear()
                if self._round(session):
                    continue
                if not self._busy:
                    self._rested.set()
                # Not wait_for: before Python 3.12 it loses a cancellation that meets a wake-up, and runs on.
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._idle_s()):
                        await self._woken.wait()

    def _round(self, session: aiohttp.ClientSession) -> bool:
        """Do what is due, each account's deliveries in a task of their own; False when there was nothing."""
        did = self._run_jobs()
        by_account: dict[str, list[Row]] = {}
        for row in self._due():
            by_account.setdefault(row.account, []).append(row)
        for account, queue in by_account.items():
            self._busy[account] = asyncio.create_task(self._post_all(session, account, queue))
        return did or bool(by_account)

    def _run_jobs(self) -> bool:
        book, now = self._sandbox.book, self._sandbox.clock.now()
        sql = "SELECT seq, body FROM jobs WHERE due_at <= ? ORDER BY due_at, seq LIMIT ?"
        jobs = book.sql.execute(sql, (now, BATCH_MAX)).fetchall()
        for seq, raw in jobs:
            with book.transaction():
                book.sql.execute("DELETE FROM jobs WHERE seq = ?", (seq,))
                self._processor.due(self._sandbox, msgspec.json.decode(raw, type=Body))
        return bool(jobs)

    def _due(self) -> list[Row]:
        sql = (
            "SELECT seq, account, body, mode, copies, tries FROM deliveries"
            " WHERE state = 'queued' AND due_at <= ? AND account NOT IN (SELECT value FROM json_each(?))"
            " ORDER BY due_at, rank LIMIT ?"
        )
        busy = msgspec.json.encode(list(self._busy)).decode()
        found = self._sandbox.book.sql.execute(sql, (self._sandbox.clock.now(), busy, BATCH_MAX))
        return [Row(*row) for row in found]

    def _idle_s(self) -> float:
        sql = (
            "SELECT min(due_at) FROM (SELECT due_at FROM deliveries WHERE state = 'queued'"
            " AND account NOT IN (SELECT value FROM json_each(?)) UNION ALL SELECT due_at FROM jobs)"
        )
        busy = msgspec.json.encode(list(self._busy)).decode()
        (due_at,) = self._sandbox.book.sql.execute(sql, (busy,)).fetchone()
        return IDLE_S if due_at is None else min(IDLE_S, max(0.001, due_at - self._sandbox.clock.now()))

    @asynccontextmanager
    async def _ended(self) -> AsyncIterator[None]:
        """See the tasks under way to their end when the work is cancelled."""
        try:
            yield
        finally:
            for task in self._busy.values():
                task.cancel()
            await asyncio.gather(*self._busy.values(), return_exceptions=True)

    async def _post_all(self, session: aiohttp.ClientSession, account: str, rows: list[Row]) -> None:
        try:
            for row in rows:
                await self._deliver(session, row)
        finally:
            del self._busy[account]
            self.wake()

    async def _deliver(self, session: aiohttp.ClientSession, row: Row) -> None:
        if row.mode == "forge" and row.tries == 0:
            for forged in self.mode.forgeries or self._processor.forgeries[:1]:
                await self._post(session, row, forged=forged)
        copies = row.copies if row.mode == "storm" else 1
        statuses = await asyncio.gather(*(self._post(session, row) for _ in range(copies)))
        self._settle(row, statuses)

    async def _post(self, session: aiohttp.ClientSession, row: Row, *, forged: str = "") -> int:
        """Post once; 0 where no answer came."""
        settings = self.settings.get(row.account, {})
        # Signed by real time: the receiver checks the age by its own clock, which no test advances.
        signed = self._processor.sign(row.body, settings, time.time(), forged=forged)
        try:
            # As it was written: query and escapes are the receiver's matter.
            url = URL(settings["webhook_url"], encoded=True)
            async with session.post(url, data=signed.body, headers=signed.headers, allow_redirects=False) as answer:
                await answer.read()
                return answer.status
        except (aiohttp.ClientError, TimeoutError, KeyError, ValueError):
            return 0

    def _settle(self, row: Row, statuses: list[int]) -> None:
        delays_s = self._processor.retry_delays_s
        taken = any(status in SUCCESS for status in statuses)
        state = "delivered" if taken else "queued" if row.tries < len(delays_s) else "failed"
        due_at = self._sandbox.clock.now() + (delays_s[row.tries] if state == "queued" else 0.0)
        self._sandbox.book.sql.execute(
            "UPDATE deliveries SET state = ?, tries = tries + 1, due_at = ?, last_status = ? WHERE seq = ?",
            (state, due_at, statuses[-1], row.seq),
        )
