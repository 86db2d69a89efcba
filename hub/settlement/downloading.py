"""Fetching the reports that processors announce, each once; what cannot be fetched in a day or two is a human's."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import structlog
from sqlalchemy import Float, bindparam, select, update

from adapters.abilities import DownloadsSettlements
from adapters.contract import NoticeKind, SettlementNotice
from adapters.errors import AdapterError
from hub.database import in_seconds
from hub.due_rows import claim_due
from hub.exceptions.opening import Opening
from hub.exceptions.store import open_exceptions
from hub.merchants.service import Connected
from hub.payments.shell import Shell
from hub.settlement.tables import exceptions, settlement_notices
from hub.settlement.uploads import TooLargeError, Wanted, take
from normalization.settlements import NotAReportError

BY: Final = "hub"
"""Who asks for what no caller asked for."""
AT_ONCE: Final = 2
LEASE_S: Final = 1_800.0
AGAIN_S: Final = (60.0, 300.0, 900.0, 3_600.0, 10_800.0, 21_600.0, 43_200.0)
"""How long after each failure the next try comes; after the last one there is none."""
AFTER_PAYOUT_S: Final = 3_600.0
"""How long the word that a payout was paid waits for the word that its report is ready."""
_log: Final = structlog.get_logger(__name__)
_notices: Final = settlement_notices.c


def fetched_after(connected: Connected, kind: NoticeKind) -> float | None:
    """Say in how many seconds the report that a notice tells of is to be fetched; None: never."""
    if not isinstance(connected.adapter, DownloadsSettlements) or kind is NoticeKind.PAYOUT_FAILED:
        return None
    return 0.0 if kind is NoticeKind.REPORT_AVAILABLE else AFTER_PAYOUT_S


async def download_reports(shell: Shell) -> int:
    """Fetch reports that are due; returns how many are here."""
    rows = await claim_due(shell.database, settlement_notices, AT_ONCE, LEASE_S)
    return sum(await asyncio.gather(*(_download(shell, row) for row in rows)))


async def _download(shell: Shell, row: Mapping[Any, Any]) -> bool:
    try:
        batch = await _told_by_another(shell, row) or await _fetch(shell, row)
    except (AdapterError, NotAReportError, TooLargeError, TimeoutError, LookupError) as failure:
        told = str(failure) or "did not come in time"
        _log.warning("settlement_not_downloaded", notice=row["id"], failure=told)
        await _failed(shell, row, told, final=isinstance(failure, (NotAReportError, TooLargeError)))
        return False
    await _keep(shell, row, {"due_at": None, "batch_id": batch, "error": None})
    return True


async def _fetch(shell: Shell, row: Mapping[Any, Any]) -> str:
    connected = await shell.directory.find(row["merchant_account"])
    if connected is None or not isinstance(connected.adapter, DownloadsSettlements):
        raise LookupError("the merchant account cannot be connected, or its reports cannot be fetched")
    notice = SettlementNotice(
        kind=NoticeKind(row["kind"]),
        processor_reference=row["processor_reference"],
        livemode=bool(row["livemode"]),
        location=row["location"],
    )
    wanted = Wanted(connected=connected, source="download", by=BY)
    async with asyncio.timeout(LEASE_S):
        taken = await take(shell, wanted, connected.adapter.download(notice))
    return str(taken.row["id"])


async def _told_by_another(shell: Shell, row: Mapping[Any, Any]) -> str | None:
    """Find what the same payout's report became, where another notice told of it first."""
    same = select(_notices.batch_id).where(
        _notices.merchant_account == row["merchant_account"],
        _notices.processor_reference == row["processor_reference"],
        _notices.id != row["id"],
        _notices.batch_id.is_not(None),
    )
    async with shell.database.reading() as connection:
        batch: str | None = await connection.scalar(same.limit(1))
    return batch


async def _failed(shell: Shell, row: Mapping[Any, Any], told: str, *, final: bool) -> None:
    if not final and row["tries"] <= len(AGAIN_S):
        later = in_seconds(bindparam("s", AGAIN_S[row["tries"] - 1], type_=Float))
        await _keep(shell, row, {"due_at": later, "error": told})
        return
    # A payout that is paid may have no report; and a processor has reports of other kinds than we read.
    is_meant = row["kind"] == NoticeKind.REPORT_AVAILABLE and not final
    await _keep(shell, row, {"due_at": None, "error": told}, opening=_opening(row, told) if is_meant else None)


async def _keep(
    shell: Shell, row: Mapping[Any, Any], values: Mapping[str, Any], opening: Opening | None = None
) -> None:
    async with shell.database.transaction() as connection:
        changed = update(settlement_notices).where(_notices.id == row["id"], _notices.batch_id.is_(None))
        await connection.execute(changed.values(**values))
        if opening is None:
            return
        same = select(exceptions.c.id).where(
            exceptions.c.type == opening.type,
            exceptions.c.status == "open",
            exceptions.c.merchant_account == opening.merchant_account,
        )
        if await connection.scalar(same.limit(1)) is None:  # One account's reports fail for one reason, mostly.
            await open_exceptions(connection, [opening], shell.clock())


def _opening(row: Mapping[Any, Any], told: str) -> Opening:
    return Opening(
        type="settlement_not_downloaded",
        livemode=bool(row["livemode"]),
        merchant_account=row["merchant_account"],
        amount_minor=0,
        currency="",
        detail=f"the report {row['processor_reference']} was announced and could not be fetched: {told}",
        context={"notice": row["id"]},
    )
