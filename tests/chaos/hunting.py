"""The hunt: every process is killed again and again, at the place where the fewest were killed so far."""

import asyncio
import random
import time
from typing import Final

from tests.chaos.board import Board, Stopwatch
from tests.chaos.places import HOWS, IN_TRANSACTIONS, How, Place, Trap
from tests.chaos.stage import STARTED_WITHIN_S, Stage
from tests.chaos.victims import Victim

TRAPPED_WITHIN_S: Final = 8.0
ANYWHERE_SHARE: Final = 0.15
FRESH_SHARE: Final = 0.1
"""How many are started in an interpreter of their own; the others are forked from one that has loaded everything."""
CALM_S: Final = (0.3, 1.5)
_draw: Final = random.Random(11)  # noqa: S311 - where the next kill lands


async def hunted(at: Stage, victim: Victim, done: asyncio.Event) -> None:
    """Kill *victim* and start it again until *done*."""
    while not done.is_set():
        await asyncio.sleep(_draw.uniform(*CALM_S))
        if await _killed(victim, at.board, done):
            await _again(at, victim, done)


async def _killed(victim: Victim, board: Board, done: asyncio.Event) -> bool:
    """Kill it, or find that it does not come where it is waited for."""
    if not victim.is_alive():  # Something else has ended it, such as a database that was away at its start.
        return True
    if _draw.random() < ANYWHERE_SHARE:
        victim.strike(Place.ANYWHERE, How.AT_RANDOM)
        return True
    place = board.neediest(victim.role)
    at_commit = place in IN_TRANSACTIONS and victim.role == "worker" and _draw.random() < 1 / 3
    victim.trap = Trap(place, _draw.choice(HOWS[place]), at_commit=at_commit)
    try:
        async with asyncio.timeout(TRAPPED_WITHIN_S):
            await victim.struck.wait()
    except TimeoutError:
        victim.trap = None
        return victim.struck.is_set()
    return not done.is_set() or victim.struck.is_set()


async def _again(at: Stage, victim: Victim, done: asyncio.Event) -> None:
    """Start it until it works, as whatever looks after processes does."""
    away, fresh = Stopwatch(), _draw.random() < FRESH_SHARE
    until = time.monotonic() + STARTED_WITHIN_S
    while time.monotonic() < until:
        await victim.buried()
        await victim.start(fresh=fresh)
        while victim.is_alive() and time.monotonic() < until:
            if await victim.works():
                kind = "a new interpreter" if fresh else "forked"
                at.board.back(f"{victim.role} after a kill, {kind}", away.s)
                return
            await asyncio.sleep(0.03)
        await asyncio.sleep(0.2)
    if not done.is_set():
        at.board.troubles[f"{victim.name} did not come back within {STARTED_WITHIN_S:.0f} s"] += 1
