"""What is wrong with the rates that a ruleset brings, and with conditions that want one it does not bring."""

import re
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Final

from msgspec import UNSET

from normalization.money import EXPONENT
from routing.rates import PREFIX
from routing.rules import Condition, RuleSet

_DECIMAL: Final = re.compile(r"[0-9]{1,12}(\.[0-9]{1,12})?", re.ASCII)


def wrong_rates(ruleset: RuleSet) -> Iterator[tuple[str, str]]:
    """List what is wrong: the place, and what to do there."""
    for code, rate in ruleset.rates.items():
        if code not in EXPONENT:
            yield f"rates.{code}", 'is no ISO 4217 code in capitals, such as "EUR"'
        elif not _DECIMAL.fullmatch(rate) or not Fraction(rate):
            yield f"rates.{code}", 'must be a decimal above 0 as text, such as "1.0842"'
    for index, rule in enumerate(ruleset.rules):
        for place, fact in _facts(f"rules[{index}].when", rule.when):
            code = fact.removeprefix(PREFIX)
            if fact.startswith(PREFIX) and code in EXPONENT and code not in ruleset.rates:
                yield f"{place}.fact", f"wants a rate: write how many {code} one unit of your base is worth in rates"


def _facts(place: str, condition: Condition) -> Iterator[tuple[str, str]]:
    """List the facts that *condition* names, with their places; it may be nested deeper than is allowed."""
    waiting = [(place, condition)]
    while waiting:
        here, part = waiting.pop()
        if part.fact is not UNSET:
            yield here, part.fact
        if part.not_ is not UNSET:
            waiting.append((f"{here}.not", part.not_))
        for name, parts in (("all", part.all), ("any", part.any)):
            waiting += [(f"{here}.{name}[{n}]", inner) for n, inner in enumerate(_listed(parts))]


def _listed(parts: object) -> Iterable[Condition]:
    return parts if isinstance(parts, tuple) else ()
