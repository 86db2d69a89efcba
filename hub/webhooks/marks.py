"""How far each account's list of events was gone through, and when that is next due; and all SQL of it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from msgspec import Struct
from sqlalchemy import (
    Boolean,
    Column,
    Float,
    Index,
    Insert,
    Integer,
    Table,
    Text,
    and_,
    bindparam,
    case,
    literal,
    literal_column,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite

from hub.database import Database, Instant, in_seconds, metadata
from hub.due_rows import claim_due
from hub.merchants.tables import merchant_accounts

catch_ups = Table(
    "catch_ups",
    metadata,
    Column("id", Text, primary_key=True),  # The merchant account's.
    Column("livemode", Boolean, nullable=False),
    Column("listed_until", Instant, nullable=False),  # What happened before was listed and is kept.
    Column("listed_at", Instant),  # When that was last done to the end; NULL: never.
    Column("tries", Integer, nullable=False),  # Since then.
    Column("due_at", Instant, nullable=False),
    Column("error", Text),
    Index("ix_catch_ups_due", "due_at"),
)
LEASE_S: Final = 60.0
"""How long a list belongs to the worker that goes through it; every page renews that."""


class Mark(Struct, frozen=True, kw_only=True):
    """One account's list: gone through up to `listed_until`."""

    id: str
    livemode: bool
    listed_until: datetime
    tries: int


async def begin(database: Database, account_ids: Sequence[str]) -> None:
    """Have the lists of accounts gone through from now on, from when the hub got to know each; once."""
    known = select(catch_ups.c.id).where(catch_ups.c.id.in_(account_ids))
    async with database.reading() as connection:
        if len((await connection.execute(known)).all()) == len(account_ids):
            return
    insert_here = insert_postgresql if database.is_postgresql else insert_sqlite
    columns = merchant_accounts.c
    none = literal_column("0", Integer)
    since = select(columns.id, columns.livemode, columns.created_at, none, in_seconds(literal_column("0"))).where(
        columns.id.in_(account_ids)
    )
    names = ["id", "livemode", "listed_until", "tries", "due_at"]
    statement: Insert = insert_here(catch_ups).from_select(names, since).on_conflict_do_nothing(index_elements=["id"])
    async with database.transaction() as connection:
        await connection.execute(statement)


async def claim(database: Database, most: int) -> list[Mark]:
    """Take at most *most* lists that are due; nobody else gets them for `LEASE_S`."""
    rows = await claim_due(database, catch_ups, most, LEASE_S)
    return [Mark(**{name: row[name] for name in Mark.__struct_fields__}) for row in rows]


async def find(database: Database, account_id: str) -> Mark:
    """Read the mark of an account that has one."""
    async with database.reading() as connection:
        row = (await connection.execute(select(catch_ups).where(catch_ups.c.id == account_id))).mappings().one()
    return Mark(**{name: row[name] for name in Mark.__struct_fields__})


async def renew(database: Database, account_id: str) -> None:
    """Hold a list for another `LEASE_S`."""
    await _put(database, account_id, LEASE_S)


async def advance(database: Database, account_id: str, since: datetime, until: datetime, seconds: float) -> None:
    """Say that a list was gone through from *since* to *until*, its end, and is to be again after *seconds*.

    The mark never goes back, and stays where *since* is after it: what lies between was not listed.
    """
    column = catch_ups.c.listed_until
    joins = and_(column >= since, column < until)
    mark = case((joins, literal(until, Instant)), else_=column)
    await _put(database, account_id, seconds, listed_until=mark, listed_at=until, tries=0, error=None)


async def put_off(database: Database, account_id: str, seconds: float, error: str) -> None:
    """Go through a list again after *seconds*, from the same mark."""
    await _put(database, account_id, seconds, error=error)


async def _put(database: Database, account_id: str, seconds: float, **values: object) -> None:
    due_at = in_seconds(bindparam("after_s", seconds, type_=Float))
    later = update(catch_ups).where(catch_ups.c.id == account_id).values(due_at=due_at, **values)
    async with database.transaction() as connection:
        await connection.execute(later)
