"""A settlement report of a million lines against a million expected settlements: how long, how much memory.

What was expected is written as the charge path would have. The report is imported by `hub settle`, a process of its
own, on a durable PostgreSQL. Beside it, on a database of its own, the floor: the same lines, matches and transfers
written by COPY and SQL alone, with the same indexes.
"""

import asyncio
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import asyncpg
import msgspec
from msgspec import Struct

from benchmarks.settlement_floor import settle_by_hand
from benchmarks.stage import Stage, Target
from hub.migrations import migrate

SMALLER: Final = 10
"""The smaller report has a tenth of the lines."""
WITHIN_S: Final = 120.0
MEMORY_MAX_MB: Final = 400.0
GROWTH_MAX: Final = 1.3
RATIO_MAX: Final = 3.0
REFUND_EVERY: Final = 50
"""Every so many lines are a refund, known by the processor's reference alone."""
COLUMNS: Final = (
    "automatic_payout_id", "balance_transaction_id", "created_utc", "available_on_utc", "currency", "gross", "fee",
    "net", "reporting_category", "source_id", "charge_id", "payment_intent_id", "description", "card_brand",
    "card_funding", "card_country", "payment_metadata[hub_operation]",
)  # fmt: skip


class Took(Struct, frozen=True):
    """What one import took."""

    lines: int
    seconds: float
    memory_mb: float


def measure(stage: Stage, count: int) -> list[str]:
    """Import *count* lines and a tenth of them, and name the bars that were not reached."""
    small = _import(stage, count // SMALLER)
    large = _import(stage, count)
    floor_s = _floor(stage, count)
    growth = (large.seconds / large.lines) / (small.seconds / small.lines)
    ratio = large.seconds / floor_s
    print("\n| lines | s | µs a line | MB of Python |\n|---|---|---|---|")
    for took in (small, large):
        each = took.seconds / took.lines * 1e6
        print(f"| {took.lines:,} | {took.seconds:.1f} | {each:.0f} | {took.memory_mb:.0f} |")
    print(f"\nCOPY and SQL alone: {floor_s:.1f} s for {count:,}; the hub takes {ratio:.2f} times as long")
    print(f"a line of {large.lines:,} costs {growth:.2f} times one of {small.lines:,}", flush=True)
    bars = (
        (f"{large.lines:,} lines took {large.seconds:.0f} s", large.seconds < WITHIN_S),
        (f"the import took {large.memory_mb:.0f} MB", large.memory_mb < MEMORY_MAX_MB),
        (f"a line costs {growth:.2f} times as much among ten times as many", growth <= GROWTH_MAX),
        (f"the hub takes {ratio:.2f} times what COPY and SQL take", ratio <= RATIO_MAX),
    )
    return [bar for bar, reached in bars if not reached]


def _import(stage: Stage, count: int) -> Took:
    hub = stage.hub(with_worker=False)
    url = hub.settings["HUB_DATABASE_URL"]
    _fill(url, hub.account, count)
    report = _report(stage.folder / f"report-{count}.csv", count)
    began = time.monotonic()
    command = stage.command(hub.settings, "settle", str(report), f"--merchant-account={hub.account}", "--json")
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        told = msgspec.json.decode(process.stdout.read())
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    took = Took(count, time.monotonic() - began, usage.ru_maxrss * 1024 / 1e6)
    _expect(hub, told, count)
    print(f"{count:,} lines imported in {took.seconds:.1f} s, CPU {usage.ru_utime + usage.ru_stime:.1f} s", flush=True)
    return took


def _expect(hub: Target, told: dict[str, object], count: int) -> None:
    counts = told["counts"]
    wanted = {"added": count, "matched": count, "excepted": 0}
    assert isinstance(counts, dict)
    if told["status"] != "done" or {name: counts[name] for name in wanted} != wanted:
        raise SystemExit(f"the import at {hub.account} came to {told['status']}: {counts}")


def _floor(stage: Stage, count: int) -> float:
    url = asyncio.run(stage.postgres.fresh_database())
    migrate(url)
    _fill(url, "ma_bench", count)
    report = stage.folder / f"report-{count}.csv"
    return asyncio.run(settle_by_hand(url, "ma_bench", report))


def _fill(url: str, account: str, count: int) -> None:
    began = time.monotonic()
    asyncio.run(_filled(url, account, count))
    print(f"{count:,} expected settlements written in {time.monotonic() - began:.0f} s", flush=True)


async def _filled(url: str, account: str, count: int) -> None:
    connection = await asyncpg.connect(url)
    for statement in EXPECTED:
        await connection.execute(statement.format(account=account, count=count, refund=REFUND_EVERY))
    for table in ("payments", "operations", "expected_settlements", "transfers"):
        await connection.execute(f"VACUUM ANALYZE {table}")
    await connection.execute("CHECKPOINT")
    await connection.close()


def _report(path: Path, count: int) -> Path:
    with path.open("w") as file:
        file.write(",".join(COLUMNS) + "\n")
        file.writelines(_rows(count))
    return path


def _rows(count: int) -> Iterator[str]:
    for n in range(1, count + 1):
        minor = 1_000 + n % 9_000
        fee = (minor * 140 + 5_000) // 10_000 + 25
        intent, day = f"pi_{n:024}", f"2026-11-{1 + n * 20 // count:02} 00:00:00"
        who = f"po_{n * 40 // count:08},txn_{n:024},{day},{day},eur"
        if n % REFUND_EVERY:
            money = f"{_major(minor)},{_major(fee)},{_major(minor - fee)},charge,ch_{n:024}"
            tag = f"att_{n:026}"
        else:
            money, tag = f"-{_major(minor)},0.00,-{_major(minor)},refund,re_{n:024}", ""
        yield f"{who},{money},ch_{n:024},{intent},,visa,credit,DE,{tag}\n"


def _major(minor: int) -> str:
    return f"{minor // 100}.{minor % 100:02}"


_PAYMENTS: Final = """
INSERT INTO payments (id, livemode, version, status, amount_minor, currency, capture, reference, holds_reference,
    merchant_account, processor, attempt_id, processor_reference, authorized_minor, capturing_minor, captured_minor,
    refunding_minor, refunded_minor, refunded_externally_minor, disputed_minor, capture_closed, canceling, routing,
    metadata, facts, created_by, created_at, updated_at)
SELECT 'pay_' || lpad(n::text, 26, '0'), FALSE, 2, 'captured', 1000 + n % 9000, 'EUR', 'automatic', 'invoice-' || n,
    TRUE, '{account}', 'stripe', 'att_' || lpad(n::text, 26, '0'), 'pi_' || lpad(n::text, 24, '0'),
    1000 + n % 9000, 0, 1000 + n % 9000, 0, 0, 0, 0, TRUE, FALSE, '{{}}', '{{}}', '{{}}', 'bench', now(), now()
FROM generate_series(1, {count}) AS n
"""
_OPERATIONS: Final = """
INSERT INTO operations (id, payment_id, attempt_id, livemode, kind, status, merchant_account, processor, amount_minor,
    currency, request, requested_by, key_id, external, one_time, final, processor_reference, fence, lease_until,
    inquiries, started_at)
SELECT CASE WHEN n % {refund} = 0 THEN 'ref_' ELSE 'att_' END || lpad(n::text, 26, '0'),
    'pay_' || lpad(n::text, 26, '0'), 'att_' || lpad(n::text, 26, '0'), FALSE,
    CASE WHEN n % {refund} = 0 THEN 'refund' ELSE 'purchase' END, 'approved', '{account}', 'stripe', 1000 + n % 9000,
    'EUR', '{{}}', 'bench', 'key', FALSE, FALSE, TRUE,
    CASE WHEN n % {refund} = 0 THEN 're_' ELSE 'pi_' END || lpad(n::text, 24, '0'), 1, now(), 0, now()
FROM generate_series(1, {count}) AS n
"""
_SETTLEMENTS: Final = """
INSERT INTO expected_settlements (id, livemode, merchant_account, payment_id, operation_id, type, gross_minor,
    fee_minor, currency, due_on, created_at)
SELECT 'exs_' || lpad(n::text, 26, '0'), FALSE, '{account}', 'pay_' || lpad(n::text, 26, '0'),
    CASE WHEN n % {refund} = 0 THEN 'ref_' ELSE 'att_' END || lpad(n::text, 26, '0'),
    CASE WHEN n % {refund} = 0 THEN 'refund' ELSE 'charge' END,
    CASE WHEN n % {refund} = 0 THEN -1 ELSE 1 END * (1000 + n % 9000),
    CASE WHEN n % {refund} = 0 THEN NULL ELSE ((1000 + n % 9000) * 140 + 5000) / 10000 + 25 END,
    'EUR', DATE '2026-11-01' + n * 20 / {count}, now()
FROM generate_series(1, {count}) AS n
"""
_TRANSFERS: Final = """
INSERT INTO transfers (id, livemode, debit, credit, amount_minor, currency, code, payment_id, operation_id, created_at)
SELECT 'trf_' || lpad(n::text, 26, '0'), FALSE,
    CASE WHEN n % {refund} = 0 THEN 'sales' ELSE 'settlement_receivable:{account}' END,
    CASE WHEN n % {refund} = 0 THEN 'settlement_receivable:{account}' ELSE 'sales' END, 1000 + n % 9000, 'EUR',
    CASE WHEN n % {refund} = 0 THEN 'refund' ELSE 'capture' END, 'pay_' || lpad(n::text, 26, '0'),
    CASE WHEN n % {refund} = 0 THEN 'ref_' ELSE 'att_' END || lpad(n::text, 26, '0'), now()
FROM generate_series(1, {count}) AS n
"""
EXPECTED: Final = (_PAYMENTS, _OPERATIONS, _SETTLEMENTS, _TRANSFERS)
"""What the charge path wrote, a statement a table."""
