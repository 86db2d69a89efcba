"""A year of a million payments: what a reconciliation of it takes, beside one plain SQL aggregate of the same facts."""

import asyncio
import time
from collections.abc import Awaitable
from datetime import UTC, date, datetime, timedelta
from statistics import quantiles
from typing import Any, Final

from msgspec.structs import replace
from sqlalchemy import text

from hub.database import Database, open_database
from hub.ledger.closing import close_next
from hub.migrations import migrate
from hub.reporting.grouping import GroupBy
from hub.reporting.reconciling import Wanted, reconcile, unbalanced
from hub.reporting.rolling import roll_next
from hub.reporting.statements import statement_of
from tests.servers import ROOMY, Postgres

ACCOUNTS: Final = 10
RULES: Final = 5
DAYS: Final = 365
SECONDS_MAX: Final = 2.0
TRIES: Final = 20
BEGIN: Final = datetime(2025, 1, 1, tzinfo=UTC)
GROUPINGS: Final[tuple[tuple[GroupBy, ...], ...]] = (
    ("merchant_account",), ("currency",), ("processor",), ("day",), ("ruleset",),
    ("merchant_account", "day"),
)  # fmt: skip
_ACCOUNTS: Final = """
INSERT INTO merchant_accounts (id, livemode, name, processor, status, profile, credentials, credentials_version,
    created_at, updated_at)
SELECT 'ma_' || n, TRUE, 'ma_' || n, CASE WHEN n % 2 = 0 THEN 'stripe' ELSE 'adyen' END, 'active', '{}', '', 1,
    CAST(:begin AS TIMESTAMPTZ), CAST(:begin AS TIMESTAMPTZ) FROM generate_series(0, 9) AS n
"""
_PAYMENTS: Final = """
INSERT INTO payments (id, livemode, version, status, amount_minor, currency, capture, reference, holds_reference,
    merchant_account, processor, attempt_id, authorized_minor, capturing_minor, captured_minor, refunding_minor,
    refunded_minor, refunded_externally_minor, disputed_minor, capture_closed, canceling, routing, metadata, facts,
    created_by, created_at, updated_at, ruleset, rule)
SELECT 'pay_' || lpad(n::text, 26, '0'), TRUE, 2, 'captured', 1000 + n % 9000, {currency},
    CASE WHEN n % 10 = 0 THEN 'manual' ELSE 'automatic' END, 'invoice-' || n, TRUE, 'ma_' || n % 10, 'stripe',
    'att_' || lpad(n::text, 26, '0'), 1000 + n % 9000, 0, 1000 + n % 9000, 0, 0, 0, 0, TRUE, FALSE,
    convert_to(repeat('x', 600), 'UTF8'), '{{}}', '{{}}', 'shop', {at}, {at}, 'rs_' || n / 7 % 2, 'rule-' || n / 11 % 5
FROM generate_series(1, CAST(:count AS INT)) AS n
"""
_EVENTS: Final = """
INSERT INTO events (id, livemode, type, object_id, data, position, created_at)
SELECT 'evt_' || lpad(n::text, 26, '0'), TRUE, 'payment.authorized', 'pay_' || lpad(n::text, 26, '0'),
    convert_to(json_build_object('merchant_account', 'ma_' || n % 10, 'amount_authorized', 1000 + n % 9000)::text,
    'UTF8'), n / 10, {at}
FROM generate_series(10, CAST(:count AS INT), 10) AS n
"""
_BATCH: Final = """
INSERT INTO settlement_batches (id, livemode, merchant_account, processor, status, source, bytes_total, bytes_read,
    rows_read, lines_added, lines_known, lines_restated, rows_broken, rows_skipped, lines_matched, lines_excepted,
    requested_by, fence, tries, lease_until, created_at)
SELECT 'set_1', TRUE, 'ma_1', 'stripe', 'done', 'upload', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 'ada', 1, 1,
    CAST(:begin AS TIMESTAMPTZ), CAST(:begin AS TIMESTAMPTZ)
"""
_LINES: Final = """
INSERT INTO settlement_lines (id, livemode, batch_id, number, merchant_account, key, type, raw_type, gross_minor,
    fee_minor, net_minor, currency, booked_at, payout, raw, digest, status, payment_id, created_at)
SELECT 'sln_' || lpad(n::text, 26, '0'), TRUE, 'set_1', n, 'ma_' || n % 10, 'txn_' || n, 'charge', 'charge',
    1000 + n % 9000, 30, 970 + n % 9000, {currency}, {at} + interval '2 days', 'po_1', repeat('y', 200), 'd',
    'matched', 'pay_' || lpad(n::text, 26, '0'), {at} + interval '3 days'
FROM generate_series(1, CAST(:count AS INT)) AS n
"""
_TRANSFERS: Final = """
INSERT INTO transfers (id, livemode, debit, credit, amount_minor, currency, code, payment_id, line_id, created_at)
SELECT 'trf_' || lpad(n::text, 24, '0') || kind, TRUE,
    CASE kind WHEN 1 THEN 'settlement_receivable:' || account WHEN 2 THEN 'bank_clearing:' || account
        WHEN 3 THEN 'processor_fees:' || account ELSE 'sales' END,
    CASE kind WHEN 1 THEN 'sales' WHEN 2 THEN 'settlement_receivable:' || account
        WHEN 3 THEN 'bank_clearing:' || account ELSE 'settlement_receivable:' || account END,
    CASE kind WHEN 3 THEN 30 ELSE 1000 + n % 9000 END, {currency},
    (ARRAY['capture', 'settled', 'settled_fee', 'refund'])[kind], 'pay_' || lpad(n::text, 26, '0'),
    CASE WHEN kind IN (2, 3) THEN 'sln_' || lpad(n::text, 26, '0') END,
    {at} + (CASE kind WHEN 1 THEN 0 ELSE 3 END) * interval '1 day'
FROM generate_series(1, CAST(:count AS INT)) AS n, generate_series(1, 4) AS kind,
    LATERAL (SELECT 'ma_' || n % 10 AS account) AS of
WHERE kind < 4 OR n % 20 = 0
ORDER BY {at} + (CASE kind WHEN 1 THEN 0 ELSE 3 END) * interval '1 day'
"""
_SETTLE_DOWN: Final = (
    "SELECT brin_summarize_new_values('ix_transfers_created'), brin_summarize_new_values('ix_transfers_position')",
    "VACUUM ANALYZE",
)
_PLAIN: Final = text(
    """
    SELECT split_part(CASE WHEN t.debit LIKE 'settlement_receivable:%' THEN t.debit ELSE t.credit END, ':', 2),
        t.currency,
        sum(CASE t.code WHEN 'capture' THEN t.amount_minor ELSE 0 END),
        sum(CASE t.code WHEN 'refund' THEN t.amount_minor ELSE 0 END),
        sum(CASE t.code WHEN 'settled' THEN t.amount_minor ELSE 0 END)
    FROM transfers AS t LEFT JOIN settlement_lines AS l ON l.id = t.line_id
        LEFT JOIN payments AS p ON p.id = t.payment_id
    WHERE t.livemode AND coalesce(l.booked_at, t.created_at) >= :begin AND coalesce(l.booked_at, t.created_at) < :end
        AND t.code <> 'settled_fee' AND p.ruleset IS NOT NULL
    GROUP BY 1, 2
    """
)


def measure(count: int) -> list[str]:
    """Fill a year with *count* payments, measure, and name the bars that were not reached."""
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
    plain_s, told = await _seconds(_plain(database))
    year = Wanted(livemode=True, first=BEGIN.date(), last=date(BEGIN.year, 12, 31))
    _expect(told, await reconcile(database, year))
    slow: list[str] = []
    for ways in GROUPINGS:
        wanted = replace(year, ways=ways)
        took = [(await _seconds(reconcile(database, wanted))) for _ in range(TRIES)]
        p50, p99 = (quantiles([seconds for seconds, _ in took], n=100)[at - 1] for at in (50, 99))
        rows, by = len(took[0][1]), ", ".join(ways)
        print(f"by {by}: {rows:,} rows, p50 {p50 * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms, "
              f"{plain_s / p50:.0f} times as fast as plain SQL", flush=True)  # fmt: skip
        slow += [f"a reconciliation by {by} took {p99:.2f} s"] if p99 >= SECONDS_MAX else []
    print(f"one plain SQL aggregate of four figures: {plain_s:.2f} s", flush=True)
    month_s, _ = await _seconds(statement_of(database, "ma_1", livemode=True, year=2025, month=6, now=BEGIN))
    check_s, found = await _seconds(unbalanced(database, livemode=True))
    print(f"a statement of a month: {month_s * 1000:.0f} ms; outstanding against the ledger: {check_s * 1000:.0f} ms")
    await database.close()
    return [*slow, *found]


async def _plain(database: Database) -> list[Any]:
    async with database.reading() as connection:
        rows = await connection.execute(_PLAIN, {"begin": BEGIN, "end": BEGIN + timedelta(days=DAYS)})
        return [*rows.all()]


def _expect(told: list[Any], rows: list[Any]) -> None:
    found = {
        (row.group.merchant_account, row.group.currency): (
            row.figures.captured, row.figures.refunded, row.figures.settled
        )
        for row in rows
    }  # fmt: skip
    assert found == {(row[0], row[1]): (int(row[2]), int(row[3]), int(row[4])) for row in told}, "the sums differ"


async def _fill(database: Database, count: int) -> None:
    """Write the year and add it up day by day, as the worker does; the last day is still open."""
    began = time.monotonic()
    at = f"(CAST(:begin AS TIMESTAMPTZ) + n * make_interval(secs => {DAYS * 86_400 / count}::float))"
    names = {"at": at, "currency": "(ARRAY['EUR', 'USD', 'JPY'])[1 + n / 3 % 3]"}
    async with database.transaction() as connection:
        for statement in (_ACCOUNTS, _PAYMENTS, _EVENTS, _BATCH, _LINES, _TRANSFERS):
            sql = statement if statement is _ACCOUNTS else statement.format(**names)
            values = {"begin": BEGIN, "count": count}
            wanted = {name: value for name, value in values.items() if f":{name}" in sql}
            await connection.execute(text(sql), wanted)
    async with database.writer.connect() as connection:
        plain = await connection.execution_options(isolation_level="AUTOCOMMIT")
        for statement in _SETTLE_DOWN:
            await plain.execute(text(statement))
    print(f"{count:,} payments of a year written in {time.monotonic() - began:.0f} s", flush=True)
    began, rolls = time.monotonic(), 0
    for day in range(1, DAYS):
        at_day = BEGIN + timedelta(days=day)
        await close_next(database, at_day, most=count * 61 // 20 // DAYS)
        rolls += await roll_next(database, at_day)
    print(f"adding up a day's: {(time.monotonic() - began) / rolls * 1000:.0f} ms", flush=True)


async def _seconds(work: Awaitable[Any]) -> tuple[float, Any]:
    began = time.perf_counter()
    done = await work
    return time.perf_counter() - began, done
