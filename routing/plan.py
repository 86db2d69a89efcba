"""Which merchant accounts to try for a payment, in which order, and why each other one is left out.

compile_ruleset   once, when a ruleset is loaded
plan              for each payment, over a snapshot that is handed in
"""

from typing import Final

from msgspec import Struct

from normalization.declines import DeclineCode
from routing import strategies
from routing.account_index import AccountIndex, Choice, Excluded, Fitting, State
from routing.choosing import Figures, Score, by_figures
from routing.eligibility import PASSING, Reason
from routing.facts import Facts
from routing.rates import NO_RATES, Rates, rates_of
from routing.rollout import within
from routing.rule_index import Found, RuleIndex
from routing.rules import OTHERWISE, Authentication, Key, RuleSet, Strategy, Use


class Decision(Struct, frozen=True, kw_only=True):
    """What a rule does once it matches; `draw` is there where it splits."""

    name: str
    use: Use | None = None
    draw: strategies.Draw | None = None
    refusal: DeclineCode | None = None
    authentication: Authentication = Authentication.AUTOMATIC


class CompiledRuleSet(Struct, frozen=True, kw_only=True):
    """A ruleset ready to be asked; `otherwise` is what is done where no rule matches, `rates` what converts amounts.

    All versions bear one `name`, and draw alike by it.
    """

    id: str
    name: str
    version: int
    index: RuleIndex
    decisions: tuple[Decision, ...]
    otherwise: Decision | None
    rates: Rates = NO_RATES


class Trial(Struct, frozen=True, kw_only=True):
    """A ruleset that a share of the payments, in percent, is tried on; `change` is what began it."""

    change: str
    ruleset: CompiledRuleSet
    percent: int


NO_ACCOUNTS: Final = AccountIndex(())


class Snapshot(Struct, frozen=True, kw_only=True):
    """All that routing knows besides the payment.

    `version` names this state of accounts and rules. Without a ruleset every account may be used. `rollout` decides its
    share of the payments instead; `shadow` decides nothing. `allowed` are the ids of the accounts that may be spoken of
    at all, None: all of them.
    """

    accounts: AccountIndex = NO_ACCOUNTS
    ruleset: CompiledRuleSet | None = None
    rollout: Trial | None = None
    shadow: Trial | None = None
    state: State = State()
    figures: Figures = Figures()
    allowed: frozenset[str] | None = None
    version: int = 0


class Considered(Struct, frozen=True):
    """An account as the API shows it with a payment's routing."""

    merchant_account: str
    eligible: bool
    reason: Reason | None


class Plan(Struct, frozen=True, kw_only=True):
    """The ordered answer; every account is either in `order` or in `excluded`.

    `rule` is None where no ruleset is active, where none matched, and for a pinned account. `unknown_facts`
    are those that rules left undecided wanted to know. With a `refusal` nothing is tried and the payment is
    declined with it. `scores` has the figures of the accounts in `order`, where the strategy goes by figures;
    `figures` is the version of those. `snapshot` is that of what it was decided over, `rollout_percent` the share
    of the payments that the ruleset is tried on, None where it decides all that no other is tried on.
    """

    order: tuple[Choice, ...]
    excluded: tuple[Excluded, ...]
    ruleset: str | None = None
    version: int | None = None
    rule: str | None = None
    strategy: Strategy | None = None
    authentication: Authentication = Authentication.AUTOMATIC
    unknown_facts: tuple[str, ...] = ()
    refusal: DeclineCode | None = None
    scores: tuple[Score, ...] = ()
    snapshot: int = 0
    figures: int | None = None
    rollout_percent: int | None = None

    @property
    def unavailable(self) -> bool:
        """Whether accounts fit the payment, but all of those are paused, draining or circuit-open."""
        return not self.order and self.refusal is None and any(out.reason in PASSING for out in self.excluded)

    @property
    def no_account_fits(self) -> bool:
        """Whether the request's own facts (or a used-up daily limit) leave no account."""
        return not self.order and self.refusal is None and not self.unavailable

    @property
    def considered(self) -> tuple[Considered, ...]:
        """List the accounts with their reasons; without those of the other mode, which no key may see."""
        tried = [Considered(choice.merchant_account, eligible=True, reason=None) for choice in self.order]
        left_out = [
            Considered(out.merchant_account, eligible=False, reason=out.reason)
            for out in self.excluded
            if out.reason is not Reason.MODE
        ]
        return (*tried, *left_out)


def compile_ruleset(ruleset: RuleSet, *, id: str, version: int) -> CompiledRuleSet:
    """Make *ruleset* ready to be asked; it has been validated before."""
    decisions = [
        Decision(
            name=rule.name,
            use=rule.use,
            draw=_draw(rule.use),
            refusal=None if rule.refuse is None else DeclineCode(rule.refuse),
            authentication=rule.authentication,
        )
        for rule in ruleset.rules
    ]
    rates = rates_of(ruleset.rates)
    return CompiledRuleSet(
        id=id,
        name=ruleset.name,
        version=version,
        rates=rates,
        index=RuleIndex([rule.when for rule in ruleset.rules], rates),
        decisions=tuple(decisions),
        otherwise=None
        if ruleset.otherwise is None
        else Decision(name=OTHERWISE, use=ruleset.otherwise, draw=_draw(ruleset.otherwise)),
    )


def _draw(use: Use | None) -> strategies.Draw | None:
    return None if use is None or use.strategy is not Strategy.SPLIT else strategies.draw_of(use.accounts, use.weights)


def plan(facts: Facts, snapshot: Snapshot) -> Plan:
    """Decide which accounts to try for a payment; the same facts and snapshot give the same plan."""
    trial = _trial(facts.reference, snapshot)
    ruleset = snapshot.ruleset if trial is None else trial.ruleset
    if facts.merchant_account is not None:
        fitting, excluded = _sort_out(facts, snapshot, (facts.merchant_account,), Reason.PINNED)
        return Plan(order=fitting.choices, excluded=excluded, snapshot=snapshot.version)
    if ruleset is None:
        fitting, excluded = _sort_out(facts, snapshot, None, Reason.NOT_IN_RULE)
        return Plan(order=fitting.choices, excluded=excluded, snapshot=snapshot.version)
    found = ruleset.index.find(facts)
    rule = _decision(ruleset, found)
    use = None if rule is None else rule.use
    fitting, excluded = _sort_out(facts, snapshot, () if use is None else use.accounts, Reason.NOT_IN_RULE)
    order, figures = fitting.choices, None
    scores: tuple[Score, ...] = ()
    if rule is not None and use is not None and use.strategy is not Strategy.PRIORITY:
        lot = strategies.lot_of(ruleset.name, rule.name, _key(use, facts))
        if rule.draw is not None:
            order = tuple([order[place] for place in strategies.split(rule.draw.among(fitting.ids), lot)])
        else:
            scores, figures = by_figures(fitting, use, facts, snapshot.figures, lot), snapshot.figures.version
            order = snapshot.accounts.choices([score.merchant_account for score in scores])
    return Plan(
        order=order,
        excluded=excluded,
        ruleset=ruleset.id,
        version=ruleset.version,
        rule=None if rule is None else rule.name,
        strategy=None if use is None else use.strategy,
        authentication=Authentication.AUTOMATIC if rule is None else rule.authentication,
        unknown_facts=found.unknown_facts,
        refusal=None if rule is None else rule.refusal,
        scores=scores,
        snapshot=snapshot.version,
        figures=figures,
        rollout_percent=None if trial is None else trial.percent,
    )


def _trial(reference: str, snapshot: Snapshot) -> Trial | None:
    """Tell whether a ruleset is tried on the payment: by its reference, so that a retry goes the same way."""
    tried = snapshot.rollout
    return tried if tried is not None and within("rollout", tried.ruleset.id, tried.percent, reference) else None


def _decision(ruleset: CompiledRuleSet, found: Found) -> Decision | None:
    return ruleset.otherwise if found.place is None else ruleset.decisions[found.place]


def _key(use: Use, facts: Facts) -> str:
    return facts.customer or facts.reference if use.key is Key.CUSTOMER else facts.reference


def _sort_out(
    facts: Facts, snapshot: Snapshot, wanted: tuple[str, ...] | None, not_wanted: Reason
) -> tuple[Fitting, tuple[Excluded, ...]]:
    return snapshot.accounts.sort_out(facts, wanted, not_wanted, snapshot.state, snapshot.allowed)
