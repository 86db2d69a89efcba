"""A fee is a whole number of minor units, half to even, whichever way it is worked out."""

import pytest

from normalization.money import Currency, Money
from normalization.tokens import CardFacts
from routing.accounts import Fee
from routing.costs import LINES_MIN, EffectiveFee, Tariff, cost_by, costs_of, expected_cost

HALVES = [(50, 0), (51, 1), (149, 1), (150, 2), (151, 2), (249, 2), (250, 2), (251, 3), (350, 4)]
"""Amounts and a hundredth of each."""


@pytest.mark.parametrize(("minor", "fee"), HALVES)
def test_every_way_rounds_half_to_even_and_adds_what_is_fixed(minor: int, fee: int) -> None:
    money = Money(minor, Currency.EUR)

    assert cost_by(money, Fee(percent_bps=100, fixed_minor=25)) == fee + 25
    assert Tariff(percent_ppm=10_000, fixed_minor=25, learned=False).cost(minor) == fee + 25
    assert costs_of(minor, [10_000, 0], [25, 7]) == [fee + 25, 7]


@pytest.mark.parametrize(
    ("currency", "lines", "learned"),
    [(Currency.EUR, LINES_MIN, True), (Currency.EUR, LINES_MIN - 1, False), (Currency.USD, LINES_MIN, False)],
)
def test_what_settlements_showed_counts_from_enough_lines_on_and_in_its_own_currency(
    currency: Currency,
    lines: int,
    learned: bool,  # noqa: FBT001 - the case
) -> None:
    shown = EffectiveFee(currency=currency, percent_ppm=20_000, lines=lines)

    found = expected_cost(Money(1000, Currency.EUR), [Fee(percent_bps=100)], [shown], CardFacts())

    assert found is not None
    assert (found.minor, found.learned) == ((20, True) if learned else (10, False))
