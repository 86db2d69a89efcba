"""Which merchant accounts answer: each process counts for itself, and tells the others when it opens a circuit."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, Final

from redis.asyncio import Redis

from hub import metrics
from hub.redis import SharedMemory
from routing import health
from routing.health import HEALTHY, OPEN_FOR, Circuit, Health

KEY: Final = "hub:circuits"
"""A hash of account id to the instant, in milliseconds since 1970, at which some process opened its circuit."""


class HealthBoard:
    """Circuits of all accounts; without Redis those of this process alone."""

    def __init__(self, shared: SharedMemory, clock: Callable[[], datetime], *, poll_ms: int = 1_000) -> None:
        self._shared = shared
        self._clock = clock
        self._poll_s = poll_ms / 1000
        self._states: dict[str, Health] = {}
        self._told: dict[str, datetime] = {}
        self._task: asyncio.Task[None] | None = None

    def open_circuits(self) -> frozenset[str]:
        """List the accounts that new payments must keep away from now."""
        if not self._states and not self._told:
            return frozenset()
        at = self._clock()
        told = {account for account, opened_at in self._told.items() if at - opened_at < OPEN_FOR}
        return health.open_circuits(self._states, at) | told

    def sending(self, account: str) -> None:
        """Note that a payment goes out: to a half-open account it is the probe."""
        state = self._states.get(account)
        if state is not None:
            self._states[account] = health.probe(state, self._clock())

    async def ended(self, account: str, *, failed: bool, inquiry: bool = False) -> bool:
        """Count how a call ended; returns whether the account has just recovered.

        An inquiry goes through an open circuit: when it is answered the account is back.
        """
        at = self._clock()
        before = self._states.get(account, HEALTHY)
        if not failed and before is HEALTHY and account not in self._told:
            return False
        after = HEALTHY if inquiry and not failed else health.record(before, at, failed=failed)
        self._states[account] = after
        was_open = before.opened_at is not None or account in self._told
        if after.opened_at is not None and after.opened_at != before.opened_at:
            metrics.CIRCUIT_OPEN.labels(account).set(1)
            await self._tell(account, at)
        elif was_open and health.circuit(after, at) is Circuit.CLOSED:
            metrics.CIRCUIT_OPEN.labels(account).set(0)
            await self._tell(account, None)
            return True
        return False

    async def start(self) -> None:
        """Listen to what other processes found, until `stop`."""
        if self._shared.client is not None:
            await self._read()
            self._task = asyncio.create_task(self._poll())

    async def stop(self) -> None:
        """End what `start` began."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _tell(self, account: str, opened_at: datetime | None) -> None:
        if opened_at is None:
            self._told.pop(account, None)
            await self._shared.ask(lambda client: _settled(client.hdel(KEY, account)))
        else:
            stamp = str(int(opened_at.timestamp() * 1000))
            await self._shared.ask(lambda client: _settled(client.hset(KEY, account, stamp)))

    async def _poll(self) -> None:
        while True:
            await asyncio.sleep(self._poll_s)
            await self._read()

    async def _read(self) -> None:
        async def circuits(client: Redis) -> dict[str, str]:
            told: dict[str, str] = await _settled(client.hgetall(KEY))
            return told

        found = await self._shared.ask(circuits)
        oldest = self._clock() - 2 * OPEN_FOR
        opened = {a: datetime.fromtimestamp(int(at) / 1000, UTC) for a, at in (found or {}).items() if at.isdecimal()}
        self._told = {account: at for account, at in opened.items() if at > oldest}


async def _settled(answer: Awaitable[Any] | Any) -> Any:  # noqa: ANN401 - Redis answers anything
    """Await what the client types as perhaps there already."""
    return await answer if isinstance(answer, Awaitable) else answer
