"""What is wrong with the books, in sentences; pure."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Final, NamedTuple

from hub.ledger import chart
from hub.ledger.codes import CODES
from hub.ledger.summing import Day, Moved, Sums, by_day
from normalization.money import written

SHOWN_MAX: Final = 20
"""Findings of one kind that are told one by one."""


class Group(NamedTuple):
    """Transfers alike, added up; `closed`: they are in a stretch that was added up before."""

    closed: bool
    livemode: bool
    day: date
    debit: str
    credit: str
    currency: str
    code: str
    amount_minor: int
    many: int
    first: str  # The smallest of their ids, to look at.


Owed = Mapping[tuple[bool, str, str], int]
"""What a processor owes us in minor units, by mode, merchant account and currency."""


def misnamed(groups: Iterable[Group], modes: Mapping[str, bool]) -> Iterator[str]:
    """Tell of accounts and codes that do not exist, or do not go together; *modes* are merchant accounts' modes."""
    seen = set()
    for group in groups:
        alike = (group.livemode, group.debit, group.credit, group.currency, group.code)
        if alike in seen:
            continue
        seen.add(alike)
        for account in (group.debit, group.credit):
            yield from _misnamed(account, group, modes)
        yield from _miscoded(group)


def _misnamed(name: str, group: Group, modes: Mapping[str, bool]) -> Iterator[str]:
    account = chart.read(name)
    if account is None:
        yield f"{group.first} is booked on {name!r}, which is not in the chart of accounts"
        return
    if not account.holds(group.currency):
        yield f"{group.first} books {group.currency} on {name}, which holds one currency only"
    own = account.merchant_account
    if own is None:
        return
    if own not in modes:
        yield f"{group.first} is booked on {name}, and there is no such merchant account"
    elif modes[own] is not group.livemode:
        yield f"{group.first} is of {mode(group.livemode)} and booked on {name}, which is of {mode(modes[own])}"


def _miscoded(group: Group) -> Iterator[str]:
    code = CODES.get(group.code)
    if code is None:
        yield f"{group.first} has the code {group.code!r}, which no page explains"
        return
    debit, credit = chart.read(group.debit), chart.read(group.credit)
    if debit and credit and not code.fits(debit.kind.name, credit.kind.name):
        yield f"{group.first} of the code {code.name} moves {group.credit} to {group.debit}, which it never does"


def mode(livemode: bool) -> str:  # noqa: FBT001 - a value to be named
    """Name a mode."""
    return "live mode" if livemode else "test mode"


def miscounted(groups: Iterable[Group], days: Mapping[Day, Sums], counted: int) -> Iterator[str]:
    """Tell where what was added up once is not what the transfers add up to; *counted* is how many there were."""
    closed = [group for group in groups if group.closed]
    many = sum(group.many for group in closed)
    if many != counted:
        yield f"{counted} transfers were added up, and {many} of them are there"
    truth = by_day((g.livemode, g.day, g.code, Moved(g.debit, g.credit, g.currency, g.amount_minor)) for g in closed)
    for day in sorted({*truth, *days}):
        is_, was = truth.get(day, Sums()), days.get(day, Sums())
        if is_ != was:
            yield (
                f"{mode(day.livemode)}, {day.day}: {day.code} on {day.account} was added up to {_both(was, day)}, "
                f"and its transfers add up to {_both(is_, day)}"
            )


def _both(sums: Sums, day: Day) -> str:
    return f"{written(sums.debits_minor, day.currency)} debit, {written(sums.credits_minor, day.currency)} credit"


def owed(groups: Iterable[Group], modes: Mapping[str, bool]) -> Owed:
    """Say what stands on every merchant account's receivable."""
    names = {chart.receivable(id_): id_ for id_ in modes}
    found: dict[tuple[bool, str, str], int] = defaultdict(int)
    for group in groups:
        for side, sign in ((group.debit, 1), (group.credit, -1)):
            if side in names:
                found[group.livemode, names[side], group.currency] += sign * group.amount_minor
    return dict(found)


class Unexplained(NamedTuple):
    """A receivable that is not what is still expected; amounts in minor units."""

    livemode: bool
    merchant_account: str
    currency: str
    stands: int
    expected: int
    resolved: int


def unexplained(stands: Owed, expected: Owed, resolved: Owed) -> Iterator[Unexplained]:
    """Find where the receivable is not what is expected and not settled, and what humans have booked on it."""
    for key in sorted({*stands, *expected, *resolved}):
        parts = stands.get(key, 0), expected.get(key, 0), resolved.get(key, 0)
        if parts[0] != parts[1] + parts[2]:
            yield Unexplained(*key, *parts)
