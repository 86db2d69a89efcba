"""`hub doctor` says what is wrong with webhooks, since when, and the mend."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import BigInteger, Boolean, Integer, LargeBinary, RowMapping, Table, Text, insert

from hub.database import Database, Instant, open_database
from hub.doctor_findings import Finding
from hub.doctor_webhooks import Heard, is_silent, look_at_webhooks
from hub.payments.tables import operations, payments
from hub.webhooks.marks import catch_ups
from tests.hub.webhooks.kept import delivery, write

NOW = datetime.now(UTC)
HOUR = timedelta(hours=1)
ACCOUNT: Any = {"id": "ma_1", "name": "stripe-eu", "processor": "stripe"}


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = await open_database(database_url)
    yield opened
    await opened.close()


async def found(database: Database, *accounts: RowMapping) -> list[Finding]:
    async with database.reading() as connection:
        return await look_at_webhooks(connection, accounts or (ACCOUNT,), NOW, "https://pay.example.com")


async def wrong(database: Database) -> dict[str, str]:
    return {one.check: f"{one.told} -> {one.mend}" for one in await found(database) if not one.ok}


async def test_nothing_is_wrong_with_an_inbox_that_is_read(database: Database) -> None:
    await write(database, delivery(), delivery(status="ignored"), delivery(status="waiting", due_at=NOW + HOUR))

    assert await wrong(database) == {}


async def test_what_nobody_reads_asks_for_a_worker(database: Database) -> None:
    rows = [delivery(status="waiting", due_at=NOW - HOUR, received_at=NOW - age * HOUR) for age in (2, 3)]
    await write(database, *rows)

    told = (await wrong(database))["webhooks"]

    assert "2 have been due" in told
    assert f"since {NOW - 3 * HOUR:%Y-%m-%d %H:%M}" in told
    assert "run `hub worker`" in told


async def test_what_is_parked_is_counted_with_its_age_and_the_way_to_replay_it(database: Database) -> None:
    await write(database, *(delivery(status="parked", received_at=NOW - age * HOUR) for age in (1, 5)))

    told = (await wrong(database))["parked webhooks"]

    assert told.startswith(f"2 could not be read, since {NOW - 5 * HOUR:%Y-%m-%d %H:%M} UTC")
    assert "hub webhooks replay" in told


async def test_what_is_unmatched_is_told_and_is_no_fault_by_itself(database: Database) -> None:
    await write(database, delivery(status="unmatched", received_at=NOW - HOUR))

    (told,) = [one for one in await found(database) if one.check == "unmatched webhooks"]

    assert (told.ok, told.told.startswith("1 speak of nothing")) == (True, True)
    assert told.mend is not None
    assert "--status unmatched" in told.mend


async def test_events_of_another_version_are_told_by_account_and_version(database: Database) -> None:
    await write(database, *(delivery(api_version="2020-08-27") for _ in range(3)))
    await write(database, delivery(api_version="2019-01-01", received_at=NOW - 8 * 24 * HOUR))

    told = await wrong(database)

    assert list(told) == ["webhooks of stripe-eu"]
    assert "3 in a week are of API version 2020-08-27" in told["webhooks of stripe-eu"]
    assert "docs/adapters/stripe.md" in told["webhooks of stripe-eu"]


async def test_a_list_that_could_not_be_read_is_told(database: Database) -> None:
    row = {"id": "ma_1", "livemode": False, "listed_ends_at": NOW - HOUR, "tries": 3, "due_at": NOW, "error": "Oops"}
    async with database.transaction() as connection:
        await connection.execute(insert(catch_ups).values(row))

    told = (await wrong(database))["catching up of stripe-eu"]

    assert f"since {NOW - HOUR:%Y-%m-%d %H:%M} UTC: Oops" in told
    assert "hub webhooks catch-up" in told


async def test_an_account_that_charges_and_never_told_anything_is_named_with_its_address(database: Database) -> None:
    await charged(database, NOW - 2 * HOUR)

    told = (await wrong(database))["webhooks of stripe-eu"]

    assert "it charges, and has never told anything" in told
    assert "https://pay.example.com/webhooks/ma_1" in told


async def test_an_account_that_charges_and_tells_is_in_order(database: Database) -> None:
    await charged(database, NOW - 2 * HOUR)
    await write(database, delivery(received_at=NOW - 2 * HOUR))

    assert await wrong(database) == {}


@pytest.mark.parametrize(
    ("charged_ago", "heard_ago", "expected"),
    [
        (None, None, "fine"),
        (timedelta(minutes=5), None, "fine"),
        (2 * HOUR, None, "silent"),
        (2 * HOUR, HOUR, "fine"),
        (2 * HOUR, 25 * HOUR, "fine"),
        (2 * HOUR, 27 * HOUR, "silent"),
    ],
)
def test_an_account_is_silent_that_charges_and_is_not_heard_of(
    charged_ago: timedelta | None, heard_ago: timedelta | None, expected: str
) -> None:
    def ago(age: timedelta | None) -> datetime | None:
        return None if age is None else NOW - age

    assert is_silent(Heard(charged_at=ago(charged_ago), heard_at=ago(heard_ago)), NOW) is (expected == "silent")


async def charged(database: Database, at: datetime) -> None:
    """Write that account ma_1 was charged with success; nothing else of the payment matters here."""
    same = {"livemode": False, "amount_minor": 100, "currency": "EUR", "merchant_account": "ma_1"}
    attempt = {"id": "att_1", "payment_id": "pay_1", "kind": "purchase", "status": "approved", "started_at": at}
    async with database.transaction() as connection:
        await connection.execute(insert(payments).values(filled(payments, same | {"id": "pay_1"})))
        await connection.execute(insert(operations).values(filled(operations, same | attempt)))


def filled(table: Table, row: dict[str, Any]) -> dict[str, Any]:
    """Give every column that must not be empty something."""
    something = {Boolean: False, BigInteger: 0, Integer: 0, LargeBinary: b"{}", Text: "x", Instant: NOW}
    return {column.name: something[type(column.type)] for column in table.c if not column.nullable} | row
