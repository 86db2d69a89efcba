"""What was approved and not carried out is carried out after all; what nobody decided on expires."""

from typing import Final

from hub.approvals import store
from hub.approvals.carrying import carry_out
from hub.approvals.service import LEASE_S
from hub.approvals.tables import approvals
from hub.due_rows import claim_due, give_back
from hub.payments.shell import Shell

AT_ONCE: Final = 20


async def carry_out_due(shell: Shell) -> int:
    """Carry out what somebody approved who did not live to do it; returns how many there were."""
    rows = await claim_due(shell.database, approvals, AT_ONCE, LEASE_S)
    for number, row in enumerate(rows):
        if shell.stopping.is_set():
            await give_back(shell.database, approvals, [left["id"] for left in rows[number:]])
            break
        await carry_out(shell, row)
    return len(rows)


async def expire_old(shell: Shell) -> int:
    """End what nobody decided on in time; returns how many there were."""
    async with shell.database.transaction() as connection:
        return await store.expire(connection, shell.clock(), AT_ONCE)
