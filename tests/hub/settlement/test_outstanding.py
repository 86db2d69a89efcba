"""What processors still owe, at a terminal."""

import asyncio
import io
from datetime import date, timedelta
from typing import get_args

import msgspec
import pytest
from rich.console import Console

from hub.cli_finance import OWED
from hub.database import open_database
from hub.settlement.outstanding import Owed, print_owed
from hub.settlement.owed_routes import OwedStatus
from hub.settlement.owing import Due
from tests.hub.commands import hub
from tests.hub.reporting.facts import MARCH, open_shop

TODAY = date(2026, 3, 10)
NAMES = {"ma_1": "stripe-eu"}


def due(days: int, minor: int, *, currency: str = "EUR", lines: int = 1, missing: int = 0) -> Due:
    return Due(
        due_on=TODAY + timedelta(days), merchant_account="ma_1", currency=currency, lines=lines, missing=missing,
        gross_minor=minor, outstanding_minor=minor,
    )  # fmt: skip


def printed(*days: Due, width: int = 80) -> str:
    file = io.StringIO()
    print_owed(Console(file=file, width=width), Owed(livemode=True, today=TODAY, days=[*days]), NAMES)
    return file.getvalue()


def test_each_day_stands_with_what_is_owed_in_whole_units_and_how_late_it_is() -> None:
    late, yen = due(-9, 123_456_789, lines=1_200, missing=7), due(2, 4_999, currency="JPY")

    told = printed(late, due(-1, 500), due(0, -200), yen)

    lines = [[cell.strip() for cell in line.split("│")[1:-1]] for line in told.splitlines() if line.startswith("│")]
    assert lines == [
        ["2026-03-01", "stripe-eu", "EUR", "1,200", "1,234,567.89", "7 missing"],
        ["2026-03-09", "stripe-eu", "EUR", "1", "5.00", "overdue"],
        ["2026-03-10", "stripe-eu", "EUR", "1", "-2.00", ""],
        ["2026-03-12", "stripe-eu", "JPY", "1", "4,999", ""],
        ["all", "", "EUR", "1,202", "1,234,570.89", ""],
        ["all", "", "JPY", "1", "4,999", ""],
    ]
    assert [line for line in told.splitlines() if len(line) > 80 or "…" in line] == []


def test_where_nothing_is_owed_a_line_says_so() -> None:
    assert printed() == "live mode: nothing that was asked for is outstanding.\n"


def test_the_statuses_of_the_option_are_those_of_the_api() -> None:
    assert get_args(OwedStatus) == OWED


@pytest.fixture
async def account(sqlite_url: str) -> str:
    """A merchant account that is owed 123.45 EUR."""
    database = await open_database(sqlite_url)
    shop = await open_shop(database)
    await shop.charged(MARCH, 12_345)
    await database.close()
    return shop.account


async def test_the_command_reads_the_hubs_database(sqlite_url: str, account: str) -> None:
    async def told(*words: str) -> str:
        done = await asyncio.to_thread(hub, "outstanding", *words, HUB_DATABASE_URL=sqlite_url, HUB_DEVELOPMENT="yes")
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    owed = msgspec.json.decode(await told("--merchant-account", account, "--json"))

    assert [(one["currency"], one["outstanding_minor"]) for one in owed["days"]] == [("EUR", 12_345)]
    assert "123.45" in await told()
    assert "nothing that was asked for" in await told("--status", "missing", "--currency", "eur")
    assert "nothing that was asked for" in await told("--due-before", "2026-03-01")
