"""How often payment methods, customers and devices were tried and declined, by all processes together.

Without Redis each process counts for itself. With it, and when it is lost, the counts are not known.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Final

from redis.asyncio import Redis

from hub.figures.windows import KEPT_S, Subjects, bucket, field, kept, totals
from hub.redis import SharedMemory

SUBJECTS_MAX: Final = 20_000
"""Whom one process counts for without Redis; who was not seen for longest is forgotten."""
ANSWER_S: Final = 0.1
"""How long a charge waits for counts that a rule asks for."""
_FIELDS_MAX: Final = 2 * (KEPT_S // 300 + 2)
ADD: Final = """
for i, key in ipairs(KEYS) do
  redis.call('HINCRBY', key, ARGV[2 * i + 2], ARGV[2 * i + 3])
  if redis.call('HLEN', key) > tonumber(ARGV[3]) then
    for _, name in ipairs(redis.call('HKEYS', key)) do
      if tonumber(string.sub(name, 2)) < tonumber(ARGV[1]) then redis.call('HDEL', key, name) end
    end
  end
  redis.call('EXPIRE', key, ARGV[2])
end
"""
_READ: Final = """
local found = {}
for i, key in ipairs(KEYS) do found[i] = redis.call('HGETALL', key) end
return found
"""

Increments = Mapping[tuple[str, str], int]
"""What to add, by key and field."""


def adding(increments: Increments, at: datetime) -> tuple[list[str], list[str]]:
    """Give the keys and arguments of `ADD`."""
    arguments = [str(bucket(at, KEPT_S)), str(KEPT_S), str(_FIELDS_MAX)]
    for (_, name), count in increments.items():
        arguments += [name, str(count)]
    return [key for key, _ in increments], arguments


class Counts:
    """Counts of this process, for as long as there is no Redis to share them."""

    def __init__(self) -> None:
        self._fields: OrderedDict[str, dict[str, int]] = OrderedDict()

    def add(self, increments: Increments, at: datetime) -> None:
        """Add to the counts, and forget what counts no more."""
        for (key, name), count in increments.items():
            fields = self._fields.pop(key, {})
            still = kept(fields, at)
            self._fields[key] = {one: fields[one] for one in still} | {name: fields.get(name, 0) + count}
        while len(self._fields) > SUBJECTS_MAX:
            self._fields.popitem(last=False)

    def of(self, key: str) -> Mapping[str, int]:
        """Give the fields of one subject."""
        return self._fields.get(key, {})


async def seen(
    shared: SharedMemory, counts: Counts, subjects: Subjects, asked: Collection[str], at: datetime
) -> dict[str, int]:
    """Give those of the facts *asked* for that are known, in one round trip at most."""
    keys = list(keys_of(subjects, asked).values())
    if not keys:
        return {}
    if shared.client is None:
        return facts_of(subjects, asked, {key: counts.of(key) for key in keys}, at)
    found = await fields_of(shared, keys)
    return facts_of(subjects, asked, dict(zip(keys, found or (), strict=False)), at)


def keys_of(subjects: Subjects, asked: Collection[str]) -> dict[str, str]:
    """Say under which keys is counted what the facts *asked* for are about."""
    return {of: key for of, key in subjects.items() if any(f".{of}." in name for name in asked)}


def facts_of(
    subjects: Subjects, asked: Collection[str], found: Mapping[str, Mapping[str, int]], at: datetime
) -> dict[str, int]:
    """Sum the fields *found* by key to the facts *asked* for; what was not found is not known."""
    told: dict[str, int] = {}
    for of, key in keys_of(subjects, asked).items():
        if key in found:
            told |= totals(found[key], of, at)
    return {name: count for name, count in told.items() if name in asked}


async def fields_of(shared: SharedMemory, keys: list[str]) -> list[dict[str, int]] | None:
    """Read the fields of *keys*, in their order; None where Redis does not answer."""
    found: list[dict[str, int]] | None = await shared.ask(lambda client: _read(client, keys))
    return found


async def _read(client: Redis, keys: list[str]) -> list[dict[str, int]]:
    async with asyncio.timeout(ANSWER_S):
        found: list[list[str]] = await client.eval(_READ, len(keys), *keys)
    return [{name: int(n) for name, n in zip(flat[::2], flat[1::2], strict=True)} for flat in found]


def increments_of(family: str, subjects: Subjects, at: datetime) -> dict[tuple[str, str], int]:
    """Give what to add for one attempt, or for its decline."""
    return {(key, field(family, at)): 1 for key in subjects.values()}
