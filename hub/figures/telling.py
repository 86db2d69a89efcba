"""How a process tells Redis what happened, and what it reads there of a day."""

from collections.abc import Callable, Coroutine, Mapping
from datetime import date, datetime
from typing import Any, Final

import msgspec
from redis.asyncio import Redis

from hub.figures.days import Used
from hub.figures.outcomes import LIST, WAITING_MAX
from hub.figures.rules import Told
from hub.figures.velocity import ADD, adding

DAY_KEPT_S: Final = 2 * 24 * 3_600


def telling(
    increments: Mapping[tuple[str, str], int], days: list[tuple[date, Used, int]], outcomes: list[Told], at: datetime
) -> Callable[[Redis], Coroutine[Any, Any, Any]]:
    """Make what tells Redis all of it in one round trip."""

    async def tell(client: Redis) -> list[Any]:
        pipeline = client.pipeline(transaction=False)
        if increments:
            keys, arguments = adding(increments, at)
            pipeline.eval(ADD, len(keys), *keys, *arguments)
        for day, (account, of), n in days:
            pipeline.hincrby(_day_key(day), f"{account}:{of}", n)
        for day in {day for day, _, _ in days}:
            pipeline.expire(_day_key(day), DAY_KEPT_S)
        if outcomes:
            pipeline.rpush(LIST, *(msgspec.json.encode(one).decode() for one in outcomes))
            pipeline.ltrim(LIST, -WAITING_MAX, -1)
        done: list[Any] = await pipeline.execute()
        return done

    return tell


def _day_key(day: date) -> str:
    return f"hub:used:{day.isoformat()}"


def _used(name: str) -> Used:
    account, _, of = name.rpartition(":")
    return account, of


async def used_of(client: Redis, day: date) -> dict[Used, int]:
    """Read what all processes told of a *day*."""
    found: Any = client.hgetall(_day_key(day))
    told: dict[str, str] = await found
    return {_used(name): int(n) for name, n in told.items()}
