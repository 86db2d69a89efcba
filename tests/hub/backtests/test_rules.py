"""What a backtest counts and what it concludes, without a database."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.backtests.results import result_of, wilson
from hub.backtests.rules import GROUPS_MAX, OTHERS, Flow, Seen, Tally, merge


@pytest.mark.parametrize(
    ("approved", "tried", "low", "high"), [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (81, 263, 0.2553, 0.3662)]
)
def test_the_bounds_of_a_rate_are_the_published_ones(approved: int, tried: int, low: float, high: float) -> None:
    assert list(wilson(approved, tried)) == pytest.approx([low, high], abs=1e-4)


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_a_rate_lies_within_its_bounds_and_those_within_0_and_1(tried: int, share: float) -> None:
    approved = round(tried * share)
    low, high = wilson(approved, tried)

    assert 0 <= low <= approved / tried + 1e-9
    assert approved / tried - 1e-9 <= high <= 1


def test_an_account_with_outcomes_elsewhere_only_is_no_evidence_here() -> None:
    tally = Tally(
        flows={("EUR", "DE", "ma_1", "ma_2"): Flow(payments=10, approved=9)},
        seen={("EUR", "FR", "ma_2"): Seen(tried=500, approved=450)},
    )

    result = result_of(tally)

    (flow,) = result.groups[0].flows
    assert (flow.evidence, flow.approvals, result.no_evidence) == ("no_evidence", None, 10)


def test_countries_beyond_the_bound_are_counted_together_and_none_is_lost() -> None:
    tally = Tally()
    for number in range(GROUPS_MAX + 50):
        merge(tally, Tally(flows={("EUR", str(number), "ma_1", "ma_2"): Flow(payments=1)}))

    groups = {key[1] for key in tally.flows}
    assert len(groups) == GROUPS_MAX + 1
    assert tally.flows["EUR", OTHERS, "ma_1", "ma_2"].payments == 50
    assert result_of(tally).payments == GROUPS_MAX + 50


def test_what_is_counted_in_pieces_is_what_is_counted_at_once() -> None:
    def part(payments: int) -> Tally:
        return Tally(
            flows={("EUR", "DE", "ma_1", "ma_2"): Flow(payments=payments, approved=payments - 1)},
            seen={("EUR", "DE", "ma_2"): Seen(tried=payments, approved=payments - 1)},
        )

    pieces, whole = Tally(), Tally()
    for payments in (3, 5):
        merge(pieces, part(payments))
    merge(
        whole,
        Tally(
            flows={("EUR", "DE", "ma_1", "ma_2"): Flow(payments=8, approved=6)},
            seen={("EUR", "DE", "ma_2"): Seen(8, 6)},
        ),
    )

    assert pieces == whole
