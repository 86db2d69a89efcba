"""SQLite as the hub opens it: what is acknowledged is on the disk, and nobody who writes is told that it is locked."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, OperationalError

from hub.database import ConflictError, Database, open_database

FULL = 2


@pytest.fixture
async def database(sqlite_url: str) -> AsyncIterator[Database]:
    opened = await open_database(sqlite_url)
    yield opened
    await opened.close()


async def test_a_commit_is_on_the_disk_before_it_is_acknowledged(database: Database) -> None:
    async with database.transaction() as connection:
        journal = await connection.scalar(text("PRAGMA journal_mode"))
        synchronous = await connection.scalar(text("PRAGMA synchronous"))

    assert (journal, synchronous) == ("wal", FULL)


async def test_a_taken_id_and_a_taken_name_are_told_alike_and_no_value_is_told_with_a_failure(
    database: Database,
) -> None:
    async def insert(id_: str, reference: str) -> None:
        row = "INSERT INTO erasures VALUES (:id, 0, :customer, NULL, 0, 0, NULL, 0, NULL)"
        async with database.transaction() as connection:
            await connection.execute(text(row), {"id": id_, "customer": reference})

    await insert("era_1", "cus_1")
    for id_, reference in (("era_1", "cus_2"), ("era_2", "cus_1")):
        with pytest.raises(ConflictError) as taken:
            await insert(id_, reference)
        assert taken.value.table == "erasures"
    with pytest.raises(OperationalError) as failure:
        async with database.transaction() as connection:
            await connection.execute(text("SELECT :secret FROM nowhere"), {"secret": "ada@shop.example"})
    assert "ada" not in str(failure.value)


async def test_nothing_is_written_about_a_payment_that_is_not_there(database: Database) -> None:
    report = "INSERT INTO reports VALUES ('rep_1', 'pay_nobodys', 'att_nobodys', 'hub', x'', 0)"

    with pytest.raises(IntegrityError):
        async with database.transaction() as connection:
            await connection.execute(text(report))


async def test_who_reads_before_it_writes_waits_for_another_process_that_does_the_same(
    database: Database, sqlite_url: str
) -> None:
    other = await open_database(sqlite_url)
    inside, done = asyncio.Event(), list[str]()

    async def write(through: Database, name: str) -> None:
        async with through.transaction() as connection:
            await connection.execute(text("SELECT count(*) FROM events"))
            inside.set()
            await asyncio.sleep(0.05)  # Both would have read by now, and neither could write on what it read.
            await connection.execute(text("UPDATE event_fan_out SET version = version + 1"))
            done.append(name)

    first = asyncio.create_task(write(database, "first"))
    await inside.wait()
    await asyncio.gather(first, write(other, "second"))
    await other.close()

    assert done == ["first", "second"]


@pytest.mark.parametrize("table", ["reports", "transfers", "audit_log"])
async def test_what_was_said_and_booked_is_neither_changed_nor_deleted(table: str, database: Database) -> None:
    async with database.reading() as connection:
        wanted = text("SELECT sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = :table")
        triggers = " ".join((await connection.execute(wanted, {"table": table})).scalars()).upper()

    assert "BEFORE UPDATE" in triggers
    assert "BEFORE DELETE" in triggers
