"""The sealer: chains what was written to the audit log since."""

from typing import Final

import structlog

from hub import metrics
from hub.audit import store
from hub.payments.shell import Shell

BATCH: Final = 500
"""Rows that are chained in one commit: SQLite's other writers wait for it."""
HEAD_TOLD_EVERY: Final = 1_000
"""After so many rows the log has the head: whoever rewrites the database would have to rewrite the logs too."""
_log = structlog.get_logger(__name__)


async def seal_audit(shell: Shell) -> int:
    """Chain a batch of rows, the oldest first; returns how many there were."""
    async with shell.database.reading() as connection:
        oldest_at = await store.oldest_unsealed(connection)
    age_s = 0.0 if oldest_at is None else (shell.clock() - oldest_at).total_seconds()
    metrics.AUDIT_UNSEALED_SECONDS.set(max(age_s, 0.0))
    if oldest_at is None:
        return 0  # So that an idle worker does not take SQLite's one writer every time.
    chained, head = await store.seal(shell.database, BATCH)
    if head is not None and head.position % HEAD_TOLD_EVERY < chained:
        _log.info("audit_head", position=head.position, hash=head.hash)
    return chained
