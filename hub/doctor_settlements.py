"""What `hub doctor` says of settlement reports: imports that failed or wait, and reports that were not fetched."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import RowMapping, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.doctor_findings import Finding, good, instant, wrong
from hub.settlement import batches
from hub.settlement.downloading import AGAIN_S
from hub.settlement.tables import settlement_batches, settlement_notices

OVERDUE: Final = timedelta(minutes=15)
"""How long a report may wait, without one before it, before somebody has to look after the worker."""
ANNOUNCED: Final = timedelta(hours=2)
"""How long a report may be announced before it is strange that it is not here."""
LATELY: Final = timedelta(days=30)
_batches: Final = settlement_batches.c
_notices: Final = settlement_notices.c


async def look_at_settlements(
    connection: AsyncConnection, accounts: Sequence[RowMapping], now: datetime
) -> list[Finding]:
    """Look at the reports that are imported, and at those that processors announced."""
    return [await _imported(connection, now), await _failed(connection), *await _fetched(connection, accounts, now)]


async def _imported(connection: AsyncConnection, now: datetime) -> Finding:
    waiting = select(func.count(), func.min(_batches.due_at)).where(_batches.due_at < now - OVERDUE)
    count, oldest = (await connection.execute(waiting)).one()
    if not count:
        return good("settlement reports", "what is handed in is imported")
    told = f"{count} wait to be imported, the oldest since {instant(oldest)}"
    return wrong("settlement reports", told, "run `hub worker`; where one runs, look at its log")


async def _failed(connection: AsyncConnection) -> Finding:
    failed = select(_batches.id, _batches.error).where(_batches.status == batches.FAILED).order_by(_batches.id.desc())
    rows = (await connection.execute(failed)).all()
    if not rows:
        return good("failed settlement reports", "none")
    newest, error = rows[0]
    mend = f"mend it and POST /v1/settlements/{newest}/retry, or hand the report in again"
    return wrong("failed settlement reports", f"{len(rows)}; the newest, {newest}, {error}", mend)


async def _fetched(connection: AsyncConnection, accounts: Sequence[RowMapping], now: datetime) -> list[Finding]:
    missing = (
        select(_notices.merchant_account, func.count(), func.min(_notices.received_at), func.max(_notices.error))
        .where(
            _notices.kind == "report_available",
            _notices.batch_id.is_(None),
            _notices.error.is_not(None),
            or_(_notices.due_at.is_not(None), _notices.tries > len(AGAIN_S)),  # Else it is none that the hub reads.
            _notices.received_at.between(now - LATELY, now - ANNOUNCED),
        )
        .group_by(_notices.merchant_account)
        .order_by(_notices.merchant_account)
    )
    names = {row["id"]: row["name"] for row in accounts}
    mend = "mend that, or fetch the reports at the processor and hand them in"
    return [
        wrong(
            f"reports of {names.get(account, account)}",
            f"{count} in a month were announced and are not here, since {instant(since)}: {error}",
            mend,
        )
        for account, count, since, error in await connection.execute(missing)
    ]
