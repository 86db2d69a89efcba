"""One room: whatever is told about a payment, and however often, moves its money once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from hub.payments import rules
from hub.payments.states import OperationState, OperationStatus, Payment, Status, Transition
from normalization.money import Currency, Money
from normalization.outcome import ActionRequired, Approved, Operation, Outcome, Pending, Reversed
from tests.hub.payments.making import NO_FUNDS, eur, operation, payment, report

CHALLENGE = ActionRequired(method="GET", url="https://bank.example")
UNDONE = Reversed(NO_FUNDS.decline)


def names(transition: Transition) -> list[str]:
    return [name for name, _ in transition.exceptions]


class TestPurchase:
    def test_approval_captures_and_books_what_the_processor_owes(self) -> None:
        told = rules.apply(payment(), operation(), report(Operation.PURCHASE, minor=1000))

        assert told.payment.status is Status.CAPTURED
        assert (told.payment.authorized_minor, told.payment.captured_minor) == (1000, 1000)
        assert told.operation.status is OperationStatus.APPROVED
        assert [(b.debit, b.credit, b.money, b.code) for b in told.bookings] == [
            ("settlement_receivable:ma_1", "sales", eur(1000), "capture")
        ]
        assert told.events == ("payment.captured",)

    def test_told_twice_it_changes_nothing_twice(self) -> None:
        once = rules.apply(payment(), operation(), report(Operation.PURCHASE, minor=1000))

        twice = rules.apply(once.payment, once.operation, report(Operation.PURCHASE, minor=1000))

        assert twice == Transition(once.payment, once.operation)

    def test_decline_fails_the_payment_and_frees_its_reference(self) -> None:
        told = rules.apply(payment(), operation(), report(Operation.PURCHASE, NO_FUNDS))

        assert told.payment.status is Status.FAILED
        assert not told.payment.holds_reference
        assert told.payment.decline == NO_FUNDS.decline
        assert told.bookings == ()

    def test_decline_after_approval_changes_nothing(self) -> None:
        once = rules.apply(payment(), operation(), report(Operation.PURCHASE, minor=1000))

        late = rules.apply(once.payment, once.operation, report(Operation.PURCHASE, NO_FUNDS))

        assert late == Transition(once.payment, once.operation)

    def test_approval_after_failure_is_recorded_and_given_to_a_human(self) -> None:
        failed = rules.apply(payment(), operation(), report(Operation.PURCHASE, NO_FUNDS))

        late = rules.apply(failed.payment, failed.operation, report(Operation.PURCHASE, minor=1000))

        assert late.payment.status is Status.CAPTURED
        assert names(late) == ["approved_after_failure"]

    def test_approval_of_less_is_recorded_as_less(self) -> None:
        told = rules.apply(payment(), operation(), report(Operation.PURCHASE, minor=600))

        assert (told.payment.authorized_minor, told.payment.captured_minor) == (600, 600)
        assert told.exceptions == (("amount_mismatch", "asked 10.00 EUR, approved 6.00 EUR, 6.00 EUR left"),)
        assert sum(b.money.minor for b in told.bookings) == 600

    def test_approval_of_more_books_the_surplus_in_suspense(self) -> None:
        told = rules.apply(payment(), operation(), report(Operation.PURCHASE, minor=1300))

        assert told.payment.captured_minor == 1000
        assert [(b.credit, b.money.minor) for b in told.bookings] == [("sales", 1000), ("suspense:ma_1", 300)]
        assert names(told) == ["amount_mismatch"]

    def test_another_currency_touches_no_amount_and_is_booked_in_suspense(self) -> None:
        yen = replace(report(Operation.PURCHASE), money=Money(1000, Currency.JPY))

        told = rules.apply(payment(), operation(), yen)

        assert told.payment == payment()
        assert told.operation.status is OperationStatus.EXCEPTION
        assert [(b.credit, b.money.currency) for b in told.bookings] == [("suspense:ma_1", Currency.JPY)]
        assert names(told) == ["currency_mismatch"]

    @pytest.mark.parametrize("status", [OperationStatus.SENDING, OperationStatus.UNKNOWN])
    def test_reservation_on_an_account_that_captures_by_our_call_decides_nothing(self, status: OperationStatus) -> None:
        told = rules.apply(payment(), operation(status=status), report(Operation.AUTHORIZE, minor=1000))

        assert told.payment == payment()
        assert (told.operation.status, told.operation.processor_reference) == (status, "psp_1")
        assert told.bookings == ()


class TestPassedOverAttempt:
    def test_late_decline_changes_nothing_on_the_payment(self) -> None:
        standing = payment(attempt_id="att_2")

        assert rules.apply(standing, operation(), report(Operation.PURCHASE, NO_FUNDS)).payment == standing

    def test_late_approval_is_a_double_charge_in_suspense(self) -> None:
        standing = payment(attempt_id="att_2", status=Status.CAPTURED, authorized_minor=1000, captured_minor=1000)

        told = rules.apply(standing, operation(), report(Operation.PURCHASE, minor=1000))

        assert told.payment == standing
        assert names(told) == ["double_charge_after_failover"]
        assert [b.credit for b in told.bookings] == ["suspense:ma_1"]

    def test_its_cancellation_does_not_cancel_the_payment(self) -> None:
        standing = payment(attempt_id="att_2", status=Status.AUTHORIZED, authorized_minor=1000)

        told = rules.apply(standing, operation(Operation.VOID, external=True), report(Operation.VOID))

        assert told.payment == standing


class TestChallenge:
    def test_waits_for_the_payer_then_completes(self) -> None:
        waiting = rules.apply(payment(), operation(), report(Operation.PURCHASE, CHALLENGE))
        done = rules.apply(waiting.payment, waiting.operation, report(Operation.PURCHASE, minor=1000))

        assert waiting.payment.status is Status.REQUIRES_ACTION
        assert done.payment.status is Status.CAPTURED

    def test_a_challenge_told_after_completion_changes_nothing(self) -> None:
        done = rules.apply(payment(), operation(), report(Operation.PURCHASE, minor=1000))

        assert rules.apply(done.payment, done.operation, report(Operation.PURCHASE, CHALLENGE)).payment == done.payment


class TestCapture:
    reserved = payment(
        status=Status.AUTHORIZED, authorized_minor=1000, capturing_minor=400, capture_closed=True, capture="manual"
    )

    def test_moves_from_capturing_to_captured(self) -> None:
        told = rules.apply(self.reserved, operation(Operation.CAPTURE, 400), report(Operation.CAPTURE, minor=400))

        assert (told.payment.capturing_minor, told.payment.captured_minor) == (0, 400)
        assert told.payment.status is Status.CAPTURED

    def test_accepted_it_still_counts_as_used(self) -> None:
        told = rules.apply(self.reserved, operation(Operation.CAPTURE, 400), report(Operation.CAPTURE, Pending()))

        assert told.payment == self.reserved
        assert told.operation.status is OperationStatus.PENDING

    def test_refused_it_gives_its_amount_back_and_may_be_tried_again(self) -> None:
        told = rules.apply(self.reserved, operation(Operation.CAPTURE, 400), report(Operation.CAPTURE, NO_FUNDS))

        assert (told.payment.capturing_minor, told.payment.capture_closed) == (0, False)
        assert told.payment.status is Status.AUTHORIZED
        assert told.events == ("payment.capture_failed",)

    def test_authorization_told_after_it_never_turns_the_status_back(self) -> None:
        captured = payment(status=Status.CAPTURED, authorized_minor=1000, captured_minor=1000, capture="manual")
        attempt = operation(Operation.AUTHORIZE, status=OperationStatus.UNKNOWN)

        late = rules.apply(captured, attempt, report(Operation.AUTHORIZE, minor=1000))

        assert late.payment.status is Status.CAPTURED

    def test_made_in_the_dashboard_it_takes_what_was_left(self) -> None:
        authorized = payment(status=Status.AUTHORIZED, authorized_minor=1000)
        outside = operation(Operation.CAPTURE, 700, external=True)

        told = rules.apply(authorized, outside, report(Operation.CAPTURE, minor=700))

        assert told.payment.captured_minor == 700
        assert names(told) == []


class TestRefund:
    captured = payment(status=Status.CAPTURED, authorized_minor=1000, captured_minor=1000, refunding_minor=300)

    def test_gives_back_and_books_the_other_way(self) -> None:
        told = rules.apply(self.captured, operation(Operation.REFUND, 300), report(Operation.REFUND, minor=300))

        assert (told.payment.refunding_minor, told.payment.refunded_minor) == (0, 300)
        assert [(b.debit, b.credit) for b in told.bookings] == [("sales", "settlement_receivable:ma_1")]

    def test_that_fails_after_success_restores_the_amount(self) -> None:
        done = rules.apply(self.captured, operation(Operation.REFUND, 300), report(Operation.REFUND, minor=300))

        failed = rules.apply(done.payment, done.operation, report(Operation.REFUND, NO_FUNDS))

        assert failed.payment.refunded_minor == 0
        assert failed.operation.status is OperationStatus.REVERSED
        assert [b.code for b in failed.bookings] == ["refund_reversal"]

    def test_beyond_what_was_captured_is_kept_in_suspense(self) -> None:
        outside = operation(Operation.REFUND, 1200, external=True)

        told = rules.apply(self.captured, outside, report(Operation.REFUND, minor=1200))

        assert told.payment.refunded_externally_minor == 1200
        assert [(b.debit, b.money.minor) for b in told.bookings] == [("sales", 1000), ("suspense:ma_1", 200)]
        assert names(told) == ["over_refund"]

    def test_beyond_what_one_under_way_leaves_is_told_and_stands_in_suspense_when_that_succeeds_too(self) -> None:
        outside = operation(Operation.REFUND, 900, external=True)

        told = rules.apply(self.captured, outside, report(Operation.REFUND, minor=900))
        done = rules.apply(told.payment, operation(Operation.REFUND, 300), report(Operation.REFUND, minor=300))

        assert (names(told), names(done)) == (["over_refund"], ["over_refund"])
        assert [(b.debit, b.money.minor) for b in told.bookings] == [("sales", 900)]
        assert [(b.debit, b.money.minor) for b in done.bookings] == [("sales", 100), ("suspense:ma_1", 200)]

    def test_what_other_hands_gave_back_in_another_currency_touches_no_amount(self) -> None:
        yen = Money(300, Currency.JPY)
        outside = replace(operation(Operation.REFUND, external=True), money=yen)

        told = rules.apply(self.captured, outside, replace(report(Operation.REFUND), money=yen))

        assert told.payment == self.captured
        assert [(b.debit, b.money) for b in told.bookings] == [("suspense:ma_1", yen)]
        assert names(told) == ["currency_mismatch"]


class TestUndone:
    """What had been told as done failed later."""

    def test_a_capture_leaves_the_payment_authorized_and_open_to_be_captured_again(self) -> None:
        capturing = payment(status=Status.AUTHORIZED, authorized_minor=1000, capturing_minor=1000, capture_closed=True)
        done = rules.apply(capturing, operation(Operation.CAPTURE), report(Operation.CAPTURE, minor=1000))

        undone = rules.apply(done.payment, done.operation, report(Operation.CAPTURE, UNDONE, 1000))

        assert (undone.payment.status, undone.payment.captured_minor) == (Status.AUTHORIZED, 0)
        assert not undone.payment.capture_closed
        assert undone.operation.status is OperationStatus.REVERSED
        assert [(b.debit, b.credit, b.code) for b in undone.bookings] == [
            ("sales", "settlement_receivable:ma_1", "capture_reversal")
        ]
        assert (undone.events, names(undone)) == (("payment.capture_failed",), ["capture_failed"])

    def test_a_purchase_has_failed(self) -> None:
        bought = rules.apply(payment(), operation(), report(Operation.PURCHASE, minor=1000))

        undone = rules.apply(bought.payment, bought.operation, report(Operation.CAPTURE, UNDONE, 1000))

        assert (undone.payment.status, undone.payment.captured_minor) == (Status.FAILED, 0)
        assert undone.payment.decline == NO_FUNDS.decline
        assert not undone.payment.holds_reference
        assert undone.events == ("payment.capture_failed", "payment.failed")

    def test_it_is_undone_once_and_its_success_told_late_changes_nothing(self) -> None:
        early = rules.apply(payment(), operation(), report(Operation.CAPTURE, UNDONE, 1000))

        for outcome in (UNDONE, Approved(), NO_FUNDS, Pending()):
            told = rules.apply(early.payment, early.operation, report(Operation.PURCHASE, outcome, 1000))
            assert told == Transition(early.payment, early.operation)

    def test_what_was_given_back_of_a_failed_capture_stands_in_suspense(self) -> None:
        captured = payment(status=Status.CAPTURED, authorized_minor=1000, captured_minor=1000, refunded_minor=300)
        bought = operation(status=OperationStatus.APPROVED)

        undone = rules.apply(captured, bought, report(Operation.CAPTURE, UNDONE, 1000))

        assert [(b.debit, b.money.minor) for b in undone.bookings] == [("sales", 700), ("suspense:ma_1", 300)]
        assert (undone.payment.status, undone.payment.captured_minor) == (Status.CAPTURED, 300)

    def test_a_capture_made_again_after_the_failure_pays_after_all(self) -> None:
        bought = rules.apply(payment(), operation(), report(Operation.PURCHASE, minor=1000))
        undone = rules.apply(bought.payment, bought.operation, report(Operation.CAPTURE, UNDONE, 1000))

        again = rules.apply(
            undone.payment, operation(Operation.CAPTURE, external=True), report(Operation.CAPTURE, minor=1000)
        )

        assert (again.payment.status, again.payment.captured_minor) == (Status.CAPTURED, 1000)
        assert names(again) == ["approved_after_failure"]

    def test_a_charge_that_was_passed_over_leaves_suspense(self) -> None:
        standing = payment(attempt_id="att_2")
        doubled = rules.apply(standing, operation(), report(Operation.PURCHASE, minor=1000))

        undone = rules.apply(doubled.payment, doubled.operation, report(Operation.CAPTURE, UNDONE, 1000))

        assert undone.payment == standing
        assert [(b.debit, b.credit) for b in undone.bookings] == [("suspense:ma_1", "settlement_receivable:ma_1")]

    def test_in_another_currency_nothing_moves_and_a_human_is_told(self) -> None:
        bought = rules.apply(payment(), operation(), report(Operation.PURCHASE, minor=1000))
        yen = replace(report(Operation.CAPTURE, UNDONE), money=Money(1000, Currency.JPY))

        told = rules.apply(bought.payment, bought.operation, yen)

        assert (told.payment, told.bookings, names(told)) == (bought.payment, (), ["currency_mismatch"])

    def test_a_late_no_to_a_capture_undoes_nothing(self) -> None:
        captured = payment(status=Status.CAPTURED, authorized_minor=1000, captured_minor=1000)
        done = operation(Operation.CAPTURE, status=OperationStatus.APPROVED)

        told = rules.apply(captured, done, report(Operation.CAPTURE, NO_FUNDS))

        assert told == Transition(captured, replace(done, processor_reference="psp_1"))


class TestVoid:
    def test_cancels_an_authorization(self) -> None:
        authorized = payment(status=Status.AUTHORIZED, authorized_minor=1000, canceling=True)

        told = rules.apply(authorized, operation(Operation.VOID), report(Operation.VOID))

        assert told.payment.status is Status.CANCELED
        assert told.payment.cancel_reason == "requested"
        assert not told.payment.holds_reference

    def test_that_happened_by_itself_says_why(self) -> None:
        authorized = payment(status=Status.AUTHORIZED, authorized_minor=1000)
        expired = report(Operation.VOID, reason="expired")

        told = rules.apply(authorized, operation(Operation.VOID, external=True), expired)

        assert told.payment.cancel_reason == "expired"


class TestDisorder:
    def test_a_capture_told_before_its_authorization_ends_as_if_told_after(self) -> None:
        attempt = operation(Operation.AUTHORIZE, status=OperationStatus.UNKNOWN)
        outside = operation(Operation.CAPTURE, 1000, external=True)

        early = rules.apply(payment(), outside, report(Operation.CAPTURE, minor=1000))
        told = rules.apply(early.payment, attempt, report(Operation.AUTHORIZE, minor=1000))

        assert (told.payment.status, told.payment.captured_minor) == (Status.CAPTURED, 1000)
        assert (early.exceptions, told.exceptions) == ((), ())

    def test_an_authorization_told_after_its_cancellation_stays_canceled(self) -> None:
        attempt = operation(Operation.AUTHORIZE, status=OperationStatus.UNKNOWN)
        canceled = rules.apply(payment(), operation(Operation.VOID, external=True), report(Operation.VOID))

        told = rules.apply(canceled.payment, attempt, report(Operation.AUTHORIZE, minor=1000))

        assert told.payment.status is Status.CANCELED
        assert names(told) == ["approved_after_cancel"]

    def test_a_refund_that_failed_stays_failed_when_its_acceptance_is_told_late(self) -> None:
        paid = payment(status=Status.CAPTURED, authorized_minor=1000, captured_minor=1000, refunding_minor=300)
        failed = rules.apply(paid, operation(Operation.REFUND, 300), report(Operation.REFUND, NO_FUNDS))

        told = rules.apply(failed.payment, failed.operation, report(Operation.REFUND, minor=300))

        assert told == Transition(failed.payment, failed.operation)
        assert told.payment.refunded_minor == 0

    def test_what_was_given_back_before_its_capture_was_told_leaves_suspense_with_it(self) -> None:
        early = rules.apply(payment(), operation(Operation.REFUND, 300, external=True), report(Operation.REFUND))

        told = rules.apply(early.payment, operation(), report(Operation.PURCHASE, minor=1000))

        assert [(b.debit, b.credit, b.money.minor) for b in told.bookings] == [
            ("settlement_receivable:ma_1", "sales", 1000),
            ("sales", "suspense:ma_1", 300),
        ]

    def test_a_captured_payment_names_no_reason_for_its_cancellation(self) -> None:
        void = operation(Operation.VOID, external=True)
        canceled = rules.apply(payment(), void, report(Operation.VOID)).payment

        told = rules.apply(canceled, operation(Operation.CAPTURE, external=True), report(Operation.CAPTURE))

        assert (told.payment.status, told.payment.cancel_reason) == (Status.CAPTURED, None)

    def test_a_challenge_told_after_its_capture_asks_nobody_any_more(self) -> None:
        outside = operation(Operation.CAPTURE, 1000, external=True)
        captured = rules.apply(payment(), outside, report(Operation.CAPTURE, minor=1000)).payment

        late = rules.apply(captured, operation(Operation.AUTHORIZE), report(Operation.AUTHORIZE, CHALLENGE))

        assert late.payment == captured
        assert late.operation.status is OperationStatus.REQUIRES_ACTION

    def test_what_was_given_back_once_is_not_given_back_again(self) -> None:
        paid = payment(status=Status.CAPTURED, authorized_minor=1000, captured_minor=1000, refunding_minor=300)
        yen = replace(report(Operation.REFUND), money=Money(300, Currency.JPY), processor_reference=None)
        no = replace(report(Operation.REFUND, NO_FUNDS), processor_reference=None)
        declined = rules.apply(paid, operation(Operation.REFUND, 300), no)
        parked = rules.apply(declined.payment, declined.operation, yen)

        told = rules.apply(parked.payment, parked.operation, no)

        assert parked.operation.status is OperationStatus.EXCEPTION
        assert told.payment.refunding_minor == 0

    def test_a_void_that_was_not_sent_is_still_wanted(self) -> None:
        authorized = payment(status=Status.AUTHORIZED, authorized_minor=1000, canceling=True)

        told = rules.not_sent(authorized, operation(Operation.VOID))

        assert told.payment.canceling
        assert told.operation.status is OperationStatus.NOT_SENT


class TestSilence:
    def test_unknown_gives_nothing_back(self) -> None:
        told = rules.unknown(payment(), operation())

        assert told.payment.status is Status.PROCESSING
        assert told.payment.holds_reference
        assert told.operation.status is OperationStatus.UNKNOWN

    def test_not_sent_fails_the_payment_and_costs_the_payer_nothing(self) -> None:
        told = rules.not_sent(payment(), operation())

        assert told.payment.status is Status.FAILED
        assert told.payment.decline is not None
        assert told.payment.decline.code == "processor_error"

    def test_an_answer_after_not_sent_is_a_late_truth(self) -> None:
        closed = rules.not_sent(payment(), operation())

        late = rules.apply(closed.payment, closed.operation, report(Operation.PURCHASE, minor=1000))

        assert late.payment.status is Status.CAPTURED
        assert names(late) == ["approved_after_failure"]

    @pytest.mark.parametrize("status", [OperationStatus.APPROVED, OperationStatus.DECLINED])
    def test_nobody_gives_up_what_is_final(self, status: OperationStatus) -> None:
        final = operation(status=status)

        assert rules.give_up(payment(), final, "late") == Transition(payment(), final)


OUTCOMES = st.sampled_from([Approved(), NO_FUNDS, Pending(), UNDONE])
KINDS = st.sampled_from([Operation.PURCHASE, Operation.CAPTURE, Operation.REFUND, Operation.VOID])
TOLD = st.tuples(KINDS, OUTCOMES, st.integers(1, 1500), st.booleans())


def consistent(told: Payment) -> None:
    assert told.capturing_minor >= 0
    assert told.captured_minor >= 0
    assert told.captured_minor + told.capturing_minor <= told.authorized_minor
    assert told.refunding_minor >= 0
    assert told.refunded_minor >= 0
    assert told.refunded_minor + told.refunding_minor <= told.captured_minor


def owed(transition: Transition) -> int:
    """What *transition* adds to the processor's debt to us."""
    receivable = "settlement_receivable:ma_1"
    return sum(b.money.minor * ((b.debit == receivable) - (b.credit == receivable)) for b in transition.bookings)


def moved(before: OperationStatus, after: OperationState, minor: int) -> int:
    """What the processor did with our money when *after* came about."""
    signs = {Operation.PURCHASE: 1, Operation.CAPTURE: 1, Operation.REFUND: -1, Operation.VOID: 0}
    if after.status is before:
        return 0
    if after.status is OperationStatus.REVERSED:
        return -signs[after.kind] * minor if before is OperationStatus.APPROVED else 0
    return signs[after.kind] * minor if after.status is OperationStatus.APPROVED else 0


@pytest.mark.fault_case(id="LED-02")
@given(st.lists(TOLD, max_size=14))
def test_no_story_breaks_the_amounts_and_the_books_follow_the_money(
    story: list[tuple[Operation, Outcome, int, bool]],
) -> None:
    now = payment()
    operations: dict[str, OperationState] = {}
    for n, (kind, outcome, minor, repeated) in enumerate(story):
        id_ = "att_1" if kind is Operation.PURCHASE else f"{kind}_{0 if repeated else n}"
        external = kind is not Operation.PURCHASE
        made = operations.get(id_) or operation(kind, minor, id=id_, external=external)
        told_minor = made.money.minor

        told = rules.apply(now, made, report(kind, outcome, told_minor))

        consistent(told.payment)
        assert all(b.money.minor > 0 and b.debit != b.credit for b in told.bookings)
        assert owed(told) == moved(made.status, told.operation, told_minor)
        now, operations[id_] = told.payment, told.operation
