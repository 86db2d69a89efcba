"""Putting accounts in order by figures: what they cost, how likely they approve, what is left in the end.

Nothing is drawn by lot: where a share of the traffic is to try something else, the payment's own place on the line
(`routing.strategies.point_of`) decides, so the same payment and the same state always give the same order.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from routing.accounts import MerchantAccount
from routing.costs import WHOLE_BPS, Cost, Learned, expected_cost
from routing.evidence import NOTHING, Estimate, Evidence, Group, estimate, groups_of
from routing.facts import Facts
from routing.rules import Strategy, Use

OUTCOMES_MIN: Final = 20.0
"""Recent outcomes before an account can be preferred for them: the floor of evidence."""
EXPLORED_MAX: Final = 0.05
"""The largest share of payments that goes to one account that is not the best, to learn more of it."""
EXPLORED_IN_ALL: Final = 0.1
"""The largest share that goes to all those accounts together, however many there are."""
REGRET_MAX: Final = 0.01
"""The approvals, as a share of all payments, that trying one other account may cost: the ceiling of regret."""
RANKED_MAX: Final = 4_096
"""Kinds of payments whose ranking is kept: about as many as differ in currency, card and accounts at once."""
SPAN: Final = 2.0**64
BY_FIGURES: Final = frozenset({Strategy.LEAST_COST, Strategy.APPROVAL_RATE, Strategy.NET_REVENUE})
DAYS: Final = 365


class Figures(Struct, frozen=True, kw_only=True):
    """What is known of accounts besides themselves; `chargebacks` is the share of charges that is disputed.

    `version` names this state of it; it is another one when anything else here is. `ranked` keeps what was worked out
    of the evidence for payments alike; it says nothing that the evidence does not.
    """

    evidence: Evidence = NOTHING
    learned_fees: Learned = {}
    chargebacks: Mapping[str, float] = {}
    version: int = 0
    ranked: dict[tuple[Group, tuple[str, ...]], "_Ranked"] = {}


class Score(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The figures by which one account was put in its place; None was not looked at or is not known.

    `approval` and `chargeback_rate` are shares of 1, `outcomes` how many recent ones `approval` rests on. All `_minor`
    are in the payment's currency, expected for this payment. `learned`: `cost_minor` comes from settled lines.
    `explored`: it is first to learn more of it, not for its figures.
    """

    merchant_account: str
    approval: float | None = None
    outcomes: float | None = None
    cost_minor: int | None = None
    learned: bool = False
    margin_minor: float | None = None
    chargeback_rate: float | None = None
    chargeback_minor: float | None = None
    delay_minor: float | None = None
    net_minor: float | None = None
    explored: bool = False


def by_figures(
    accounts: Sequence[MerchantAccount], use: Use, facts: Facts, figures: Figures, point: int
) -> tuple[Score, ...]:
    """Put *accounts* in the order that *use*'s strategy gives them, each with its figures; ties stay as listed."""
    match use.strategy:
        case Strategy.LEAST_COST:
            return _least_cost(accounts, facts, figures)
        case Strategy.APPROVAL_RATE:
            return _approval_rate(accounts, facts, figures, point)
        case _:
            return _net_revenue(accounts, use, facts, figures)


def _cost(account: MerchantAccount, facts: Facts, figures: Figures) -> Cost | None:
    return expected_cost(facts.money, account.fees, figures.learned_fees.get(account.id, ()), facts.card)


def _least_cost(accounts: Sequence[MerchantAccount], facts: Facts, figures: Figures) -> tuple[Score, ...]:
    """Cheapest first; accounts whose cost nobody knows come last."""
    scored = []
    for account in accounts:
        cost = _cost(account, facts, figures)
        known = Score(merchant_account=account.id)
        if cost is not None:
            known = Score(merchant_account=account.id, cost_minor=cost.minor, learned=cost.learned)
        scored.append(known)
    return tuple(sorted(scored, key=lambda score: (score.cost_minor is None, score.cost_minor or 0)))


def _approval_rate(
    accounts: Sequence[MerchantAccount], facts: Facts, figures: Figures, point: int
) -> tuple[Score, ...]:
    """Likeliest first; now and then another one is first, so that what changes is noticed."""
    if not accounts:
        return ()
    ranked = _ranked(figures, tuple([account.id for account in accounts]), groups_of(facts))
    index = bisect_right(ranked.ends, point / SPAN)
    if index == len(ranked.ends):
        return ranked.scores
    tried = ranked.tried[index]
    others = [score for score in ranked.scores if score.merchant_account != tried.merchant_account]
    return (tried, *others)


class _Ranked(Struct, frozen=True):
    """Accounts for payments that are alike: `scores` with the best first, then the likeliest.

    It holds for `evidence` alone. The payments whose place (0 to 1) lies before `ends[n]`, and not before the end ahead
    of that, go to `tried[n]`.
    """

    evidence: Evidence
    scores: tuple[Score, ...]
    tried: tuple[Score, ...]
    ends: tuple[float, ...]


def _ranked(figures: Figures, accounts: tuple[str, ...], groups: tuple[Group, ...]) -> _Ranked:
    """Rank *accounts* once for all payments of the same *groups*, as long as nothing new is learned."""
    key = groups[-1], accounts
    ranked = figures.ranked.get(key)
    if ranked is None or ranked.evidence is not figures.evidence:
        if len(figures.ranked) >= RANKED_MAX:
            figures.ranked.clear()
        ranked = figures.ranked[key] = _rank(figures.evidence, accounts, groups)
    return ranked


def _rank(evidence: Evidence, accounts: tuple[str, ...], groups: tuple[Group, ...]) -> _Ranked:
    known = {one: estimate(evidence, one, groups) for one in accounts}
    proven = [one for one in known if known[one].outcomes >= OUTCOMES_MIN]
    best = max(proven, key=lambda one: known[one].approval) if proven else accounts[0]
    others = [one for one in accounts if one != best]
    shares = [_explored(known[best].approval - known[one].approval) for one in others]
    narrowed = min(1.0, EXPLORED_IN_ALL / sum(shares)) if shares else 1.0
    ordered = (best, *sorted(others, key=lambda one: -known[one].approval))
    return _Ranked(
        evidence=evidence,
        scores=tuple(_estimated(one, known[one]) for one in ordered),
        tried=tuple(replace(_estimated(one, known[one]), explored=True) for one in others),
        ends=tuple(accumulate(share * narrowed for share in shares)),
    )


def _explored(behind: float) -> float:
    """Say which share of the payments tries an account whose approval is *behind* the best one's."""
    return EXPLORED_MAX if behind <= 0 else min(EXPLORED_MAX, REGRET_MAX / behind)


def _estimated(account: str, told: Estimate) -> Score:
    return Score(merchant_account=account, approval=round(told.approval, 4), outcomes=round(told.outcomes, 1))


def _net_revenue(accounts: Sequence[MerchantAccount], use: Use, facts: Facts, figures: Figures) -> tuple[Score, ...]:
    """Most left in the end first; accounts whose cost nobody knows come last."""
    groups = groups_of(facts)
    scored = [
        _net(account, use, facts, figures, estimate(figures.evidence, account.id, groups)) for account in accounts
    ]
    return tuple(sorted(scored, key=lambda score: (score.net_minor is None, -(score.net_minor or 0.0))))


def _net(account: MerchantAccount, use: Use, facts: Facts, figures: Figures, told: Estimate) -> Score:
    minor = facts.money.minor
    cost = _cost(account, facts, figures)
    rate = figures.chargebacks.get(account.id, use.chargeback_bps / WHOLE_BPS)
    margin = minor * use.margin_bps / WHOLE_BPS
    chargeback = rate * (minor + use.chargeback_fee_minor)
    delay = minor * use.capital_bps / WHOLE_BPS * account.settlement_days / DAYS
    left = None if cost is None else told.approval * (margin - cost.minor - chargeback - delay)
    return Score(
        merchant_account=account.id,
        approval=round(told.approval, 4),
        outcomes=round(told.outcomes, 1),
        cost_minor=None if cost is None else cost.minor,
        learned=cost is not None and cost.learned,
        margin_minor=round(margin, 2),
        chargeback_rate=round(rate, 6),
        chargeback_minor=round(chargeback, 2),
        delay_minor=round(delay, 2),
        net_minor=None if left is None else round(left, 2),
    )
