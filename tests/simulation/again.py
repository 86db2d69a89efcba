"""What was delivered is delivered once more at the end, under other names and in another order: nothing may change."""

from collections import defaultdict
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec.structs import replace

from adapters.contract import Webhook
from tests.simulation import api
from tests.simulation.adapter import SIGNATURE, Notice

if TYPE_CHECKING:
    from tests.simulation.world import World

AT_MOST: Final = 16
_SEEN: Final = {
    "payments": "SELECT id, status, attempt_id, processor_reference, authorized_minor, capturing_minor, captured_minor,"
    " lost_minor, refunding_minor, refunded_minor, refunded_externally_minor, canceling, capture_closed FROM payments",
    "operations": "SELECT id, status, amount_minor, processor_reference FROM operations",
    "transfers": "SELECT id FROM transfers",
    "events": "SELECT id FROM events",
    "exceptions": "SELECT id, status FROM exceptions",
}


async def deliver_again(world: "World") -> None:
    """Send some of what was heard once more, each as an event of its own."""
    heard = world.random.sample(world.heard, min(AT_MOST, len(world.heard)))
    by_account = defaultdict[str, list[Notice]](list)
    for to, notice in heard:
        by_account[to].append(replace(notice, key=f"{notice.key}-again"))
    before = _seen(world)
    for to, notices in by_account.items():
        process = world.any_server()
        if process is not None:
            body = msgspec.json.encode(notices)
            webhook = Webhook(headers={"signature": SIGNATURE}, body=body, received_at=world.clock())
            await process.ask(api.receive(process.shell, to, webhook))
    await world.quiet()
    after = _seen(world)
    for table, rows in before.items():
        if changed := sorted(rows ^ after[table]):
            world.violated(f"7: the same deliveries once more changed {table}: {changed[:4]}")


def _seen(world: "World") -> dict[str, set[tuple[object, ...]]]:
    return {table: set(world.store.rows(statement)) for table, statement in _SEEN.items()}
