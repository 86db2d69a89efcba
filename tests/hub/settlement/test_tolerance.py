"""How far off is still right: exact at the boundary, by the size of the amount, and never of nothing."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.settlement.tolerance import bps_off, within, within_bps


@pytest.mark.parametrize(
    ("expected", "settled", "fraction", "is_right"),
    [
        pytest.param("100", "101", "0.01", True, id="RC-49, exactly one percent off"),
        pytest.param("100", "101.0000001", "0.01", False, id="a little more than that"),
        pytest.param("-100", "-100.5", "0.01", True, id="RC-51, a refund's size counts"),
        pytest.param("0", "5", "0.5", False, id="RC-53, nothing has no percentage"),
        pytest.param("0", "0", "0.5", True, id="nothing, and nothing came"),
    ],
)
def test_a_fraction_of_what_was_expected_is_tolerated(
    expected: str, settled: str, fraction: str, *, is_right: bool
) -> None:
    assert within(Decimal(expected), Decimal(settled), Decimal(fraction)) is is_right


@given(st.integers(-(10**11), 10**11), st.integers(-(10**11), 10**11), st.integers(0, 10_000))
def test_what_is_off_by_no_more_than_the_tolerated_is_right_and_anything_more_is_not(
    expected: int, settled: int, bps: int
) -> None:
    assert within_bps(expected, settled, bps) is (abs(settled - expected) * 10_000 <= abs(expected) * bps)


def test_how_far_off_it_is_is_said_half_to_even() -> None:
    assert bps_off(10_850, 10_820) == 28
    assert bps_off(20_000, 20_001) == 0
    assert bps_off(20_000, 20_003) == 2
    assert bps_off(0, 5) is None
