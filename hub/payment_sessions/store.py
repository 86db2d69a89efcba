"""All SQL of payment sessions; the caller owns the transaction."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.payment_sessions.tables import payment_sessions


async def add(connection: AsyncConnection, row: Mapping[str, Any]) -> None:
    """Insert a session."""
    await connection.execute(insert(payment_sessions), dict(row))


async def find(
    connection: AsyncConnection, session_id: str, *, livemode: bool | None = None, to_change: bool = False
) -> RowMapping | None:
    """Read a session, of either mode where none is said."""
    wanted = select(payment_sessions).where(payment_sessions.c.id == session_id)
    if livemode is not None:
        wanted = wanted.where(payment_sessions.c.livemode == livemode)
    return (await connection.execute(wanted.with_for_update() if to_change else wanted)).mappings().one_or_none()


async def change(connection: AsyncConnection, session_id: str, at: datetime, **values: Any) -> None:  # noqa: ANN401 - columns
    """Change a session that was read in this transaction."""
    changed = update(payment_sessions).where(payment_sessions.c.id == session_id)
    await connection.execute(changed.values(**values, updated_at=at))
