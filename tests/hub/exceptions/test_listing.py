"""What waits for a human, at a terminal."""

import asyncio
import io
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from subprocess import CompletedProcess
from typing import Any, get_args

import msgspec
import pytest
from rich.console import Console

from hub.cli_finance import SEVERITIES
from hub.database import open_database
from hub.exceptions.command import Found, print_exceptions
from hub.exceptions.opening import Opening
from hub.exceptions.showing import ExceptionShown, exception_body, shown_at
from hub.exceptions.store import open_exceptions
from hub.exceptions.types import Severity
from hub.ids import new_id
from tests.hub.commands import hub
from tests.hub.reporting.facts import open_shop

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
NAMES = {"ma_1": "stripe-eu"}
Run = Callable[..., Awaitable[CompletedProcess[str]]]


def shown(**changes: Any) -> ExceptionShown:
    row = {
        "id": new_id("exc_"), "livemode": True, "type": "double_charge_after_failover", "status": "open",
        "merchant_account": "ma_1", "amount_minor": 123_456_789, "currency": "EUR", "detail": "", "created_at": NOON,
    }  # fmt: skip
    return shown_at(exception_body(row | changes), NOON + timedelta(hours=5))


def printed(*exceptions: ExceptionShown, width: int = 80, found: int | None = None, **told: Any) -> str:
    file = io.StringIO()
    how = {"livemode": True, "open": len(exceptions)} | told
    listed = Found(data=[*exceptions], found=len(exceptions) if found is None else found, **how)
    print_exceptions(Console(file=file, width=width), listed, NAMES)
    return file.getvalue()


@pytest.mark.parametrize("width", [80, 100, 300])
def test_neither_id_nor_amount_is_cut_however_narrow_the_terminal(width: int) -> None:
    first, second = shown(amount_minor=99_999_999_999), shown(type="fee_variance", amount_minor=0, currency="")

    told = printed(first, second, width=width)

    assert [line for line in told.splitlines() if len(line) > width or "…" in line] == []
    for words in (first.id, second.id, "double_charge_after_failover", "999,999,999.99 EUR", "stripe-eu", "critical"):
        assert words in told, words


def test_where_there_is_room_each_is_one_line() -> None:
    one = shown()

    cells = [cell.strip() for cell in printed(one, width=300).splitlines()[-2].split("│")[1:-1]]

    assert cells == [
        "critical overdue", "double_charge_after_failover", "stripe-eu", "1,234,567.89 EUR", "2026-03-10 16:00", one.id,
    ]  # fmt: skip


def test_what_is_not_printed_is_counted() -> None:
    assert "1,200 more; --limit shows them." in printed(shown(), found=1_201)
    assert "more" not in printed(shown())


def test_where_there_is_none_a_line_says_so_and_what_the_filters_hide() -> None:
    assert printed() == "live mode: no exception is open.\n"
    assert printed(open=1_200) == "live mode: none of the 1,200 that are open is as asked for.\n"


def test_the_severities_of_the_option_are_those_of_the_api() -> None:
    assert get_args(Severity) == SEVERITIES


@pytest.fixture
async def run(sqlite_url: str) -> Run:
    """`hub exceptions` where four are open, one of which is overdue; the oldest is not due first."""
    database = await open_database(sqlite_url)
    account, now = (await open_shop(database)).account, datetime.now(UTC)
    ages = {"fee_variance": 48, "payout_missing": 20, "approved_after_cancel": 5, "over_refund": 1}
    async with database.transaction() as connection:
        for type_, hours in ages.items():
            facts: dict[str, Any] = {"type": type_, "merchant_account": account, "amount_minor": 950, "currency": "EUR"}
            opening = Opening(livemode=False, detail="it differs", **facts)
            await open_exceptions(connection, [opening], now - timedelta(hours=hours))
    await database.close()

    async def printed(*words: str) -> CompletedProcess[str]:
        return await asyncio.to_thread(hub, "exceptions", *words, HUB_DATABASE_URL=sqlite_url, HUB_DEVELOPMENT="yes")

    return printed


def types(done: CompletedProcess[str]) -> list[str]:
    assert (done.returncode, done.stderr) == (0, "")
    return [one["type"] for one in msgspec.json.decode(done.stdout)["data"]]


async def test_what_is_due_first_stands_first_and_filters_narrow(run: Run) -> None:
    assert types(await run("--json", "--limit", "3")) == ["approved_after_cancel", "payout_missing", "over_refund"]
    assert types(await run("--json", "--overdue")) == ["approved_after_cancel"]
    assert types(await run("--json", "--severity", "high", "--type", "over_refund")) == ["over_refund"]


async def test_they_are_printed_in_whole_units(run: Run) -> None:
    told, none = await run(), await run("--owner", "bea")

    assert told.stdout.count("9.50 EUR") == 4
    assert none.stdout == "test mode: none of the 4 that are open is as asked for.\n"


async def test_a_type_that_is_none_is_told(run: Run) -> None:
    refused = await run("--type", "trouble")

    assert (refused.returncode, refused.stdout) == (1, "")
    assert "there is no type trouble" in refused.stderr
