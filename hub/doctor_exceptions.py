"""What `hub doctor` says of exceptions: how many wait, and which has waited too long."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from hub.doctor_findings import Finding, good, instant, wrong
from hub.exceptions.lists import oldest_overdue, open_counts
from hub.exceptions.types import ACTION, SEVERITY


async def look_at_exceptions(connection: AsyncConnection, now: datetime) -> Finding:
    """Look at what waits for a human."""
    counts = await open_counts(connection, now)
    waiting, late = sum(count.open for count in counts), sum(count.overdue for count in counts)
    oldest = await oldest_overdue(connection, now)
    if oldest is None:
        return good("exceptions", f"{waiting} open, none overdue" if waiting else "none open")
    type_ = oldest["type"]
    told = f"{waiting} open, {late} overdue; the oldest, {oldest['id']}, since {instant(oldest['created_at'])}"
    return wrong("exceptions", f"{told}: {type_}, {SEVERITY[type_]}", ACTION[type_])
