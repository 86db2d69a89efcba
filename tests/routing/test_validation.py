"""A ruleset that is wrong is told so, with the place, before any payment meets it."""

from typing import Any

import pytest

from routing.rules import RuleSet
from routing.validation import NESTING_MAX, RULES_MAX, validate
from tests.routing.samples import ACCOUNTS, decoded, use

EURO = {"fact": "currency", "eq": "EUR"}


def problems(ruleset: RuleSet) -> list[tuple[str, str]]:
    return [(problem.place, problem.message) for problem in validate(ruleset, ACCOUNTS)]


def rule(name: str = "r", **changes: object) -> dict[str, Any]:
    return {"name": name, "when": EURO, "use": use("ma_1"), **changes}


def nested(levels: int) -> dict[str, Any]:
    condition: dict[str, Any] = EURO
    for _ in range(levels - 1):
        condition = {"not": condition}
    return condition


def test_a_ruleset_with_every_form_of_condition_is_right() -> None:
    cards = {"all": [{"fact": "currency", "in": ["EUR", "SEK"]}, {"fact": "risk_score", "gte": 0, "lt": 60}]}
    rules = (
        rule("eu-cards", when=cards, use=use("ma_1", "ma_2"), authentication="required"),
        rule("draw", when={"any": [{"not": EURO}]}, use=use("ma_1", "ma_2", strategy="split", weights=[9, 1])),
        {"name": "block", "when": {"fact": "risk_score", "gte": 95}, "refuse": "blocked_by_risk_rule"},
    )

    assert problems(decoded(*rules, otherwise=use("ma_3"))) == []


@pytest.mark.parametrize(
    ("leaf", "place", "part"),
    [
        ({"fact": "colour", "eq": "red"}, "fact", "is no fact"),
        ({"fact": "risk.", "eq": "x"}, "fact", "is no fact"),
        ({"fact": "currency", "lt": 5}, "lt", "does not fit currency"),
        ({"fact": "off_session", "in": [True]}, "in", "does not fit off_session"),
        ({"fact": "metadata.order", "gte": 5}, "gte", "does not fit metadata.order"),
        ({"fact": "amount", "eq": "4999"}, "eq", "a whole number"),
        ({"fact": "amount", "eq": True}, "eq", "a whole number"),
        ({"fact": "amount", "lt": 12.0}, "lt", "a whole number"),
        ({"fact": "amount", "gt": -1}, "gt", "a whole number from 0"),
        ({"fact": "country", "eq": "de"}, "eq", "in capitals"),
        ({"fact": "card.country", "eq": "XX"}, "eq", "in capitals"),
        ({"fact": "currency", "in": ["EUR", "XYZ"]}, "in[1]", "ISO 4217"),
        ({"fact": "currency", "eq": "eur"}, "eq", "in capitals"),
        ({"fact": "region", "eq": "EU"}, "eq", "one of EEA"),
        ({"fact": "risk_score", "gte": 101}, "gte", "from 0 to 100"),
        ({"fact": "risk_score", "lt": -1}, "lt", "from 0 to 100"),
        ({"fact": "hour_utc", "eq": 24}, "eq", "from 0 to 23"),
        ({"fact": "card.brand", "eq": "Visa"}, "eq", "lower case"),
        ({"fact": "card.funding", "eq": "gift"}, "eq", "one of credit"),
        ({"fact": "card.bin", "eq": "41"}, "eq", "six to eight"),
        ({"fact": "recurring", "eq": True}, "eq", "one of initial"),
        ({"fact": "brand", "eq": ""}, "eq", "text"),
        ({"fact": "risk.x", "in": ["a", 1]}, "in", "one type"),
        ({"fact": "currency", "in": []}, "in", "at least one value"),
    ],
    ids=str,
)
def test_a_leaf_that_cannot_be_meant_is_told(leaf: dict[str, Any], place: str, part: str) -> None:
    [(where, message)] = problems(decoded(rule(when={"all": [EURO, leaf]})))

    assert where == f"rules[0].when.all[1].{place}"
    assert part in message


@pytest.mark.parametrize(
    ("when", "place"),
    [
        ({"all": []}, "rules[0].when.all"),
        ({"any": []}, "rules[0].when.any"),
        ({}, "rules[0].when"),
        ({"fact": "currency"}, "rules[0].when"),
        ({"eq": "EUR"}, "rules[0].when"),
        ({"all": [EURO], "any": [EURO]}, "rules[0].when"),
        ({"not": EURO, "exists": True}, "rules[0].when"),
        ({"all": [EURO], **EURO}, "rules[0].when"),
    ],
    ids=str,
)
def test_a_condition_says_exactly_one_thing(when: dict[str, Any], place: str) -> None:
    assert [where for where, _ in problems(decoded(rule(when=when)))] == [place]


def test_nesting_has_a_bound() -> None:
    assert problems(decoded(rule(when=nested(NESTING_MAX)))) == []
    [(_, message)] = problems(decoded(rule(when=nested(NESTING_MAX + 1))))
    assert "too deep" in message


def test_the_number_of_rules_has_a_bound() -> None:
    assert problems(decoded(*(rule(f"r{n}") for n in range(RULES_MAX)))) == []
    [(place, _)] = problems(decoded(*(rule(f"r{n}") for n in range(RULES_MAX + 1))))
    assert place == "rules"


def test_two_rules_of_one_name_are_both_told() -> None:
    assert [where for where, _ in problems(decoded(rule("a"), rule("b"), rule("a")))] == [
        "rules[0].name",
        "rules[2].name",
    ]


@pytest.mark.parametrize("name", ["", "  ", "x" * 101, "otherwise"])
def test_a_name_that_a_plan_could_not_show_is_told(name: str) -> None:
    assert [where for where, _ in problems(decoded(rule(name)))] == ["rules[0].name"]


@pytest.mark.parametrize(
    ("changes", "place", "part"),
    [
        ({"use": None}, "rules[0]", "either use or refuse"),
        ({"refuse": "blocked_by_risk_rule"}, "rules[0]", "either use or refuse"),
        ({"use": None, "refuse": "because"}, "rules[0].refuse", "no decline code"),
        ({"use": None, "refuse": "outcome_unknown"}, "rules[0].refuse", "no decline code"),
        ({"use": use()}, "rules[0].use.accounts", "at least one"),
        ({"use": use("ma_1", "ma_1")}, "rules[0].use.accounts", "twice"),
        ({"use": use("ma_1", "ma_9")}, "rules[0].use.accounts[1]", "no merchant account"),
        ({"use": use("ma_1", weights=[1])}, "rules[0].use.weights", "belongs to the strategy split"),
        ({"use": use("ma_1", key="customer")}, "rules[0].use.key", "approval_rate or split"),
        ({"use": use("ma_1", margin_bps=1)}, "rules[0].use.margin_bps", "belongs to the strategy net_revenue"),
        ({"use": use("ma_1", strategy="net_revenue")}, "rules[0].use.margin_bps", "without a margin"),
        (
            {"use": use("ma_1", strategy="net_revenue", margin_bps=10_001)},
            "rules[0].use.margin_bps",
            "from 0 to 10000",
        ),
        ({"use": use("ma_1", strategy="split")}, "rules[0].use.weights", "one weight for each"),
        ({"use": use("ma_1", strategy="split", weights=[-1])}, "rules[0].use.weights", "from 0 to"),
        ({"use": use("ma_1", strategy="split", weights=[0])}, "rules[0].use.weights", "not all be 0"),
    ],
    ids=str,
)
def test_a_rule_that_leads_nowhere_is_told(changes: dict[str, Any], place: str, part: str) -> None:
    told = problems(decoded(rule(**changes)))

    assert (place, True) in [(where, part in message) for where, message in told]


def test_the_last_resort_is_looked_at_too() -> None:
    assert [where for where, _ in problems(decoded(otherwise=use("ma_9")))] == ["otherwise.accounts[0]"]
