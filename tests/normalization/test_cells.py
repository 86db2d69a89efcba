"""Cells of a report are read to the digit or refused by their column's name."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from normalization.cells import CellError, Picker, currency_of, instant, minor_units, presented, recognised
from normalization.money import EXPONENT, Currency, Money
from normalization.settlements import NotAReportError


@settings(max_examples=60)
@given(minor=st.integers(min_value=-(10**13), max_value=10**13), currency=st.sampled_from(Currency))
def test_an_amount_in_major_units_is_read_back_to_the_digit(minor: int, currency: Currency) -> None:
    assert minor_units(Money(minor, currency).to_decimal(), currency, "net") == minor


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("25", Currency.USD, 2500),
        ("-0.5", Currency.USD, -50),
        ("-0.05", Currency.USD, -5),
        ("20.000", Currency.EUR, 2000),
        ("500.00", Currency.JPY, 500),
        ("1.234", Currency.KWD, 1234),
        ("0", Currency.ISK, 0),
    ],
)
def test_fewer_digits_and_noughts_at_the_end_change_nothing(text: str, currency: Currency, minor: int) -> None:
    assert minor_units(text, currency, "gross") == minor


@pytest.mark.parametrize(
    "text", ["", " 1", "1 ", "+1", "1,5", "1.000,00", "1_0", "1e3", "(1)", ".5", "1.", "--1", "\u0661", "NaN", "9" * 14]
)
def test_what_is_no_plain_decimal_number_is_refused_by_its_column(text: str) -> None:
    with pytest.raises(CellError, match=r"12\.34") as refused:
        minor_units(text, Currency.EUR, "fee")

    assert refused.value.broken().column == "fee"
    assert not text.strip("-1 ") or text not in str(refused.value)


@settings(max_examples=40)
@given(currency=st.sampled_from(Currency), digit=st.integers(min_value=1, max_value=9))
def test_a_digit_too_many_is_refused_and_never_rounded(currency: Currency, digit: int) -> None:
    with pytest.raises(CellError, match=f"more than the {EXPONENT[currency]} decimal digits"):
        minor_units(f"1.{'0' * EXPONENT[currency]}{digit}", currency, "net")


def test_a_currency_is_known_in_capitals_and_in_small_letters() -> None:
    assert currency_of("eur", "currency") is currency_of("EUR", "currency") is Currency.EUR
    with pytest.raises(CellError, match="ISO 4217"):
        currency_of("XXX", "currency")


def test_an_instant_without_a_zone_is_read_in_the_one_given() -> None:
    assert instant("2026-07-01 12:00:00", "created", ZoneInfo("Europe/Berlin")) == datetime(2026, 7, 1, 10, tzinfo=UTC)
    assert instant("2026-07-01T12:00:00.5", "created").microsecond == 500_000
    assert instant("2026-07-01T12:00:00-07:00", "created") == datetime(2026, 7, 1, 19, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01", "0001-01-01T00:00:00+09:00"])
def test_what_is_no_instant_is_refused_by_its_column(text: str) -> None:
    with pytest.raises(CellError) as refused:
        instant(text, "created")

    assert refused.value.column == "created"


def test_an_amount_in_another_currency_takes_the_sign_of_what_was_settled() -> None:
    assert presented(500, Currency.USD, Currency.EUR, -460) == Money(-500, Currency.USD)
    assert presented(-500, Currency.USD, Currency.EUR, 460) == Money(500, Currency.USD)
    assert presented(500, Currency.EUR, Currency.EUR, 460) is None


def test_wanted_cells_are_picked_by_name_whatever_their_order() -> None:
    pick = Picker(["\ufeffC", " b ", "A"], ["a", "b2|b"], ["c", "absent"])

    assert pick(["3", "2", "1"]) == ("1", "2", "3", "")
    assert pick.names == ("a", "b", "c", "absent")


def test_a_row_of_another_width_than_the_header_is_refused_as_a_whole() -> None:
    with pytest.raises(CellError, match="has 1 cells where the header has 2") as refused:
        Picker(["a", "b"], ["a"])(["1"])

    assert refused.value.column is None


def test_a_wanted_column_that_is_there_twice_makes_a_header_unreadable() -> None:
    with pytest.raises(NotAReportError, match="net is there twice"):
        Picker(["net", "fee", "Net"], ["net"])


def test_a_header_that_is_none_is_told_what_it_lacks_of_the_nearest_format() -> None:
    formats = {"long": ["a", "b", "c"], "short": ["x", "y|z"]}

    assert recognised(["z", "x", "other"], formats) == "short"
    with pytest.raises(NotAReportError, match="the header lacks y or z of the format short, which comes nearest"):
        recognised(["x"], formats)
