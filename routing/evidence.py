"""How likely an account approves a payment, from the outcomes of payments like it, the newer ones counting more.

Outcomes are counted by what the payment has in common with others, from coarse to fine: nothing, its currency, with its
card's brand and funding, with the issuing country. The finer count corrects the coarser one as far as it has seen
something. Each count forgets by the outcomes that came after, at whichever account, so an account that is hardly used
any more is soon known by its latest outcomes alone. And where an account's last outcomes are far from what was expected
of it, all that was counted before is put aside: it has changed.
"""

from collections.abc import Iterable, Mapping
from math import sqrt
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from routing.facts import Facts

REMEMBERED: Final = 0.9985
"""What an outcome still counts after one more in its group: half of it after about 460."""
DOUBTS: Final = (4.0, 40.0, 80.0, 80.0)
"""How many outcomes the coarser count weighs against each group's own; for the coarsest that is `PRIOR`."""
PRIOR: Final = 0.8
"""What is taken for likely where nothing at all is known; the same for all accounts, so it prefers none."""
RECENT: Final = 0.93
"""What an outcome still counts among an account's last ones after one more of its own: about 14 count."""
SURPRISE: Final = 4.0
"""From how many standard deviations on an account's last outcomes say that it has changed."""
GROUPS_MAX: Final = 500
"""Groups that are kept: those that no payment was in for longest are forgotten first."""
LATEST_MIN: Final = 4.0
"""Recent outcomes before they can say so."""

Group = tuple[str, ...]
"""What payments have in common: (), (currency,), (currency, brand, funding), (currency, brand, funding, country)."""


class Tally(Struct, frozen=True):
    """Outcomes of one account in one group, as they counted when the group had seen `at` outcomes in all.

    `age` is how often the account had changed before.
    """

    approved: float = 0.0
    total: float = 0.0
    at: int = 0
    age: int = 0


class Latest(Struct, frozen=True):
    """An account's last outcomes beside what was expected of them; `age` is how often it has changed."""

    approved: float = 0.0
    expected: float = 0.0
    variance: float = 0.0
    total: float = 0.0
    age: int = 0


class Estimate(Struct, frozen=True):
    """How likely an approval is; `outcomes` is how many recent ones of the account in the currency that rests on."""

    approval: float
    outcomes: float


class Evidence(Struct, frozen=True):
    """Tallies by group and account, how many outcomes each group has seen, and each account's last ones.

    `seen` has the groups in the order in which outcomes came last.
    """

    seen: Mapping[Group, int] = {}
    tallies: Mapping[tuple[Group, str], Tally] = {}
    latest: Mapping[str, Latest] = {}


NOTHING: Final = Evidence()


class Outcome(Struct, frozen=True):
    """One payment that an account approved or declined."""

    account: str
    groups: tuple[Group, ...]
    approved: bool


def groups_of(facts: Facts) -> tuple[Group, ...]:
    """List the groups that a payment belongs to, the coarsest first; what is not known makes a group too."""
    card = facts.card
    return groups_within((facts.money.currency.value, card.brand or "", card.funding or "", card.country or ""))


def groups_within(finest: Group) -> tuple[Group, ...]:
    """List the groups that the *finest* one lies in, itself included, the coarsest first."""
    return (), finest[:1], finest[:3], finest


def estimate(evidence: Evidence, account: str, groups: tuple[Group, ...]) -> Estimate:
    """Estimate from coarse to fine how likely *account* approves a payment in *groups*, which may end at any."""
    approval, outcomes = PRIOR, 0.0
    latest = evidence.latest.get(account)
    if latest is None:
        return Estimate(approval, outcomes)
    for level, (group, doubt) in enumerate(zip(groups, DOUBTS, strict=False)):
        tally = evidence.tallies.get((group, account))
        if tally is None or tally.age != latest.age:
            break  # Who has no outcome in a group has none in a finer one.
        kept = REMEMBERED ** (evidence.seen.get(group, tally.at) - tally.at)
        approval = (tally.approved * kept + doubt * approval) / (tally.total * kept + doubt)
        if level <= 1:
            outcomes = tally.total * kept
    return Estimate(approval, outcomes)


def learn(evidence: Evidence, outcomes: Iterable[Outcome]) -> Evidence:
    """Add *outcomes* to what is known, in their order; beyond `GROUPS_MAX` the groups seen longest ago are dropped."""
    seen, tallies, latest = dict(evidence.seen), dict(evidence.tallies), dict(evidence.latest)
    known = Evidence(seen, tallies, latest)
    for one in outcomes:
        expected = estimate(known, one.account, one.groups).approval
        before = latest.get(one.account, Latest())
        now = _latest(before, expected, approved=one.approved)
        latest[one.account] = now
        for group in reversed(one.groups):  # The coarsest last: it is to be forgotten after the finer ones.
            seen[group] = seen.pop(group, 0) + 1
            tally = tallies.get((group, one.account), Tally())
            if tally.age == now.age:
                tallies[group, one.account] = _count(tally, seen[group], approved=one.approved)
            else:  # It has changed, and starts anew.
                tallies[group, one.account] = Tally(float(one.approved), 1.0, seen[group], now.age)
    return known if len(seen) <= GROUPS_MAX else _without_oldest(known)


def _without_oldest(known: Evidence) -> Evidence:
    kept = dict(list(known.seen.items())[-GROUPS_MAX:])
    return Evidence(kept, {key: tally for key, tally in known.tallies.items() if key[0] in kept}, known.latest)


def _count(tally: Tally, seen: int, *, approved: bool) -> Tally:
    kept = REMEMBERED ** (seen - tally.at)
    return replace(tally, approved=tally.approved * kept + approved, total=tally.total * kept + 1, at=seen)


def _latest(before: Latest, expected: float, *, approved: bool) -> Latest:
    now = Latest(
        approved=before.approved * RECENT + approved,
        expected=before.expected * RECENT + expected,
        variance=before.variance * RECENT + expected * (1 - expected),
        total=before.total * RECENT + 1,
        age=before.age,
    )
    off = abs(now.approved - now.expected)
    if now.total >= LATEST_MIN and off > SURPRISE * sqrt(now.variance):
        return Latest(age=before.age + 1)
    return now
