"""How much of its daily limits each account has used: what the database tells, what others did, and what is newer.

A day is UTC's. What the database counts is right but read slowly; what processes tell in Redis is there within the
poll interval; what this process did itself is there at once. The largest of what these lead to counts.

An attempt goes on while the database is asked, so its answer may hold it already, hold it still, or not hold it yet.
Attempts are therefore known by their ids wherever that can happen, and none is counted twice or taken back unseen.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Final

from msgspec import Struct, field

from normalization.money import Money
from routing.accounts import MerchantAccount

COUNT: Final = "count"
"""Stands in place of a currency where payments are counted and not their amounts."""
KEPT: Final = timedelta(days=2)
NAMED_MAX: Final = 20_000
"""Attempts of a day that are known by their ids; of older ones it is known that they count, and no longer which."""

Used = tuple[str, str]
"""An account's id, and a currency or `COUNT`."""


class Attempt(Struct, frozen=True):
    """What an attempt takes of its account's day."""

    account: str
    money: Money


class Found(Struct, frozen=True):
    """What the database tells of a day: those of its attempts that may be taken back or are new, and all the others."""

    named: Mapping[str, Attempt]
    others: Mapping[Used, int]


class Reading(Struct, frozen=True):
    """A question to the database that is under way: what its answer may hold or not, and what it may hold still."""

    day: date
    begun: dict[str, Attempt] = field(default_factory=dict)
    taken_back: set[str] = field(default_factory=set)


class _Told(Struct):
    """What counts of a day by the database's answer and by what was done here since: altogether, and by ids."""

    counts: Counter[Used] = field(default_factory=Counter)
    named: dict[str, Attempt] = field(default_factory=dict)

    def take(self, attempt_id: str, attempt: Attempt) -> None:
        _count(self.counts, attempt, 1)
        self.named[attempt_id] = attempt
        if len(self.named) > NAMED_MAX:
            del self.named[next(iter(self.named))]

    def give_back(self, attempt_id: str) -> None:
        """Count an attempt no more; one that is not known by its id was not counted, or the next reading tells."""
        attempt = self.named.pop(attempt_id, None)
        if attempt is not None:
            _count(self.counts, attempt, -1)


class Days:
    """What was used of each day; attempts that were declined or never sent are taken back."""

    def __init__(self) -> None:
        self._told: dict[date, _Told] = {}
        self._reading: Reading | None = None
        self._shared: dict[date, tuple[Counter[Used], Counter[Used]]] = {}  # By Redis, and not told to it yet.

    def add(self, day: date, attempt_id: str, attempt: Attempt, *, limited: bool = True) -> None:
        """Count an attempt that is committed; of accounts that are not *limited* only Redis is told."""
        self._share(day, attempt, 1)
        if not limited:
            return
        told = self._told.setdefault(day, _Told())
        if attempt_id in told.named:
            return  # The database was read between its commit and this note of it.
        told.take(attempt_id, attempt)
        if self._reading is not None and self._reading.day == day:
            self._reading.begun[attempt_id] = attempt

    def take_back(self, day: date, attempt_id: str, attempt: Attempt) -> None:
        """Count an attempt no more, whose end is committed."""
        self._share(day, attempt, -1)
        if day in self._told:
            self._told[day].give_back(attempt_id)
        if self._reading is not None and self._reading.day == day:
            self._reading.taken_back.add(attempt_id)

    def reading(self, day: date) -> Reading:
        """Begin to read the database, one reading at a time: what was done until now is in its answer."""
        self._reading = Reading(day)
        return self._reading

    def read(self, reading: Reading, found: Found) -> None:
        """Take up what the database told."""
        self._reading, day = None, reading.day
        told = _Told(Counter(found.others))
        for attempt_id, attempt in {**found.named, **reading.begun}.items():
            if attempt_id not in reading.taken_back:
                told.take(attempt_id, attempt)
        self._told = {one: kept for one, kept in self._told.items() if one > day - KEPT}
        self._told[day] = told

    def _share(self, day: date, attempt: Attempt, sign: int) -> None:
        _count(self._shared.setdefault(day, (Counter(), Counter()))[1], attempt, sign)

    def untold(self) -> list[tuple[date, Used, int]]:
        """List what Redis is to be told."""
        return [(day, used, n) for day, (_, done) in self._shared.items() for used, n in done.items() if n]

    def told(self, told: Iterable[tuple[date, Used, int]]) -> None:
        """Note that Redis was told; its counts are read after that."""
        for day, used, n in told:
            if day in self._shared:
                base, done = self._shared[day]
                base[used] += n
                done[used] -= n

    def shared(self, day: date, found: Mapping[Used, int]) -> None:
        """Take up what Redis counts."""
        self._shared = {one: kept for one, kept in self._shared.items() if one > day - KEPT}
        _, done = self._shared.get(day, (Counter[Used](), Counter[Used]()))
        self._shared[day] = Counter(found), done

    def used(self, day: date, account: str, of: str) -> int:
        """Say how much of *of* (a currency, or `COUNT`) went to *account* on *day*."""
        key = account, of
        told = self._told[day].counts[key] if day in self._told else 0
        shared = sum(counts[key] for counts in self._shared.get(day, ()))
        return max(0, told, shared)

    def of(self, day: date, account: str) -> dict[str, int]:
        """List all that went to *account* on *day*: `COUNT`, and minor units by currency."""
        known = [*self._shared.get(day, ()), *([self._told[day].counts] if day in self._told else [])]
        named = {of for counts in known for name, of in counts if name == account}
        return {of: self.used(day, account, of) for of in sorted(named)}

    def reached(self, day: date, accounts: Iterable[MerchantAccount], money: Money) -> frozenset[str]:
        """List those of *accounts* whose limits leave no room for *money* on *day*."""
        return frozenset(one.id for one in accounts if self._is_reached(day, one, money))

    def _is_reached(self, day: date, account: MerchantAccount, money: Money) -> bool:
        count, amount = account.limits.daily_count_max, account.limits.daily_amount_max
        if count is not None and self.used(day, account.id, COUNT) >= count:
            return True
        return amount is not None and self.used(day, account.id, money.currency) + money.minor > amount


def _count(counts: Counter[Used], attempt: Attempt, sign: int) -> None:
    counts[attempt.account, COUNT] += sign
    counts[attempt.account, attempt.money.currency] += sign * attempt.money.minor


def is_limited(account: MerchantAccount) -> bool:
    """Whether an account has a daily limit."""
    return account.limits.daily_count_max is not None or account.limits.daily_amount_max is not None
