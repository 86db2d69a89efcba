"""Old and new processes on one database: tables grow first, and are cut down when nobody needs what goes."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from msgspec import Struct
from sqlalchemy import Column, Connection, Integer, MetaData, Table, Text, inspect, text

from hub.database import open_database
from hub.migrations import bring_up, migrate, standing
from hub.migrations.standing import NEWEST, Standing, Tables, judge
from hub.migrations.tables import metadata
from tests.hub.commands import DEVELOPMENT_KEY, hub
from tests.hub.house import House, house
from tests.hub.money import agrees, rows
from tests.hub.payments.faulty import eventually

FIRST = "0027"
"""The first revision whose code works on newer tables."""


@pytest.mark.parametrize(
    ("revision", "floor", "found"),
    [
        (None, None, Standing.BEHIND),
        ("0029", None, Standing.BEHIND),
        ("0030", "0028", Standing.RIGHT),
        ("0031", "0028", Standing.AHEAD),
        ("0031", "0030", Standing.AHEAD),
        ("0031", "0031", Standing.BEYOND),
        ("0031", None, Standing.BEYOND),
    ],
)
def test_code_of_revision_30_works_on_its_own_tables_and_on_newer_ones_that_lack_nothing(
    revision: str | None, floor: str | None, found: Standing
) -> None:
    assert judge(Tables(revision, floor), newest="0030") is found


def config(connection: Connection | None = None) -> Config:
    made = Config(attributes={"connection": connection})
    made.set_main_option("script_location", "hub:migrations")
    return made


def test_the_newest_revision_is_the_one_that_migrating_ends_with() -> None:
    assert ScriptDirectory.from_config(config()).get_heads() == [NEWEST]


class Shape(Struct, frozen=True):
    """A table's columns with their types, those that must be given, and its unique keys."""

    columns: dict[str, str]
    required: frozenset[str]
    unique: frozenset[frozenset[str]]


def shapes(connection: Connection) -> dict[str, Shape]:
    """Look at every table as the database has it."""
    found = inspect(connection)
    return {name: shape(found, name) for name in found.get_table_names()}


def shape(found: Any, name: str) -> Shape:
    columns = found.get_columns(name)
    given = [column for column in columns if not column["nullable"] and column["default"] is None]
    unique = [key["column_names"] for key in found.get_unique_constraints(name)]
    unique += [index["column_names"] for index in found.get_indexes(name) if index["unique"]]
    return Shape(
        columns={column["name"]: str(column["type"]) for column in columns},
        required=frozenset(column["name"] for column in given),
        unique=frozenset(frozenset(names) for names in unique),
    )


def in_the_way(before: dict[str, Shape], after: dict[str, Shape]) -> list[str]:
    """Name what keeps code that was written for the tables of *before* from working on those of *after*."""
    return [
        f"{table}: {why}"
        for table, old in before.items()
        for why in (_of_table(old, after[table]) if table in after else ["is gone"])
    ]


def _of_table(old: Shape, new: Shape) -> list[str]:
    gone = [f"{name} is gone" for name in sorted(old.columns.keys() - new.columns.keys())]
    kept = old.columns.keys() & new.columns.keys()
    changed = [f"{name} was {old.columns[name]}" for name in sorted(kept) if old.columns[name] != new.columns[name]]
    needed = [f"{name} has to be given" for name in sorted(new.required - old.required)]
    keys = [key for key in new.unique - old.unique if key <= old.columns.keys()]
    return [*gone, *changed, *needed, *(f"{sorted(key)} has to be unique" for key in keys)]


async def shapes_at(url: str, revision: str) -> tuple[dict[str, Shape], str]:
    """Bring a database to *revision*; give its tables and the oldest code that can go on."""
    database = await open_database(url)
    async with database.writer.begin() as connection:
        await connection.run_sync(lambda sync: command.upgrade(config(sync), revision))
        floor = await connection.scalar(text("SELECT revision FROM schema_floor"))
        found = await connection.run_sync(shapes)
    await database.close()
    return found, str(floor)


async def test_whatever_the_oldest_code_that_may_go_on_writes_still_fits(tmp_path: Path) -> None:
    newest, floor = await shapes_at(f"sqlite:///{tmp_path / 'new.db'}", "head")
    oldest, _ = await shapes_at(f"sqlite:///{tmp_path / 'old.db'}", max(floor, FIRST))

    assert in_the_way(oldest, newest) == [], "add with a default or as nullable, or raise the floor in the revision"


def test_what_would_be_in_the_way_is_found() -> None:
    old = Shape({"id": "TEXT", "amount": "BIGINT", "note": "TEXT"}, frozenset({"id"}), frozenset({frozenset({"id"})}))
    grown = Shape(old.columns | {"later": "TEXT"}, old.required, old.unique | {frozenset({"later"})})
    cut = Shape(
        {"id": "TEXT", "amount": "TEXT", "new": "TEXT"}, frozenset({"id", "new"}), frozenset({frozenset({"amount"})})
    )

    assert in_the_way({"t": old}, {"t": grown, "more": cut}) == []
    assert in_the_way({"t": old}, {}) == ["t: is gone"]
    assert in_the_way({"t": old}, {"t": cut}) == [
        "t: note is gone",
        "t: amount was BIGINT",
        "t: new has to be given",
        "t: ['amount'] has to be unique",
    ]


async def grow(database_url: str, floor: str) -> None:
    """Do to the database what a version of tomorrow might: every table gets columns, and there is one more."""
    database = await open_database(database_url)
    tomorrow = Table("of_tomorrow", MetaData(), Column("id", Text, primary_key=True), Column("more", Integer))
    async with database.writer.begin() as connection:
        for table in metadata.sorted_tables:
            await connection.execute(text(f'ALTER TABLE "{table.name}" ADD COLUMN told_later TEXT'))
            await connection.execute(text(f'ALTER TABLE "{table.name}" ADD COLUMN counted BIGINT NOT NULL DEFAULT 0'))
        await connection.run_sync(tomorrow.create)
        await connection.execute(text("UPDATE alembic_version SET version_num = '9998'"))
        await connection.execute(text("UPDATE schema_floor SET revision = :floor"), {"floor": floor})
    await database.close()


async def live_a_little(made: House, name: str) -> None:
    """Charge, be declined, capture, cancel and refund at both processors, and read what they tell of it."""
    for processor in ("stripe", "adyen"):
        account = made.accounts[f"{processor}-eu"]
        wish = {"payment_method": made.payment_method, "merchant_account": account, "amount": 1000}

        async def charged(capture: str, wish: dict[str, Any] = wish, processor: str = processor) -> str:
            answer = await made.hub.charge(**wish, capture=capture, reference=f"{name}-{processor}-{capture}")
            assert answer.status_code == 201, answer.text
            return str(answer.json()["id"])

        bought, held = await charged("automatic"), await charged("manual")
        assert (await made.hub.post(f"/v1/payments/{bought}/refunds", {"amount": 300})).status_code in {201, 202}
        assert (await made.hub.post(f"/v1/payments/{held}/cancel", {})).status_code in {200, 202}
        await eventually(made, bought, amount_refunded=300, amount_refunding=0)
        await eventually(made, held, status="canceled")


async def test_a_running_process_goes_on_while_a_newer_one_migrates(database_url: str, tmp_path: Path) -> None:
    async with house(database_url, tmp_path) as made:
        await live_a_little(made, "before")

        await grow(database_url, floor=NEWEST)

        await live_a_little(made, "after")
        assert (await made.hub.client.get("/health/ready")).status_code == 200
        await agrees(made)
        unread = "SELECT status, error FROM webhook_deliveries WHERE status NOT IN ('done', 'ignored', 'waiting')"
        assert await rows(made, unread) == []


async def test_a_process_starts_on_newer_tables_and_not_on_those_that_lack_something(sqlite_url: str) -> None:
    await grow(sqlite_url, floor=NEWEST)
    settings = {"HUB_DATABASE_URL": sqlite_url, "HUB_KEYS": DEVELOPMENT_KEY}

    before = await asyncio.to_thread(standing, sqlite_url)
    migrated = await asyncio.to_thread(hub, "migrate", **settings)
    await asyncio.to_thread(migrate, sqlite_url)
    database = await open_database(sqlite_url)
    async with database.transaction() as connection:
        await connection.execute(text("UPDATE schema_floor SET revision = '9998'"))
    await database.close()
    refused = [await asyncio.to_thread(hub, words, **settings) for words in ("serve", "worker", "migrate")]

    assert (before, migrated.returncode) == (Standing.AHEAD, 0)
    assert "newer version's tables" in migrated.stdout
    assert [one.returncode for one in refused] == [1, 1, 1]
    assert all("run that version" in one.stderr for one in refused)


@pytest.mark.fault_case(id="CR-11")
async def test_a_migration_that_breaks_off_leaves_what_was_there(empty_database_url: str) -> None:
    database = await open_database(empty_database_url)
    async with database.writer.connect() as connection:
        await connection.begin()
        await connection.run_sync(lambda sync: command.upgrade(config(sync), "head"))
        await connection.rollback()  # As where the process that migrates is killed: nothing was committed.
    await database.close()
    before = await asyncio.to_thread(standing, empty_database_url)

    await bring_up(empty_database_url)

    assert (before, await asyncio.to_thread(standing, empty_database_url)) == (Standing.BEHIND, Standing.RIGHT)
