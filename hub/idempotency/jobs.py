"""Keys are kept for as long as the API promises, then forgotten."""

from datetime import timedelta

from sqlalchemy import delete

from hub.idempotency.tables import idempotency_keys
from hub.payments.shell import Shell


async def prune_keys(shell: Shell) -> int:
    """Forget answered keys older than the setting `idempotency_days`; returns 0, since there is no more to do now."""
    before = shell.clock() - timedelta(days=shell.settings.idempotency_days)
    old = idempotency_keys.c.created_at < before
    async with shell.database.transaction() as connection:
        await connection.execute(delete(idempotency_keys).where(old, idempotency_keys.c.answer.is_not(None)))
    return 0
