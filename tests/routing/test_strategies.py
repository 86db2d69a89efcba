"""A split draws by weight, and always the same for the same key."""

from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.strategies import draw_of, lot_of, point_of, split

ACCOUNTS = ("ma_1", "ma_2", "ma_3")
KEYS = 100_000
weights = st.lists(st.integers(0, 1000), min_size=3, max_size=3).filter(any)
lots = st.text(max_size=12)


def order(accounts: Sequence[str], shares: Sequence[int], lot: str) -> list[str]:
    return [accounts[place] for place in split(draw_of(accounts, shares), lot)]


def drawn(accounts: tuple[str, ...], shares: tuple[int, ...], count: int = KEYS) -> list[list[str]]:
    draw = draw_of(accounts, shares)
    lots = (lot_of("main", "euro", f"invoice-{n}") for n in range(count))
    return [[accounts[place] for place in split(draw, lot)] for lot in lots]


def test_a_point_is_the_start_of_a_published_hash() -> None:
    # printf 'rs_1:euro:invoice-1042' | sha256sum | head -c 16
    assert point_of("rs_1", "euro", "invoice-1042") == 0xC70654FAF9D514D8


def test_shares_are_within_a_percent_for_the_first_and_for_those_after_it() -> None:
    orders = drawn(ACCOUNTS, (70, 20, 10))

    first = Counter(one[0] for one in orders)
    second = Counter(one[1] for one in orders if one[0] == "ma_1")

    assert first["ma_1"] / KEYS == pytest.approx(0.7, abs=0.01)
    assert first["ma_2"] / KEYS == pytest.approx(0.2, abs=0.01)
    assert first["ma_3"] / KEYS == pytest.approx(0.1, abs=0.01)
    assert second["ma_2"] / second.total() == pytest.approx(2 / 3, abs=0.01)


def test_a_larger_weight_moves_payments_to_its_account_alone_and_as_many_as_it_must() -> None:
    before = [one[0] for one in drawn(ACCOUNTS, (70, 20, 10))]
    after = [one[0] for one in drawn(ACCOUNTS, (70, 20, 30))]

    moved = [(old, new) for old, new in zip(before, after, strict=True) if old != new]

    assert {new for _, new in moved} == {"ma_3"}
    assert len(moved) / KEYS == pytest.approx(30 / 120 - 10 / 100, abs=0.01)


def test_a_new_account_takes_its_share_from_the_others_and_moves_nothing_between_them() -> None:
    before = [one[0] for one in drawn(ACCOUNTS, (50, 30, 20), 20_000)]
    after = [one[0] for one in drawn((*ACCOUNTS, "ma_4"), (50, 30, 20, 25), 20_000)]

    moved = [new for old, new in zip(before, after, strict=True) if old != new]

    assert set(moved) == {"ma_4"}
    assert len(moved) / 20_000 == pytest.approx(0.2, abs=0.01)


@given(weights, lots, st.integers(1, 1000))
def test_accounts_whose_weights_stay_keep_their_order_whatever_the_others_do(
    shares: list[int], lot: str, other: int
) -> None:
    before = order(ACCOUNTS, shares, lot)
    after = order(ACCOUNTS, (*shares[:2], other), lot)

    def of_two(names: list[str]) -> list[str]:
        return [name for name in names if name != "ma_3"]

    assert of_two(after) == of_two(before)


@given(weights, lots)
def test_how_accounts_are_listed_changes_nothing(shares: list[int], lot: str) -> None:
    drawing = [one for one in zip(ACCOUNTS, shares, strict=True) if one[1]]
    names, given_weights = [name for name, _ in drawing], [weight for _, weight in drawing]

    assert order(names, given_weights, lot) == order(names[::-1], given_weights[::-1], lot)


@given(weights, lots)
def test_every_account_is_drawn_once(shares: list[int], lot: str) -> None:
    assert sorted(order(ACCOUNTS, shares, lot)) == sorted(ACCOUNTS)


@given(weights, lots)
def test_an_account_of_weight_0_comes_after_all_others(shares: list[int], lot: str) -> None:
    by_account = dict(zip(ACCOUNTS, shares, strict=True))
    weighty = [by_account[name] > 0 for name in order(ACCOUNTS, shares, lot)]

    assert weighty == sorted(weighty, reverse=True)


@given(weights, lots, st.sets(st.sampled_from(ACCOUNTS)))
def test_those_that_fit_are_drawn_as_if_the_others_were_there(shares: list[int], lot: str, fitting: set[str]) -> None:
    all_of_them, few = draw_of(ACCOUNTS, shares), tuple(one for one in ACCOUNTS if one in fitting)

    drawn_alone = [few[place] for place in split(all_of_them.among(few), lot)]

    assert drawn_alone == [one for one in order(ACCOUNTS, shares, lot) if one in fitting]
