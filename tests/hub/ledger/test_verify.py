"""`hub ledger verify` finds every way in which books can be wrong; on both databases, with the triggers taken away."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest
from sqlalchemy import insert

from hub.database import Database, open_database
from hub.ledger.checks import check, last_check, verify
from hub.ledger.closing import close_next
from hub.settlement.tables import expected_settlements
from tests.hub.commands import hub
from tests.hub.ledger.booking import AT, OWED, expected, open_account, sell, transfer, unguarded, write


@asynccontextmanager
async def books(url: str) -> AsyncIterator[Database]:
    """Books with one sale of 10.00 EUR, added up."""
    opened = await open_database(url)
    await open_account(opened)
    await sell(opened)
    await close_next(opened, AT)
    yield opened
    await opened.close()


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with books(database_url) as opened:
        yield opened


async def test_books_in_order_give_nothing_to_say(database: Database) -> None:
    assert await verify(database) == []


SPOILT = {
    "UPDATE transfers SET amount_minor = 900": [
        "capture on sales was added up to 0.00 EUR debit, 10.00 EUR credit, and its transfers add up to 0.00 EUR debit",
        f"{OWED} stands at 9.00 EUR, and 10.00 EUR is expected and not settled: 1.00 EUR too little",
        "see att_1 by -1.00 EUR",
    ],
    "DELETE FROM transfers": ["1 transfers were added up, and 0 of them are there"],
    "DELETE FROM ledger_days": ["was added up to 0.00 EUR debit, 0.00 EUR credit"],
    "UPDATE transfers SET credit = 'bribes'": ["is booked on 'bribes', which is not in the chart of accounts"],
    "UPDATE transfers SET credit = 'sales:ma_1'": ["is booked on 'sales:ma_1', which is not in the chart of accounts"],
    "UPDATE transfers SET credit = 'fx_position:USD'": [
        "books EUR on fx_position:USD, which holds one currency only",
        f"of the code capture moves fx_position:USD to {OWED}, which it never does",
    ],
    "UPDATE transfers SET debit = 'settlement_receivable:ma_2'": ["and there is no such merchant account"],
    "UPDATE transfers SET code = 'because'": ["has the code 'because', which no page explains"],
    "UPDATE transfers SET currency = 'USD'": ["stands at 10.00 USD, and 0.00 USD is expected and not settled"],
    "UPDATE transfers SET livemode = TRUE": [
        f"is of live mode and booked on {OWED}, which is of test mode",
        "is of live mode, and its payment pay_1 is not",
        "is of live mode, and its operation att_1 is not",
    ],
    "UPDATE transfers SET payment_id = 'pay_2'": ["names the payment pay_2, which is not there"],
    "UPDATE transfers SET line_id = 'stl_1'": ["names the line stl_1, which is not there"],
    "UPDATE transfers SET exception_id = 'exc_1'": ["names the exception exc_1, which is not there"],
    "UPDATE transfers SET payment_id = NULL, operation_id = NULL": ["names nothing that caused it"],
    "DELETE FROM expected_settlements": [f"{OWED} stands at 10.00 EUR, and 0.00 EUR is expected and not settled"],
}


@pytest.mark.parametrize("spoiling", SPOILT)
async def test_what_was_spoilt_is_found_and_told_in_sentences(sqlite_url: str, spoiling: str) -> None:
    async with books(sqlite_url) as database:
        await unguarded(database, spoiling)

        found = await verify(database)

    for told in SPOILT[spoiling]:
        assert any(told in one for one in found), found


async def test_what_is_wrong_in_many_ways_is_told_in_all_of_them(database: Database) -> None:
    spoiling = (
        "UPDATE transfers SET livemode = TRUE, credit = 'bribes', line_id = 'stl_1', code = 'because', amount_minor = 7"
    )
    await unguarded(database, spoiling, "DELETE FROM expected_settlements")

    found = await verify(database)

    for told in (
        "not in the chart of accounts", "which is of test mode", "its payment pay_1 is not", "the line stl_1, which is",
        "which no page explains", "was added up to", "live mode: settlement_receivable:ma_1 stands at 0.07 EUR",
    ):  # fmt: skip
        assert any(told in one for one in found), (told, found)


async def test_a_transfer_written_late_is_no_finding(database: Database) -> None:
    async with database.transaction() as connection:
        await connection.execute(insert(expected_settlements), expected(50))
    await write(database, transfer(50, payment_id="pay_1", operation_id="att_1", created_at=AT.replace(year=2020)))

    assert await verify(database) == []


async def test_the_days_check_is_kept_and_the_first_of_two_stands(database: Database) -> None:
    before = await last_check(database)
    await unguarded(database, "UPDATE transfers SET code = 'because'")

    first = await check(database, AT)
    await check(database, AT)

    kept = await last_check(database)
    assert (before, kept) == (None, first)
    assert first.findings > 0


async def test_the_command_prints_each_finding_and_fails(sqlite_url: str) -> None:
    async with books(sqlite_url) as database:
        await unguarded(database, "UPDATE transfers SET code = 'because'")

    wrong = await asyncio.to_thread(hub, "ledger", "verify", "--json", HUB_DATABASE_URL=sqlite_url)

    told = msgspec.json.decode(wrong.stdout)
    assert (wrong.returncode, told["ok"]) == (1, False)
    assert any("which no page explains" in one for one in told["findings"])
