"""Amounts in Stripe's units: exactly, or not at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.stripe.currencies import AMOUNTS, STRIPE_EXPONENT, from_stripe, to_stripe
from normalization.money import Currency, InexactAmountError, Money


@pytest.mark.fault_case(id="CUR-01")
@pytest.mark.fault_case(id="CUR-02")
@pytest.mark.fault_case(id="CUR-04")
@pytest.mark.parametrize(
    ("minor", "currency", "sent"),
    [
        (1234, Currency.EUR, 1234),
        (500, Currency.JPY, 500),
        (5, Currency.ISK, 500),
        (5, Currency.UGX, 500),
        (5120, Currency.KWD, 5120),
        (1500, Currency.MGA, 15),
        (17500, Currency.HUF, 17500),
        (100000, Currency.TWD, 100000),
        (700, Currency.CLP, 700),
        (1000, Currency.IDR, 1000),
    ],
)
def test_an_amount_is_counted_in_stripes_unit(minor: int, currency: Currency, sent: int) -> None:
    assert to_stripe(Money(minor, currency)) == sent
    assert from_stripe(sent, currency.lower()) == Money(minor, currency)


@pytest.mark.fault_case(id="CUR-01")
@pytest.mark.parametrize("money", [Money(5124, Currency.KWD), Money(1, Currency.TND), Money(1550, Currency.MGA)])
def test_what_cannot_be_sent_exactly_is_refused(money: Money) -> None:
    with pytest.raises(InexactAmountError):
        to_stripe(money)


def test_half_a_krona_cannot_come_back() -> None:
    with pytest.raises(InexactAmountError):
        from_stripe(550, "isk")


@pytest.mark.parametrize("currency", ["xxx", "irr", ""])
def test_a_currency_stripe_does_not_take_cannot_come_back(currency: str) -> None:
    with pytest.raises(ValueError, match=r"Stripe|valid"):
        from_stripe(100, currency)


@pytest.mark.fault_case(id="CUR-06")
@given(st.sampled_from(sorted(STRIPE_EXPONENT)), st.integers(1, 99_999_999_999))
def test_what_is_sent_comes_back_the_same(currency: Currency, minor: int) -> None:
    money = Money(minor, Currency(currency))
    try:
        sent = to_stripe(money)
    except InexactAmountError:
        return
    assert from_stripe(sent, money.currency.lower()) == money


@pytest.mark.parametrize("currency", list(AMOUNTS))
def test_the_smallest_and_the_largest_amount_can_be_sent(currency: Currency) -> None:
    limits = AMOUNTS[currency]

    assert to_stripe(Money(limits.minimum_minor, currency)) >= 1
    assert to_stripe(Money(limits.maximum_minor, currency)) <= 99_999_999


def test_limits_are_in_iso_units() -> None:
    assert AMOUNTS[Currency.EUR].minimum_minor == 50
    assert AMOUNTS[Currency.ISK].maximum_minor == 999_999
    assert (AMOUNTS[Currency.KWD].minimum_minor, AMOUNTS[Currency.KWD].maximum_minor) == (10, 99_999_990)
    assert AMOUNTS[Currency.MGA].minimum_minor == 100
