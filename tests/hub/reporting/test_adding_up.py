"""A month's parts add up to what changed its balance, whatever was booked; pure."""

from collections.abc import Sequence
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.ledger.codes import CODES
from hub.ledger.summing import Moved, Totals, by_account
from hub.reporting.adding_up import Month, Movement, Parts, Standing, months_of
from hub.reporting.statements import StatementError, _check

ACCOUNT = "ma_1"
NAMES = (
    "settlement_receivable:ma_1", "bank_clearing:ma_1", "bank:ma_1", "processor_fees:ma_1", "reserve_receivable:ma_1",
    "own_funds:ma_1", "suspense:ma_1", "sales", "disputes_receivable", "dispute_losses", "dispute_fees",
    "customer_refunds_payable", "fx_gain_loss", "write_offs", "fx_position:EUR", "settlement_receivable:ma_2",
)  # fmt: skip
MOVEMENTS = st.lists(
    st.builds(
        Movement,
        st.sampled_from(NAMES),
        st.sampled_from(NAMES),
        st.sampled_from(("EUR", "JPY")),
        st.sampled_from(sorted(CODES)),
        st.integers(1, 10**9),
    ).filter(lambda moved: moved.debit != moved.credit),
    max_size=20,
)


def month(before: Sequence[Movement], during: Sequence[Movement]) -> list[Month]:
    def totals(moved: Sequence[Movement]) -> Totals:
        return by_account(Moved(one.debit, one.credit, one.currency, one.amount_minor) for one in moved)

    return months_of(ACCOUNT, totals(before), during, totals([*before, *during]))


@settings(max_examples=60)
@given(before=MOVEMENTS, during=MOVEMENTS)
def test_opening_and_parts_are_closing_whatever_is_booked(before: list[Movement], during: list[Movement]) -> None:
    assert [one.off for one in month(before, during)] == [0] * len(month(before, during))


def test_every_kind_of_movement_has_a_part_of_its_own() -> None:
    owed, clearing = NAMES[0], NAMES[1]
    during = [
        Movement(owed, "sales", "EUR", "capture", 100_000),
        Movement("sales", owed, "EUR", "capture_reversal", 10_000),
        Movement("sales", owed, "EUR", "refund", 2_000),
        Movement("disputes_receivable", owed, "EUR", "dispute_taken", 3_000),
        Movement(clearing, owed, "EUR", "settled", 50_000),
        Movement("processor_fees:ma_1", clearing, "EUR", "settled_fee", 400),
        Movement("dispute_fees", clearing, "EUR", "settled_fee", 15),
        Movement("reserve_receivable:ma_1", clearing, "EUR", "settled", 5_000),
        Movement(clearing, "own_funds:ma_1", "EUR", "settled", 600),
        Movement("fx_position:EUR", owed, "EUR", "settled", 7_000),
        Movement(clearing, "suspense:ma_1", "EUR", "settled_unmatched", 80),
        Movement("write_offs", owed, "EUR", "exception_settled", 9),
        Movement("bank:ma_1", clearing, "EUR", "arrived", 30_000),
    ]

    (euro,) = month([], during)

    assert euro.parts == Parts(
        captured=90_000, refunded=-2_000, disputed=-3_000, fees=-415, reserve=-5_000, own_funds=600, exchanged=-7_000,
        unexplained=80, adjusted=-9, received=-30_000,
    )  # fmt: skip
    assert euro.closing == Standing(outstanding=27_991, clearing=15_265, reserve=5_000, unexplained=80)


def test_what_a_human_booked_is_adjusted_whatever_account_is_on_its_other_side() -> None:
    owed, others = NAMES[0], NAMES[2:14]
    booked = [Movement(owed, other, "EUR", "exception_settled", 10) for other in others]
    back = [Movement(other, owed, "EUR", "exception_reopened", 3) for other in others]

    (found,) = month([], [*booked, *back])

    assert found.parts == Parts(adjusted=7 * len(others))


def test_what_waits_in_suspense_is_shown_as_money_that_came() -> None:
    came = Movement(NAMES[1], "suspense:ma_1", "EUR", "settled_unmatched", 80)

    (found,) = month([came], [came])

    assert (found.opening.unexplained, found.closing.unexplained) == (80, 160)


def test_a_month_whose_parts_are_not_what_changed_it_is_off_by_the_rest() -> None:
    off = Month(
        currency="EUR",
        opening=Standing(outstanding=10, clearing=1),
        parts=Parts(captured=5, received=-2),
        closing=Standing(outstanding=20, clearing=4),
    )

    assert off.off == 10
    with pytest.raises(StatementError, match=r"ma_1, 2026-03: .*'EUR': 10"):
        _check("ma_1", date(2026, 3, 1), [off])
