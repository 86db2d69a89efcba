"""All SQL of merchant accounts and of the configuration's version; the caller owns the transaction."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import RowMapping, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.merchants.tables import configuration, merchant_accounts


async def bump(connection: AsyncConnection, *, livemode: bool) -> None:
    """Tell every process that accounts or rules of this mode have changed, once this transaction is committed."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    added = dialect.insert(configuration).values(livemode=livemode, version=1)
    grown = {"version": configuration.c.version + 1}
    await connection.execute(added.on_conflict_do_update(index_elements=["livemode"], set_=grown))


async def versions(connection: AsyncConnection) -> dict[bool, int]:
    """Read the configuration's version of each mode."""
    rows = await connection.execute(select(configuration.c.livemode, configuration.c.version))
    return {bool(livemode): version for livemode, version in rows}


async def all_accounts(connection: AsyncConnection) -> Sequence[RowMapping]:
    """Read every account of both modes, for the snapshot."""
    return (await connection.execute(select(merchant_accounts))).mappings().all()


async def account_ids(connection: AsyncConnection, *, livemode: bool) -> list[str]:
    """List the ids of all accounts of a mode."""
    rows = await connection.execute(select(merchant_accounts.c.id).where(merchant_accounts.c.livemode == livemode))
    return list(rows.scalars())


async def add_account(connection: AsyncConnection, row: Mapping[str, Any]) -> None:
    """Insert an account."""
    await connection.execute(insert(merchant_accounts), dict(row))


async def account(
    connection: AsyncConnection, *, livemode: bool, account_id: str, to_change: bool = False
) -> RowMapping | None:
    """Read one account; *to_change* keeps others from changing it until the transaction ends."""
    wanted = select(merchant_accounts).where(
        merchant_accounts.c.livemode == livemode, merchant_accounts.c.id == account_id
    )
    found = await connection.execute(wanted.with_for_update() if to_change else wanted)
    return found.mappings().one_or_none()


async def accounts_called(connection: AsyncConnection, named: str) -> Sequence[RowMapping]:
    """Read the accounts of either mode whose id or name is *named*."""
    called = or_(merchant_accounts.c.id == named, merchant_accounts.c.name == named)
    return (await connection.execute(select(merchant_accounts).where(called))).mappings().all()


async def modes(connection: AsyncConnection) -> set[bool]:
    """Say which modes have accounts."""
    rows = await connection.execute(select(merchant_accounts.c.livemode).distinct())
    return {bool(livemode) for livemode in rows.scalars()}


async def accounts_before(
    connection: AsyncConnection, *, livemode: bool, before: str | None, only: Collection[str] | None, limit: int
) -> list[RowMapping]:
    """Read accounts, newest first, from the one before *before* on; *only* leaves out all others."""
    wanted = select(merchant_accounts).where(merchant_accounts.c.livemode == livemode)
    if before is not None:
        wanted = wanted.where(merchant_accounts.c.id < before)
    if only is not None:
        wanted = wanted.where(merchant_accounts.c.id.in_(only))
    return list((await connection.execute(wanted.order_by(merchant_accounts.c.id.desc()).limit(limit))).mappings())


async def change_account(
    connection: AsyncConnection, *, livemode: bool, account_id: str, values: Mapping[str, Any]
) -> None:
    """Change an account that was read before in this transaction."""
    await connection.execute(
        update(merchant_accounts)
        .where(merchant_accounts.c.livemode == livemode, merchant_accounts.c.id == account_id)
        .values(dict(values))
    )
