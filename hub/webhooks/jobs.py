"""Reading the inbox: each delivery becomes reports, and each report goes the way of every other."""

from typing import Final

import structlog

from adapters.contract import TokenNews
from hub import metrics
from hub.payments.recording import record_delivered
from hub.payments.shell import Shell
from hub.webhooks import store
from hub.webhooks.store import Waiting
from hub.webhooks.token_news import note_token
from normalization.outcome import Report

BATCH: Final = 50
TRIES_MAX: Final = 10
AGAIN_AFTER_S: Final = (1, 5, 30, 120, 600, 1_800, 3_600, 14_400, 43_200)
"""How long a delivery waits after each try that failed or found no payment."""
_log = structlog.get_logger(__name__)


async def read_waiting(shell: Shell) -> int:
    """Read the deliveries that are due, oldest first; returns how many there were."""
    waiting = await store.claim(shell.database, BATCH)
    for delivery in waiting:
        await _read(shell, delivery)
    return len(waiting)


async def _read(shell: Shell, waiting: Waiting) -> None:
    try:
        status, payment_id = await _record(shell, waiting)
    except Exception as failure:  # noqa: BLE001 - one poisoned delivery must not keep the others waiting
        _log.warning("delivery_failed", delivery=waiting.id, tries=waiting.tries, exc_info=failure)
        await _again(shell, waiting, "waiting", "parked", type(failure).__name__)
        return
    if status == "unmatched":
        await _again(shell, waiting, "unmatched", "unmatched", "no payment of ours is meant, as far as we know")
    else:
        metrics.DELIVERIES.labels(status).inc()
        await store.finish(shell.database, waiting, status, shell.clock(), payment_id=payment_id)


async def _record(shell: Shell, waiting: Waiting) -> tuple[str, str | None]:
    connected = await shell.directory.find(waiting.merchant_account)
    if connected is None:
        raise LookupError(f"merchant account {waiting.merchant_account} is gone")
    told = connected.adapter.read_delivery(waiting.delivery)
    reports = [one for one in told if isinstance(one, Report)]
    recorded = [await record_delivered(shell, waiting.merchant_account, report, "webhook") for report in reports]
    noted = [await note_token(shell, connected, one) for one in told if isinstance(one, TokenNews)]
    found = [one.held.payment.id for one in recorded if one is not None]
    if len(found) < len(recorded) or "unmatched" in noted:
        return "unmatched", None
    return ("done" if found or "done" in noted else "ignored"), (found[0] if found else None)


async def _again(shell: Shell, waiting: Waiting, status: str, in_the_end: str, why: str) -> None:
    if waiting.tries >= TRIES_MAX:
        metrics.DELIVERIES.labels(in_the_end).inc()
        await store.finish(shell.database, waiting, in_the_end, shell.clock(), error=why)
    else:
        seconds = AGAIN_AFTER_S[min(waiting.tries, len(AGAIN_AFTER_S)) - 1]
        await store.put_off(shell.database, waiting, status, seconds, why)
