"""Routing's decisions said plainly, one account and one condition at a time: what the indexes must equal."""

from collections.abc import Mapping
from fractions import Fraction

from msgspec import UNSET

from normalization.money import EXPONENT, Currency, Money
from normalization.regions import REGION, countries_of
from routing.account_index import Choice, Excluded
from routing.accounts import AccountStatus, MerchantAccount
from routing.conditions import kind_of
from routing.eligibility import Reason
from routing.facts import SINGLE, Facts, Value, find_fact
from routing.plan import Snapshot
from routing.rules import Condition, RuleSet


def unfit(account: MerchantAccount, facts: Facts) -> Reason | None:
    """The first reason in the request itself."""
    taken = account.amount_ranges
    if account.livemode is not facts.livemode:
        return Reason.MODE
    if account.currencies and facts.money.currency not in account.currencies:
        return Reason.CURRENCY
    if taken is not None and facts.money.currency not in taken:
        return Reason.CURRENCY
    if account.countries and facts.country not in account.countries:
        region = REGION.get(facts.country or "")
        apart = region is not None and account.countries.isdisjoint(countries_of(region))
        return Reason.REGION if apart else Reason.COUNTRY
    if account.brands and facts.brand not in account.brands:
        return Reason.BRAND
    score = facts.risk_score
    if account.risk_min > 0 if score is None else not account.risk_min <= score <= account.risk_max:
        return Reason.RISK_SCORE
    if account.processor not in facts.chargeable.processors and account.id not in facts.chargeable.accounts:
        return Reason.TOKEN
    least, most = (0, 10**18) if taken is None else taken[facts.money.currency]
    most = most if account.limits.ticket_max is None else min(most, account.limits.ticket_max)
    if facts.money.minor and not least <= facts.money.minor <= most:
        return Reason.AMOUNT
    if account.recurring is not None and account.recurring is (facts.recurring is None):
        return Reason.RECURRING
    return None


def unavailable(account: MerchantAccount, snapshot: Snapshot) -> Reason | None:
    """The first reason in the account's state."""
    if account.id in snapshot.state.limits_reached:
        return Reason.LIMITS
    if account.status is AccountStatus.PAUSED:
        return Reason.PAUSED
    if account.status is AccountStatus.DRAINING:
        return Reason.DRAINING
    return Reason.CIRCUIT_OPEN if account.id in snapshot.state.open_circuits else None


def sorted_out(
    facts: Facts, snapshot: Snapshot, wanted: tuple[str, ...], not_wanted: Reason
) -> tuple[list[Choice], set[Excluded]]:
    """Those to try in order, and those left out."""
    fitting, excluded = {}, set()
    for account in snapshot.accounts.accounts:
        if snapshot.allowed is not None and account.id not in snapshot.allowed:
            continue
        state = unavailable(account, snapshot) if account.id in wanted else not_wanted
        reason = unfit(account, facts) or state
        if reason is None:
            fitting[account.id] = Choice(account.id, account.processor)
        else:
            excluded.add(Excluded(account.id, reason))
    return [fitting[name] for name in wanted if name in fitting], excluded


def deciding(ruleset: RuleSet, facts: Facts) -> tuple[int | None, set[str]]:
    """The place of the first rule that is true, and the facts that undecided ones before it lacked."""
    unknown: set[str] = set()
    for place, rule in enumerate(ruleset.rules):
        told = truth(rule.when, facts, ruleset.rates)
        if told:
            return place, unknown
        if told is None:
            unknown |= lacked(rule.when, facts, ruleset.rates)
    return None, unknown


def truth(condition: Condition, facts: Facts, rates: Mapping[str, str]) -> bool | None:
    """Three-valued logic by the book."""
    if condition.all is not UNSET:
        parts = [truth(part, facts, rates) for part in condition.all]
        return False if False in parts else None if None in parts else True
    if condition.any is not UNSET:
        parts = [truth(part, facts, rates) for part in condition.any]
        return True if True in parts else None if None in parts else False
    if condition.not_ is not UNSET:
        told = truth(condition.not_, facts, rates)
        return None if told is None else not told
    assert condition.fact is not UNSET
    parts = [
        _compared(name, values, _known(condition.fact, values[0], facts, rates))
        for name, values in condition.operands().items()
    ]
    if condition.exists is not UNSET:
        value = _value(condition.fact, facts, rates)
        there = value is not None and not (condition.fact == "recurring" and value == SINGLE)
        parts.append(there is condition.exists)
    return False if False in parts else None if None in parts else True


def lacked(condition: Condition, facts: Facts, rates: Mapping[str, str]) -> set[str]:
    """The facts that *condition* compares and the payment does not tell."""
    if condition.fact is not UNSET:
        compared = [_known(condition.fact, values[0], facts, rates) for values in condition.operands().values()]
        return {condition.fact} if None in compared else set()
    inner = (
        (condition.not_,)
        if condition.not_ is not UNSET
        else condition.any
        if condition.any is not UNSET
        else condition.all
    )
    assert inner is not UNSET
    return {fact for part in inner for fact in lacked(part, facts, rates)}


def _value(fact: str, facts: Facts, rates: Mapping[str, str]) -> Value | None:
    if fact.startswith("amount_in."):
        return _converted(facts.money, fact.removeprefix("amount_in."), rates)
    found = find_fact(fact)
    assert found is not None
    return found.read(facts)


def _converted(money: Money, into: str, rates: Mapping[str, str]) -> int | None:
    """Through the base, in units."""
    if money.currency not in rates or into not in rates:
        return None
    units = Fraction(money.minor) / 10 ** EXPONENT[money.currency]
    return int(units / Fraction(rates[money.currency]) * Fraction(rates[into]) * 10 ** EXPONENT[Currency(into)])


def _known(fact: str, like: Value, facts: Facts, rates: Mapping[str, str]) -> Value | None:
    value = _value(fact, facts, rates)
    return value if value is not None and kind_of(value) is kind_of(like) else None


def _compared(operator: str, values: tuple[Value, ...], value: Value | None) -> bool | None:
    if value is None:
        return None
    match operator:
        case "eq" | "in":
            return value in values
        case "ne" | "not_in":
            return value not in values
        case "starts_with":
            return any(str(value).startswith(str(beginning)) for beginning in values)
        case "lt":
            return value < values[0]  # type: ignore[operator]  # numbers alone are put in order
        case "lte":
            return value <= values[0]  # type: ignore[operator]  # numbers alone are put in order
        case "gt":
            return value > values[0]  # type: ignore[operator]  # numbers alone are put in order
        case _:
            return value >= values[0]  # type: ignore[operator]  # numbers alone are put in order
