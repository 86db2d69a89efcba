"""Fees in lines of their own: which match each is of, and what is told when the fees are not what the schedule says."""

from datetime import UTC, date, datetime

import pytest

from hub.merchants.profile import Terms as AccountTerms
from hub.merchants.profile import Tolerances
from hub.settlement.fee_lines import Home, home_of, homes_of, late
from hub.settlement.matching import Placed
from hub.settlement.placing import NOWHERE, Booked
from hub.settlement.values import Pending, Terms, Wanted
from normalization.money import Currency
from normalization.settlements import LineType, SettlementLine

AT = datetime(2026, 3, 3, tzinfo=UTC)
ACCOUNT = AccountTerms(
    fees=(), settlement_days=2, settlement_currency=Currency.USD, tolerances=Tolerances(fee_minor=1, fx_bps=50)
)
TERMS = Terms(batch_id="set_1", livemode=False, merchant_account="ma_1", account=ACCOUNT, now=AT)
FIRST, SECOND = (
    Wanted(f"exs_{n}", "pay_1", f"cap_{n}", "charge", 500, 30, "USD", None, None, date(2026, 3, 4), f"sl_{n}")
    for n in (1, 2)
)


def fee(minor: int = 10, reference: str | None = None, *history: Wanted) -> Placed:
    line = SettlementLine(
        key="txn_1", type=LineType.CHARGE, raw_type="fee", gross_minor=0, fee_minor=minor, net_minor=-minor,
        currency=Currency.USD, booked_at=AT, processor_reference=reference,
    )  # fmt: skip
    return Placed(Pending("sl_9", line), NOWHERE, (), history or (FIRST, SECOND))


def homes() -> list[Home]:
    booked = [Booked("sl_1", "cap_1", "a1", 20), Booked("sl_2", "cap_2", "a2", 5), Booked(None, "cap_2", "a2", 15)]
    return homes_of([], [FIRST, SECOND], booked)


def test_what_was_charged_before_counts_with_its_match_and_before_there_was_one_with_its_operation() -> None:
    assert [(one.match_id, one.charged_minor) for one in homes()] == [("sl_1", 20), ("sl_2", 20)]


def test_a_fee_is_of_the_match_whose_name_it_bears_else_of_the_only_one_else_of_none() -> None:
    def found(one: Placed) -> str | None:
        home = home_of(one, homes())
        return home.match_id if home else None

    assert found(fee(10, "a2")) == "sl_2"
    assert found(fee(10, None, FIRST)) == "sl_1"
    assert found(fee(10, None)) is None
    assert found(fee(10, "a9")) is None


@pytest.mark.parametrize(
    ("minor", "told_before", "concerns", "past"),
    [
        (10, None, [], False),
        (10, -10, [], True),
        (15, None, [5], False),
        (15, 5, [], False),
        (15, -10, [5], True),
    ],
)
def test_a_late_fee_tells_what_is_off_now_once_and_what_was_told_before_is_past_if_it_is_otherwise(
    minor: int, told_before: int | None, concerns: list[int], *, past: bool
) -> None:
    decided, is_past = late(TERMS, homes()[0], [fee(minor, "a1")], told_before)

    assert [one.variance_minor for one in decided[0].concerns] == concerns
    assert (decided[0].match_id, decided[0].status, is_past) == ("sl_1", "matched", past)
