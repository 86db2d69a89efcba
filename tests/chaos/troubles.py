"""What goes wrong besides the kills: the database and Valkey restart, the network fails, workers stand still."""

import asyncio
import os
import random
import signal
from collections.abc import Awaitable, Callable
from typing import Final

from tests.chaos.board import Stopwatch
from tests.chaos.relay import Relay
from tests.chaos.shop import Shop
from tests.chaos.stage import Stage

_draw: Final = random.Random(13)  # noqa: S311 - what goes wrong next
AROUND: Final = (0.6, 1.4)
VALKEY_EVERY_S: Final = 40.0
VALKEY_AWAY_S: Final = (2.0, 6.0)
NETWORK_EVERY_S: Final = 6.0
STANDSTILL_EVERY_S: Final = 35.0
STANDSTILL_S: Final = 8.0
"""Longer than a lease."""
FAULTS_EVERY_S: Final = 5.0
FAULTS: Final = (
    "silent_before", "silent_after", "reset_before", "reset_after", "error_500_before", "error_500_after",
    "rate_limited", "malformed", "truncated", "delay", "delay_before",
)  # fmt: skip


async def databases_restart(at: Stage, shop: Shop, times: int, every_s: float, done: asyncio.Event) -> None:
    """End the database at once, without a checkpoint, and start it again, *times* over."""
    for _ in range(times):
        await _wait(every_s, done)
        away = Stopwatch()
        await at.by_hand(_restart(at))
        at.board.troubles["database restarts, immediate"] += 1
        at.board.back("database", away.s)
        await shop.next_charge()
        at.board.back("first charge after the database was ended", away.s)


def _restart(at: Stage) -> Callable[[], None]:
    def restart() -> None:
        at.postgres.crash()
        at.postgres.restart()

    return restart


async def valkey_goes(at: Stage, done: asyncio.Event) -> None:
    """End Valkey, and start it again, empty."""
    while not done.is_set():
        await _wait(VALKEY_EVERY_S, done)
        await at.by_hand(at.valkey.crash)
        await asyncio.sleep(_draw.uniform(*VALKEY_AWAY_S))
        await at.by_hand(at.valkey.restart)
        at.board.troubles["Valkey gone and back"] += 1


async def network_fails(at: Stage, done: asyncio.Event) -> None:
    """Delay, cut, half-close and swallow what goes between the hub and its database or a processor."""
    lines = {"database": [*at.to_database.values()], "processor": [*at.to_processor.values()]}
    ways: dict[str, Callable[[Relay], Awaitable[None]]] = {
        "delayed": _delayed, "cut": _cut, "half-closed": _half_closed, "swallowed": _swallowed, "hushed": _hushed,
    }  # fmt: skip
    while not done.is_set():
        await _wait(NETWORK_EVERY_S, done)
        where, way = _draw.choice(sorted(lines)), _draw.choice(sorted(ways))
        await ways[way](_draw.choice(lines[where]))
        at.board.troubles[f"connections to a {where} {way}"] += 1


async def _delayed(relay: Relay) -> None:
    relay.delay_s = _draw.uniform(0.02, 0.3)
    await asyncio.sleep(_draw.uniform(1, 4))
    relay.delay_s = 0.0


async def _cut(relay: Relay) -> None:
    relay.cut()


async def _half_closed(relay: Relay) -> None:
    relay.half_close()


async def _swallowed(relay: Relay) -> None:
    relay.swallow()


async def _hushed(relay: Relay) -> None:
    relay.hush(silent=True)
    await asyncio.sleep(_draw.uniform(2, 6))
    relay.hush(silent=False)


async def workers_stand_still(at: Stage, done: asyncio.Event) -> None:
    """Stop a process for longer than its leases last, and let it go on."""
    while not done.is_set():
        await _wait(STANDSTILL_EVERY_S, done)
        victim = _draw.choice(at.victims)
        pid = victim.pid
        if not victim.is_alive():
            continue
        os.kill(pid, signal.SIGSTOP)
        await asyncio.sleep(STANDSTILL_S)
        if victim.pid == pid and victim.is_alive():
            os.kill(pid, signal.SIGCONT)
            at.board.troubles[f"a {victim.role} process stood still for {STANDSTILL_S:.0f} s"] += 1


async def processors_fail(at: Stage, done: asyncio.Event) -> None:
    """Let requests to the processors go wrong in every way they can, one here and there."""
    while not done.is_set():
        await _wait(FAULTS_EVERY_S, done)
        fault, processor = _draw.choice(FAULTS), _draw.choice(sorted(at.sandboxes))
        await at.control(processor, "POST", "faults", {"match": {}, "fault": fault, "count": 2, "delay_ms": 5_000})
        at.board.troubles["faults at processors"] += 2


async def _wait(about_s: float, done: asyncio.Event) -> None:
    """Wait for about so long, or until *done*."""
    try:
        async with asyncio.timeout(about_s * _draw.uniform(*AROUND)):
            await done.wait()
    except TimeoutError:
        return


def every_trouble(at: Stage, done: asyncio.Event) -> list[Awaitable[None]]:
    """Begin all that goes on until *done*."""
    return [way(at, done) for way in (valkey_goes, network_fails, workers_stand_still, processors_fail)]
