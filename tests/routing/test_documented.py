"""docs/routing.md says what the code does."""

import re
from pathlib import Path

import msgspec

from routing.eligibility import Reason
from routing.facts import FACTS, FAMILIES, Fact, find_fact
from routing.health import CALLS_MIN, FAILED_IN_A_ROW, FAILED_SHARE, OPEN_FOR, WINDOW
from routing.rules import RuleSet
from routing.validation import validate

PAGE = (Path(__file__).parents[2] / "docs/routing.md").read_text()


def row(name: str, fact: Fact) -> str:
    return f"| `{name}` | {', '.join(fact.operators)} | {fact.wants} |"


def example(prefix: str) -> Fact:
    rest = {"amount_in.": "EUR", "velocity.": "customer.1h", "declines.": "customer.1h"}.get(prefix, "key")
    found = find_fact(prefix + rest)
    assert found is not None
    return found


def fact_rows() -> list[str]:
    families = [row(f"{prefix}{family.rest}", example(prefix)) for prefix, family in FAMILIES.items()]
    return [row(name, fact) for name, fact in FACTS.items()] + families


def health_line() -> str:
    return (
        f"After {FAILED_IN_A_ROW} technical failures in a row, or when {FAILED_SHARE:.0%} of at least {CALLS_MIN} "
        f"calls within {WINDOW.seconds} s failed, an account gets no payment for {OPEN_FOR.seconds} s."
    )


def test_every_fact_is_documented_with_its_operators_and_values() -> None:
    assert "\n".join(fact_rows()) in PAGE


def test_every_reason_is_documented_in_the_order_it_is_looked_at() -> None:
    documented = re.findall(r"^\| `(\w+)` \| [^|]+ \|$", PAGE.split("## Why an account")[1], re.MULTILINE)

    assert documented == list(Reason)


def test_the_figures_of_the_circuit_are_documented() -> None:
    assert health_line() in PAGE


def test_the_example_is_a_valid_ruleset() -> None:
    [example] = re.findall(r"```json\n(.+?)```", PAGE, re.DOTALL)

    assert validate(msgspec.json.decode(example, type=RuleSet), ["ma_1", "ma_2"]) == []
