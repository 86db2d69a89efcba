"""Amounts in another currency, beginnings of card numbers, and what the hub counts, as rules compare them."""

from fractions import Fraction
from typing import Any

import msgspec
import pytest

from normalization.money import Currency, Money
from normalization.tokens import CardFacts
from routing.facts import Facts
from routing.plan import compile_ruleset, plan
from routing.rates import converter
from routing.rules import RuleSet
from routing.validation import validate
from tests.routing.samples import facts, snapshot

RATES = {"EUR": "1", "USD": "1.0842", "JPY": "169.15", "KWD": "0.3321"}


def decoded(when: dict[str, Any], rates: dict[str, str] | None = None) -> RuleSet:
    rule = {"name": "r", "when": when, "refuse": "blocked_by_risk_rule"}
    return msgspec.convert({"name": "main", "rules": [rule], "rates": RATES if rates is None else rates}, RuleSet)


def matches(when: dict[str, Any], payment: Facts) -> bool:
    compiled = compile_ruleset(decoded(when), id="rs_1", version=1)
    return plan(payment, snapshot(ruleset=compiled)).rule == "r"


def wrong(when: dict[str, Any], rates: dict[str, str] | None = None) -> list[str]:
    return [problem.place for problem in validate(decoded(when, rates), [])]


@pytest.mark.parametrize(
    ("money", "into", "minor"),
    [
        (Money(10_000, Currency.EUR), Currency.USD, 10_842),
        (Money(1, Currency.EUR), Currency.USD, 1),  # 1.0842 cents, rounded down.
        (Money(16_915, Currency.JPY), Currency.EUR, 10_000),
        (Money(10_000, Currency.EUR), Currency.KWD, 33_210),
        (Money(99_999_999_999, Currency.USD), Currency.USD, 99_999_999_999),
    ],
)
def test_an_amount_is_converted_exactly_and_rounded_down(money: Money, into: Currency, minor: int) -> None:
    rates = {Currency(code): Fraction(rate) for code, rate in RATES.items()}

    assert converter(rates, into)(money) == minor


def test_a_rule_asks_for_the_amount_in_another_currency() -> None:
    dear = {"fact": "amount_in.EUR", "gte": 10_000}

    assert matches(dear, facts(money=Money(16_915, Currency.JPY)))
    assert not matches(dear, facts(money=Money(16_914, Currency.JPY)))


def test_the_amount_of_a_currency_without_a_rate_is_not_known() -> None:
    payment = facts(money=Money(1, Currency.GBP))
    when = {"fact": "amount_in.EUR", "gte": 0}
    decided = plan(payment, snapshot(ruleset=compile_ruleset(decoded(when), id="rs_1", version=1)))

    assert (decided.rule, decided.unknown_facts) == (None, ("amount_in.EUR",))
    assert not matches({"not": when}, payment)


@pytest.mark.parametrize("rate", ["", "1,5", "-1", "0", "0.000", "1e3", "1/3", " 1", "1." + "0" * 13])
def test_a_rate_that_is_no_decimal_above_zero_is_told_with_its_place(rate: str) -> None:
    assert wrong({"fact": "currency", "eq": "EUR"}, {"USD": rate}) == ["rates.USD"]


def test_a_rate_of_what_is_no_currency_is_told_with_its_place() -> None:
    assert wrong({"fact": "currency", "eq": "EUR"}, {"usd": "1"}) == ["rates.usd"]


def test_a_condition_that_wants_a_rate_which_is_not_there_is_told_with_its_place() -> None:
    when = {"any": [{"fact": "currency", "eq": "EUR"}, {"not": {"all": [{"fact": "amount_in.GBP", "gt": 5}]}}]}

    assert wrong(when) == ["rules[0].when.any[1].not.all[0].fact"]


def test_an_amount_in_what_is_no_currency_is_no_fact() -> None:
    assert wrong({"fact": "amount_in.XYZ", "gt": 5}) == ["rules[0].when.fact"]


@pytest.mark.parametrize(("digits", "answer"), [("411111", True), ("42000011", True), ("4", False), ("511111", False)])
def test_a_card_is_known_by_how_its_number_begins(*, digits: str, answer: bool) -> None:
    begins = {"fact": "card.bin", "starts_with": ["4111", "42"]}

    assert matches(begins, facts(card=CardFacts(bin=digits))) is answer
    assert matches({"not": begins}, facts(card=CardFacts(bin=digits))) is not answer


def test_a_card_whose_digits_are_not_known_begins_with_nothing_and_with_nothing_else() -> None:
    begins = {"fact": "card.bin", "starts_with": ["4"]}

    assert not matches(begins, facts())
    assert not matches({"not": begins}, facts())


@pytest.mark.parametrize("beginning", ["", "4x", "123456789", "\uff14"])
def test_a_beginning_that_no_card_has_is_told_with_its_place(beginning: str) -> None:
    assert wrong({"fact": "card.bin", "starts_with": ["4", beginning]}) == ["rules[0].when.starts_with[1]"]


def test_other_facts_have_no_beginning() -> None:
    assert wrong({"fact": "customer", "starts_with": ["cus_"]}) == ["rules[0].when.starts_with"]


def test_a_rule_asks_how_often_a_customer_was_declined() -> None:
    often = {"fact": "declines.customer.1h", "gte": 3}

    assert matches(often, facts(counted={"declines.customer.1h": 3}))
    assert not matches(often, facts(counted={"declines.customer.1h": 2}))
    assert not matches(often, facts())


@pytest.mark.parametrize("name", ["velocity.customer.2h", "velocity.ip_country.1h", "declines.customer", "velocity."])
def test_what_is_not_counted_is_no_fact(name: str) -> None:
    assert wrong({"fact": name, "gte": 3}) == ["rules[0].when.fact"]
