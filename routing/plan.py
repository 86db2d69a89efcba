"""Which merchant accounts to try for a payment, in which order, and why each other one is left out.

compile_ruleset   once, when a ruleset is loaded
plan              for each payment, over a snapshot that is handed in
"""

from collections.abc import Iterable

from msgspec import Struct

from normalization.declines import DeclineCode
from routing import strategies
from routing.accounts import MerchantAccount
from routing.conditions import Read, Slots, Test, compile_condition
from routing.eligibility import PASSING, Reason, unavailable, unfit
from routing.facts import Facts
from routing.rules import OTHERWISE, Authentication, RuleSet, Strategy, Use


class CompiledRule(Struct, frozen=True, kw_only=True):
    """A rule ready to be asked; `compared` are the slots of the facts it compares, with their names."""

    name: str
    matches: Test
    compared: tuple[tuple[int, str], ...] = ()
    use: Use | None = None
    refusal: DeclineCode | None = None
    authentication: Authentication = Authentication.AUTOMATIC


class CompiledRuleSet(Struct, frozen=True, kw_only=True):
    """A ruleset ready to be asked; `otherwise` is its last rule, which always matches."""

    id: str
    version: int
    reads: tuple[Read, ...]
    rules: tuple[CompiledRule, ...]


class Snapshot(Struct, frozen=True, kw_only=True):
    """All that routing knows besides the payment.

    `limits_reached` and `open_circuits` are account ids; see `routing.health.open_circuits`. `version` names
    this state of accounts and rules. Without a ruleset every account may be used.
    """

    accounts: tuple[MerchantAccount, ...]
    ruleset: CompiledRuleSet | None = None
    limits_reached: frozenset[str] = frozenset()
    open_circuits: frozenset[str] = frozenset()
    version: int = 0


class Choice(Struct, frozen=True):
    """An account to try."""

    merchant_account: str
    processor: str


class Excluded(Struct, frozen=True):
    """An account that is not tried, and why."""

    merchant_account: str
    reason: Reason


class Considered(Struct, frozen=True):
    """An account as the API shows it with a payment's routing."""

    merchant_account: str
    eligible: bool
    reason: Reason | None


class Plan(Struct, frozen=True, kw_only=True):
    """The ordered answer; every account is either in `order` or in `excluded`.

    `rule` is None where no ruleset is active, where none matched, and for a pinned account. `unknown_facts`
    are those that rules left undecided wanted to know. With a `refusal` nothing is tried and the payment is
    declined with it.
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
    slots = Slots()
    rules = []
    for rule in ruleset.rules:
        compared: dict[int, str] = {}
        matches = compile_condition(rule.when, slots, compared)
        refusal = None if rule.refuse is None else DeclineCode(rule.refuse)
        rules.append(
            CompiledRule(
                name=rule.name,
                matches=matches,
                compared=tuple(compared.items()),
                use=rule.use,
                refusal=refusal,
                authentication=rule.authentication,
            )
        )
    if ruleset.otherwise is not None:
        rules.append(CompiledRule(name=OTHERWISE, matches=lambda _: True, use=ruleset.otherwise))
    return CompiledRuleSet(id=id, version=version, reads=tuple(slots.reads), rules=tuple(rules))


def plan(facts: Facts, snapshot: Snapshot) -> Plan:
    """Decide which accounts to try for a payment; the same facts and snapshot give the same plan."""
    ruleset = snapshot.ruleset
    if facts.merchant_account is not None:
        order, excluded = _sort_out(facts, snapshot, (facts.merchant_account,), Reason.PINNED)
        return Plan(order=order, excluded=excluded)
    if ruleset is None:
        everyone = sorted(account.id for account in snapshot.accounts)
        order, excluded = _sort_out(facts, snapshot, everyone, Reason.NOT_IN_RULE)
        return Plan(order=order, excluded=excluded)
    rule, unknown_facts = _deciding_rule(ruleset, facts)
    use = None if rule is None else rule.use
    wanted = () if rule is None or use is None else _in_order(use, ruleset.id, rule.name, facts.reference)
    order, excluded = _sort_out(facts, snapshot, wanted, Reason.NOT_IN_RULE)
    return Plan(
        order=order,
        excluded=excluded,
        ruleset=ruleset.id,
        version=ruleset.version,
        rule=None if rule is None else rule.name,
        strategy=None if use is None else use.strategy,
        authentication=Authentication.AUTOMATIC if rule is None else rule.authentication,
        unknown_facts=unknown_facts,
        refusal=None if rule is None else rule.refusal,
    )


def _deciding_rule(ruleset: CompiledRuleSet, facts: Facts) -> tuple[CompiledRule | None, tuple[str, ...]]:
    """Find the first rule that matches, and the facts that rules before it would have needed."""
    row = tuple([read(facts) for read in ruleset.reads])
    unknown: dict[str, None] = {}
    for rule in ruleset.rules:
        told = rule.matches(row)
        if told:
            return rule, tuple(unknown)
        if told is None:
            unknown.update((name, None) for slot, name in rule.compared if row[slot] is None)
    return None, tuple(unknown)


def _in_order(use: Use, ruleset: str, rule: str, key: str) -> tuple[str, ...]:
    if use.strategy is Strategy.SPLIT:
        return strategies.split(use.accounts, use.weights, strategies.point_of(ruleset, rule, key))
    return strategies.priority(use.accounts)


def _sort_out(
    facts: Facts, snapshot: Snapshot, wanted: Iterable[str], not_wanted: Reason
) -> tuple[tuple[Choice, ...], tuple[Excluded, ...]]:
    """Part the accounts into those to try, in the order *wanted*, and those left out with their reasons."""
    ids = tuple(wanted)
    fitting: dict[str, Choice] = {}
    excluded = []
    for account in snapshot.accounts:
        reason = unfit(account, facts)
        if reason is None:
            reason = (
                unavailable(account, snapshot.limits_reached, snapshot.open_circuits)
                if account.id in ids
                else not_wanted
            )
        if reason is None:
            fitting[account.id] = Choice(account.id, account.processor)
        else:
            excluded.append(Excluded(account.id, reason))
    return tuple([fitting[name] for name in ids if name in fitting]), tuple(excluded)
