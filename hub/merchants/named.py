"""The merchant accounts and the mode that a command's options name."""

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

from sqlalchemy import RowMapping

from hub.database import Database, open_database
from hub.merchants import store
from hub.serving import CannotServeError, checked_settings, run_async

T = TypeVar("T")


def read_here(read: Callable[[Database], Awaitable[T]]) -> tuple[T, Mapping[str, str]]:
    """Run *read* on the database that the settings name; beside it, what accounts are called, by their ids."""
    settings = checked_settings()

    async def both() -> tuple[T, Mapping[str, str]]:
        database = await open_database(settings.database_url)
        try:
            return await read(database), await names_of_accounts(database)
        finally:
            await database.close()

    return run_async(both())


async def account_named(database: Database, named: str) -> RowMapping:
    """Find an account of either mode by its id or its name.

    Raises:
        CannotServeError: where there is none, or several have the name.
    """
    async with database.reading() as connection:
        rows = await store.accounts_called(connection, named)
    if not rows:
        raise CannotServeError(f"there is no merchant account {named}; `hub doctor` lists their names")
    if len(rows) > 1:
        raise CannotServeError(f"{len(rows)} merchant accounts are called {named}; name one by its id")
    return rows[0]


async def names_of_accounts(database: Database) -> Mapping[str, str]:
    """Read what accounts are called, by their ids."""
    async with database.reading() as connection:
        return {row["id"]: row["name"] for row in await store.all_accounts(connection)}


async def livemode_of(database: Database, account: RowMapping | None, mode: str | None) -> bool:
    """Say whether the live mode is meant: *account*'s, else *mode*, else the one that has accounts.

    Raises:
        CannotServeError: where both have accounts and neither is named.
    """
    if account is not None:
        return bool(account["livemode"])
    if mode is not None:
        return mode == "live"
    async with database.reading() as connection:
        modes = await store.modes(connection)
    if modes == {False, True}:
        raise CannotServeError("both modes have merchant accounts; name one with --mode")
    return True in modes
