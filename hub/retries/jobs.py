"""What no rule looks at any more is forgotten."""

from hub.payments.shell import Shell
from hub.retries.rules import REMEMBERED
from hub.retries.store import forget_old


async def prune_declines(shell: Shell) -> int:
    """Forget declines that are over and stop nothing; returns 0, since there is no more to do now."""
    async with shell.database.transaction() as connection:
        await forget_old(connection, shell.clock() - REMEMBERED)
    return 0
