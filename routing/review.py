"""What in a ruleset cannot be meant, though it can be used: told to whoever writes it.

What is certain for ever is a problem and refused: a condition that no payment can meet. What may be meant, or may
change, is a warning: a rule behind others that take all its payments (a catch-all put in front for a while), an account
that can take none of its rule's payments as it is now, and one that is paused or draining.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final

from msgspec import UNSET, Struct

from normalization.money import Currency
from normalization.regions import REGION
from routing.accounts import AccountStatus, MerchantAccount
from routing.facts import RISK_SCORE_MAX, SINGLE, Value
from routing.possibilities import Box, Space, TooManyBoxesError, constants_of, covering, overlap
from routing.rules import OTHERWISE, Condition, RuleSet, Use
from routing.validation import Problem, validate

AMOUNTS: Final = (0, 10**18)
_NAMED_MAX: Final = 3


class Review(Struct, frozen=True):
    """What keeps a ruleset from being used, and what to look at where nothing does."""

    problems: list[Problem]
    warnings: list[Problem]


def review(ruleset: RuleSet, accounts: Collection[MerchantAccount]) -> Review:
    """Look through *ruleset*; *accounts* are all those of its mode."""
    wrong = validate(ruleset, [account.id for account in accounts])
    if wrong:
        return Review(wrong, [])
    space = _space(ruleset, accounts)
    boxes = [_boxes(space, rule.when) for rule in ruleset.rules]
    problems = [problem for place, rule in enumerate(ruleset.rules) for problem in _impossible(space, place, rule.when)]
    if problems:
        return Review(problems, [])
    by_id = {account.id: account for account in accounts}
    return Review([], [*_dead_branches(space, ruleset), *_hidden(space, ruleset, boxes), *_idle(space, ruleset, by_id)])


def _space(ruleset: RuleSet, accounts: Iterable[MerchantAccount]) -> Space:
    """Cut the facts that rules ask about, at the values that rules and accounts name."""
    constants = constants_of(rule.when for rule in ruleset.rules)
    for account in accounts:
        for name, values in _bounds(account).items():
            if name in constants:
                constants[name].update(values)
    return Space(constants)


def _boxes(space: Space, condition: Condition) -> list[Box] | None:
    """Give the boxes of a condition; None where it is too entangled to say."""
    try:
        return space.boxes(condition)
    except TooManyBoxesError:
        return None


def _impossible(space: Space, place: int, condition: Condition) -> Iterator[Problem]:
    for where in _dead(space, f"rules[{place}].when", condition):
        yield Problem(where, "can never be true: no payment meets all that is asked here")


def _dead(space: Space, where: str, condition: Condition) -> list[str]:
    """List the smallest parts that make *condition* impossible; none where it can be true."""
    if _boxes(space, condition) != []:
        return []
    name, parts = _parts(condition)
    inner = [found for index, part in enumerate(parts) for found in _dead(space, f"{where}.{name}[{index}]", part)]
    return inner or [where]


def _dead_branches(space: Space, ruleset: RuleSet) -> Iterator[Problem]:
    """Find alternatives that can never be true, in conditions that can."""
    waiting = [(f"rules[{place}].when", rule.when) for place, rule in enumerate(ruleset.rules)]
    while waiting:
        where, condition = waiting.pop(0)
        name, parts = _parts(condition)
        for index, part in enumerate(parts):
            here = f"{where}.{name}[{index}]"
            dead = _dead(space, here, part)
            waiting += [] if dead else [(here, part)]
            yield from (Problem(one, "can never be true, so this alternative is none") for one in dead)


def _parts(condition: Condition) -> tuple[str, Sequence[Condition]]:
    return ("all", condition.all) if condition.all is not UNSET else ("any", condition.any or ())


def _hidden(space: Space, ruleset: RuleSet, boxes: Sequence[list[Box] | None]) -> Iterator[Problem]:
    """Find rules that take no payment, since rules before take every one that they are true of."""
    earlier: list[tuple[int, Box]] = []
    for place, (rule, own) in enumerate(zip(ruleset.rules, boxes, strict=True)):
        if own is None:
            continue
        before = covering(space, own, earlier)
        if before is not None:
            names = ", ".join(f"{ruleset.rules[index].name!r}" for index in before[:_NAMED_MAX])
            more = f" and {len(before) - _NAMED_MAX} more" if len(before) > _NAMED_MAX else ""
            told = f"never decides: every payment that {rule.name!r} is true of was taken before by {names}{more}"
            yield Problem(f"rules[{place}]", f"{told}; move it up, or take it out")
        else:
            earlier += [(place, box) for box in own]


def _idle(space: Space, ruleset: RuleSet, accounts: Mapping[str, MerchantAccount]) -> Iterator[Problem]:
    """Find accounts that can take nothing where they are named."""
    for place, rule in enumerate(ruleset.rules):
        if rule.use is not None:
            yield from _idle_in(space, f"rules[{place}].use", rule.use, _boxes(space, rule.when), accounts)
    if ruleset.otherwise is not None:
        yield from _idle_in(space, OTHERWISE, ruleset.otherwise, [{}], accounts)


def _idle_in(
    space: Space, place: str, use: Use, boxes: list[Box] | None, accounts: Mapping[str, MerchantAccount]
) -> Iterator[Problem]:
    for index, account in enumerate(accounts[name] for name in use.accounts):
        where = f"{place}.accounts[{index}]"
        taken = _taken(space, account)
        if boxes and not any(overlap(box, taken) for box in boxes):
            facts = sorted({name for box in boxes for name, mask in taken.items() if not mask & box.get(name, mask)})
            why = f" for its {', '.join(facts)}" if facts else ""
            yield Problem(where, f"{account.name!r} can take no payment of this rule{why}; take it out, or change it")
        if account.status is not AccountStatus.ACTIVE:
            yield Problem(where, f"{account.name!r} is {account.status}: it takes no new payment while it is")


def _taken(space: Space, account: MerchantAccount) -> Box:
    """Give the box of the payments that *account* can take, of the facts that rules ask about."""
    bounds = _bounds(account)
    box = {name: space.admits(name, values) for name, values in bounds.items() if space.asks(name)}
    if space.asks("risk_score") and "risk_score" in bounds:
        besides = () if account.risk_min else (None,)
        box["risk_score"] = space.between("risk_score", account.risk_min, account.risk_max, besides=besides)
    if space.asks("amount") and "amount" in bounds:
        box["amount"] = space.between("amount", *_amounts(account), besides=(0,))
    return box


def _bounds(account: MerchantAccount) -> dict[str, set[Value]]:
    """List by fact the values that an account takes, and for numbers the least and the most; else it takes any."""
    currencies = account.currencies or frozenset(Currency)
    if account.amount_ranges is not None:
        currencies &= account.amount_ranges.keys()
    found: dict[str, set[Value]] = {"currency": {str(one) for one in currencies}}
    if account.countries:
        found["country"] = set(account.countries)
        found["region"] = {str(REGION[country]) for country in account.countries}
    if account.brands:
        found["brand"] = set(account.brands)
    if (account.risk_min, account.risk_max) != (0, RISK_SCORE_MAX):
        found["risk_score"] = {account.risk_min, account.risk_max}
    if account.recurring is not None:
        found["recurring"] = {"initial", "subsequent"} if account.recurring else {SINGLE}
    if _amounts(account) != AMOUNTS:
        found["amount"] = set(_amounts(account))
    return found


def _amounts(account: MerchantAccount) -> tuple[int, int]:
    """Give the least and the most that *account* takes in any of its currencies."""
    least, most = AMOUNTS
    if account.amount_ranges:
        least = min(low for low, _ in account.amount_ranges.values())
        most = max(high for _, high in account.amount_ranges.values())
    return least, most if account.limits.ticket_max is None else min(most, account.limits.ticket_max)
