"""Balances over a year of transfers: of now, of month ends and of any instant, beside what checking the books takes."""

import asyncio
import random
import time
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Final

from sqlalchemy import text

from hub.database import Database, open_database
from hub.ledger.checks import verify
from hub.ledger.closing import close_next
from hub.ledger.store import Wanted, totals, transfers_before
from hub.migrations import migrate
from tests.servers import ROOMY, Postgres

ACCOUNTS: Final = 10
CURRENCIES: Final = ("EUR", "USD", "JPY")
DAYS: Final = 365
SECONDS_MAX: Final = 0.5
TRIES: Final = 20
BEGIN: Final = datetime(2026, 1, 1, tzinfo=UTC)
_SUMMARIZE: Final = text(
    "SELECT brin_summarize_new_values('ix_transfers_created'), brin_summarize_new_values('ix_transfers_position')"
)
"""What PostgreSQL does by itself while rows come in over a year, and not within the seconds that this takes."""
_FILL: Final = text(
    """
    INSERT INTO transfers (id, livemode, debit, credit, amount_minor, currency, code, created_at)
    SELECT 'trf_' || lpad(n::text, 26, '0'), TRUE,
           CASE WHEN n % 20 = 0 THEN 'sales' ELSE account END, CASE WHEN n % 20 = 0 THEN account ELSE 'sales' END,
           1 + n % 9999, (CAST(:currencies AS TEXT[]))[1 + n % 3],
           CASE WHEN n % 20 = 0 THEN 'refund' ELSE 'capture' END,
           CAST(:begin AS TIMESTAMPTZ) + n * make_interval(secs => CAST(:seconds AS FLOAT))
    FROM generate_series(1, CAST(:count AS INT)) AS n,
         LATERAL (SELECT 'settlement_receivable:ma_' || n % :accounts AS account) AS of
    """
)


def measure(count: int) -> list[str]:
    """Fill a year with *count* transfers, measure, and name the bars that were not reached."""
    postgres = Postgres(durable=True, settings=ROOMY)
    try:
        url = asyncio.run(postgres.fresh_database())
        migrate(url)
        return asyncio.run(_measured(url, count))
    finally:
        postgres.stop()


async def _measured(url: str, count: int) -> list[str]:
    database = await open_database(url)
    await _fill(database, count)
    dice, year = random.Random(7), timedelta(days=DAYS)  # noqa: S311 - no secret hangs on it
    at_random = [BEGIN + dice.random() * year for _ in range(TRIES)]
    month_ends = [datetime(2026, month, 1, tzinfo=UTC) for month in range(2, 13)]
    slow = []
    for what, instants in (
        ("now", [None] * TRIES), ("at month ends", month_ends), ("at any instant", at_random),
    ):  # fmt: skip
        told = [await _seconds(totals(database, Wanted(livemode=True, created_before=at))) for at in instants]
        print(f"balances {what}: {median(told) * 1000:.0f} ms, {max(told) * 1000:.0f} ms at most", flush=True)
        slow += [f"balances {what} took {max(told):.2f} s"] if max(told) >= SECONDS_MAX else []
    for what, wanted in (("all", Wanted(livemode=True)), ("one code's", Wanted(livemode=True, code="refund"))):
        page_s = await _seconds(transfers_before(database, wanted, None, 21))
        print(f"a page of {what} transfers: {page_s * 1000:.0f} ms", flush=True)
    print(f"checking all of it: {await _seconds(verify(database)):.1f} s", flush=True)
    await database.close()
    return slow


async def _fill(database: Database, count: int) -> None:
    """Write the transfers and add them up day by day, as the worker does; the last day is still open."""
    began = time.monotonic()
    seconds = DAYS * 86_400 / count
    values = {"currencies": list(CURRENCIES), "begin": BEGIN, "seconds": seconds, "count": count, "accounts": ACCOUNTS}
    async with database.transaction() as connection:
        await connection.execute(_FILL, values)
        await connection.execute(_SUMMARIZE)
    print(f"{count:,} transfers written in {time.monotonic() - began:.0f} s", flush=True)
    began = time.monotonic()
    for day in range(1, DAYS):
        await close_next(database, BEGIN + timedelta(days=day), most=count // DAYS)
    each = (time.monotonic() - began) / DAYS
    print(f"adding up a day's: {each * 1000:.0f} ms", flush=True)


async def _seconds(work: Awaitable[object]) -> float:
    began = time.perf_counter()
    await work
    return time.perf_counter() - began
