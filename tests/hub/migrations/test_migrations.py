"""A migrated database has exactly the declared tables, and keeps what was written."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, delete, insert, text, update
from sqlalchemy.exc import DBAPIError

from hub.access.store import AUDIT, audit_row
from hub.access.tables import audit_log
from hub.database import Database, open_database
from hub.events.tables import events
from hub.ids import new_id
from hub.migrations import bring_up, is_migrated, migrate
from hub.migrations.tables import metadata


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    await bring_up(database_url)
    opened = await open_database(database_url)
    yield opened
    await opened.close()


def differences(connection: Connection) -> list[Any]:
    found: list[Any] = compare_metadata(MigrationContext.configure(connection), metadata)
    return found


async def test_the_migrated_tables_are_the_declared_ones(database: Database) -> None:
    async with database.reading() as connection:
        assert await connection.run_sync(differences) == []


def test_migrating_again_changes_nothing(database_url: str) -> None:
    before = is_migrated(database_url)

    migrate(database_url)
    migrate(database_url)

    assert (before, is_migrated(database_url)) == (False, True)


async def test_two_who_migrate_at_once_do_it_one_after_the_other(database_url: str) -> None:
    await asyncio.gather(bring_up(database_url), bring_up(database_url))

    assert await asyncio.to_thread(is_migrated, database_url)


async def written(database: Database) -> None:
    at = datetime.now(UTC)
    event = {"id": new_id("evt_"), "livemode": False, "type": "payment.captured", "object_id": "pay_1", "data": b"{}"}
    async with database.transaction() as connection:
        await connection.execute(AUDIT, audit_row(None, "test", "pay_1", {}, livemode=False, at=at))
        await connection.execute(insert(events), {**event, "position": None, "created_at": at})


@pytest.mark.parametrize(
    "change",
    [
        update(audit_log).values(principal="nobody"),
        update(audit_log).values(position=1, hash="h", details="{}x"),
        delete(audit_log),
        update(events).values(data=b"x"),
        update(events).values(position=1, type="payment.failed"),
        delete(events),
    ],
    ids=str,
)
async def test_what_was_written_cannot_be_changed(database: Database, change: Any) -> None:
    await written(database)

    with pytest.raises(DBAPIError, match="append-only"):
        async with database.transaction() as connection:
            await connection.execute(change)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (update(audit_log).values(position=1, hash="h"), update(audit_log).values(position=2, hash="i")),
        (update(events).values(position=1), update(events).values(position=2)),
    ],
    ids=["audit_log", "events"],
)
async def test_a_position_is_given_once(database: Database, first: Any, second: Any) -> None:
    await written(database)

    async with database.transaction() as connection:
        await connection.execute(first)

    with pytest.raises(DBAPIError, match="append-only"):
        async with database.transaction() as connection:
            await connection.execute(second)


@pytest.mark.parametrize("table", ["transfers", "reports"])
async def test_transfers_and_reports_are_guarded_as_a_whole(database: Database, table: str) -> None:
    query = (
        "SELECT count(DISTINCT tgname) FROM pg_trigger WHERE tgrelid = CAST(:table AS regclass) AND NOT tgisinternal"
        if database.is_postgresql
        else "SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND tbl_name = :table"
    )
    async with database.reading() as connection:
        guards = await connection.scalar(text(query), {"table": table})

    assert guards == (3 if database.is_postgresql else 2)
