"""A worker of the hub: its real jobs, each as soon as something is due for it; nobody polls in vain."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from hub.events.jobs import publish_events
from hub.payments.jobs import cancel_due, inquire_due
from hub.payments.shell import Shell
from hub.settlement.jobs import import_next
from hub.webhooks.jobs import read_waiting
from tests.simulation.database import is_away
from tests.simulation.endpoints import fan_out

if TYPE_CHECKING:
    from tests.simulation.instance import Instance

POLL_S: Final = 4.0
BEHIND: Final = 40
"""How many events have been published when they are queued for endpoints."""
AFTER_FAILURE_S: Final = 2.0
FAR_S: Final = 3_600.0


class Duty(Struct, frozen=True):
    """One of the worker's jobs, and a question for when it is due next, in microseconds; 0: whenever there is one."""

    job: Callable[[Shell], Awaitable[object]]
    due: str


async def _import(shell: Shell) -> object:
    return await import_next(shell, asyncio.Event())


DUTIES: Final = (
    Duty(
        read_waiting,
        "SELECT min(max(due_at, coalesce(lease_until, 0))) FROM webhook_deliveries WHERE due_at IS NOT NULL",
    ),
    Duty(inquire_due, "SELECT min(max(due_at, lease_until)) FROM operations WHERE due_at IS NOT NULL"),
    Duty(cancel_due, "SELECT min(0) FROM payments WHERE canceling AND status IN ('authorized', 'requires_action')"),
    Duty(publish_events, "SELECT min(0) FROM events WHERE position IS NULL"),
    Duty(
        fan_out,
        f"SELECT min(0) FROM event_fan_out WHERE position + {BEHIND} <= (SELECT max(position) FROM events)",  # noqa: S608 - a number of ours
    ),
    Duty(_import, "SELECT min(due_at) FROM settlement_batches WHERE due_at IS NOT NULL"),
)


async def work(process: "Instance") -> None:
    """Do what is due until the process is killed."""
    world = process.world
    duties = [duty for duty in DUTIES if world.options.inquiry or duty.job is not inquire_due]
    while True:
        seen = world.store.changes
        for duty in duties:
            due = world.store.rows(duty.due)[0][0]
            if due is None or due > world.now_us():
                continue
            try:
                await duty.job(process.shell)
            except Exception as failure:  # noqa: BLE001 - a job that fails is done again, as by the worker itself
                if not is_away(failure):
                    world.failed(f"{duty.job.__name__} failed", failure)
                await asyncio.sleep(AFTER_FAILURE_S)
        if world.store.changes == seen:
            await world.changed(_until_due(process, duties))
        await asyncio.sleep(POLL_S * (0.5 + world.random.random()))


def _until_due(process: "Instance", duties: list[Duty]) -> float:
    world = process.world
    now = world.now_us()
    found: list[int] = [row[0] for duty in duties for row in world.store.rows(duty.due) if row[0]]
    ahead = [(due - now) / 1e6 for due in found if due > now]
    return min([*ahead, FAR_S])
