"""A migrated database has exactly the declared tables, and keeps what was written."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection, delete, insert, text, update
from sqlalchemy.exc import DBAPIError

from hub.access.store import AUDIT, audit_row
from hub.access.tables import audit_log
from hub.database import Database, open_database
from hub.events.tables import events
from hub.ids import new_id
from hub.migrations import bring_up, migrate, standing
from hub.migrations.standing import Standing
from hub.migrations.tables import metadata
from normalization.disputes import AnswerRefused, RefusalCode


@pytest.fixture
async def database(empty_database_url: str) -> AsyncIterator[Database]:
    await bring_up(empty_database_url)
    opened = await open_database(empty_database_url)
    yield opened
    await opened.close()


def differences(connection: Connection) -> list[Any]:
    found: list[Any] = compare_metadata(MigrationContext.configure(connection), metadata)
    return found


async def test_the_migrated_tables_are_the_declared_ones(database: Database) -> None:
    async with database.reading() as connection:
        assert await connection.run_sync(differences) == []


OLDER = (
    "ALTER TABLE payment_methods DROP COLUMN version",
    "DROP INDEX ix_operations_refunds",
    "CREATE INDEX ix_operations_kind ON operations (livemode, kind, started_at, id)",
    "DROP INDEX ix_operations_processor_reference",
    "CREATE INDEX ix_operations_processor_reference ON operations (merchant_account, processor_reference)",
    "DROP INDEX ix_payments_customer",
    "CREATE INDEX ix_payments_customer ON payments (customer)",
    "DROP INDEX ix_transfers_created",
    "CREATE INDEX ix_transfers_created ON transfers (livemode, created_at)",
)
"""How a database was made before revision 0001 was changed."""
OLDER_ON_POSTGRESQL = (
    "DROP INDEX uq_audit_log_position",
    "ALTER TABLE audit_log ADD CONSTRAINT uq_audit_log_position UNIQUE (position)",
    "DROP INDEX uq_events_position",
    "ALTER TABLE events ADD CONSTRAINT uq_events_position UNIQUE (position)",
)


def to_revision(connection: Connection, revision: str) -> None:
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", "hub:migrations")
    command.upgrade(config, revision)


async def indexes(database: Database) -> set[str]:
    query = (
        "SELECT indexdef FROM pg_indexes WHERE schemaname = current_schema()"
        if database.is_postgresql
        else "SELECT sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
    )
    async with database.reading() as connection:
        return set((await connection.execute(text(query))).scalars())


async def test_a_database_of_before_gets_what_a_new_one_has(empty_database_url: str) -> None:
    database = await open_database(empty_database_url)
    async with database.writer.begin() as connection:
        await connection.run_sync(to_revision, "0004")
    new = await indexes(database)
    async with database.writer.begin() as connection:
        for statement in (*OLDER, *(OLDER_ON_POSTGRESQL if database.is_postgresql else ())):
            await connection.execute(text(statement))

    async with database.writer.begin() as connection:
        await connection.run_sync(to_revision, "0005")

    assert new <= await indexes(database)
    await bring_up(empty_database_url)
    async with database.reading() as connection:
        assert await connection.run_sync(differences) == []
    await database.close()


REFUSED_BEFORE = (
    "INSERT INTO dispute_submissions (id, livemode, dispute_id, kind, status, decline, idempotency_key, requested_by, "
    "key_id, tries, created_at) VALUES ('dps_1', FALSE, 'dp_1', 'evidence', 'refused', :decline, 'k', 'p', 'k', 0, "
)
WITHOUT_ITS_DISPUTE = "ALTER TABLE dispute_submissions DROP CONSTRAINT fk_dispute_submissions_dispute_id"


async def test_an_answer_that_was_refused_before_keeps_the_processors_code(empty_database_url: str) -> None:
    database = await open_database(empty_database_url)
    async with database.writer.connect() as connection:
        await connection.run_sync(to_revision, "0011")
        postgresql = database.is_postgresql
        await connection.execute(text(WITHOUT_ITS_DISPUTE if postgresql else "PRAGMA defer_foreign_keys = ON"))
        before = {"decline": b'{"code":"invalid_request","processor_code":"927"}'}
        await connection.execute(text(f"{REFUSED_BEFORE}{'now()' if postgresql else '0'})"), before)

        await connection.run_sync(to_revision, "0012")
        kept = await connection.scalar(text("SELECT refusal FROM dispute_submissions"))
        await connection.rollback()

    refusal = msgspec.json.decode(kept or b"", type=AnswerRefused)
    assert (refusal.code, refusal.processor_code) == (RefusalCode.REFUSED_BY_PROCESSOR, "927")
    await database.close()


def test_migrating_again_changes_nothing(empty_database_url: str) -> None:
    before = standing(empty_database_url)

    migrate(empty_database_url)
    migrate(empty_database_url)

    assert (before, standing(empty_database_url)) == (Standing.BEHIND, Standing.RIGHT)


async def test_two_who_migrate_at_once_do_it_one_after_the_other(empty_database_url: str) -> None:
    await asyncio.gather(bring_up(empty_database_url), bring_up(empty_database_url))

    assert await asyncio.to_thread(standing, empty_database_url) is Standing.RIGHT


async def written(database: Database) -> None:
    at = datetime.now(UTC)
    event = {"id": new_id("evt_"), "livemode": False, "type": "payment.captured", "object_id": "pay_1", "data": b"{}"}
    async with database.transaction() as connection:
        await connection.execute(AUDIT, audit_row(None, "test", "pay_1", {}, livemode=False, at=at))
        await connection.execute(insert(events), {**event, "position": None, "created_at": at})


@pytest.mark.fault_case(id="LED-01")
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


@pytest.mark.fault_case(id="LED-01")
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
