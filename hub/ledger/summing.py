"""What transfers add up to, per account and currency: no sum ever holds two currencies; pure."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

from msgspec import Struct


class Moved(NamedTuple):
    """Transfers alike, added up: between the same two accounts, in one currency."""

    debit: str
    credit: str
    currency: str
    amount_minor: int


class Sums(Struct, frozen=True):
    """What was booked on the two sides of an account in one currency, in minor units; never negative."""

    debits_minor: int = 0
    credits_minor: int = 0

    def __add__(self, other: "Sums") -> "Sums":
        """Add up two stretches of one account and currency."""
        return Sums(self.debits_minor + other.debits_minor, self.credits_minor + other.credits_minor)

    def __sub__(self, other: "Sums") -> "Sums":
        """Take away what a part of the account's transfers add up to."""
        return Sums(self.debits_minor - other.debits_minor, self.credits_minor - other.credits_minor)


class Day(NamedTuple):
    """Which transfers a row of `ledger_days` adds up; one field a column."""

    livemode: bool
    day: date
    account: str
    currency: str
    code: str


Totals = dict[tuple[str, str], Sums]
"""Sums by account and currency."""


def by_account(moved: Iterable[Moved]) -> Totals:
    """Add up both sides of every transfer."""
    found: Totals = defaultdict(Sums)
    for debit, credit, currency, minor in moved:
        found[debit, currency] += Sums(debits_minor=minor)
        found[credit, currency] += Sums(credits_minor=minor)
    return dict(found)


def by_day(moved: Iterable[tuple[bool, date, str, Moved]]) -> dict[Day, Sums]:
    """Add up both sides of every transfer, by mode, day and code too."""
    found: dict[Day, Sums] = defaultdict(Sums)
    for livemode, day, code, (debit, credit, currency, minor) in moved:
        found[Day(livemode, day, debit, currency, code)] += Sums(debits_minor=minor)
        found[Day(livemode, day, credit, currency, code)] += Sums(credits_minor=minor)
    return dict(found)


def added(one: Totals, other: Totals) -> Totals:
    """Add up the sums of two stretches."""
    return {key: one.get(key, Sums()) + other.get(key, Sums()) for key in {**one, **other}}
