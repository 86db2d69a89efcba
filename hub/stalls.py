"""Notices what keeps a process's event loop from going on: until it does, nobody is served there."""

import asyncio
from typing import Final

import structlog

from hub import metrics

EVERY_S: Final = 0.25
TOLD_FROM_S: Final = 1.0
"""How late the loop must be for a line in the log; every lateness is counted."""
_log = structlog.get_logger(__name__)


async def watch_for_stalls() -> None:
    """Measure, until it is cancelled, how late the loop comes back to whoever wants to go on."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + EVERY_S
        await asyncio.sleep(EVERY_S)
        late_s = max(0.0, loop.time() - due)
        metrics.LOOP_LATE_SECONDS.observe(late_s)
        if late_s >= TOLD_FROM_S:
            _log.warning("loop_stalled", seconds=round(late_s, 3))
