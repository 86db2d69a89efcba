"""What `hub doctor` says of erased persons: whether everything about them was gone through in time."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.doctor_findings import Finding, good, instant, wrong
from hub.erasure.tables import erasures

OVERDUE: Final = timedelta(hours=1)
"""How long a person may wait to be taken out of what was kept."""


async def look_at_erasures(connection: AsyncConnection, now: datetime) -> Finding:
    """Look at what nobody has gone through yet, and at what is due again."""
    waiting = select(func.count(), func.min(erasures.c.created_at)).where(
        erasures.c.due_at < now - OVERDUE, erasures.c.created_at < now - OVERDUE
    )
    count, oldest_at = (await connection.execute(waiting)).one()
    if not count:
        return good("erased persons", "everything is gone through in time")
    told = f"{count} wait to be taken out of what was kept, the first erased {instant(oldest_at)}"
    return wrong("erased persons", told, "run `hub worker`; where one runs, look for erasure_failed in its log")
