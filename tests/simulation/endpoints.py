"""Two endpoints of the shop: one takes everything, one what is refunded; each event is queued for each once."""

from collections import Counter
from typing import TYPE_CHECKING, Final

from hub.events.types import matches
from hub.payments.shell import Shell
from hub.webhook_endpoints.fan_out import FanOut

if TYPE_CHECKING:
    from tests.simulation.world import World

WANTED: Final = {"we_all": "*", "we_refunds": "refund.*"}
"""What each takes, by its id."""


async def fan_out(shell: Shell) -> int:
    """Queue what was published since."""
    fanned, _ = await FanOut(shell.database).go_on()
    return int(fanned)


def violations(world: "World") -> list[str]:
    """Say which events are queued too seldom, or too often."""
    events = world.store.rows("SELECT id, type FROM events")
    should = {(id_, to) for id_, type_ in events for to, pattern in WANTED.items() if matches(pattern, type_)}
    queued = Counter(world.store.rows("SELECT event_id, endpoint_id FROM event_deliveries"))
    told = [
        f"8: {id_} is queued for {to} {queued[id_, to]} times" for id_, to in sorted(should) if queued[id_, to] != 1
    ]
    return told + [f"8: {id_} is queued for {to}, who does not want it" for id_, to in sorted(set(queued) - should)]
