"""Transfers are added up once, and none is missed or counted twice, whoever commits when; on both databases."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select, text
from sqlalchemy.exc import DBAPIError

from hub.database import ConflictError, Database, open_database
from hub.ids import new_id
from hub.ledger.closing import close_next, final_to, newest
from hub.ledger.store import Wanted, totals, transfers_before
from hub.ledger.summing import Sums
from hub.ledger.tables import ledger_checks, transfers
from tests.hub.ledger.booking import AT, OWED, transfer, write

DAY = timedelta(days=1)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = await open_database(database_url)
    yield opened
    await opened.close()


async def owed(database: Database, before: datetime | None = None) -> int:
    found = await totals(database, Wanted(livemode=False, created_before=before, account=OWED))
    sums = found.get((OWED, "EUR"), Sums())
    return sums.debits_minor - sums.credits_minor


async def test_a_closing_changes_no_balance_of_any_instant(database: Database) -> None:
    stamps = [AT - 2 * DAY, AT - DAY, AT - DAY + timedelta(hours=3), AT, AT + timedelta(seconds=1)]
    await write(database, *(transfer(10**n, created_at=at) for n, at in enumerate(stamps)))
    moments = [None, AT - 3 * DAY, *stamps, AT + DAY]
    before = [await owed(database, moment) for moment in moments]

    counts = [await close_next(database, AT, most=2) for _ in range(4)]

    assert counts == [2, 2, 1, 0]
    assert before == [11111, 0, 0, 1, 11, 111, 1111, 11111]
    assert [await owed(database, moment) for moment in moments] == before


async def test_a_transfer_stamped_long_before_and_written_after_a_closing_counts_under_its_own_day(
    database: Database,
) -> None:
    await write(database, transfer(1))
    await close_next(database, AT)
    await write(database, transfer(10, created_at=AT - 30 * DAY))

    open_still = [await owed(database, moment) for moment in (None, AT - 29 * DAY, AT - 31 * DAY)]
    await close_next(database, AT)

    assert open_still == [11, 10, 0]
    assert [await owed(database, moment) for moment in (None, AT - 29 * DAY, AT - 31 * DAY)] == open_still


async def test_a_transaction_that_is_open_across_a_closing_puts_it_off_and_is_not_lost(postgres_url: str) -> None:
    database = await open_database(postgres_url)
    await write(database, transfer(1))
    async with database.transaction() as slow:
        await slow.execute(insert(transfers), transfer(10))
        await write(database, transfer(100))

        put_off = await close_next(database, AT)

        assert (put_off, await newest(database), await owed(database)) == (0, 3, 101)
    assert await close_next(database, AT) == 3
    assert await owed(database) == 111
    await database.close()


async def test_a_transaction_that_ended_without_its_transfer_holds_nothing_up(database: Database) -> None:
    taken = transfer()
    with pytest.raises(ConflictError):
        await write(database, transfer(), taken, taken)
    await write(database, transfer(5))

    assert await close_next(database, AT) == 1
    assert await owed(database) == 5


async def test_nobody_is_waited_for_who_came_after_the_newest_position_was_read(postgres_url: str) -> None:
    database = await open_database(postgres_url)
    await write(database, transfer())
    async with database.transaction() as reader:
        await reader.execute(select(transfers))

        assert await final_to(database) == 1
    await database.close()


async def test_of_two_who_close_the_same_stretch_one_does(database: Database) -> None:
    await write(database, transfer())

    done = await asyncio.gather(*(close_next(database, AT) for _ in range(3)), return_exceptions=True)

    assert sum(one for one in done if isinstance(one, int)) == 1
    assert {type(one) for one in done} <= {int, ConflictError}
    assert await owed(database) == 1000


@pytest.mark.parametrize("table", ["ledger_closings", "ledger_days", "ledger_checks"])
@pytest.mark.parametrize("change", ["DELETE FROM {}", "UPDATE {} SET {}"])
async def test_what_was_added_up_stays_as_it_was_written(database: Database, table: str, change: str) -> None:
    await write(database, transfer())
    await close_next(database, AT)
    same = {"ledger_closings": "transfers = 2", "ledger_days": "debits_minor = 2", "ledger_checks": "findings = 2"}
    async with database.transaction() as connection:
        row = {"day": AT.date(), "findings": 0, "told": "[]", "checked_at": AT}
        await connection.execute(insert(ledger_checks), row)

    with pytest.raises(DBAPIError, match="append-only"):
        async with database.transaction() as connection:
            await connection.execute(text(change.format(table, same[table])))


async def test_transfers_are_listed_newest_first_through_every_stretch_each_once(database: Database) -> None:
    rows = [transfer(n + 1, code=("capture", "refund")[n % 5 == 0]) for n in range(12)]
    for n in range(0, 12, 3):
        await write(database, *rows[n : n + 3])
        if n < 9:
            await close_next(database, AT)
    newest_first = [row["id"] for row in reversed(rows)]

    async def paged(**wanted: Any) -> list[str]:
        seen: list[str] = []
        before = None
        while page := await transfers_before(database, Wanted(livemode=False, **wanted), before, 2):
            seen += [row["id"] for row in page]
            before = page[-1]["place"]
        return seen

    assert await paged() == newest_first
    assert await paged(code="refund") == [row["id"] for row in reversed(rows) if row["code"] == "refund"]
    assert await paged(account=OWED, created_after=AT, created_before=AT + DAY) == newest_first
    assert await paged(account="suspense:ma_1") == []
    assert await paged(created_before=AT) == []


STEPS = st.lists(
    st.one_of(
        st.just("close"),
        st.tuples(st.integers(1, 999), st.integers(-72, 72), st.sampled_from(("EUR", "JPY"))),
    ),
    max_size=25,
)


@pytest.mark.fault_case(id="LED-02")
@given(steps=STEPS, hours=st.integers(-80, 80))
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_a_balance_is_the_sum_of_what_was_booked_before_whatever_was_closed_when(
    database: Database, steps: list[Any], hours: int
) -> None:
    before, mine = AT + timedelta(hours=hours), f"settlement_receivable:{new_id('ma_')}"
    expected: Counter[str] = Counter()
    for step in steps:
        if step == "close":
            await close_next(database, AT, most=3)
            continue
        minor, at, currency = step[0], AT + timedelta(hours=step[1]), step[2]
        await write(database, transfer(minor, debit=mine, currency=currency, created_at=at))
        expected[currency] += minor if at < before else 0

    found = await totals(database, Wanted(livemode=False, created_before=before))

    assert {currency: found.get((mine, currency), Sums()).debits_minor for currency in ("EUR", "JPY")} == {
        currency: expected[currency] for currency in ("EUR", "JPY")
    }
