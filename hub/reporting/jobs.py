"""What the worker does for reports: adding up what the ledger has closed, and holding it against the ledger."""

import structlog

from hub import metrics
from hub.database import ConflictError
from hub.payments.shell import Shell
from hub.reporting.reconciling import unbalanced
from hub.reporting.rolling import roll_next

_log = structlog.get_logger(__name__)


async def roll_up(shell: Shell) -> int:
    """Add up the figures of the next stretch that the ledger has closed; returns whether there was one."""
    try:
        return int(await roll_next(shell.database, shell.clock()))
    except ConflictError:
        return 0  # Another worker did it.


async def check_reports(shell: Shell) -> int:
    """Hold what reports say is outstanding against the ledger; returns 0: once in a while will do."""
    for livemode in (False, True):
        found = await unbalanced(shell.database, livemode=livemode)
        metrics.REPORT_FINDINGS.labels(str(livemode).lower()).set(len(found))
        for told in found:
            _log.error("report_does_not_agree", finding=told, livemode=livemode)
    return 0
