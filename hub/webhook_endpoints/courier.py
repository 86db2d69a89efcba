"""The courier: claims what is due, endpoint by endpoint, sends it, and writes down how each try ended.

An endpoint that is slow or fails has one request under way at most, so that it takes nothing from the others; what has
ended is committed together. Dying at any moment loses nothing: what was claimed is due again after its lease.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from random import SystemRandom
from typing import Final

import msgspec
import structlog
from sqlalchemy import RowMapping, select

from hub import metrics
from hub.events.showing import shown
from hub.events.tables import events
from hub.payments.shell import Shell
from hub.sealing import SealBrokenError
from hub.webhook_endpoints import queue, store
from hub.webhook_endpoints.door import Answered, Door
from hub.webhook_endpoints.ending import disable_gone
from hub.webhook_endpoints.queue import Claimed, Tried
from hub.webhook_endpoints.rules import (
    DeliveryStatus,
    EndpointStatus,
    Standing,
    next_delay_s,
    retry_after_s,
    room,
)
from hub.webhook_endpoints.secrets import valid_secrets
from hub.webhook_endpoints.signing import signed_headers

LEASE_BEYOND_S: Final = 10.0
"""How much longer than a request may take a delivery stays with the worker that claimed it."""
TOGETHER_MAX: Final = 200
"""Tries that are written down in one commit."""
STANDINGS_MAX: Final = 50_000
STOP_S: Final = 3.0
"""How long a stopping worker waits for answers."""
_AFTER_FAILURE_S: Final = 1.0
_jitter = SystemRandom()
_log = structlog.get_logger(__name__)


class Courier:
    """Sends for one worker; made inside the running event loop."""

    def __init__(
        self, shell: Shell, doors: Mapping[bool, Door], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """Send through *doors*, by livemode."""
        self._shell = shell
        self._doors = doors
        self._monotonic = monotonic
        self._standings: dict[str, Standing] = {}
        self._hints: set[str] = set()
        self._ended: list[Tried] = []
        self._sending: set[asyncio.Task[None]] = set()
        self._something_ended = asyncio.Event()
        self._woken = asyncio.Event()

    def look_at(self, endpoint_ids: Iterable[str]) -> None:
        """Look at these endpoints soon: something of theirs is due."""
        self._hints.update(endpoint_ids)
        if self._hints:
            self._woken.set()

    async def look_at_all(self) -> None:
        """Look at whatever is due."""
        self.look_at(await queue.waited_for(self._shell.database))

    async def wait(self) -> None:
        """Wait until there is something to look at."""
        await self._woken.wait()
        self._woken.clear()

    async def send_due(self) -> int:
        """Claim what there is room for and begin to send it; says how much that is."""
        rooms = self._rooms()
        if not rooms:
            return 0
        lease_s = self._shell.settings.delivery_ms / 1000 + LEASE_BEYOND_S
        try:
            claimed, more = await queue.claim(self._shell.database, rooms, lease_s)
            if claimed:
                await self._begin(claimed)
        except BaseException:
            self.look_at(rooms)
            raise
        self.look_at(more)
        return len(claimed)

    async def write_down(self, stop: asyncio.Event) -> None:
        """Write down what ends, until *stop* and nothing is under way any more."""
        while not (stop.is_set() and not self._sending and not self._ended):
            await self._something_ended.wait()
            self._something_ended.clear()
            while self._ended:
                if not await self._write_batch() and stop.is_set():
                    return  # The database is away: what was sent is sent again after its lease.

    async def end(self) -> None:
        """Let what is under way end soon; what does not is sent again after its lease, by whoever works then."""
        if self._sending:
            _, late = await asyncio.wait(self._sending, timeout=STOP_S)
            for task in late:
                task.cancel()

    def nudge(self) -> None:
        """Have `write_down` and `wait` look whether they should end."""
        self._something_ended.set()
        self._woken.set()

    def _rooms(self) -> dict[str, int]:
        now, rooms = self._monotonic(), {}
        fast = slow = 0
        for standing in self._standings.values():
            if standing.started:
                if standing.is_fast(now):
                    fast += len(standing.started)
                else:
                    slow += len(standing.started)
        hints, self._hints = self._hints, set()
        for endpoint_id in hints:
            standing = self._standings.get(endpoint_id) or Standing(started={})
            if places := room(standing, now, fast=fast, slow=slow):
                rooms[endpoint_id] = places
                if standing.is_fast(now):
                    fast += 1  # Most have one due; a few too many are nobody's harm.
                else:
                    slow += 1
        return rooms

    async def _begin(self, claimed: Sequence[Claimed]) -> None:
        async with self._shell.database.reading() as connection:
            endpoints = await store.endpoints_of(connection, {one.endpoint_id for one in claimed})
            wanted = select(events).where(events.c.id.in_({one.event_id for one in claimed}))
            rows = (await connection.execute(wanted)).mappings().all()
        bodies = {row["id"]: msgspec.json.encode(shown(row)) for row in rows}
        if len(self._standings) > STANDINGS_MAX:
            self._standings = {one: standing for one, standing in self._standings.items() if standing.started}
        for one in claimed:
            standing = self._standings.setdefault(one.endpoint_id, Standing(started={}))
            standing.started[one.id] = self._monotonic()
            task = asyncio.create_task(self._send(one, endpoints[one.endpoint_id], bodies[one.event_id]))
            self._sending.add(task)
            task.add_done_callback(self._sent)

    def _sent(self, task: asyncio.Task[None]) -> None:
        self._sending.discard(task)
        self._something_ended.set()

    async def _send(self, claimed: Claimed, endpoint: RowMapping, body: bytes) -> None:
        at, began = self._shell.clock(), self._monotonic()
        standing = self._standings[claimed.endpoint_id]
        try:
            answered = await self._answer(claimed, endpoint, body, at)
        except Exception:  # noqa: BLE001 - a try that failed for reasons of ours failed too
            _log.exception("delivery_not_sent", delivery=claimed.id)
            answered = Answered(code=None, failure="unreadable")
        finally:
            del standing.started[claimed.id]
        now, failed = self._monotonic(), answered.failure is not None
        standing.ended(now, failed=failed, asked_s=retry_after_s(answered.retry_after, at) or 0.0)
        self._ended.append(_tried(claimed, endpoint, answered, at, now - began))
        if not failed:
            self.look_at([claimed.endpoint_id])

    async def _answer(self, claimed: Claimed, endpoint: RowMapping, body: bytes, at: datetime) -> Answered:
        if endpoint["status"] != EndpointStatus.ENABLED:
            return Answered(code=None, failure="disabled")
        try:
            secrets = valid_secrets(self._shell.sealer, endpoint, at)
        except SealBrokenError as broken:
            _log.error("endpoint_secret_unreadable", endpoint=claimed.endpoint_id, failure=str(broken))
            return Answered(code=None, failure="secret_unreadable")
        headers = signed_headers(claimed.event_id, int(at.timestamp()), body, secrets)
        return await self._doors[bool(endpoint["livemode"])].post(endpoint["url"], headers, body)

    async def _write_batch(self) -> bool:
        batch, self._ended = self._ended[:TOGETHER_MAX], self._ended[TOGETHER_MAX:]
        try:
            await queue.finish(self._shell.database, batch)
        except Exception as failure:  # noqa: BLE001 - what was sent is written down sooner or later
            _log.warning("tries_not_written", tries=len(batch), exc_info=failure)
            self._ended[:0] = batch
            await asyncio.sleep(_AFTER_FAILURE_S)
            return False
        for tried in batch:
            _count(tried)
        self.look_at({one.claimed.endpoint_id for one in batch if one.ordered and one.again_s is None})
        for (endpoint_id, url), at in {
            (o.claimed.endpoint_id, o.url): o.at for o in batch if o.failure == "gone"
        }.items():
            try:
                await disable_gone(self._shell.database, endpoint_id, url, at)
            except Exception as failure:  # noqa: BLE001 - it will answer 410 again
                _log.warning("endpoint_not_disabled", endpoint=endpoint_id, exc_info=failure)
        return True


def _tried(claimed: Claimed, endpoint: RowMapping, answered: Answered, at: datetime, took_s: float) -> Tried:
    again_s = None
    if answered.failure is None:
        status = DeliveryStatus.DELIVERED
    elif answered.failure == "disabled":
        status = DeliveryStatus.SKIPPED
    else:  # What is gone is skipped with all else that waits for it, unless it has moved meanwhile.
        asked_s = retry_after_s(answered.retry_after, at)
        again_s = next_delay_s(claimed.step, _jitter.random(), asked_s)
        status = DeliveryStatus.DEAD if again_s is None else DeliveryStatus.PENDING
    return Tried(
        claimed=claimed,
        status=status,
        again_s=again_s,
        ordered=bool(endpoint["ordered"]),
        url=endpoint["url"],
        at=at,
        response_code=answered.code,
        failure=answered.failure,
        latency_ms=round(took_s * 1000),
        response=answered.text,
    )


def _count(tried: Tried) -> None:
    label = "failed" if tried.again_s is not None else str(tried.status)
    metrics.EVENT_DELIVERIES.labels(label).inc()
    if tried.response_code is not None:
        metrics.EVENT_DELIVERY_SECONDS.observe(tried.latency_ms / 1000)
    if tried.status is DeliveryStatus.DEAD:
        _log.warning(
            "delivery_dead", endpoint=tried.claimed.endpoint_id, delivery=tried.claimed.id, tries=tried.claimed.tries
        )
