"""Rows that wait for the worker: `due_at` says from when on, and claiming one puts that off for the time of a lease."""

from collections.abc import Sequence

from sqlalchemy import Float, RowMapping, Table, bindparam, literal_column, select, update

from hub.database import Database, in_seconds


async def claim_due(database: Database, table: Table, most: int, lease_s: float) -> Sequence[RowMapping]:
    """Take at most *most* rows that are due, the longest due first; nobody else gets them for *lease_s*.

    *table* has the columns `id`, `due_at` and `tries`, which this raises by one. The rows come in no order.
    """
    due = (
        select(table.c.id)
        .where(table.c.due_at <= in_seconds(literal_column("0")))
        .order_by(table.c.due_at, table.c.id)
        .limit(most)
    )
    async with database.reading() as connection:
        if await connection.scalar(due) is None:
            return []  # So that an idle worker does not take SQLite's one writer every second.
    async with database.transaction() as connection:
        ids = (await connection.execute(due.with_for_update(skip_locked=True))).scalars().all()
        taken = (
            update(table)
            .where(table.c.id.in_(ids))
            .values(due_at=in_seconds(bindparam("lease_s", lease_s, type_=Float)), tries=table.c.tries + 1)
            .returning(table)
        )
        rows: Sequence[RowMapping] = (await connection.execute(taken)).mappings().all()
    return rows


async def give_back(database: Database, table: Table, ids: Sequence[str]) -> None:
    """Let others take these rows at once: they were claimed, and nothing was begun with them."""
    if not ids:
        return
    now = in_seconds(literal_column("0"))
    mine = update(table).where(table.c.id.in_(ids), table.c.due_at.is_not(None))
    async with database.transaction() as connection:
        await connection.execute(mine.values(due_at=now, tries=table.c.tries - 1))
