"""Putting accounts in order by figures: what they cost, how likely they approve, what is left in the end.

Nothing is drawn by lot: where a share of the traffic is to try something else, the payment's own place on the line
(`routing.strategies.point_of`) decides, so the same payment and the same state always give the same order.
"""

from bisect import bisect_right
from collections.abc import Mapping
from itertools import accumulate
from operator import is_
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from routing.account_index import Fitting
from routing.costs import WHOLE_BPS, Learned, Unpriced, costs_of
from routing.evidence import NOTHING, Estimate, Evidence, Group, estimate, groups_of
from routing.facts import Facts
from routing.rules import Strategy, Use
from routing.strategies import point_of_lot
from routing.terms import Terms, Told, terms_of

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
TERMS_MAX: Final = 65_536
"""Accounts whose terms are kept, counted anew for each kind of payments."""
SPAN: Final = 2.0**64
DAYS: Final = 365


class Figures(Struct, frozen=True, kw_only=True):
    """What is known of accounts besides themselves; `chargebacks` is the share of charges that is disputed.

    `version` names this state of it; it is another one when anything else here is. `ranked` and `terms` keep what was
    worked out for payments alike; they say nothing that the rest does not.
    """

    evidence: Evidence = NOTHING
    learned_fees: Learned = {}
    chargebacks: Mapping[str, float] = {}
    version: int = 0
    ranked: dict[tuple[Group, tuple[str, ...]], "_Ranked"] = {}
    terms: dict[tuple[Group, tuple[str, ...]], Terms] = {}


class Score(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The figures by which one account was put in its place; None was not looked at or is not known.

    `approval` and `chargeback_rate` are shares of 1, `outcomes` how many recent ones `approval` rests on. All `_minor`
    are in the payment's currency, expected for this payment. `learned`: `cost_minor` comes from settled lines;
    `unpriced` says why there is none. `explored`: it is first to learn more of it, not for its figures.
    """

    merchant_account: str
    approval: float | None = None
    outcomes: float | None = None
    cost_minor: int | None = None
    learned: bool = False
    unpriced: Unpriced | None = None
    margin_minor: float | None = None
    chargeback_rate: float | None = None
    chargeback_minor: float | None = None
    delay_minor: float | None = None
    net_minor: float | None = None
    explored: bool = False


def by_figures(fitting: Fitting, use: Use, facts: Facts, figures: Figures, lot: str) -> tuple[Score, ...]:
    """Put accounts in the order that *use*'s strategy gives them, each with its figures; ties stay as listed.

    *lot* names the payment where some are to try another account.
    """
    match use.strategy:
        case Strategy.LEAST_COST:
            return _least_cost(_terms(fitting, facts, figures), facts.money.minor)
        case Strategy.APPROVAL_RATE:
            return _approval_rate(fitting.ids, facts, figures, lot)
        case _:
            return _net_revenue(_terms(fitting, facts, figures), use, facts.money.minor)


def _terms(fitting: Fitting, facts: Facts, figures: Figures) -> Terms:
    """Look accounts up once for all payments of the same finest group, as long as nothing new is known."""
    key = groups_of(facts)[-1], fitting.ids
    known = figures.terms.get(key)
    if known is None or not _holds(known, fitting, figures):
        if len(figures.terms) * len(fitting.ids) >= TERMS_MAX:
            figures.terms.clear()
        known = figures.terms[key] = terms_of(
            fitting.accounts, key[0], facts.card, figures.evidence, figures.learned_fees, figures.chargebacks
        )
    return known


def _holds(known: Terms, fitting: Fitting, figures: Figures) -> bool:
    """Whether *known* was made of the very same things."""
    return (
        known.evidence is figures.evidence
        and known.learned_fees is figures.learned_fees
        and known.chargebacks is figures.chargebacks
        and (known.accounts is fitting.accounts or all(map(is_, known.accounts, fitting.accounts)))
    )


def _least_cost(terms: Terms, minor: int) -> tuple[Score, ...]:
    """Cheapest first; accounts whose cost nobody knows come last."""
    priced, costs = terms.priced, costs_of(minor, terms.percents_ppm, terms.fixed_minor)
    scores = []
    for place in sorted(range(len(costs)), key=costs.__getitem__):
        id, _, _, learned, _, _ = priced[place]
        scores.append(Score(merchant_account=id, cost_minor=costs[place], learned=learned))
    return (*scores, *[Score(merchant_account=id, unpriced=why) for id, _, _, _, why, _ in terms.unpriced])


def _approval_rate(accounts: tuple[str, ...], facts: Facts, figures: Figures, lot: str) -> tuple[Score, ...]:
    """Likeliest first; now and then another one is first, so that what changes is noticed."""
    if not accounts:
        return ()
    ranked = _ranked(figures, accounts, groups_of(facts))
    index = bisect_right(ranked.ends, point_of_lot(lot) / SPAN)
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


class _Worth(Struct, frozen=True):
    """What one payment earns, and by each loss what is left of that before costs; `shown` has the losses' figures."""

    margin: float
    left: list[float]
    shown: list[tuple[float, float, float]]


def _worth(terms: Terms, use: Use, minor: int) -> _Worth:
    at_stake, a_day = minor + use.chargeback_fee_minor, minor * use.capital_bps / WHOLE_BPS / DAYS
    usual = use.chargeback_bps / WHOLE_BPS
    margin, left, shown = minor * use.margin_bps / WHOLE_BPS, [], []
    for own, days in terms.losses:
        rate = usual if own is None else own
        chargeback, delay = rate * at_stake, a_day * days
        left.append(margin - chargeback - delay)
        shown.append((round(rate, 6), round(chargeback, 2), round(delay, 2)))
    return _Worth(margin, left, shown)


def _net_revenue(terms: Terms, use: Use, minor: int) -> tuple[Score, ...]:
    """Most left in the end first; accounts whose cost nobody knows come last."""
    worth = _worth(terms, use, minor)
    left, earned, shown = worth.left, round(worth.margin, 2), worth.shown
    costs = costs_of(minor, terms.percents_ppm, terms.fixed_minor)
    nets = [
        round(approval * (left[loss] - cost) * 100) / 100
        for approval, cost, loss in zip(terms.approvals, costs, terms.lost, strict=True)
    ]
    scores, priced = [], terms.priced
    for place in sorted(range(len(nets)), key=nets.__getitem__, reverse=True):
        id, approval, outcomes, learned, _, loss = priced[place]
        rate, chargeback, delay = shown[loss]
        scores.append(
            Score(
                merchant_account=id,
                approval=approval,
                outcomes=outcomes,
                cost_minor=costs[place],
                learned=learned,
                margin_minor=earned,
                chargeback_rate=rate,
                chargeback_minor=chargeback,
                delay_minor=delay,
                net_minor=nets[place],
            )
        )
    return (*scores, *[_unpriced(told, earned, shown) for told in terms.unpriced])


def _unpriced(told: Told, earned: float, shown: list[tuple[float, float, float]]) -> Score:
    id, approval, outcomes, _, why, loss = told
    rate, chargeback, delay = shown[loss]
    return Score(
        merchant_account=id,
        approval=approval,
        outcomes=outcomes,
        unpriced=why,
        margin_minor=earned,
        chargeback_rate=rate,
        chargeback_minor=chargeback,
        delay_minor=delay,
    )
