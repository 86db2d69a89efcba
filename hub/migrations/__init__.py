"""The database's tables: brought to this version once, before any process starts."""

import asyncio
from typing import Final

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

from hub.database import is_missing, open_database
from hub.migrations.standing import Standing, judge, look

_LOCK: Final = 7_204_118_935
"""Names the lock under which PostgreSQL is migrated, so that two who begin at once do it one after the other."""

WAITS_S: Final = 10
"""How long a migration waits for a table that is in use."""


def migrate(url: str) -> None:
    """Bring the tables of the database at *url* to this version; does nothing where they are, or are newer. Blocks."""
    asyncio.run(bring_up(url))


def standing(url: str) -> Standing:
    """Say how the tables of the database at *url* stand to this version. Blocks.

    Raises:
        OSError: when the database does not answer.
    """
    return asyncio.run(_standing(url))


async def bring_up(url: str) -> None:
    """Do what `migrate` does, inside a running event loop; all of it happens or nothing."""
    database = await open_database(url, statement_s=None)  # An index over many rows takes its time.
    try:
        async with database.writer.begin() as connection:
            if database.is_postgresql:
                await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
                # Whoever waits for a table holds up all who come after: better to give up and be run again.
                await connection.execute(text(f"SET LOCAL lock_timeout = '{WAITS_S}s'"))
            if judge(await look(connection)) is Standing.BEHIND:
                await connection.run_sync(_upgrade)
    finally:
        await database.close()


def _config(connection: Connection | None = None) -> Config:
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", "hub:migrations")
    return config


def _upgrade(connection: Connection) -> None:
    command.upgrade(_config(connection), "head")


async def _standing(url: str) -> Standing:
    if is_missing(url):
        return Standing.BEHIND
    database = await open_database(url)
    try:
        async with database.reading() as connection:
            return judge(await look(connection))
    finally:
        await database.close()
