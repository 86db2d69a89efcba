"""What `hub doctor` says of outcomes that are to be found out: whether somebody asks."""

from typing import Final

from sqlalchemy import Float, bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.database import in_seconds
from hub.doctor_findings import Finding, good, instant, wrong
from hub.payments.tables import operations

OVERDUE_S: Final = 300.0
"""How long an operation may be due before somebody has to look after the worker."""


async def look_at_operations(connection: AsyncConnection) -> Finding:
    """Look at what nobody has asked about although it is due."""
    long_ago = in_seconds(bindparam("overdue_s", -OVERDUE_S, type_=Float))
    due = select(func.count(), func.min(operations.c.started_at)).where(operations.c.due_at < long_ago)
    count, oldest = (await connection.execute(due)).one()
    if not count:
        return good("unknown outcomes", "are asked about when they are due")
    told = f"{count} have been due for {OVERDUE_S / 60:.0f} minutes and more, the oldest begun {instant(oldest)}"
    return wrong("unknown outcomes", told, "run `hub worker`; where one runs, look at its log")
