"""Putting accounts in order by figures: what they cost, how likely they approve, what is left in the end.

Nothing is drawn by lot: where a share of the traffic is to try something else, the payment's own place on the line
(`routing.strategies.point_of`) decides, so the same payment and the same state always give the same order.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import accumulate
from operator import attrgetter, itemgetter
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from routing.accounts import MerchantAccount
from routing.costs import WHOLE_BPS, Learned, Tariff, tariff
from routing.evidence import NOTHING, Estimate, Evidence, Group, estimate, groups_of, groups_within
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
TERMS_MAX: Final = 32_768
"""The same, of single accounts and kinds of payments."""
SPAN: Final = 2.0**64
BY_FIGURES: Final = frozenset({Strategy.LEAST_COST, Strategy.APPROVAL_RATE, Strategy.NET_REVENUE})
DAYS: Final = 365
_COST: Final = itemgetter(0)
_NET: Final = attrgetter("net_minor")


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
    terms: dict[tuple[Group, str], "_Terms"] = {}


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


class _Terms(Struct, frozen=True):
    """What an account's figures are made of, for payments that are alike; holds for what it was made of alone."""

    account: MerchantAccount
    evidence: Evidence
    learned_fees: Learned
    tariff: Tariff | None
    approval: float
    shown: float
    outcomes: float


def _terms(account: MerchantAccount, group: Group, facts: Facts, figures: Figures) -> _Terms:
    """Look *account* up once for all payments of the finest *group*, as long as nothing new is known."""
    key = group, account.id
    known = figures.terms.get(key)
    if (
        known is None
        or known.account is not account
        or known.evidence is not figures.evidence
        or known.learned_fees is not figures.learned_fees
    ):
        if len(figures.terms) >= TERMS_MAX:
            figures.terms.clear()
        learned = figures.learned_fees.get(account.id, ())
        told = estimate(figures.evidence, account.id, groups_within(group))
        known = figures.terms[key] = _Terms(
            account=account,
            evidence=figures.evidence,
            learned_fees=figures.learned_fees,
            tariff=tariff(facts.money.currency, account.fees, learned, facts.card),
            approval=told.approval,
            shown=round(told.approval, 4),
            outcomes=round(told.outcomes, 1),
        )
    return known


def _least_cost(accounts: Sequence[MerchantAccount], facts: Facts, figures: Figures) -> tuple[Score, ...]:
    """Cheapest first; accounts whose cost nobody knows come last."""
    group, minor, known, unknown = groups_of(facts)[-1], facts.money.minor, [], []
    for account in accounts:
        asked = _terms(account, group, facts, figures).tariff
        if asked is None:
            unknown.append(Score(merchant_account=account.id))
        else:
            known.append((asked.cost(minor), account.id, asked.learned))
    known.sort(key=_COST)
    costed = [Score(merchant_account=id, cost_minor=cost, learned=learned) for cost, id, learned in known]
    return (*costed, *unknown)


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
    group, minor = groups_of(facts)[-1], facts.money.minor
    margin = minor * use.margin_bps / WHOLE_BPS
    earned = round(margin, 2)
    at_stake, a_day = minor + use.chargeback_fee_minor, minor * use.capital_bps / WHOLE_BPS / DAYS
    usual = use.chargeback_bps / WHOLE_BPS
    known: list[Score] = []
    unknown: list[Score] = []
    for account in accounts:
        terms, rate = _terms(account, group, facts, figures), figures.chargebacks.get(account.id, usual)
        chargeback, delay = rate * at_stake, a_day * account.settlement_days
        cost = net = None
        if terms.tariff is not None:
            cost = terms.tariff.cost(minor)
            net = round(terms.approval * (margin - cost - chargeback - delay), 2)
        score = Score(
            merchant_account=account.id,
            approval=terms.shown,
            outcomes=terms.outcomes,
            cost_minor=cost,
            learned=terms.tariff is not None and terms.tariff.learned,
            margin_minor=earned,
            chargeback_rate=round(rate, 6),
            chargeback_minor=round(chargeback, 2),
            delay_minor=round(delay, 2),
            net_minor=net,
        )
        (unknown if net is None else known).append(score)
    known.sort(key=_NET, reverse=True)
    return (*known, *unknown)
