"""Which merchant accounts answer: each process counts for itself, and all of them share the circuits that open.

A circuit that another process opened is taken over, and given up when that one finds the account well. Half open, one
payment of all processes together is the probe: who may send it is settled in Redis beside the charge path.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, Final

from redis.asyncio import Redis

from hub import metrics
from hub.ids import new_id
from hub.redis import SharedMemory
from hub.stopping import stopped
from routing import health
from routing.health import HEALTHY, OPEN_FOR, PROBE_FOR, Circuit, Health

KEY: Final = "hub:circuits"
"""A hash of account id to the instant, in milliseconds since 1970, at which some process opened its circuit."""
PROBE: Final = "hub:probe:"
"""Begins the key of who may send an account's probe."""
TURN_MS: Final = 3_000
"""How long a process may send the probe before another one's turn; once it is sent, until its end."""
_TAKE_TURN: Final = """
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
if not holder then redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) end
if ARGV[3] == '1' then redis.call('PEXPIRE', KEYS[1], ARGV[4]) end
return 1
"""


class HealthBoard:
    """Circuits of all accounts; without Redis those of this process alone."""

    def __init__(self, shared: SharedMemory, clock: Callable[[], datetime], *, poll_ms: int = 1_000) -> None:
        self._shared = shared
        self._clock = clock
        self._poll_s = poll_ms / 1000
        self._me = new_id("")
        self._states: dict[str, Health] = {}
        self._known_open: set[str] = set()  # The accounts whose circuit is open in Redis too.
        self._turns: set[str] | None = None  # The accounts whose probe may be sent here; None: Redis does not say.
        self._task: asyncio.Task[None] | None = None

    def open_circuits(self) -> frozenset[str]:
        """List the accounts that new payments must keep away from now."""
        if not self._states:
            return frozenset()
        at = self._clock()
        away = health.open_circuits(self._states, at)
        if self._turns is None:
            return away
        return away | {one for one in self._half_open(at) if one not in self._turns}

    def circuit_of(self, account: str) -> Circuit:
        """Say where the circuit of *account* stands now."""
        return health.circuit(self._states.get(account, HEALTHY), self._clock())

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
        if not failed and before is HEALTHY:
            return False
        after = HEALTHY if inquiry and not failed else health.record(before, at, failed=failed)
        self._states[account] = after
        if after.opened_at is not None and after.opened_at != before.opened_at:
            metrics.CIRCUIT_OPEN.labels(account).set(1)
            await self._tell(account, at)
        elif before.opened_at is not None and health.circuit(after, at) is Circuit.CLOSED:
            metrics.CIRCUIT_OPEN.labels(account).set(0)
            await self._tell(account, None)
            return True
        return False

    async def start(self) -> None:
        """Listen to what other processes found, until `stop`."""
        if self._shared.client is not None:
            await self.read()
            self._task = asyncio.create_task(self._poll())

    async def stop(self) -> None:
        """End what `start` began."""
        if self._task is not None:
            await stopped([self._task])

    async def read(self) -> None:
        """Take up what other processes found, and whose turn it is to try an account again."""

        async def circuits(client: Redis) -> dict[str, str]:
            told: dict[str, str] = await _settled(client.hgetall(KEY))
            return told

        found = await self._shared.ask(circuits)
        if found is None:
            self._turns = None
            return
        oldest = self._clock() - 2 * OPEN_FOR
        opened = {a: datetime.fromtimestamp(int(at) / 1000, UTC) for a, at in found.items() if at.isdecimal()}
        for account, at in opened.items():
            if at > oldest:
                self._take_over(account, at)
        for account in self._known_open - opened.keys():
            self._states[account] = HEALTHY
            self._known_open.discard(account)
            metrics.CIRCUIT_OPEN.labels(account).set(0)
        self._turns = await self._shared.ask(self._take_turns)

    def _take_over(self, account: str, opened_at: datetime) -> None:
        known = self._states.get(account, HEALTHY).opened_at
        if known is None or (account in self._known_open and known < opened_at):
            self._states[account] = Health(opened_at=opened_at)
            self._known_open.add(account)
            metrics.CIRCUIT_OPEN.labels(account).set(1)

    async def _take_turns(self, client: Redis) -> set[str]:
        turns = set()
        for account in self._half_open(self._clock()):
            sent = "1" if self._states[account].probed_at is not None else "0"
            asked = PROBE + account, self._me, str(TURN_MS), sent, str(int(PROBE_FOR.total_seconds() * 1000))
            if await _settled(client.eval(_TAKE_TURN, 1, *asked)):
                turns.add(account)
        return turns

    def _half_open(self, at: datetime) -> list[str]:
        return [one for one, state in self._states.items() if health.circuit(state, at) is Circuit.HALF_OPEN]

    async def _tell(self, account: str, opened_at: datetime | None) -> None:
        if opened_at is None:
            self._known_open.discard(account)
            await self._shared.ask(lambda client: _settled(client.hdel(KEY, account)))
            return
        stamp = str(int(opened_at.timestamp() * 1000))
        if await self._shared.ask(lambda client: _settled(client.hset(KEY, account, stamp))) is not None:
            self._known_open.add(account)

    async def _poll(self) -> None:
        while True:
            await asyncio.sleep(self._poll_s)
            await self.read()


async def _settled(answer: Awaitable[Any] | Any) -> Any:  # noqa: ANN401 - Redis answers anything
    """Await what the client types as perhaps there already."""
    return await answer if isinstance(answer, Awaitable) else answer
