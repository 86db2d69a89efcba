"""What a new version says otherwise is told rule by rule, and nothing else is."""

from typing import Any

from hypothesis import given

from routing.differences import differences
from routing.rules import RuleSet
from tests.routing.samples import decoded, use
from tests.routing.test_indexes import rulesets

EURO = {"fact": "currency", "eq": "EUR"}
CALM = {"fact": "risk_score", "gte": 0, "lt": 60}


def rule(name: str, **changes: Any) -> dict[str, Any]:
    return {"name": name, "when": EURO, "use": use("ma_1"), **changes}


def told(before: RuleSet | None, after: RuleSet) -> list[tuple[str, str, str | None]]:
    return [(one.name, str(one.kind), one.part) for one in differences(before, after)]


@given(rulesets)
def test_a_ruleset_does_not_differ_from_itself(ruleset: RuleSet) -> None:
    assert differences(ruleset, ruleset) == []


def test_what_is_added_and_what_is_left_out() -> None:
    before, after = decoded(rule("a"), rule("b")), decoded(rule("a"), rule("c"), otherwise=use("ma_1"))

    assert told(before, after) == [("c", "added", None), ("b", "removed", None), ("otherwise", "added", None)]


def test_against_nothing_all_is_new() -> None:
    assert told(None, decoded(rule("a"), otherwise=use("ma_1"))) == [("a", "added", None), ("otherwise", "added", None)]


def test_each_part_of_a_rule_that_changed_is_told_with_what_it_was() -> None:
    before = decoded(rule("a", when=CALM))
    after = decoded(rule("a", when={"fact": "risk_score", "lt": 50}, use=use("ma_2"), authentication="required"))

    found = differences(before, after)

    assert [(one.part, one.before, one.after) for one in found] == [
        ("when", '{"fact":"risk_score","lt":60,"gte":0}', '{"fact":"risk_score","lt":50}'),
        (
            "use",
            '{"strategy":"priority","accounts":["ma_1"]}',
            '{"strategy":"priority","accounts":["ma_2"]}',
        ),
        ("authentication", '"automatic"', '"required"'),
    ]


def test_a_rule_in_another_turn_is_told_and_those_around_it_are_not() -> None:
    before = decoded(*(rule(name) for name in "abcd"))
    after = decoded(*(rule(name) for name in "dabc"))

    [found] = differences(before, after)

    assert (found.name, found.kind, found.before, found.after) == ("d", "moved", "rule 4", "rule 1")


def test_a_rule_put_in_between_moves_nobody() -> None:
    assert told(decoded(rule("a"), rule("b")), decoded(rule("a"), rule("x"), rule("b"))) == [("x", "added", None)]
