"""Which ends of attempts say something about an account, and what is reckoned from counts."""

from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from hub.figures.rules import Charged, chargeback_rates, outcome_of, took_nothing, version_of, was_declined
from hub.payments.states import OperationState, OperationStatus
from normalization.declines import Decline, DeclineCode
from normalization.money import Currency, Money
from normalization.outcome import Operation
from routing.costs import EffectiveFee
from tests.routing.samples import facts

SENDING = OperationState(
    id="att_1",
    payment_id="pay_1",
    attempt_id="att_1",
    livemode=False,
    kind=Operation.PURCHASE,
    status=OperationStatus.SENDING,
    merchant_account="ma_1",
    processor="stripe",
    money=Money(100, Currency.EUR),
    request=b"{}",
    requested_by="ada",
    key_id="key_1",
    started_at=datetime(2026, 3, 1, tzinfo=UTC),
)
APPROVED = replace(SENDING, status=OperationStatus.APPROVED)


def declined(code: DeclineCode) -> OperationState:
    return replace(SENDING, status=OperationStatus.DECLINED, decline=Decline(code=code, processor_code="x"))


def test_an_approval_and_a_decline_are_learned_from() -> None:
    yes, no = outcome_of(facts(), SENDING, APPROVED), outcome_of(facts(), SENDING, declined(DeclineCode.DO_NOT_HONOR))

    assert yes is not None
    assert no is not None
    assert (yes.account, yes.group, yes.approved, no.approved) == ("ma_1", ("EUR", "", "", ""), True, False)


@pytest.mark.parametrize("code", [DeclineCode.MERCHANT_CONFIGURATION_ERROR, DeclineCode.PROCESSOR_ERROR])
def test_our_mistakes_and_the_processors_trouble_say_nothing_of_the_payer(code: DeclineCode) -> None:
    assert outcome_of(facts(), SENDING, declined(code)) is None
    assert not was_declined(SENDING, declined(code))
    assert took_nothing(SENDING, declined(code))


@pytest.mark.parametrize(
    "status", [OperationStatus.NOT_SENT, OperationStatus.UNKNOWN, OperationStatus.PENDING, OperationStatus.EXCEPTION]
)
def test_what_is_no_answer_is_not_learned_from(status: OperationStatus) -> None:
    assert outcome_of(facts(), SENDING, replace(SENDING, status=status)) is None


def test_a_late_truth_is_not_counted_again() -> None:
    assert outcome_of(facts(), declined(DeclineCode.DO_NOT_HONOR), APPROVED) is None


def test_a_share_of_chargebacks_needs_enough_charges() -> None:
    assert chargeback_rates({"ma_1": Charged(1_000, 7), "ma_2": Charged(10, 1)}) == {"ma_1": 0.007}


def test_the_same_figures_have_the_same_version_and_others_another() -> None:
    fees = {"ma_1": [EffectiveFee(currency=Currency.EUR, percent_ppm=14_000, lines=50)]}

    same = {version_of("3", dict(fees), {"a": 0.1, "b": 0.2}), version_of("3", fees, {"b": 0.2, "a": 0.1})}

    assert len(same) == 1
    assert same.isdisjoint({version_of("4", fees, {"a": 0.1, "b": 0.2}), version_of("3", {}, {"a": 0.1, "b": 0.2})})
