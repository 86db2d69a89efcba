"""Working at a backtest: pages of payments are read here, replayed elsewhere, and counted in their order."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from hub.backtests import store
from hub.backtests.playing import Players, Setting, portable
from hub.backtests.results import result_of
from hub.backtests.rules import Stored, Tally, merge
from hub.backtests.store import Backtest, Place
from hub.database import Database
from hub.figures.days import is_limited
from hub.payments.shell import Shell
from routing.plan import Snapshot

PAGE: Final = 5_000
"""Payments in one reading: a quarter of a second's work for one process."""
AHEAD_MAX: Final = 4
"""Pages that are read and not yet counted: what bounds the memory."""
SAVE_EVERY_S: Final = 2.0
LEASE_S: Final = 60.0

Told = Callable[[int, int], None]
"""What is told after each page: payments done, and how many there are."""


class LostError(Exception):
    """Somebody else took the backtest up: its lease ended here."""


def today(shell: Shell, *, livemode: bool) -> Snapshot:
    """Give what payments are replayed over: accounts and figures as they are now, and nobody failing or full."""
    return replace(shell.directory.routing(livemode=livemode), figures=shell.figures.figures(livemode=livemode))


def setting_of(wanted: Backtest, snapshot: Snapshot) -> Setting:
    """Say what *wanted* is replayed over: its ruleset, today's accounts and figures."""
    return Setting(
        ruleset=wanted.ruleset,
        version=wanted.version,
        rules=wanted.rules,
        accounts=snapshot.accounts.accounts,
        figures=portable(snapshot.figures),
        allowed=wanted.allowed,
    )


def limited(wanted: Backtest, snapshot: Snapshot) -> list[str]:
    """List the accounts that *wanted* speaks of and that have daily limits, which are not kept here."""
    ours = [one for one in snapshot.accounts.accounts if one.livemode is wanted.livemode and is_limited(one)]
    return sorted(one.id for one in ours if wanted.allowed is None or one.id in wanted.allowed)


async def work_at(
    database: Database,
    wanted: Backtest,
    snapshot: Snapshot,
    clock: Callable[[], datetime],
    *,
    stop: asyncio.Event,
    told: Told = lambda _done, _total: None,
    page_size: int = PAGE,
) -> bool:
    """Go on with *wanted*, which was claimed, until it is done or *stop* is set; tell whether it is done.

    Raises:
        LostError: when somebody else came further meanwhile.
    """
    if wanted.total is None:
        total = await store.count(database, wanted)
        wanted = await _kept(database, replace(wanted, total=total), wanted, {"total": total, "status": "running"})
    with Players(setting_of(wanted, snapshot)) as players:
        wanted, ended = await _replay_all(database, wanted, players, stop, told, page_size)
    if ended:
        result = msgspec.json.encode(result_of(wanted.tally, limited(wanted, snapshot)))
        values = {"result": result, "status": "done", "tally": None, "ended_at": clock()}
        if not await store.keep(database, wanted, values, None):
            raise LostError
    else:
        await store.release(database, wanted.id)
    return ended


async def _replay_all(
    database: Database, wanted: Backtest, players: Players, stop: asyncio.Event, told: Told, page_size: int
) -> tuple[Backtest, bool]:
    saved, saved_at = wanted, time.monotonic()
    place, more = wanted.place, True
    ahead: deque[tuple[int, Place, asyncio.Future[Tally]]] = deque()
    while (more and not stop.is_set()) or ahead:
        while more and not stop.is_set() and len(ahead) < AHEAD_MAX:
            rows = await store.page(database, wanted, place, page_size)
            more = len(rows) == page_size
            if rows:
                place = (rows[-1].created_at, rows[-1].id)
                if more:
                    players.spread()
                ahead.append((len(rows), place, players.play([Stored(*row[:5]) for row in rows])))
        if not ahead:
            break
        size, reached, playing = ahead.popleft()
        merge(wanted.tally, await playing)
        wanted = replace(wanted, done=wanted.done + size, place=reached)
        told(wanted.done, max(wanted.total or 0, wanted.done))
        if time.monotonic() - saved_at > SAVE_EVERY_S:
            saved, saved_at = await _saved(database, wanted, saved), time.monotonic()
    return await _saved(database, wanted, saved), not more


async def _saved(database: Database, now: Backtest, before: Backtest) -> Backtest:
    if now.place is None:
        return now
    at, last = now.place
    tally = msgspec.msgpack.encode(now.tally)
    values = {"done": now.done, "cursor_at": at, "cursor_id": last, "tally": tally, "tries": 0}
    return await _kept(database, now, before, values)


async def _kept(database: Database, now: Backtest, before: Backtest, values: dict[str, Any]) -> Backtest:
    if not await store.keep(database, before, values, LEASE_S):
        raise LostError
    return now
