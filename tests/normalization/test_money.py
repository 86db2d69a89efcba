"""Amounts add up exactly or not at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from normalization.money import (
    EXPONENT,
    Currency,
    CurrencyMismatchError,
    InexactAmountError,
    Money,
    from_unit,
    in_whole_units,
    to_unit,
    written,
)


@pytest.mark.parametrize(
    ("currency", "digits"),
    [
        (Currency.EUR, 2),
        (Currency.JPY, 0),
        (Currency.ISK, 0),
        (Currency.CLP, 0),
        (Currency.UGX, 0),
        (Currency.KWD, 3),
        (Currency.IQD, 3),
        (Currency.MGA, 2),
        (Currency.CLF, 4),
        (Currency.HUF, 2),
    ],
)
def test_exponents_are_those_of_iso_4217(currency: Currency, digits: int) -> None:
    assert EXPONENT[currency] == digits


def test_all_but_these_have_two_digits() -> None:
    others = {
        0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF",
        3: "BHD IQD JOD KWD LYD OMR TND",
        4: "CLF",
    }
    known = {currency: digits for digits, codes in others.items() for currency in codes.split() if currency in EXPONENT}

    assert {currency.value: digits for currency, digits in EXPONENT.items() if digits != 2} == known


def test_every_currency_has_an_exponent() -> None:
    assert set(EXPONENT) == set(Currency)


@pytest.mark.parametrize(
    ("money", "decimal"),
    [
        (Money(1234, Currency.EUR), "12.34"),
        (Money(5, Currency.EUR), "0.05"),
        (Money(1234, Currency.JPY), "1234"),
        (Money(1234, Currency.KWD), "1.234"),
        (Money(-1234, Currency.EUR), "-12.34"),
        (Money(99_999_999_999, Currency.CLF), "9999999.9999"),
    ],
)
def test_major_units_are_written_with_all_their_digits(money: Money, decimal: str) -> None:
    assert money.to_decimal() == decimal


@pytest.mark.parametrize(
    ("minor", "currency", "sentence"),
    [
        (13165, "EUR", "131.65 EUR"),
        (-5, "EUR", "-0.05 EUR"),
        (123_456_789, "EUR", "1,234,567.89 EUR"),
        (4999, "JPY", "4,999 JPY"),
        (1005, "KWD", "1.005 KWD"),
        (99_999_999_999, "CLF", "9,999,999.9999 CLF"),
        (0, "EUR", "0.00 EUR"),
        (1234, "XTS", "1,234 XTS"),
    ],
)
def test_sentences_have_whole_units(minor: int, currency: str, sentence: str) -> None:
    assert written(minor, currency) == sentence
    assert in_whole_units(minor, currency) == sentence.removesuffix(f" {currency}")


def test_amounts_of_one_currency_add_up() -> None:
    assert Money(1, Currency.EUR) + Money(2, Currency.EUR) == Money(3, Currency.EUR)


def test_amounts_of_two_currencies_do_not() -> None:
    with pytest.raises(CurrencyMismatchError):
        Money(1, Currency.EUR) + Money(1, Currency.USD)


@pytest.mark.parametrize(
    ("money", "exponent", "units"),
    [
        (Money(5, Currency.ISK), 2, 500),
        (Money(1500, Currency.MGA), 0, 15),
        (Money(1234, Currency.EUR), 2, 1234),
        (Money(-1500, Currency.MGA), 0, -15),
    ],
)
def test_an_amount_is_counted_in_another_unit_and_back(money: Money, exponent: int, units: int) -> None:
    assert to_unit(money, exponent) == units
    assert from_unit(units, money.currency, exponent) == money


def test_digits_that_the_unit_cannot_hold_are_refused() -> None:
    with pytest.raises(InexactAmountError):
        to_unit(Money(1550, Currency.MGA), 0)


def test_digits_that_iso_does_not_know_are_refused() -> None:
    with pytest.raises(InexactAmountError):
        from_unit(550, Currency.ISK, 2)


@given(st.sampled_from(list(Currency)), st.integers(-(10**12), 10**12), st.integers(0, 4))
def test_what_was_converted_comes_back_the_same(currency: Currency, minor: int, exponent: int) -> None:
    money = Money(minor, currency)
    try:
        units = to_unit(money, exponent)
    except InexactAmountError:
        assert exponent < EXPONENT[currency]
        return
    assert from_unit(units, currency, exponent) == money
