"""A split draws by weight, and always the same for the same key."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.strategies import point_of, split

ACCOUNTS = ("ma_1", "ma_2", "ma_3")
KEYS = 100_000
weights = st.lists(st.integers(0, 1000), min_size=3, max_size=3).filter(any)
points = st.integers(0, 2**64 - 1)


def test_a_point_is_the_start_of_a_published_hash() -> None:
    # printf 'rs_1:euro:invoice-1042' | sha256sum | head -c 16
    assert point_of("rs_1", "euro", "invoice-1042") == 0xC70654FAF9D514D8


def test_shares_are_within_a_percent_for_the_first_and_for_those_after_it() -> None:
    drawn = [split(ACCOUNTS, (70, 20, 10), point_of("rs_1", "r", f"invoice-{n}")) for n in range(KEYS)]

    first = Counter(order[0] for order in drawn)
    second = Counter(order[1] for order in drawn if order[0] == "ma_1")

    assert first["ma_1"] / KEYS == pytest.approx(0.7, abs=0.01)
    assert first["ma_2"] / KEYS == pytest.approx(0.2, abs=0.01)
    assert first["ma_3"] / KEYS == pytest.approx(0.1, abs=0.01)
    assert second["ma_2"] / second.total() == pytest.approx(2 / 3, abs=0.01)


@given(weights, points)
def test_every_account_is_drawn_once(shares: list[int], point: int) -> None:
    assert sorted(split(ACCOUNTS, shares, point)) == sorted(ACCOUNTS)


@given(weights, points)
def test_an_account_of_weight_0_comes_after_all_others(shares: list[int], point: int) -> None:
    by_account = dict(zip(ACCOUNTS, shares, strict=True))
    drawn = [by_account[name] > 0 for name in split(ACCOUNTS, shares, point)]

    assert drawn == sorted(drawn, reverse=True)


def test_the_two_ends_of_the_line_belong_to_the_first_and_the_last() -> None:
    assert split(ACCOUNTS, (1, 1, 1), 0)[0] == "ma_1"
    assert split(ACCOUNTS, (1, 1, 1), 2**64 - 1)[0] == "ma_3"
