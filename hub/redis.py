"""Redis or Valkey, where there is one: shared limits and wake-ups, never the truth.

Whatever fails here is answered with "not now": the caller goes on without, and Redis is left alone for a second so
that a dead one does not cost every request its timeout.
"""

import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

ANSWER_SECONDS: Final = 0.25
REST_SECONDS: Final = 1.0
_log = structlog.get_logger(__name__)


class SharedMemory:
    """An optional Redis; without a URL it is never there."""

    def __init__(self, url: str | None, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.client: Redis | None = None
        if url:
            self.client = Redis.from_url(
                url, socket_timeout=ANSWER_SECONDS, socket_connect_timeout=ANSWER_SECONDS, decode_responses=True
            )
        self._monotonic = monotonic
        self._resting_until = 0.0

    async def ask(self, question: Callable[[Redis], Awaitable[Any]]) -> Any:  # noqa: ANN401 - Redis answers anything
        """Ask Redis; None where there is none or it does not answer."""
        if self.client is None or self._monotonic() < self._resting_until:
            return None
        try:
            return await question(self.client)
        except (RedisError, OSError, TimeoutError) as failure:
            self._resting_until = self._monotonic() + REST_SECONDS
            _log.warning("redis_unavailable", failure=type(failure).__name__)
            return None

    async def publish(self, channel: str, message: str) -> None:
        """Wake whoever listens; nobody may rely on it."""
        await self.ask(lambda client: client.publish(channel, message))

    async def close(self) -> None:
        """Close every connection."""
        if self.client is not None:
            await self.client.aclose()
