"""Each waiting row goes to one worker at a time, and to another one when that worker's lease has ended."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import insert, literal_column

from hub.database import Database, in_seconds, open_database
from hub.due_rows import claim_due, give_back
from hub.webhooks.tables import webhook_deliveries


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = await open_database(database_url)
    yield opened
    await opened.close()


async def wait(database: Database, **due_in_seconds: int | None) -> None:
    async with database.transaction() as connection:
        for name, seconds in due_in_seconds.items():
            due_at = None if seconds is None else in_seconds(literal_column(str(seconds)))
            row = {"id": name, "livemode": False, "merchant_account": "ma", "delivery_key": name, "subject": name}
            row |= {"body": b"", "status": "waiting", "tries": 0, "due_at": due_at}
            row["received_at"] = datetime(2026, 11, 22, tzinfo=UTC)
            await connection.execute(insert(webhook_deliveries).values(row))


async def taken(database: Database, most: int, lease_s: float = 60.0) -> dict[str, int]:
    rows = await claim_due(database, webhook_deliveries, most, lease_s)
    return {row["id"]: row["tries"] for row in rows}


async def test_what_is_due_longest_is_taken_first_and_what_is_not_due_stays(database: Database) -> None:
    await wait(database, later=60, newer=-1, older=-2, finished=None)

    assert await taken(database, 1) == {"older": 1}
    assert await taken(database, 5) == {"newer": 1}


async def test_nobody_else_gets_a_row_before_its_lease_has_ended(database: Database) -> None:
    await wait(database, one=-1)

    first = await taken(database, 5, lease_s=60.0)
    second = await taken(database, 5)

    assert (first, second) == ({"one": 1}, {})


async def test_a_row_whose_lease_has_ended_is_taken_again(database: Database) -> None:
    await wait(database, one=-1)

    await taken(database, 5, lease_s=-1.0)

    assert await taken(database, 5) == {"one": 2}


async def test_what_was_given_back_is_anybodys_at_once_and_had_no_try_of_it(database: Database) -> None:
    await wait(database, one=-1)

    await taken(database, 5)
    await give_back(database, webhook_deliveries, ["one"])

    assert await taken(database, 5) == {"one": 1}


async def test_what_has_ended_meanwhile_is_not_given_back(database: Database) -> None:
    await wait(database, ended=None)

    await give_back(database, webhook_deliveries, ["ended"])

    assert await taken(database, 5) == {}
