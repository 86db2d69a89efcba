"""What is wrong with a ruleset, told when it is written and not when a payment comes."""

from collections import Counter
from collections.abc import Collection, Iterator
from typing import Final

from msgspec import UNSET, Struct

from normalization.declines import DeclineCode
from normalization.money import AMOUNT_MAX
from routing.conditions import kinds
from routing.costs import WHOLE_BPS
from routing.facts import FACTS, FAMILIES, Fact, Value, find_fact
from routing.rate_problems import wrong_rates
from routing.rules import OTHERWISE, Condition, Key, Rule, RuleSet, Strategy, Use

RULES_MAX: Final = 500
"""Rules in one ruleset: a bound on the work for one payment."""
NESTING_MAX: Final = 20
"""Levels of all, any and not, the leaf included: deeper than anybody reads, far below Python's limit."""
NAME_MAX: Final = 100
WEIGHT_MAX: Final = 1_000_000

DRAWING: Final = frozenset({Strategy.SPLIT, Strategy.APPROVAL_RATE})
BOUNDED: Final = {
    "margin_bps": WHOLE_BPS,
    "chargeback_bps": WHOLE_BPS,
    "capital_bps": WHOLE_BPS,
    "chargeback_fee_minor": AMOUNT_MAX,
}
"""The figures that net revenue is told, and the most that each may be."""

REFUSALS: Final = frozenset(DeclineCode) - {DeclineCode.OUTCOME_UNKNOWN}
"""The codes a rule may refuse with: a rule knows its own outcome."""


class Problem(Struct, frozen=True):
    """One thing to mend; `place` is a path into the ruleset such as `rules[0].when.all[1].eq`."""

    place: str
    message: str


def validate(ruleset: RuleSet, known_account_ids: Collection[str]) -> list[Problem]:
    """List all that is wrong with *ruleset*; an empty list means that it can be used.

    *known_account_ids* are the merchant accounts of the ruleset's mode.
    """
    return list(_ruleset(ruleset, frozenset(known_account_ids)))


def _ruleset(ruleset: RuleSet, known: frozenset[str]) -> Iterator[Problem]:
    yield from _name("name", ruleset.name)
    if len(ruleset.rules) > RULES_MAX:
        yield Problem("rules", f"has {len(ruleset.rules)} rules; {RULES_MAX} at most")
        return
    counts = Counter(rule.name for rule in ruleset.rules)
    for index, rule in enumerate(ruleset.rules):
        place = f"rules[{index}]"
        if counts[rule.name] > 1:
            yield Problem(f"{place}.name", "is borne by another rule too; give each its own")
        yield from _rule(place, rule, known)
    if ruleset.otherwise is not None:
        yield from _use(OTHERWISE, ruleset.otherwise, known)
    yield from (Problem(place, message) for place, message in wrong_rates(ruleset))


def _name(place: str, name: str) -> Iterator[Problem]:
    if not name.strip() or len(name) > NAME_MAX:
        yield Problem(place, f"must have 1 to {NAME_MAX} characters")


def _rule(place: str, rule: Rule, known: frozenset[str]) -> Iterator[Problem]:
    yield from _name(f"{place}.name", rule.name)
    if rule.name == OTHERWISE:
        yield Problem(f"{place}.name", f"must not be {OTHERWISE!r}, which names the last resort in a plan")
    yield from _condition(f"{place}.when", rule.when, 1)
    if (rule.use is None) == (rule.refuse is None):
        yield Problem(place, "must have either use or refuse, and not both")
    if rule.use is not None:
        yield from _use(f"{place}.use", rule.use, known)
    if rule.refuse is not None and rule.refuse not in REFUSALS:
        yield Problem(f"{place}.refuse", "is no decline code to refuse with, such as blocked_by_risk_rule")


def _use(place: str, use: Use, known: frozenset[str]) -> Iterator[Problem]:
    if not use.accounts:
        yield Problem(f"{place}.accounts", "must name at least one merchant account")
    if len(set(use.accounts)) < len(use.accounts):
        yield Problem(f"{place}.accounts", "names a merchant account twice")
    for index, account in enumerate(use.accounts):
        if account not in known:
            yield Problem(f"{place}.accounts[{index}]", "is no merchant account of this mode")
    yield from _weights(f"{place}.weights", use)
    yield from _parameters(place, use)


def _parameters(place: str, use: Use) -> Iterator[Problem]:
    if use.key is not Key.REFERENCE and use.strategy not in DRAWING:
        drawing = " or ".join(sorted(DRAWING))
        yield Problem(f"{place}.key", f"belongs to the strategies {drawing}, not to {use.strategy}")
    for name in BOUNDED:
        value = getattr(use, name)
        if value and use.strategy is not Strategy.NET_REVENUE:
            yield Problem(f"{place}.{name}", f"belongs to the strategy net_revenue, not to {use.strategy}")
        if not 0 <= value <= BOUNDED[name]:
            yield Problem(f"{place}.{name}", f"must be a whole number from 0 to {BOUNDED[name]}")
    if use.strategy is Strategy.NET_REVENUE and not use.margin_bps:
        yield Problem(f"{place}.margin_bps", "is needed: without a margin every payment is a loss")


def _weights(place: str, use: Use) -> Iterator[Problem]:
    if use.strategy is not Strategy.SPLIT:
        if use.weights:
            yield Problem(place, f"belongs to the strategy split, not to {use.strategy}")
        return
    if len(use.weights) != len(use.accounts):
        yield Problem(place, f"must have one weight for each of the {len(use.accounts)} accounts")
    if any(not 0 <= weight <= WEIGHT_MAX for weight in use.weights):
        yield Problem(place, f"must be whole numbers from 0 to {WEIGHT_MAX}")
    elif sum(use.weights) == 0:
        yield Problem(place, "must not all be 0")


def _condition(place: str, condition: Condition, depth: int) -> Iterator[Problem]:
    if depth > NESTING_MAX:
        yield Problem(place, f"is nested too deep; {NESTING_MAX} levels at most")
        return
    lists = {"all": condition.all, "any": condition.any}
    forms = [name for name, parts in lists.items() if parts is not UNSET]
    forms += [name for name, part in (("not", condition.not_), ("fact", condition.fact)) if part is not UNSET]
    operators = bool(condition.operands()) or condition.exists is not UNSET
    if len(forms) != 1 or (operators and forms != ["fact"]):
        yield Problem(place, "must be either all, any, not, or a fact with its operators")
        return
    for name, parts in lists.items():
        if parts == ():
            yield Problem(f"{place}.{name}", "must hold at least one condition")
        for index, part in enumerate(parts or ()):
            yield from _condition(f"{place}.{name}[{index}]", part, depth + 1)
    if condition.not_ is not UNSET:
        yield from _condition(f"{place}.not", condition.not_, depth + 1)
    if condition.fact is not UNSET:
        yield from _leaf(place, condition.fact, condition)


def _leaf(place: str, name: str, condition: Condition) -> Iterator[Problem]:
    fact = find_fact(name)
    if fact is None:
        known = ", ".join([*FACTS, *(f"{prefix}{family.rest}" for prefix, family in FAMILIES.items())])
        yield Problem(f"{place}.fact", f"is no fact; there are {known}")
        return
    operands = condition.operands()
    if not operands and condition.exists is UNSET:
        yield Problem(place, f"needs an operator: {', '.join((*fact.operators, 'exists'))}")
    for operator, values in operands.items():
        if operator not in fact.operators:
            fitting = ", ".join((*fact.operators, "exists"))
            yield Problem(f"{place}.{operator}", f"does not fit {name}, which takes {fitting}")
        else:
            yield from _values(f"{place}.{operator}", fact, operator, values)


def _values(place: str, fact: Fact, operator: str, values: tuple[Value, ...]) -> Iterator[Problem]:
    if not values:
        yield Problem(place, "must hold at least one value")
    for index, value in enumerate(values):
        if not fact.takes(operator, value):
            here = f"{place}[{index}]" if operator in {"in", "not_in", "starts_with"} else place
            yield Problem(here, f"does not fit: this fact is compared with {fact.wants}")
    if len(kinds(values)) > 1:
        yield Problem(place, "must hold values of one type")
