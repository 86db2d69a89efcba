import pytest

from adapters.checkout_com.amounts import AMOUNTS, DECIMALS, from_wire, to_wire
from hub.sandbox.checkout_com.currencies import DECIMALS as THEIRS
from normalization.money import Currency, InexactAmountError, Money


@pytest.mark.parametrize(
    ("money", "value"),
    [
        (Money(1000, Currency.EUR), 1000),
        (Money(1000, Currency.JPY), 1000),
        (Money(1000, Currency.ISK), 1000),
        (Money(1310, Currency.BHD), 1310),
        (Money(150, Currency.CLP), 15_000),
        (Money(999_999_999, Currency.USD), 999_999_999),
    ],
)
def test_an_amount_goes_out_in_their_unit_and_comes_back(money: Money, value: int) -> None:
    assert to_wire(money) == value
    assert from_wire(value, money.currency.value) == money


@pytest.mark.parametrize(
    "money", [Money(1312, Currency.BHD), Money(1_000_000_000, Currency.EUR), Money(10_000_000, Currency.CLP)]
)
def test_what_cannot_be_held_is_refused_and_never_rounded(money: Money) -> None:
    with pytest.raises(InexactAmountError):
        to_wire(money)


def test_both_readings_of_the_page_agree() -> None:
    assert {currency.value: digits for currency, digits in DECIMALS.items()} == THEIRS


@pytest.mark.parametrize("currency", [Currency.EUR, Currency.KWD, Currency.CLP, Currency.JPY])
def test_the_largest_and_the_smallest_amount_can_be_sent(currency: Currency) -> None:
    bounds = AMOUNTS[currency]

    assert to_wire(Money(bounds.minimum_minor, currency)) > 0
    assert to_wire(Money(bounds.maximum_minor, currency)) <= 999_999_999
