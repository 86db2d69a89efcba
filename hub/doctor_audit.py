"""What `hub doctor` says of the audit log: whether its rows are chained in time."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from hub.audit.store import oldest_unsealed
from hub.doctor_findings import Finding, good, instant, wrong

UNSEALED_MAX: Final = timedelta(seconds=60)
"""How long a row may wait to be chained."""


async def look_at_audit(connection: AsyncConnection, now: datetime) -> Finding:
    """Look at the oldest row that is not chained yet."""
    oldest_at = await oldest_unsealed(connection)
    if oldest_at is None or oldest_at > now - UNSEALED_MAX:
        return good("audit log", "chained up to now; `hub audit verify` verifies it")
    mend = "run `hub worker`; where one runs, look at its log"
    return wrong("audit log", f"not chained since {instant(oldest_at)}, so what is changed there is not noticed", mend)
