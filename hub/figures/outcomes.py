"""What accounts approve, learned by all processes together.

Every process puts outcomes on a list in Redis. One process at a time, who holds a lease, learns from them and
publishes what is known as one value that all of them read. Without Redis each process learns for itself; when it is
lost, what was known goes on being used.
"""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec
import structlog
from msgspec import Struct
from redis.asyncio import Redis

from hub.figures.rules import Told
from hub.ids import new_id
from hub.redis import SharedMemory
from routing.evidence import NOTHING, Evidence, Group, Latest, Outcome, Tally, groups_within, learn

LIST: Final = "hub:outcomes"
VALUE: Final = "hub:evidence"
VERSION: Final = "hub:evidence:version"
LEASE: Final = "hub:evidence:lease"
WAITING_MAX: Final = 10_000
"""Outcomes that wait to be learned from; the oldest are dropped."""
AT_ONCE: Final = 2_000
SLICE: Final = 200
"""Outcomes learned from before somebody else has a turn."""
LEASE_MS: Final = 5_000
_TAKE_LEASE: Final = """
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""
_PUBLISH: Final = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[2], ARGV[2])
redis.call('SET', KEYS[3], ARGV[3])
redis.call('LTRIM', KEYS[4], ARGV[4], -1)
return 1
"""
_log = structlog.get_logger(__name__)


class _Written(Struct, frozen=True, array_like=True):
    """Evidence as it is published; tallies name their group by its place in `seen`."""

    seen: list[tuple[Group, int]] = []
    tallies: list[tuple[int, str, float, float, int, int]] = []
    latest: list[tuple[str, float, float, float, float, int]] = []


class _Published(Struct, frozen=True, array_like=True):
    version: int
    test: _Written
    live: _Written


class Known(Struct, frozen=True):
    """What was learned in each mode; `version` counts how often something was."""

    version: int = 0
    test: Evidence = NOTHING
    live: Evidence = NOTHING

    def of(self, *, livemode: bool) -> Evidence:
        """Give one mode's."""
        return self.live if livemode else self.test


async def learned(known: Known, told: Sequence[Told]) -> Known:
    """Learn from outcomes of both modes, a few at a time."""
    test, live = known.test, known.live
    for start in range(0, len(told), SLICE):
        some = told[start : start + SLICE]
        test = learn(test, [_outcome(one) for one in some if not one.livemode])
        live = learn(live, [_outcome(one) for one in some if one.livemode])
        await asyncio.sleep(0)
    return Known(known.version + 1, test, live)


class Learning:
    """One process's part in learning."""

    def __init__(self, shared: SharedMemory) -> None:
        self.known = Known()
        self._shared = shared
        self._me = new_id("")
        self._waiting: list[Told] = []

    @property
    def name(self) -> str:
        """Name what is known: what this process learned by itself is nobody else's, nor its own after a restart."""
        alone = self._shared.client is None and self.known.version
        return f"{self._me}:{self.known.version}" if alone else str(self.known.version)

    def add(self, told: Told) -> None:
        """Take note of an outcome."""
        if len(self._waiting) < WAITING_MAX:
            self._waiting.append(told)

    def take(self) -> list[Told]:
        """Give what waits, to be told to Redis."""
        taken, self._waiting = self._waiting, []
        return taken

    async def learn(self) -> None:
        """Learn from what waits, or take up what was published; who holds the lease publishes."""
        if self._shared.client is None:
            if self._waiting:
                self.known = await learned(self.known, self.take())
            return
        await self._shared.ask(self._exchange)

    async def _exchange(self, client: Redis) -> bool:
        version = await client.get(VERSION)
        if version is not None and version != str(self.known.version):
            await self._take_up(str(await client.get(VALUE)))
        if not await client.eval(_TAKE_LEASE, 1, LEASE, self._me, str(LEASE_MS)):
            return False
        waiting: Any = client.lrange(LIST, 0, AT_ONCE - 1)
        told = _read(await waiting)
        if told[0] or (version is None and self.known.version):
            known = await learned(self.known, told[1])
            # Of fifty accounts it is megabytes, and charges go on meanwhile; so below.
            value, keys = await asyncio.to_thread(_write, known), (LEASE, VALUE, VERSION, LIST)
            if await client.eval(_PUBLISH, len(keys), *keys, self._me, value, str(known.version), str(told[0])):
                self.known = known
        return True

    async def _take_up(self, value: str) -> None:
        try:
            self.known = await asyncio.to_thread(_known, value)
        except msgspec.MsgspecError as wrong:
            _log.warning("evidence_not_read", failure=str(wrong))


def _read(lines: Iterable[str]) -> tuple[int, list[Told]]:
    """Read outcomes; what cannot be read is counted all the same, so that it does not stay."""
    count, told = 0, []
    for line in lines:
        count += 1
        try:
            told.append(msgspec.json.decode(line, type=Told))
        except msgspec.MsgspecError as wrong:
            _log.warning("outcome_not_read", failure=str(wrong))
    return count, told


def _outcome(told: Told) -> Outcome:
    return Outcome(told.account, groups_within(told.group), told.approved)


def _write(known: Known) -> str:
    return msgspec.json.encode(_Published(known.version, _written(known.test), _written(known.live))).decode()


def _known(value: str) -> Known:
    published = msgspec.json.decode(value, type=_Published)
    return Known(published.version, _evidence(published.test), _evidence(published.live))


def _written(evidence: Evidence) -> _Written:
    places = {group: place for place, group in enumerate(evidence.seen)}
    return _Written(
        seen=list(evidence.seen.items()),
        tallies=[
            (places[group], account, tally.approved, tally.total, tally.at, tally.age)
            for (group, account), tally in evidence.tallies.items()
        ],
        latest=[
            (account, one.approved, one.expected, one.variance, one.total, one.age)
            for account, one in evidence.latest.items()
        ],
    )


def _evidence(written: _Written) -> Evidence:
    groups = [group for group, _ in written.seen]
    return Evidence(
        seen=dict(written.seen),
        tallies={
            (groups[place], account): Tally(approved, total, at, age)
            for place, account, approved, total, at, age in written.tallies
        },
        latest={
            account: Latest(approved, expected, variance, total, age)
            for account, approved, expected, variance, total, age in written.latest
        },
    )
