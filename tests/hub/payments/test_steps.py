"""What is done about an operation that is due, and above all what is not."""

from datetime import timedelta

import msgspec
import pytest
from msgspec.structs import replace

from adapters.contract import Authorize, Capabilities, Inquiry
from adapters.stripe import REGISTRATION
from adapters.stripe.account import StripeCredentials
from hub.payments.states import OperationState, OperationStatus, Status
from hub.payments.steps import (
    ASKED_AFTER,
    CANCELS_MAX,
    DEFINITE_AFTER_S,
    HORIZON,
    Step,
    Windows,
    definite_in_s,
    next_step,
)
from normalization.outcome import Operation
from tests.hub.payments.making import NOW, eur, operation, payment

LOOKUP = replace(REGISTRATION.capabilities(StripeCredentials(api_key="sk_test_x")), inquiry=Inquiry.LOOKUP)
REPLAY = replace(LOOKUP, inquiry=Inquiry.REPLAY, replay_for=timedelta(days=7))
WINDOWS = Windows(present=timedelta(minutes=15), off_session=timedelta(hours=24))
SOON, LATE, TOO_LATE = NOW + timedelta(minutes=1), NOW + timedelta(minutes=16), NOW + HORIZON + timedelta(hours=1)


def unknown(*, payer_present: bool = True, **changes: object) -> OperationState:
    request = Authorize(
        operation=Operation.PURCHASE,
        operation_id="att_1",
        payment_id="pay_1",
        reference="invoice-1",
        money=eur(1000),
        requested_at=NOW,
        payer_present=payer_present,
    )
    made = operation(status=OperationStatus.UNKNOWN, request=msgspec.json.encode(request))
    return replace(made, **changes)


@pytest.mark.parametrize("capabilities", [LOOKUP, REPLAY])
def test_an_unknown_outcome_is_asked_about(capabilities: Capabilities) -> None:
    assert next_step(payment(), unknown(), capabilities, WINDOWS, SOON) is Step.ASK


def test_what_was_being_sent_when_its_lease_ran_out_is_lost() -> None:
    assert next_step(payment(), operation(), LOOKUP, WINDOWS, SOON) is Step.LOSE


def test_a_replay_ends_when_the_payer_would_not_expect_a_charge_any_more() -> None:
    assert next_step(payment(), unknown(), REPLAY, WINDOWS, LATE) is Step.CANCEL
    assert next_step(payment(), unknown(payer_present=False), REPLAY, WINDOWS, LATE) is Step.ASK


def test_nothing_is_replayed_once_a_cancel_was_asked_for_though_the_reference_is_known() -> None:
    known = unknown(processor_reference="psp_1")

    assert next_step(payment(canceling=True), known, REPLAY, WINDOWS, SOON) is Step.CANCEL


def test_a_follow_up_is_sent_again_for_a_day_and_what_it_follows_is_not_cancelled_for_it() -> None:
    lost = operation(Operation.REFUND, status=OperationStatus.UNKNOWN)
    day = timedelta(hours=24)

    assert next_step(payment(canceling=True), lost, REPLAY, WINDOWS, NOW + day - timedelta(minutes=1)) is Step.ASK
    assert next_step(payment(canceling=True), lost, REPLAY, WINDOWS, NOW + day) is Step.WAIT


def test_nothing_is_replayed_when_the_processor_may_have_forgotten_the_first() -> None:
    forgetful = replace(REPLAY, replay_for=timedelta(minutes=1))
    lost = operation(Operation.REFUND, status=OperationStatus.UNKNOWN)

    assert next_step(payment(), unknown(), forgetful, WINDOWS, SOON) is Step.CANCEL
    assert next_step(payment(), unknown(payer_present=False), forgetful, WINDOWS, SOON) is Step.CANCEL
    assert next_step(payment(), lost, forgetful, WINDOWS, SOON) is Step.WAIT


def test_questions_come_ever_more_seldom_for_a_week() -> None:
    minute, hour = 60, 3_600

    assert [5 * times for times in ASKED_AFTER] == [
        5, 15, minute, 5 * minute, 30 * minute, 2 * hour, 8 * hour, 24 * hour,
    ]  # fmt: skip
    assert timedelta(days=7) == HORIZON


def test_one_time_data_is_waited_for_while_the_charge_is_wanted() -> None:
    assert next_step(payment(), unknown(one_time=True), REPLAY, WINDOWS, SOON) is Step.WAIT
    assert next_step(payment(), unknown(one_time=True), REPLAY, WINDOWS, LATE) is Step.CANCEL


@pytest.mark.parametrize(
    "due",
    [
        operation(),
        unknown(),
        unknown(one_time=True),
        operation(status=OperationStatus.PENDING),
        operation(status=OperationStatus.REQUIRES_ACTION, action_expires_at=NOW),
    ],
)
def test_reading_a_payment_ends_nothing(due: OperationState) -> None:
    for now in (SOON, LATE, TOO_LATE):
        assert next_step(payment(canceling=True), due, REPLAY, WINDOWS, now, reading=True) in {Step.ASK, Step.WAIT}


def test_cancelling_is_tried_a_bounded_number_of_times() -> None:
    tired = unknown(inquiries=CANCELS_MAX)

    assert next_step(payment(), tired, REPLAY, WINDOWS, LATE) is Step.WAIT


@pytest.mark.fault_case(id="UNK-14")
@pytest.mark.parametrize("capabilities", [LOOKUP, REPLAY])
def test_after_the_horizon_a_human_must_find_out(capabilities: Capabilities) -> None:
    assert next_step(payment(), unknown(), capabilities, WINDOWS, TOO_LATE) is Step.GIVE_UP


def test_a_challenge_ends_when_it_expires_and_not_before() -> None:
    waiting = operation(status=OperationStatus.REQUIRES_ACTION, action_expires_at=LATE)
    asked = payment(status=Status.REQUIRES_ACTION)

    assert next_step(asked, waiting, LOOKUP, WINDOWS, SOON) is Step.ASK
    assert next_step(asked, waiting, REPLAY, WINDOWS, SOON) is Step.WAIT
    assert next_step(asked, waiting, REPLAY, WINDOWS, LATE) is Step.EXPIRE


def test_what_is_not_found_is_asked_about_again_as_soon_as_that_is_definite() -> None:
    grace_s = LOOKUP.lookup_grace.total_seconds()

    assert definite_in_s(unknown(), LOOKUP, SOON) == grace_s - 60 + DEFINITE_AFTER_S
    assert definite_in_s(unknown(), LOOKUP, NOW + LOOKUP.lookup_grace) is None
    assert definite_in_s(unknown(), REPLAY, SOON) is None
