"""Putting accounts in order by figures: what they cost, how likely they approve, what is left in the end.

Nothing is drawn by lot: where a share of the traffic is to try something else, the payment's own place on the line
(`routing.strategies.point_of`) decides, so the same payment and the same state always give the same order.
"""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from routing.accounts import MerchantAccount
from routing.costs import WHOLE_BPS, Cost, Learned, expected_cost
from routing.evidence import NOTHING, Estimate, Evidence, estimate, groups_of
from routing.facts import Facts
from routing.rules import Strategy, Use

OUTCOMES_MIN: Final = 20.0
"""Recent outcomes before an account can be preferred for them: the floor of evidence."""
EXPLORED_MAX: Final = 0.05
"""The largest share of payments that goes to one account that is not the best, to learn more of it."""
REGRET_MAX: Final = 0.01
"""The approvals, as a share of all payments, that trying one other account may cost: the ceiling of regret."""
SPAN: Final = 2.0**64
BY_FIGURES: Final = frozenset({Strategy.LEAST_COST, Strategy.APPROVAL_RATE, Strategy.NET_REVENUE})
DAYS: Final = 365


class Figures(Struct, frozen=True, kw_only=True):
    """What is known of accounts besides themselves; `chargebacks` is the share of charges that is disputed."""

    evidence: Evidence = NOTHING
    learned_fees: Learned = {}
    chargebacks: dict[str, float] = {}


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
    groups = groups_of(facts)
    known = {account.id: estimate(figures.evidence, account.id, groups) for account in accounts}
    proven = [one for one in known if known[one].outcomes >= OUTCOMES_MIN]
    best = max(proven, key=lambda one: known[one].approval) if proven else next(iter(known), None)
    if best is None:
        return ()
    tried = _tried_instead(known, best, point / SPAN)
    ordered = sorted(known, key=lambda one: (one != tried, one != best, -known[one].approval))
    return tuple(
        Score(
            merchant_account=one,
            approval=round(known[one].approval, 4),
            outcomes=round(known[one].outcomes, 1),
            explored=one == tried,
        )
        for one in ordered
    )


def _tried_instead(known: dict[str, Estimate], best: str, place: float) -> str | None:
    """Say which account is tried instead of the best, if this payment's *place* (0 to 1) is among those that try."""
    for one, told in known.items():
        if one == best:
            continue
        behind = known[best].approval - told.approval
        share = EXPLORED_MAX if behind <= 0 else min(EXPLORED_MAX, REGRET_MAX / behind)
        if place < share:
            return one
        place -= share
    return None


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
