"""The database's tables: brought to this version once, before any process starts."""

import asyncio
from typing import Any, Final

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from hub.database import is_missing, open_database

_LOCK: Final = 7_204_118_935
"""Names the lock under which PostgreSQL is migrated, so that two who begin at once do it one after the other."""


def migrate(url: str) -> None:
    """Bring the tables of the database at *url* to this version; does nothing where they are. Blocks."""
    asyncio.run(bring_up(url))


def is_migrated(url: str) -> bool:
    """Whether the database at *url* has this version's tables. Blocks.

    Raises:
        OSError: when the database does not answer.
    """
    return asyncio.run(_is_up(url))


async def bring_up(url: str) -> None:
    """Do what `migrate` does, inside a running event loop; all of it happens or nothing."""
    database = await open_database(url)
    try:
        async with database.writer.begin() as connection:
            if database.is_postgresql:
                await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            await connection.run_sync(_upgrade)
    finally:
        await database.close()


def _config(connection: Connection | None = None) -> Config:
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", "hub:migrations")
    return config


def _upgrade(connection: Connection) -> None:
    command.upgrade(_config(connection), "head")


async def _is_up(url: str) -> bool:
    if is_missing(url):
        return False
    database = await open_database(url)
    try:
        async with database.reading() as connection:
            return await connection.run_sync(_stands_at_head)
    except SQLAlchemyError:
        return False
    finally:
        await database.close()


def _stands_at_head(connection: Connection) -> bool:
    heads: Any = ScriptDirectory.from_config(_config()).get_heads()
    return set(MigrationContext.configure(connection).get_current_heads()) == set(heads)
