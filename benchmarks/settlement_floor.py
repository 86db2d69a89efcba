"""The floor of settling a report: COPY into a staging table, then three statements; nothing is decided but equality."""

import time
from pathlib import Path
from typing import Final

import asyncpg

_STAGED: Final = """
CREATE TEMP TABLE staged (number BIGINT GENERATED ALWAYS AS IDENTITY (START 2), payout TEXT, key TEXT, created TEXT,
    booked TEXT, currency TEXT, gross NUMERIC, fee NUMERIC, net NUMERIC, category TEXT, source TEXT, charge TEXT,
    intent TEXT, description TEXT, brand TEXT, funding TEXT, country TEXT, tag TEXT)
"""
_BATCH: Final = """
INSERT INTO settlement_batches (id, livemode, merchant_account, processor, status, source, bytes_total, bytes_read,
    rows_read, lines_added, lines_known, lines_restated, rows_broken, rows_skipped, lines_matched, lines_excepted,
    requested_by, fence, tries, lease_until, created_at)
VALUES ('set_floor', FALSE, $1, 'stripe', 'done', 'upload', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 'bench', 0, 0, now(), now())
"""
_LINES: Final = """
INSERT INTO settlement_lines (id, livemode, batch_id, number, merchant_account, key, type, raw_type, gross_minor,
    fee_minor, net_minor, currency, booked_at, payout, tag, processor_reference, parent_reference, facts, raw, digest,
    status, match_id, payment_id, operation_id, created_at)
SELECT 'sl_' || lpad(number::text, 26, '0'), FALSE, 'set_floor', number, $1, key, category, category, gross * 100,
    fee * 100, net * 100, upper(s.currency), booked::timestamptz, payout, tag, source, intent,
    json_build_object('card_brand', brand, 'card_funding', funding, 'card_country', country)::text,
    json_build_array(payout, key, created, booked, s.currency, gross, fee, net, category, source, charge, intent,
        description, brand, funding, country, tag)::text,
    category || ':' || gross || ' ' || fee || ' ' || net || ' ' || s.currency || ':', 'matched',
    'sl_' || lpad(number::text, 26, '0'), o.payment_id, o.id, now()
FROM staged s LEFT JOIN operations o ON o.id = coalesce(tag, (
    SELECT id FROM operations r WHERE r.merchant_account = $1 AND r.processor_reference = s.source))
"""
_MATCHES: Final = """
INSERT INTO settlement_matches (expected_id, line_id, matched_at)
SELECT e.id, l.id, now() FROM settlement_lines l
JOIN expected_settlements e ON e.operation_id = l.operation_id AND e.type = l.type AND e.gross_minor = l.gross_minor
"""
_TRANSFERS: Final = """
INSERT INTO transfers (id, livemode, debit, credit, amount_minor, currency, code, payment_id, operation_id, line_id,
    created_at)
SELECT 'trs_' || lpad(number::text, 24, '0') || leg, FALSE, debit, credit, minor, currency, code, payment_id,
    operation_id, id, now()
FROM settlement_lines l, LATERAL (VALUES
    ('a', CASE WHEN gross_minor > 0 THEN 'bank_clearing:' ELSE 'settlement_receivable:' END || $1,
     CASE WHEN gross_minor > 0 THEN 'settlement_receivable:' ELSE 'bank_clearing:' END || $1, abs(gross_minor),
     'settled'),
    ('b', 'processor_fees:' || $1, 'bank_clearing:' || $1, fee_minor, 'settled_fee')
) AS booked (leg, debit, credit, minor, code)
WHERE minor > 0
"""


async def settle_by_hand(url: str, account: str, report: Path) -> float:
    """Settle *report* at *account*, and tell how many seconds it took."""
    connection = await asyncpg.connect(url)
    began = time.monotonic()
    async with connection.transaction():
        await connection.execute(_STAGED)
        columns = [row["attname"] for row in await connection.fetch(_COLUMNS)]
        with report.open("rb") as file:
            await connection.copy_to_table("staged", source=file, columns=columns, format="csv", header=True)
        await connection.execute("ANALYZE staged")
        await connection.execute(_BATCH, account)
        await connection.execute(_LINES, account)
        await connection.execute("ANALYZE settlement_lines")
        await connection.execute(_MATCHES)
        await connection.execute(_TRANSFERS, account)
    took = time.monotonic() - began
    await connection.close()
    return took


_COLUMNS: Final = """
SELECT attname FROM pg_attribute WHERE attrelid = 'staged'::regclass AND attnum > 1 ORDER BY attnum
"""
