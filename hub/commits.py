"""Commits in company: while one is on its way, those of the same statement that come meanwhile wait and go together.

A commit costs PostgreSQL a flush to disk, both sides a round trip, and sixteen together hardly more than one. Nobody
waits for company: where nothing is on its way a statement leaves at once.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Final

import asyncpg
from msgspec import Struct

from hub.connections import LAST_WORDS, Connections

TOGETHER_MAX: Final = 16
PATIENCE_S: Final = 0.1
"""How long a statement waits for the ones before it, which may be held up by another process's lock."""


class _Waiting(Struct):
    """One row of values that waits to be committed; `order` is where it stands among those it goes with."""

    order: str
    row: Sequence[object]
    done: asyncio.Future[None]


class _Lane(Struct):
    """The commits of one statement: how many are on their way, and who waits."""

    running: int
    waiting: deque[_Waiting]
    impatience: asyncio.TimerHandle | None = None


class Commits:
    """Runs statements that are a transaction each, several executions of one statement in a single transaction.

    Together they take effect altogether or not at all. Where the database refuses one of them each is run again alone,
    so that nobody's failure is another's. Where the connection is lost all are told so, and each may have happened.
    """

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._lanes: dict[str, _Lane] = {}
        self._under_way: set[asyncio.Task[None]] = set()

    async def run(self, statement: str, row: Sequence[object], order: str) -> None:
        """Commit *statement* with the values of *row*.

        Rows that go together are locked in the order of *order*, so that two processes do not wait for each other.
        """
        lane = self._lanes.get(statement)
        if lane is None:
            lane = self._lanes[statement] = _Lane(0, deque())
        if lane.running:
            waiting = _Waiting(order, row, asyncio.get_running_loop().create_future())
            lane.waiting.append(waiting)
            self._watch(statement, lane)
            return await waiting.done
        lane.running += 1
        try:
            await self._connections.fetchval(statement, *row)
        finally:
            lane.running -= 1
            self._go_on(statement, lane)

    async def close(self) -> None:
        """Finish what is on its way."""
        while self._under_way:
            await asyncio.wait(self._under_way)

    def _watch(self, statement: str, lane: _Lane) -> None:
        if lane.impatience is None and lane.waiting:
            later = asyncio.get_running_loop().call_later
            lane.impatience = later(PATIENCE_S, self._go_on, statement, lane)

    def _go_on(self, statement: str, lane: _Lane) -> None:
        """Send those who wait on their way, `TOGETHER_MAX` of them at most."""
        if lane.impatience is not None:
            lane.impatience.cancel()
            lane.impatience = None
        group: list[_Waiting] = []
        while lane.waiting and len(group) < TOGETHER_MAX:
            waiting = lane.waiting.popleft()
            if not waiting.done.done():  # Else its caller has gone.
                group.append(waiting)
        if not group:
            return
        lane.running += 1
        self._watch(statement, lane)
        task = asyncio.create_task(self._send(statement, lane, group))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _send(self, statement: str, lane: _Lane, group: list[_Waiting]) -> None:
        try:
            await self._commit(statement, group)
        except Exception as failure:  # noqa: BLE001 - told to everyone who waits
            for waiting in group:
                _settle(waiting, failure)
        finally:
            for waiting in group:
                waiting.done.cancel()  # Nobody is left waiting, whatever ended this.
            lane.running -= 1
            self._go_on(statement, lane)

    async def _commit(self, statement: str, group: list[_Waiting]) -> None:
        if len(group) > 1:
            group.sort(key=lambda waiting: waiting.order)
            try:
                await self._connections.executemany(statement, [waiting.row for waiting in group])
            except LAST_WORDS:
                raise
            except asyncpg.PostgresError:
                pass  # One of them was refused, and so nothing has happened: each alone, then.
            else:
                for waiting in group:
                    _settle(waiting)
                return
        for waiting in group:
            try:
                await self._connections.fetchval(statement, *waiting.row)
            except Exception as failure:  # noqa: BLE001 - told to the one who waits for it
                _settle(waiting, failure)
            else:
                _settle(waiting)


def _settle(waiting: _Waiting, failure: Exception | None = None) -> None:
    if waiting.done.done():
        return
    if failure is None:
        waiting.done.set_result(None)
    else:
        waiting.done.set_exception(failure)
