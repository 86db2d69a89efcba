"""How many requests one API key may send in a minute, counted over all processes where Redis is there.

A minute begins with the first request after the last minute ended, so that no more than the limit passes in any of
them. When Redis is lost each process counts for itself: limits loosen, nobody is turned away for it.
"""

import time
from collections.abc import Callable
from math import ceil
from typing import Final

from redis.asyncio import Redis

from hub.redis import SharedMemory

WINDOW_MS: Final = 60_000
_KEYS_MAX: Final = 10_000
_COUNT: Final = """
local count = redis.call('INCR', KEYS[1])
if count == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
if count <= tonumber(ARGV[2]) then return 0 end
local left = redis.call('PTTL', KEYS[1])
if left < 0 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) return tonumber(ARGV[1]) end
return math.max(left, 1)
"""


class RateLimiter:
    """Counts requests; `per_minute` is the most that pass."""

    def __init__(self, shared: SharedMemory, per_minute: int, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._shared = shared
        self._per_minute = per_minute
        self._monotonic = monotonic
        self._counts: dict[str, tuple[float, int]] = {}

    async def take(self, key: str) -> int | None:
        """Count one request of *key*; None: it may pass, else the whole seconds to wait."""

        async def count(client: Redis) -> int:
            told: int = await client.eval(_COUNT, 1, f"hub:limit:{key}", str(WINDOW_MS), str(self._per_minute))
            return told

        left_ms = None if self._shared.client is None else await self._shared.ask(count)
        if left_ms is None:
            left_ms = self._count_here(key)
        return ceil(left_ms / 1000) if left_ms else None

    def _count_here(self, key: str) -> float:
        now = self._monotonic()
        ends, count = self._counts.get(key, (0.0, 0))
        if now >= ends:
            if len(self._counts) >= _KEYS_MAX:
                self._counts = {k: kept for k, kept in self._counts.items() if kept[0] > now}
            ends, count = now + WINDOW_MS / 1000, 0
        self._counts[key] = (ends, count + 1)
        return 0 if count < self._per_minute else max((ends - now) * 1000, 1)
