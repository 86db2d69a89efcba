"""After the chaos: everything runs again, and it is measured how long until nothing is unknown any more."""

import asyncio
import time
from collections.abc import Callable
from itertools import count
from typing import Final

from msgspec import Struct, field

from tests.chaos.auditing import book
from tests.chaos.shop import Shop
from tests.chaos.stage import Ground, Stage

CALM_S: Final = 45.0
"""How long all goes well before that: else circuits that the chaos had opened would let nothing through."""
HUSHED_S: Final = 30.0
"""How long both processors say nothing before the end, so that there is something to find out."""
KNOWN_MIN: Final = 5
"""How much of it the processors must know of at the least, in a whole run: else nothing was measured."""
LOOK_S: Final = 0.25
SAID_EVERY: Final = 80
NEVER_ARRIVED_WITHIN_S: Final = 660.0
"""Stripe is asked until five minutes after the attempt, by a schedule whose next question comes after six and more."""
QUIET_WITHIN_S: Final = 240.0
LATER_S: Final = 900
"""How far the processors' clocks are put forward when webhooks wait to be sent again."""
_CALLED_OFF: Final = (
    "status = 'unknown' AND processor = 'adyen' AND kind IN ('authorize', 'purchase')"
    " AND payment_id IN (SELECT id FROM payments WHERE canceling)"
)
"""Nothing looks a charge up at Adyen, and to send it again once it is called off would charge what nobody wants."""
_UNRESOLVED: Final = f"SELECT id FROM operations WHERE status IN ('sending', 'unknown') AND NOT ({_CALLED_OFF})"  # noqa: S608 - as written here
_PENDING: Final = "SELECT id FROM operations WHERE status = 'pending'"
_INBOX: Final = "SELECT id FROM webhook_deliveries WHERE due_at IS NOT NULL AND status = 'waiting'"
_IMPORTS: Final = "SELECT id FROM settlement_batches WHERE status IN ('waiting', 'importing')"
"""What was cut off while it was handed in stands as `receiving` for ten minutes; nobody was told that it came."""
_OUTBOX: Final = (
    "SELECT id FROM events WHERE position IS NULL UNION ALL SELECT id FROM event_deliveries WHERE status = 'pending'"
)


class Healed(Struct, kw_only=True):
    """How long after the healing each unknown was resolved: those the processor knew of, and those it never saw."""

    known_s: list[float] = field(default_factory=list)
    never_arrived_s: list[float] = field(default_factory=list)
    left: list[str] = field(default_factory=list)


async def heal(at: Stage, shop: Shop) -> float:
    """Let processors be silent for a while, then make all well; give the instant by `time.monotonic`.

    Webhooks of that while are hours late: they would tell before anybody had to ask.
    """
    for victim in at.victims:
        victim.trap = None
    for relay in (*at.to_database.values(), *at.to_processor.values()):
        relay.delay_s = 0.0
        relay.hush(silent=False)
    for processor in at.sandboxes:
        await at.control(processor, "DELETE", "faults")
    await at.all_work()
    await asyncio.sleep(CALM_S)
    for processor in at.sandboxes:
        await at.control(processor, "POST", "webhooks", {"mode": "delay", "delay_s": LATER_S})
    for relay in at.to_processor.values():
        relay.hush(silent=True)
    await asyncio.sleep(HUSHED_S)
    shop.close()
    for relay in at.to_processor.values():
        relay.hush(silent=False)
    for processor in at.sandboxes:
        await at.control(processor, "POST", "webhooks", {"mode": "normal"})
    return time.monotonic()


async def resolved(at: Ground, since: float, say: Callable[[str], None] = lambda _: None) -> Healed:
    """Watch until nothing is unknown, and *say* now and then how much is."""
    healed, waiting = Healed(), set(await _ids(at, _UNRESOLVED))
    for look in count():
        if not waiting or time.monotonic() - since > NEVER_ARRIVED_WITHIN_S:
            break
        if look % SAID_EVERY == 0:
            say(f"{len(waiting)} unknown")
        await asyncio.sleep(LOOK_S)
        left = set(await _ids(at, _UNRESOLVED))
        passed = time.monotonic() - since
        arrived = _arrived(at) if waiting - left else set()
        for id_ in waiting - left:
            (healed.known_s if id_ in arrived else healed.never_arrived_s).append(passed)
        waiting = left
    arrived = _arrived(at)
    healed.left = [f"{id_}, {'known' if id_ in arrived else 'not known'} at its processor" for id_ in sorted(waiting)]
    return healed


async def called_off(at: Ground) -> tuple[int, list[str]]:
    """Count the unknown charges at Adyen that were called off and never came there: in seven days a human is told.

    Beside them those are given that did come: a webhook has told of the cancel by then.
    """
    ids, arrived = await _ids(at, f"SELECT id FROM operations WHERE {_CALLED_OFF}"), _arrived(at)  # noqa: S608 - as above
    known = [f"{id_}, known at its processor and called off" for id_ in ids if id_ in arrived]
    return len(ids) - len(known), known


async def quiet(at: Ground) -> list[str]:
    """Wait until all that was to be told is told and read; give what is not."""
    began, left = time.monotonic(), list[str]()
    while time.monotonic() - began < QUIET_WITHIN_S:
        left = []
        for what, sql in (("pending", _PENDING), ("inbox", _INBOX), ("imports", _IMPORTS), ("outbox", _OUTBOX)):
            left += [f"{what}: {id_}" for id_ in await _ids(at, sql)]
        queued = 0
        for processor in at.sandboxes:
            queued += (await at.control(processor, "POST", "webhooks/flush", {"timeout_s": 5}))["queued"]
        if queued:
            for processor in at.sandboxes:
                await at.control(processor, "POST", "clock", {"advance_s": LATER_S})
        if not left and not queued:
            return []
        await asyncio.sleep(1)
    return left


async def _ids(at: Ground, sql: str) -> list[str]:
    return [str(row["id"]) for row in await at.rows(sql)]


def _arrived(at: Ground) -> set[str]:
    """Read which requests the processors have answered, or have moved money by."""
    asked = "SELECT key FROM idempotency UNION SELECT tag FROM money UNION SELECT own_tag FROM money"
    return {str(key) for processor in at.sandboxes for (key,) in book(at, processor, asked)}
