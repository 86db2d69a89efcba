"""The worker's part: take a backtest up, go on with it, and leave it to the next worker when this one stops."""

import asyncio
from typing import TYPE_CHECKING, Final

import structlog

from hub.backtests import store
from hub.backtests.service import LEASE_S, LostError, today, work_at
from hub.backtests.store import Backtest
from hub.backtests.tables import backtests
from hub.due_rows import claim_due
from hub.payments.shell import Shell

if TYPE_CHECKING:
    from hub.worker import Bell

POLL_S: Final = 1.0
AFTER_FAILURE_S: Final = 5.0
TRIES_MAX: Final = 5
"""How often one is taken up without coming any further."""
_log = structlog.get_logger(__name__)


async def replay_backtests(shell: Shell, bell: "Bell", stop: asyncio.Event) -> None:
    """Work at one backtest after the other until *stop*; what is done of one is kept."""
    while not stop.is_set():
        try:
            worked = await replay_next(shell, stop)
        except Exception as failure:  # noqa: BLE001 - it is taken up again when its lease ends, the others go on
            _log.warning("backtest_failed", exc_info=failure)
            await bell.wait(AFTER_FAILURE_S)
            continue
        if not worked and not stop.is_set():
            await bell.wait(POLL_S)


async def replay_next(shell: Shell, stop: asyncio.Event) -> bool:
    """Take one up and go on with it; tell whether there was one."""
    rows = await claim_due(shell.database, backtests, 1, LEASE_S)
    if not rows:
        return False
    wanted = await store.opened(shell.database, rows[0])
    if wanted.tries > TRIES_MAX:
        await _give_up(shell, wanted)
        return True
    snapshot = today(shell, livemode=wanted.livemode)
    try:
        await work_at(shell.database, wanted, snapshot, shell.clock, stop=stop)
    except LostError:
        _log.info("backtest_taken_over", backtest=wanted.id)
    return True


async def _give_up(shell: Shell, wanted: Backtest) -> None:
    told = f"was taken up {TRIES_MAX} times and came no further; the worker's log says why"
    _log.error("backtest_given_up", backtest=wanted.id)
    values = {"status": "failed", "error": told, "ended_at": shell.clock()}
    await store.keep(shell.database, wanted, values, None)
