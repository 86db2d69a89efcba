"""The relay: gives events their position, which publishes them."""

from typing import Final

from hub import metrics
from hub.events import store
from hub.payments.shell import Shell

BATCH: Final = 500
"""Events that get their position in one commit: SQLite's other writers wait for it."""


async def publish_events(shell: Shell) -> int:
    """Publish a batch of events, the oldest first; returns how many there were."""
    oldest_at = await store.oldest_unpublished(shell.database)
    age_s = 0.0 if oldest_at is None else (shell.clock() - oldest_at).total_seconds()
    metrics.UNPUBLISHED_SECONDS.set(max(age_s, 0.0))
    if oldest_at is None:
        return 0  # So that an idle worker does not take SQLite's one writer every second.
    return await store.publish(shell.database, BATCH)
