"""Which merchant accounts answer: each process counts for itself, and all of them share the circuits that open.

What was found last counts, whoever found it: each account has one word, when it was found failing or well, and a later
word takes the place of an earlier one, here and in Redis. So nothing is forgotten when Redis is lost: each process goes
on by the last word it knows, and tells it anew to a Redis that has none. Half open, one payment of all processes
together is the probe: who may send it is settled in Redis beside the charge path.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import structlog
from redis.asyncio import Redis

from hub import metrics
from hub.ids import new_id
from hub.redis import SharedMemory
from hub.stopping import stopped
from routing import health
from routing.health import HEALTHY, OPEN_FOR, PROBE_FOR, Circuit, Health

KEY: Final = "hub:circuits"
"""A hash of account id to its word: the instant, in milliseconds since 1970, below zero where it was found well."""
PROBE: Final = "hub:probe:"
"""Begins the key of who may send an account's probe."""
NEXT: Final = ":next"
"""Ends the key of whose turn is next."""
TURN_MS: Final = 3_000
"""How long a process may send the probe before another one's turn; once it is sent, until its end."""
STAMP_DIGITS: Final = 14
"""Of an instant in milliseconds, for some thousand years."""
_SAY: Final = """
for i = 1, #ARGV, 2 do
  local known = tonumber(redis.call('HGET', KEYS[1], ARGV[i])) or 0
  if math.abs(known) < math.abs(tonumber(ARGV[i + 1])) then redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
end
return 1
"""
_TAKE_TURN: Final = """
local holder, first = redis.call('GET', KEYS[1]), redis.call('GET', KEYS[2])
if holder and holder ~= ARGV[1] then
  if not first or first == ARGV[1] then redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[5]) end
  return 0
end
if not holder then
  if first and first ~= ARGV[1] then return 0 end
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
  redis.call('DEL', KEYS[2])
end
if ARGV[3] == '1' then redis.call('PEXPIRE', KEYS[1], ARGV[4]) end
return 1
"""
"""Who asked while another had the turn is the next: who had it asks again the moment it ends, and would keep it."""


_log = structlog.get_logger(__name__)


class HealthBoard:
    """Circuits of all accounts; without Redis those of this process alone."""

    def __init__(
        self, shared: SharedMemory, clock: Callable[[], datetime], *, poll_ms: int = 1_000, turn_ms: int = TURN_MS
    ) -> None:
        self._shared = shared
        self._clock = clock
        self._poll_s = poll_ms / 1000
        self._turn_ms = turn_ms
        self._me = new_id("")
        self._states: dict[str, Health] = {}
        self._unanswered: set[str] = set()
        self._heard: set[str] = set()  # The accounts that answered this process at some time.
        self._words: dict[str, int] = {}
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

    def unanswered(self, account: str) -> None:
        """Note that a question found no answer: the first call that does find one says that the account is back."""
        self._unanswered.add(account)

    def silent(self, among: Sequence[str]) -> list[str]:
        """Pick the accounts that did not answer this process the last time, or have not done so yet."""
        self._unanswered.update(account for account in among if account not in self._heard)
        return [account for account in among if account in self._unanswered]

    async def ended(self, account: str, *, failed: bool, inquiry: bool = False) -> bool:
        """Count how a call ended; returns whether the account is just back: the first success after any failure.

        An inquiry goes through an open circuit: when it is answered the account is back.
        """
        back = not failed and account in self._unanswered
        (self._unanswered.add if failed else self._unanswered.discard)(account)
        if not failed:
            self._heard.add(account)
        at = self._clock()
        before = self._states.get(account, HEALTHY)
        if not failed and before is HEALTHY:
            return back
        after = HEALTHY if inquiry and not failed else health.record(before, at, failed=failed)
        self._states[account] = after
        if after.opened_at is not None and after.opened_at != before.opened_at:
            metrics.CIRCUIT_OPEN.labels(account).set(1)
            await self._say(account, at, well=False)
        elif before.opened_at is not None and health.circuit(after, at) is Circuit.CLOSED:
            metrics.CIRCUIT_OPEN.labels(account).set(0)
            await self._say(account, at, well=True)
            return True
        return back

    async def start(self) -> None:
        """Listen to what other processes found, until `stop`."""
        if self._shared.client is not None:
            await self._read_once()
            self._task = asyncio.create_task(self._poll())

    async def stop(self) -> None:
        """End what `start` began."""
        if self._task is not None:
            await stopped([self._task])

    async def read(self) -> None:
        """Take up what other processes found, say what they do not know, and ask whose turn it is to try an account."""

        async def circuits(client: Redis) -> dict[str, str]:
            told: dict[str, str] = await _settled(client.hgetall(KEY))
            return told

        found = await self._shared.ask(circuits)
        if found is None:
            self._turns = None
            return
        told = {account: word for account, text in found.items() if (word := _word(text)) is not None}
        for account, word in told.items():
            if abs(word) > abs(self._words.get(account, 0)):
                self._take_over(account, word)
        newer = {account: word for account, word in self._words.items() if abs(word) > abs(told.get(account, 0))}
        if newer:
            await self._tell(newer)
        self._turns = await self._shared.ask(self._take_turns)

    def _take_over(self, account: str, word: int) -> None:
        """Go by a later word; one of a failure so long ago that the account may be tried again by now says nothing."""
        now = self._clock()
        at = min(now, datetime.fromtimestamp(abs(word) / 1000, UTC))  # Another process's clock may be ahead.
        if word > 0 and at <= now - 2 * OPEN_FOR:
            return
        self._words[account] = word
        was_open = self._states.get(account, HEALTHY).opened_at is not None
        if word > 0 or was_open:
            self._states[account] = Health(opened_at=at) if word > 0 else HEALTHY
            metrics.CIRCUIT_OPEN.labels(account).set(int(word > 0))

    async def _take_turns(self, client: Redis) -> set[str]:
        turns = set()
        for account in self._half_open(self._clock()):
            sent = "1" if self._states[account].probed_at is not None else "0"
            lasts_ms = self._turn_ms, int(PROBE_FOR.total_seconds() * 1000), int(2_000 * self._poll_s)
            turn, probe, comes_again = map(str, lasts_ms)
            keys = PROBE + account, PROBE + account + NEXT
            if await _settled(client.eval(_TAKE_TURN, 2, *keys, self._me, turn, sent, probe, comes_again)):
                turns.add(account)
        return turns

    def _half_open(self, at: datetime) -> list[str]:
        return [one for one, state in self._states.items() if health.circuit(state, at) is Circuit.HALF_OPEN]

    async def _say(self, account: str, at: datetime, *, well: bool) -> None:
        """Have the last word, whatever the clocks of those who spoke before."""
        stamp = max(int(at.timestamp() * 1000), abs(self._words.get(account, 0)) + 1)
        self._words[account] = -stamp if well else stamp
        await self._tell({account: self._words[account]})

    async def _tell(self, words: Mapping[str, int]) -> None:
        """Tell Redis; what it does not hear now it is told in the next round."""
        said = [text for account, word in words.items() for text in (account, str(word))]
        await self._shared.ask(lambda client: _settled(client.eval(_SAY, 1, KEY, *said)))

    async def _poll(self) -> None:
        while True:
            await asyncio.sleep(self._poll_s)
            await self._read_once()

    async def _read_once(self) -> None:
        """Do one round; what goes wrong in it must not end the rounds after it."""
        try:
            await self.read()
        except Exception:  # noqa: BLE001 - see above
            _log.exception("circuits_not_read")


def _word(text: str) -> int | None:
    """Read a word; None for what is none."""
    digits = text.removeprefix("-")
    return int(text) if digits.isdecimal() and 0 < len(digits) <= STAMP_DIGITS else None


async def _settled(answer: Awaitable[Any] | Any) -> Any:  # noqa: ANN401 - Redis answers anything
    """Await what the client types as perhaps there already."""
    return await answer if isinstance(answer, Awaitable) else answer
