"""What may be asked of a payment as it stands: what was promised to somebody once is not promised again."""

from typing import Any

import pytest
from msgspec.structs import replace

from adapters.contract import Capabilities
from hub.payments import asking
from hub.payments.asking import Refused, Reserved
from hub.payments.states import Payment, Status
from tests.hub.payments.bare import ONCE
from tests.hub.payments.making import payment

OFTEN = replace(ONCE, multiple_captures=True)
WHOLE = replace(ONCE, partial_capture=False)


def authorized(**changes: Any) -> Payment:
    return payment(**{"status": Status.AUTHORIZED, "authorized_minor": 1000} | changes)


def captured(**changes: Any) -> Payment:
    return authorized(**{"status": Status.CAPTURED, "captured_minor": 1000, "capture_closed": True} | changes)


def refund(paid: Payment, minor: int | None = None, **more: Any) -> Reserved | Refused:
    return asking.refund(paid, minor, **{"within_limit": lambda _minor: True} | more)


def code(asked: Reserved | Refused) -> str:
    assert isinstance(asked, Refused), asked
    return asked.code


@pytest.mark.parametrize(
    "used", ["refunded_minor", "refunding_minor", "refunded_externally_minor"]
)  # What is under way, or was given back by other hands, is as good as gone.
def test_what_was_given_back_in_any_way_is_not_given_back_again(used: str) -> None:
    paid = captured(**{used: 600})

    assert code(refund(paid, 401)) == "amount_exceeds_captured"
    assert refund(paid, 400) == Reserved(replace(paid, refunding_minor=paid.refunding_minor + 400), 400)
    assert refund(paid) == Reserved(replace(paid, refunding_minor=paid.refunding_minor + 400), 400)


def test_where_nothing_is_left_nothing_is_given_back() -> None:
    assert code(refund(captured(refunded_minor=1000))) == "amount_exceeds_captured"
    assert code(refund(captured(), 0)) == "amount_exceeds_captured"


def test_what_is_still_being_captured_cannot_be_given_back_yet() -> None:
    assert code(refund(authorized(capturing_minor=1000))) == "payment_unresolved"
    assert code(refund(captured(captured_minor=400, capturing_minor=600), 401)) == "amount_exceeds_captured"


def test_what_failed_of_a_capture_and_is_going_back_already_goes_back_once() -> None:
    assert code(refund(captured(captured_minor=300, lost_minor=300, refunding_minor=300))) == "amount_exceeds_captured"


def test_what_was_never_captured_cannot_be_given_back() -> None:
    assert code(refund(authorized())) == "payment_not_refundable"


def test_what_the_payers_bank_claims_is_given_back_only_by_the_callers_own_word() -> None:
    claimed = captured(disputed_minor=1)

    assert code(refund(claimed, 100)) == "payment_disputed"
    assert isinstance(refund(claimed, 100, despite_dispute=True), Reserved)


def test_nobody_gives_back_more_than_their_key_may() -> None:
    assert code(refund(captured(), 501, within_limit=lambda minor: minor <= 500)) == "forbidden"


@pytest.mark.parametrize("under_way", [{"captured_minor": 400}, {"capturing_minor": 400}])
def test_what_was_captured_or_is_being_captured_is_not_cancelled(under_way: dict[str, int]) -> None:
    assert code(asking.cancel(authorized(**under_way))) == "payment_not_cancelable"


@pytest.mark.parametrize("changes", [{"canceling": True}, {"status": Status.CANCELED}, {"status": Status.FAILED}])
def test_what_is_over_or_about_to_be_is_not_cancelled_again(changes: dict[str, Any]) -> None:
    assert code(asking.cancel(authorized(**changes))) == "payment_not_cancelable"


def test_what_is_being_cancelled_is_not_captured() -> None:
    assert code(asking.capture(authorized(canceling=True), None, OFTEN, final=True)) == "payment_not_capturable"


@pytest.mark.parametrize("used", ["captured_minor", "capturing_minor"])
def test_captures_never_take_more_than_was_authorized(used: str) -> None:
    open_ = authorized(**{used: 600})

    assert code(asking.capture(open_, 401, OFTEN, final=False)) == "amount_exceeds_authorized"
    assert isinstance(asking.capture(open_, 400, OFTEN, final=False), Reserved)


@pytest.mark.parametrize(
    ("minor", "able", "final", "closed"),
    [(400, OFTEN, True, True), (400, OFTEN, False, False), (1000, OFTEN, False, True), (400, ONCE, False, True)],
)
def test_a_final_capture_a_whole_one_and_the_only_one_close_the_payment(
    minor: int,
    able: Capabilities,
    final: bool,  # noqa: FBT001 - the case
    closed: bool,  # noqa: FBT001 - the case
) -> None:
    taken = asking.capture(authorized(), minor, able, final=final)

    assert isinstance(taken, Reserved)
    assert taken.payment.capture_closed is closed
    again = asking.capture(taken.payment, 1, able, final=True)
    assert isinstance(again, Refused if closed else Reserved)


def test_a_second_capture_and_one_of_a_part_are_for_accounts_that_take_them() -> None:
    assert code(asking.capture(authorized(captured_minor=400), 100, ONCE, final=False)) == "payment_not_capturable"
    assert code(asking.capture(authorized(), 400, WHOLE, final=True)) == "payment_not_capturable"


@pytest.mark.parametrize("status", sorted(set(Status) - {Status.AUTHORIZED, Status.CAPTURED}))
def test_what_is_not_held_is_not_captured(status: Status) -> None:
    assert code(asking.capture(authorized(status=status), 400, OFTEN, final=True)) == "payment_not_capturable"


@pytest.mark.parametrize("minor", [0, -1])
def test_nothing_and_less_is_not_captured(minor: int) -> None:
    assert code(asking.capture(authorized(), minor, OFTEN, final=False)) == "amount_exceeds_authorized"
