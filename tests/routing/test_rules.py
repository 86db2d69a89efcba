"""A rule matches on true only, and what a payment does not tell is neither true nor false."""

from typing import Any

import msgspec
import pytest

from normalization.money import Currency, Money
from normalization.tokens import CardFacts
from routing.conditions import Slots, compile_condition
from routing.facts import FACTS, FAMILIES, Facts
from routing.rules import Condition, RuleSet
from tests.routing.samples import decoded, facts

YES = {"fact": "currency", "eq": "EUR"}
NO = {"fact": "currency", "eq": "USD"}
UNKNOWN = {"fact": "risk_score", "lt": 60}
LEAVES = {True: YES, False: NO, None: UNKNOWN}


def ask(when: dict[str, Any], payment: Facts) -> bool | None:
    slots = Slots()
    test = compile_condition(msgspec.convert(when, Condition), slots, {})
    return test(tuple(read(payment) for read in slots.reads))


@pytest.mark.parametrize(
    ("left", "right", "both", "either"),
    [
        (True, True, True, True),
        (True, False, False, True),
        (True, None, None, True),
        (False, True, False, True),
        (False, False, False, False),
        (False, None, False, None),
        (None, True, None, True),
        (None, False, False, None),
        (None, None, None, None),
    ],
)
def test_all_and_any_follow_three_valued_logic(
    *, left: bool | None, right: bool | None, both: bool | None, either: bool | None
) -> None:
    parts = [LEAVES[left], LEAVES[right]]

    assert ask({"all": parts}, facts()) is both
    assert ask({"any": parts}, facts()) is either


@pytest.mark.parametrize(("inner", "outer"), [(True, False), (False, True), (None, None)])
def test_not_leaves_unknown_unknown(*, inner: bool | None, outer: bool | None) -> None:
    assert ask({"not": LEAVES[inner]}, facts()) is outer


@pytest.mark.parametrize(
    ("operator", "bound", "answers"),
    [
        ("eq", 50, [False, True, False]),
        ("ne", 50, [True, False, True]),
        ("lt", 50, [True, False, False]),
        ("lte", 50, [True, True, False]),
        ("gt", 50, [False, False, True]),
        ("gte", 50, [False, True, True]),
        ("in", [50, 51], [False, True, True]),
        ("not_in", [50, 51], [True, False, False]),
    ],
)
def test_operators_compare_below_at_and_above(operator: str, bound: object, answers: list[bool]) -> None:
    leaf = {"fact": "risk_score", operator: bound}

    assert [ask(leaf, facts(risk_score=score)) for score in (49, 50, 51)] == answers


def test_several_operators_in_one_leaf_must_all_hold() -> None:
    leaf = {"fact": "risk_score", "gte": 0, "lt": 60}

    assert ask(leaf, facts(risk_score=59)) is True
    assert ask(leaf, facts(risk_score=60)) is False
    assert ask(leaf, facts()) is None


@pytest.mark.parametrize(("known", "wanted"), [(True, True), (True, False), (False, True), (False, False)])
def test_exists_is_never_unknown(*, known: bool, wanted: bool) -> None:
    payment = facts(country="DE" if known else None)

    assert ask({"fact": "country", "exists": wanted}, payment) is (known is wanted)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("amount", 4999),
        ("currency", "EUR"),
        ("country", "DE"),
        ("region", "EEA"),
        ("brand", "acme"),
        ("risk_score", 12),
        ("risk.ip_country", "DE"),
        ("risk.age_days", 40),
        ("risk.vpn", False),
        ("card.brand", "visa"),
        ("card.funding", "debit"),
        ("card.country", "SE"),
        ("card.bin", "411111"),
        ("recurring", "initial"),
        ("off_session", True),
        ("customer", "cus_1"),
        ("metadata.order", "1042"),
        ("hour_utc", 9),
    ],
)
def test_every_fact_is_read_from_the_payment(name: str, value: object) -> None:
    payment = facts(
        country="DE",
        brand="acme",
        risk_score=12,
        risk={"ip_country": "DE", "age_days": 40, "vpn": False},
        card=CardFacts(brand="visa", funding="debit", country="SE", bin="411111"),
        recurring="initial",
        off_session=True,
        customer="cus_1",
        metadata={"order": "1042"},
    )

    assert ask({"fact": name, "eq": value}, payment) is True
    assert ask({"fact": name, "ne": value}, payment) is False
    assert name in FACTS or name.startswith(tuple(FAMILIES))


def test_a_single_payment_is_known_not_to_be_recurring() -> None:
    assert ask({"fact": "recurring", "eq": "initial"}, facts()) is False
    assert ask({"fact": "recurring", "ne": "subsequent"}, facts()) is True
    assert ask({"fact": "recurring", "exists": False}, facts()) is True


@pytest.mark.parametrize("told", ["40", True, None])
def test_a_risk_value_of_another_type_is_unknown_and_not_compared(told: object) -> None:
    assert ask({"fact": "risk.age_days", "lt": 50}, facts(risk={"age_days": told})) is None


def test_true_is_not_one() -> None:
    assert ask({"fact": "risk.flag", "eq": True}, facts(risk={"flag": 1})) is None


def test_an_amount_is_compared_in_minor_units() -> None:
    assert ask({"fact": "amount", "gte": 1000}, facts(money=Money(1000, Currency.JPY))) is True


@pytest.mark.parametrize(
    "when",
    [
        {"fact": "currency", "equals": "EUR"},
        {"fact": "currency", "eq": None},
        {"fact": "amount", "lt": "12"},
        {"fact": "amount", "lt": True},
        {"fact": 7, "eq": 1},
        {"all": "all"},
    ],
    ids=str,
)
def test_a_condition_of_another_shape_does_not_decode(when: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError, match="when"):
        decoded({"name": "r", "when": when, "refuse": "blocked_by_risk_rule"})


def test_a_ruleset_is_written_back_as_it_came() -> None:
    rules = decoded({"name": "r", "when": {"not": {"all": [YES]}}, "refuse": "blocked_by_risk_rule"})

    assert msgspec.json.decode(msgspec.json.encode(rules), type=RuleSet) == rules
