"""Every step in the tables is taken by some story, and no story takes another."""

from collections import deque
from collections.abc import Callable, Iterator
from functools import cache
from itertools import product
from typing import Any

import pytest
from msgspec import Struct
from msgspec.structs import replace

from hub.payments import rules
from hub.payments.states import OperationState, OperationStatus, Payment, Status, Transition
from hub.payments.transitions import MACHINE_OF, PAYMENT, kept, may
from hub.transitions import Machine
from normalization.money import Currency, Money
from normalization.outcome import OPENING, ActionRequired, Approved, Operation, Outcome, Pending, Reversed
from tests.hub.payments.making import NO_FUNDS, operation, payment, report

Telling = Callable[[Payment, OperationState], Transition]


def telling(outcome: Outcome, currency: Currency = Currency.EUR) -> Telling:
    """The processor reports *outcome*, in *currency*."""

    def tell(of: Payment, about: OperationState) -> Transition:
        told = replace(report(about.kind, outcome), money=Money(about.money.minor, currency))
        return rules.apply(of, about, told)

    return tell


TELLINGS: dict[str, Telling] = {
    "yes": telling(Approved()),
    "yes in yen": telling(Approved(), Currency.JPY),
    "no": telling(NO_FUNDS),
    "later": telling(Pending()),
    "undone": telling(Reversed(NO_FUNDS.decline)),
    "the payer first": telling(ActionRequired(method="GET", url="https://bank.example")),
    "no answer": rules.unknown,
    "never arrived": rules.not_sent,
    "account refused": lambda of, about: rules.refused(of, about, rules.REFUSED_BY_US),
    "horizon passed": lambda of, about: rules.give_up(of, about, "nobody knows"),
}


class World(Struct, frozen=True):
    """A payment and its operations at one moment of a story."""

    payment: Payment
    operations: tuple[OperationState, ...]

    def after(self, tell: Telling, index: int) -> "World":
        told = tell(self.payment, self.operations[index])
        changed = (*self.operations[:index], told.operation, *self.operations[index + 1 :])
        return World(told.payment, changed)


class Step(Struct, frozen=True):
    """One telling, and the statuses before and after it."""

    telling: str
    kind: Operation
    operation: tuple[OperationStatus, OperationStatus]
    payment: tuple[Status, Status]


def beginnings() -> Iterator[World]:
    """Every attempt with each follow-up of ours and each made outside the hub, and an attempt that was passed over."""
    for opening, follow_up in product(OPENING, set(Operation) - OPENING):
        capture = "manual" if opening is Operation.AUTHORIZE else "automatic"
        new = payment(capture=capture)
        attempt = operation(opening)
        yield World(new, (attempt, operation(follow_up, 400, external=True)))
        yield World(replace(new, attempt_id="att_2"), (attempt, operation(follow_up, 400, external=True)))
    reserved = payment(capture="manual", status=Status.AUTHORIZED, authorized_minor=1000)
    approved = operation(Operation.AUTHORIZE, status=OperationStatus.APPROVED)
    capturing = replace(reserved, capturing_minor=1000, capture_closed=True)
    yield World(capturing, (approved, operation(Operation.CAPTURE)))
    yield World(replace(reserved, canceling=True), (approved, operation(Operation.VOID)))
    captured = payment(status=Status.CAPTURED, authorized_minor=1000, captured_minor=1000, refunding_minor=300)
    yield World(captured, (replace(approved, kind=Operation.PURCHASE), operation(Operation.REFUND, 300)))


WORLDS_MAX = 20_000


@cache
def steps() -> frozenset[Step]:
    """Every step of every story: from each beginning, everything may be told of everything, in any order and often."""
    taken = set()
    waiting = deque(beginnings())
    seen = set(waiting)
    while waiting:
        world = waiting.popleft()
        for (name, tell), index in product(TELLINGS.items(), range(len(world.operations))):
            then = world.after(tell, index)
            before, after = world.operations[index], then.operations[index]
            moved = (before.status, after.status)
            taken.add(Step(name, before.kind, moved, (world.payment.status, then.payment.status)))
            if then not in seen:
                seen.add(then)
                waiting.append(then)
        assert len(seen) < WORLDS_MAX, f"a story that has no end: {world}"
    return frozenset(taken)


def moves(kind: Operation) -> set[tuple[OperationStatus, OperationStatus]]:
    return {(before, after) for before, following in MACHINE_OF[kind].moves.items() for after in following}


def payment_moves() -> set[tuple[Status, Status]]:
    return {(before, after) for before, following in PAYMENT.moves.items() for after in following}


@pytest.mark.parametrize(("kind", "move"), [(kind, move) for kind in Operation for move in sorted(moves(kind))])
def test_some_story_takes_the_step(kind: Operation, move: tuple[OperationStatus, OperationStatus]) -> None:
    assert [step.telling for step in steps() if step.kind is kind and step.operation == move]


@pytest.mark.parametrize("move", sorted(payment_moves()))
def test_some_story_takes_the_step_of_a_payment(move: tuple[Status, Status]) -> None:
    assert [step.telling for step in steps() if step.payment == move]


@pytest.mark.parametrize("kind", Operation)
def test_no_story_takes_a_step_that_is_not_in_the_table(kind: Operation) -> None:
    taken = {step.operation for step in steps() if step.kind is kind and step.operation[0] is not step.operation[1]}

    assert taken - moves(kind) == set()


def test_no_story_takes_a_payment_where_its_table_does_not_lead() -> None:
    taken = {step.payment for step in steps() if step.payment[0] is not step.payment[1]}

    assert taken - payment_moves() == set()


@pytest.mark.parametrize(
    ("kind", "before", "after"),
    [
        (kind, before, after)
        for kind in Operation
        for before, after in product(OperationStatus, repeat=2)
        if before is not after and (before, after) not in moves(kind)
    ],
)
def test_a_step_that_is_not_in_the_table_moves_nothing_and_is_told(
    kind: Operation, before: OperationStatus, after: OperationStatus
) -> None:
    standing, about = payment(), operation(kind, status=before)
    wrong = rules.apply(payment(), operation(), report(Operation.PURCHASE, minor=1000))

    refused = kept(standing, about, replace(wrong, payment=standing, operation=replace(about, status=after)))

    assert (refused.payment, refused.operation, refused.bookings, refused.events) == (standing, about, (), ())
    assert [name for name, _ in refused.exceptions] == ["impossible_transition"]
    assert not may(about, after)


@pytest.mark.parametrize(
    ("before", "after"),
    [pair for pair in product(Status, repeat=2) if pair[0] is not pair[1] and pair not in payment_moves()],
)
def test_a_step_that_no_payment_takes_moves_nothing_and_is_told(before: Status, after: Status) -> None:
    standing, about = payment(status=before), operation()
    wrong = Transition(payment(status=after), replace(about, status=OperationStatus.APPROVED), events=("payment.x",))

    refused = kept(standing, about, wrong)

    assert (refused.payment, refused.operation, refused.events) == (standing, about, ())
    assert [name for name, _ in refused.exceptions] == ["impossible_transition"]


@pytest.mark.parametrize("status", OperationStatus)
def test_another_account_is_tried_only_where_the_attempt_may_be_closed(status: OperationStatus) -> None:
    attempt = operation(status=status)
    closed = replace(attempt, status=OperationStatus.NOT_SENT)

    passed = rules.pass_over(payment(), attempt, closed, operation(id="att_2"))

    assert (passed is not None) is (status in {OperationStatus.SENDING, OperationStatus.UNKNOWN})


@pytest.mark.parametrize("machine", [PAYMENT, *MACHINE_OF.values()], ids=lambda machine: machine.name)
def test_every_word_of_a_table_can_be_reached(machine: Machine[Any]) -> None:
    reached = set(machine.born)
    while found := {after for before in reached for after in machine.moves[before]} - reached:
        reached |= found

    assert reached == set(machine.moves)


def test_every_word_stands_in_a_table() -> None:
    assert set(PAYMENT.moves) == set(Status)
    assert {word for machine in MACHINE_OF.values() for word in machine.moves} == set(OperationStatus)
