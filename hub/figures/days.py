"""How much of its daily limits each account has used: what the database tells, what others did, and what is newer.

A day is UTC's. What the database counts is right but read slowly; what processes tell in Redis is there within the
poll interval; what this process did itself is there at once. The largest of what these lead to counts.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Final

from normalization.money import Money
from routing.accounts import MerchantAccount

COUNT: Final = "count"
"""Stands in place of a currency where payments are counted and not their amounts."""
KEPT: Final = timedelta(days=2)

Used = tuple[str, str]
"""An account's id, and a currency or `COUNT`."""


class Days:
    """What was used of each day; attempts that were declined or never sent are taken back."""

    def __init__(self) -> None:
        self._told: dict[date, tuple[Counter[Used], Counter[Used]]] = {}  # By the database, and done here since.
        self._shared: dict[date, tuple[Counter[Used], Counter[Used]]] = {}  # By Redis, and not told to it yet.

    def add(self, day: date, account: str, money: Money, *, taken_back: bool = False) -> None:
        """Count an attempt at *account*, or take it back."""
        sign = -1 if taken_back else 1
        for known in (self._told, self._shared):
            done = known.setdefault(day, (Counter(), Counter()))[1]
            done[account, COUNT] += sign
            done[account, money.currency] += sign * money.minor

    def reading(self, day: date) -> Counter[Used]:
        """Begin to read the database: what was done until now is in its answer."""
        return Counter(self._told[day][1]) if day in self._told else Counter()

    def read(self, day: date, found: Mapping[Used, int], done_before: Mapping[Used, int]) -> None:
        """Take up what the database told; *done_before* came from `reading`."""
        _, done = self._told.get(day, (Counter[Used](), Counter[Used]()))
        since = Counter(done)
        since.subtract(done_before)
        self._told = {one: kept for one, kept in self._told.items() if one > day - KEPT}
        self._told[day] = Counter(found), since

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
        found = [base[key] + done[key] for base, done in (k[day] for k in (self._told, self._shared) if day in k)]
        return max((0, *found))

    def of(self, day: date, account: str) -> dict[str, int]:
        """List all that went to *account* on *day*: `COUNT`, and minor units by currency."""
        known = [counts for one in (self._told, self._shared) for counts in one.get(day, ())]
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


def is_limited(account: MerchantAccount) -> bool:
    """Whether an account has a daily limit."""
    return account.limits.daily_count_max is not None or account.limits.daily_amount_max is not None
