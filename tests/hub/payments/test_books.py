"""The books are the facts' alone: whatever was taken and given back, by whom and in which order it was told."""

from collections import Counter

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from msgspec.structs import replace

from hub.payments import rules
from hub.payments.states import OperationState, OperationStatus, Payment, Status, Transition
from normalization.outcome import Approved, Operation, Outcome, Reversed
from tests.hub.payments.making import NO_FUNDS, operation, payment, report

YES = Approved()
UNDONE = Reversed(NO_FUNDS.decline)
AMOUNT = 1000
NOT_YET = frozenset({OperationStatus.SENDING, OperationStatus.DECLINED, OperationStatus.NOT_SENT})
PARTS = st.integers(1, AMOUNT)


class Books(RuleBasedStateMachine):
    """One payment: captures by us and by others that fail, more of them than there is room for, and refunds by both.

    What was asked for is told late, is refused, and is done after all.
    """

    @initialize(purchase=st.booleans())
    def begin(self, *, purchase: bool) -> None:
        self.books: Counter[str] = Counter()
        self.done: dict[str, int] = {}
        self.operations: dict[str, OperationState] = {}
        self.payment: Payment
        if purchase:
            self.payment = payment()
            self.take(rules.apply(self.payment, operation(), report(Operation.PURCHASE, YES, AMOUNT)))
        else:
            self.payment = payment(capture="manual", status=Status.AUTHORIZED, authorized_minor=AMOUNT)

    def take(self, told: Transition) -> None:
        self.payment = told.payment
        self.operations[told.operation.id] = told.operation
        for booking in told.bookings:
            self.books[booking.debit] += booking.money.minor
            self.books[booking.credit] -= booking.money.minor

    def hear(self, about: OperationState, outcome: Outcome) -> None:
        kind = Operation.CAPTURE if about.kind is Operation.PURCHASE and outcome is UNDONE else about.kind
        self.take(rules.apply(self.payment, about, report(kind, outcome, about.money.minor)))

    def new(self, kind: Operation, minor: int, *, external: bool) -> OperationState:
        id_ = f"op_{len(self.operations)}"
        return operation(kind, minor, id=id_, external=external, final=False)

    def standing(self, kind: Operation, *words: OperationStatus) -> list[OperationState]:
        found = [o for o in self.operations.values() if o.status in words]
        return [o for o in found if (o.kind is Operation.REFUND) == (kind is Operation.REFUND)]

    def facts(self) -> tuple[int, int]:
        """Count what was taken and what was given back, operation by operation."""
        taken = sum(o.money.minor for o in self.standing(Operation.CAPTURE, OperationStatus.APPROVED))
        return taken, sum(o.money.minor for o in self.standing(Operation.REFUND, OperationStatus.APPROVED))

    def room(self) -> int:
        """Say how much may be counted as captured, beside what is on its way."""
        return self.payment.authorized_minor - self.payment.capturing_minor

    @rule(minor=PARTS)
    def other_hands_capture(self, minor: int) -> None:
        self.hear(self.new(Operation.CAPTURE, minor, external=True), YES)

    @rule(minor=PARTS)
    def a_capture_is_asked_for(self, minor: int) -> None:
        now = self.payment
        left = now.authorized_minor - now.captured_minor - now.capturing_minor
        if left > 0:
            asked = self.new(Operation.CAPTURE, min(minor, left), external=False)
            self.payment = replace(now, capturing_minor=now.capturing_minor + asked.money.minor)
            self.operations[asked.id] = asked

    @precondition(lambda self: self.standing(Operation.CAPTURE, *NOT_YET))
    @rule(data=st.data(), outcome=st.sampled_from([YES, NO_FUNDS, None]))
    def a_capture_is_heard_of(self, data: st.DataObject, outcome: Outcome | None) -> None:
        about = data.draw(st.sampled_from(self.standing(Operation.CAPTURE, *NOT_YET)))
        if outcome is None:
            self.take(rules.not_sent(self.payment, about))
        else:
            self.hear(about, outcome)

    @precondition(lambda self: self.standing(Operation.CAPTURE, OperationStatus.APPROVED))
    @rule(data=st.data())
    def a_capture_fails_after_all(self, data: st.DataObject) -> None:
        done = self.standing(Operation.CAPTURE, OperationStatus.APPROVED)
        self.hear(data.draw(st.sampled_from(done)), UNDONE)

    @rule(minor=PARTS)
    def a_refund_is_asked_for(self, minor: int) -> None:
        now = self.payment
        left = now.captured_minor - now.refunding_minor - now.refunded_minor - now.refunded_externally_minor
        if left > 0:
            asked = self.new(Operation.REFUND, min(minor, left), external=False)
            self.payment = replace(now, refunding_minor=now.refunding_minor + asked.money.minor)
            self.operations[asked.id] = asked

    @precondition(lambda self: self.standing(Operation.REFUND, *NOT_YET))
    @rule(data=st.data(), outcome=st.sampled_from([YES, NO_FUNDS, None]))
    def a_refund_is_heard_of(self, data: st.DataObject, outcome: Outcome | None) -> None:
        """It succeeded, perhaps though it was refused before; or was refused; or never arrived."""
        about = data.draw(st.sampled_from(self.standing(Operation.REFUND, *NOT_YET)))
        if outcome is None:
            self.take(rules.not_sent(self.payment, about))
        else:
            self.hear(replace(about, processor_reference=None), outcome)

    @rule(minor=PARTS)
    def other_hands_give_back(self, minor: int) -> None:
        self.hear(self.new(Operation.REFUND, minor, external=True), YES)

    @precondition(lambda self: self.standing(Operation.REFUND, OperationStatus.APPROVED))
    @rule(data=st.data())
    def a_refund_fails_after_all(self, data: st.DataObject) -> None:
        done = self.standing(Operation.REFUND, OperationStatus.APPROVED)
        self.hear(data.draw(st.sampled_from(done)), UNDONE)

    @invariant()
    def each_account_holds_what_the_facts_say(self) -> None:
        taken, given_back = self.facts()
        held = {name.partition(":")[0]: minor for name, minor in self.books.items() if minor}
        counted = min(taken, self.room()) if taken else 0
        sales = max(0, counted - given_back)
        expected = {
            "settlement_receivable": taken - given_back,
            "sales": -sales,
            "suspense": sales - (taken - given_back),
        }
        assert held == {name: minor for name, minor in expected.items() if minor}

    @invariant()
    def the_amounts_are_what_the_facts_say(self) -> None:
        now = self.payment
        taken, given_back = self.facts()
        assert now.captured_minor - now.lost_minor + now.beyond_minor == taken
        assert now.captured_minor - now.lost_minor == min(taken, self.room())
        assert now.refunded_minor + now.refunded_externally_minor == given_back
        assert now.refunded_minor + now.refunding_minor <= now.captured_minor
        assert now.captured_minor + now.capturing_minor <= now.authorized_minor
        assert (now.status is Status.CAPTURED) == bool(now.captured_minor + now.beyond_minor)


TestBooks = Books.TestCase
TestBooks.settings = settings(max_examples=120, stateful_step_count=12, deadline=None)


def test_a_refund_by_other_hands_and_one_of_ours_after_a_capture_that_fails_leave_nothing_in_sales() -> None:
    """In between ours was under way, which is set aside: it must not keep in sales what suspense paid."""
    told = Books()
    told.begin(purchase=True)
    told.other_hands_give_back(400)
    told.a_refund_is_asked_for(500)
    told.hear(told.operations["att_1"], UNDONE)
    told.hear(told.operations["op_2"], YES)

    assert told.books["sales"] == 0
    assert told.books["suspense:ma_1"] == -told.books["settlement_receivable:ma_1"] == 900


@pytest.mark.parametrize("way", ["ours fails", "ours succeeds"])
def test_what_ours_leaves_decides_what_of_a_refund_by_other_hands_was_too_much(way: str) -> None:
    told = Books()
    told.begin(purchase=True)
    told.a_refund_is_asked_for(600)
    told.other_hands_give_back(700)
    told.hear(told.operations["op_1"], YES if way == "ours succeeds" else NO_FUNDS)

    assert told.books["suspense:ma_1"] == (300 if way == "ours succeeds" else 0)


def test_a_capture_by_other_hands_that_fails_leaves_ours_captured() -> None:
    """The payment must not look as if it could be captured once more."""
    told = Books()
    told.begin(purchase=False)
    told.a_capture_is_asked_for(1000)
    told.hear(told.operations["op_0"], YES)
    told.other_hands_capture(1000)
    told.hear(told.operations["op_1"], UNDONE)

    assert (told.payment.status, told.payment.captured_minor) == (Status.CAPTURED, 1000)
    assert (told.books["sales"], told.books["suspense:ma_1"]) == (-1000, 0)


def test_a_capture_by_other_hands_counts_when_ours_is_refused_because_of_it() -> None:
    told = Books()
    told.begin(purchase=False)
    told.a_capture_is_asked_for(1000)
    told.other_hands_capture(1000)
    told.hear(told.operations["op_0"], NO_FUNDS)

    assert (told.payment.captured_minor, told.payment.capture_closed) == (1000, True)
    assert (told.books["sales"], told.books["suspense:ma_1"]) == (-1000, 0)
