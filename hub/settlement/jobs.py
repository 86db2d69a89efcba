"""The worker's part of settlements: reports are imported one after the other, and what was cut off is removed."""

import asyncio
from typing import TYPE_CHECKING, Final

import structlog
from sqlalchemy import select

from hub import metrics
from hub.database import is_lost
from hub.exceptions.opening import OPEN, Opening
from hub.exceptions.store import close, open_exceptions
from hub.exceptions.types import ExceptionType
from hub.merchants.service import Connected
from hub.payments.shell import Shell
from hub.settlement import batches
from hub.settlement.batches import Batch, LostError, to_batch
from hub.settlement.importing import LEASE_S, ROWS_AT_ONCE, Importer, Told, tell_of
from hub.settlement.tables import exceptions
from normalization.settlements import NotAReportError

if TYPE_CHECKING:
    from hub.worker import Bell

FAILED_TYPE: Final[ExceptionType] = "settlement_import_failed"
POLL_S: Final = 1.0
TRIES_MAX: Final = 5
"""How often one is taken up without coming any further."""
AGAIN_S: Final = 5.0
"""How long after the first failure one is taken up again; each further one waits twice as long."""
_log: Final = structlog.get_logger(__name__)


async def import_settlements(shell: Shell, bell: "Bell", stop: asyncio.Event) -> None:
    """Import one batch after the other until *stop*; what is done of one is kept."""
    while not stop.is_set():
        try:
            worked = await import_next(shell, stop)
        except Exception as failure:  # noqa: BLE001 - it is taken up again when its lease ends, the others go on
            _log.warning("settlement_import_failed", exc_info=failure)
            worked = False
        if not worked and not stop.is_set():
            await bell.wait(POLL_S)


async def import_next(
    shell: Shell,
    stop: asyncio.Event,
    *,
    only: str | None = None,
    told: Told = lambda _batch: None,
    rows_at_once: int = ROWS_AT_ONCE,
) -> bool:
    """Take up the oldest batch, or *only* one, and go on with it; tell whether there was one."""
    await _measure(shell)
    row = await batches.claim(shell.database, LEASE_S, only=only)
    if row is None:
        return False
    batch = to_batch(row)
    try:
        if batch.tries > TRIES_MAX:
            await _fail(shell, batch, row["error"] or "it came no further, and the worker's log says why")
            return True
        connected = await _connected(shell, batch)
        importer = Importer(shell=shell, connected=connected, stop=stop, told=told, rows_at_once=rows_at_once)
        if await importer.run(batch):
            await _close_failed(shell, batch)
        shell.wake()
    except NotAReportError as refused:
        await _refuse(shell, batch, str(refused))
    except LostError:
        _log.info("settlement_taken_over", settlement=batch.id)
    except Exception as failure:
        await _put_off(shell, batch, failure)
        raise
    return True


async def remove_cut_off(shell: Shell) -> int:
    """Remove what is left of reports that were not received whole."""
    return await batches.discard_cut_off(shell.database)


async def _connected(shell: Shell, batch: Batch) -> Connected:
    connected = await shell.directory.find(batch.merchant_account)
    if connected is None:
        raise LookupError("its merchant account cannot be connected; `hub doctor` says why")
    return connected


async def _measure(shell: Shell) -> None:
    oldest = await batches.oldest_waiting(shell.database)
    waited = 0.0 if oldest is None else (shell.clock() - oldest).total_seconds()
    metrics.SETTLEMENT_WAITING_SECONDS.set(max(0.0, waited))


async def _put_off(shell: Shell, batch: Batch, failure: Exception) -> None:
    """Let somebody try again in a while; where not even that can be written the lease ends by itself."""
    if is_lost(failure):
        return
    told = str(failure) if isinstance(failure, LookupError) else f"{type(failure).__name__}; the worker's log says more"
    await batches.put_off(shell.database, batch, AGAIN_S * 2 ** (batch.tries - 1), error=told)


async def _close_failed(shell: Shell, batch: Batch) -> None:
    """Close what said that the batch could not be imported: it was tried again, and is done."""
    of = exceptions.c.batch_id == batch.id, exceptions.c.type == FAILED_TYPE, exceptions.c.status == OPEN
    async with shell.database.reading() as connection:
        ids = (await connection.execute(select(exceptions.c.id).where(*of))).scalars().all()
    if ids:
        async with shell.database.transaction() as connection:
            await close(connection, ids, "imported", shell.clock(), reason="it was tried again, and is imported now")


async def _refuse(shell: Shell, batch: Batch, why: str) -> None:
    ended = {"status": batches.REFUSED, "error": why, "ended_at": shell.clock()}
    async with shell.database.transaction() as connection:
        await batches.end(connection, batch, ended, keep_file=False)
        await tell_of(connection, batch, "settlement.refused", shell)
    _log.warning("settlement_refused", settlement=batch.id)


async def _fail(shell: Shell, batch: Batch, why: str) -> None:
    at = shell.clock()
    told = f"was taken up {TRIES_MAX} times and came no further after {batch.rows_read} rows: {why}"
    async with shell.database.transaction() as connection:
        await batches.end(connection, batch, {"status": batches.FAILED, "error": told, "ended_at": at}, keep_file=True)
        opening = Opening(
            type=FAILED_TYPE,
            livemode=batch.livemode,
            merchant_account=batch.merchant_account,
            amount_minor=0,
            currency="",
            detail=f"the report {batch.id} {told}",
            batch_id=batch.id,
        )
        await open_exceptions(connection, [opening], at)
    _log.error("settlement_given_up", settlement=batch.id)
