"""Reports at a terminal."""

import asyncio
from datetime import date
from pathlib import Path
from subprocess import CompletedProcess

import msgspec
import pytest
from sqlalchemy import insert

from hub.database import open_database
from hub.ledger.closing import close_next
from hub.merchants.store import accounts_called
from hub.reporting.tables import report_rolls
from normalization.settlements import LineType
from tests.hub.commands import hub
from tests.hub.reporting.facts import MARCH, line, open_shop

MARCH_DAYS = ("--from", "2026-03-01", "--to", "2026-03-31")


@pytest.fixture
async def account(sqlite_url: str) -> str:
    """A merchant account that sold and settled something in March."""
    database = await open_database(sqlite_url)
    shop = await open_shop(database)
    sold = await shop.charged(MARCH, 10_000)
    await shop.charged(MARCH, 2_345)
    await shop.settled(MARCH, line(LineType.CHARGE, 10_000, 320, on=date(2026, 3, 12), of=sold))
    await database.close()
    return shop.account


async def run(url: str, *words: str) -> CompletedProcess[str]:
    return await asyncio.to_thread(hub, *words, HUB_DATABASE_URL=url, HUB_DEVELOPMENT="yes")


async def named(url: str, account: str) -> str:
    database = await open_database(url)
    async with database.reading() as connection:
        (row,) = await accounts_called(connection, account)
    await database.close()
    return str(row["name"])


async def test_a_reconciliation_is_printed_as_a_table_in_whole_units(sqlite_url: str, account: str) -> None:
    done = await run(sqlite_url, "reconcile", *MARCH_DAYS)

    assert (done.returncode, done.stderr) == (0, "")
    assert "test mode, 2026-03-01 to 2026-03-31" in done.stdout
    assert await named(sqlite_url, account) in done.stdout
    assert "123.45" in done.stdout


async def test_a_reconciliation_is_printed_as_json_and_csv(sqlite_url: str, account: str) -> None:
    told = await run(sqlite_url, "reconcile", *MARCH_DAYS, "--json", "--group-by", "day", "--merchant-account", account)
    flat = await run(sqlite_url, "reconcile", *MARCH_DAYS, "--csv")

    body = msgspec.json.decode(told.stdout)
    assert [(row["day"], row["captured"]) for row in body["data"]] == [("2026-03-10", 12_345), ("2026-03-12", 0)]
    assert body["findings"] == []
    assert flat.stdout.startswith("day,merchant_account,")


async def test_figures_that_are_not_the_ledgers_are_told_and_the_command_fails(sqlite_url: str, account: str) -> None:
    database = await open_database(sqlite_url)
    await close_next(database, MARCH)
    async with database.transaction() as connection:
        roll = {"number": 1, "closing": 1, "position": 5, "events_position": 0, "made_at": MARCH}
        await connection.execute(insert(report_rolls), roll)  # Without any figures.
    await database.close()

    done = await run(sqlite_url, "reconcile", *MARCH_DAYS)

    assert done.returncode == 1
    assert done.stderr == f"{account}: 0.00 EUR is outstanding, and the ledger says 23.45 EUR\n"


async def test_a_statement_is_written_as_pdf_and_printed_as_csv(sqlite_url: str, account: str, tmp_path: Path) -> None:
    file = tmp_path / "march.pdf"

    drawn = await run(sqlite_url, "statement", account, "2026-03", "--pdf", str(file))
    told = await run(sqlite_url, "statement", account, "2026-03")

    assert (drawn.returncode, file.read_bytes()[:5]) == (0, b"%PDF-")
    assert "EUR,captured,12345," in told.stdout


async def test_a_month_that_goes_on_and_a_file_that_cannot_be_written_are_told(
    sqlite_url: str, account: str, tmp_path: Path
) -> None:
    ahead = await run(sqlite_url, "statement", account, "9998-12")
    refused = await run(sqlite_url, "statement", account, "2026-03", "--pdf", str(tmp_path / "none" / "march.pdf"))

    assert (ahead.returncode, "9998-12 has not ended" in ahead.stderr) == (0, True)
    assert (refused.returncode, "cannot be written: No such file" in refused.stderr) == (1, True)


async def test_an_account_that_is_not_there_is_told(sqlite_url: str) -> None:
    done = await run(sqlite_url, "statement", "nobody", "2026-03")

    assert done.returncode == 1
    assert "there is no merchant account nobody" in done.stderr
