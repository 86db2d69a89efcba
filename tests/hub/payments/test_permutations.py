"""Whatever order a processor's words come in, and however often, they end in the same payment and the same books."""

from collections import Counter

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from msgspec import Struct
from msgspec.structs import replace

from hub.payments import rules
from hub.payments.states import OperationState, OperationStatus, Payment, Status, Transition
from normalization.outcome import ActionRequired, Approved, Operation, Outcome, Pending, Reversed
from tests.hub.payments.making import NO_FUNDS, operation, payment, report

YES = Approved()
LATER = Pending()
UNDONE = Reversed(NO_FUNDS.decline)
CHALLENGE = ActionRequired(method="GET", url="https://bank.example")
FAILED = frozenset({OperationStatus.DECLINED, OperationStatus.REVERSED})
"""A refund that failed reads the same to a caller, whether its success was heard of before or after."""


class Story(Struct, frozen=True, kw_only=True):
    """What stands at the beginning, and what the processor then says of which operation, as it happens."""

    payment: Payment
    operations: tuple[OperationState, ...]
    told: tuple[tuple[str, Outcome], ...]


def outside(kind: Operation, minor: int, id_: str) -> OperationState:
    return operation(kind, minor, id=id_, external=True)


MANUAL = payment(capture="manual")
RESERVED = replace(MANUAL, status=Status.AUTHORIZED, authorized_minor=1000)
CAPTURING = replace(RESERVED, capturing_minor=1000, capture_closed=True)
CAPTURED = replace(RESERVED, status=Status.CAPTURED, captured_minor=1000, capture_closed=True)
AUTHORIZE = operation(Operation.AUTHORIZE)
DONE = replace(AUTHORIZE, status=OperationStatus.APPROVED)
STORIES = (
    Story(  # Bought, and given back outside in two parts.
        payment=payment(),
        operations=(operation(), outside(Operation.REFUND, 300, "ref_a"), outside(Operation.REFUND, 200, "ref_b")),
        told=(("att_1", CHALLENGE), ("att_1", LATER), ("att_1", YES), ("ref_a", YES), ("ref_b", YES)),
    ),
    Story(  # Refused after a challenge.
        payment=payment(),
        operations=(operation(),),
        told=(("att_1", CHALLENGE), ("att_1", LATER), ("att_1", NO_FUNDS)),
    ),
    Story(  # Held, and taken outside in two parts.
        payment=MANUAL,
        operations=(AUTHORIZE, outside(Operation.CAPTURE, 400, "cap_a"), outside(Operation.CAPTURE, 600, "cap_b")),
        told=(("att_1", LATER), ("att_1", YES), ("cap_a", YES), ("cap_b", YES)),
    ),
    Story(  # Held, and expired.
        payment=MANUAL,
        operations=(AUTHORIZE, outside(Operation.VOID, 1000, "can_a")),
        told=(("att_1", CHALLENGE), ("att_1", YES), ("can_a", YES)),
    ),
    Story(  # Taken by us, and given back outside.
        payment=CAPTURING,
        operations=(DONE, operation(Operation.CAPTURE), outside(Operation.REFUND, 300, "ref_a")),
        told=(("cap_1", LATER), ("cap_1", YES), ("ref_a", YES)),
    ),
    Story(  # Our capture was refused.
        payment=CAPTURING,
        operations=(DONE, operation(Operation.CAPTURE)),
        told=(("cap_1", LATER), ("cap_1", NO_FUNDS)),
    ),
    Story(  # Our cancellation went through.
        payment=replace(RESERVED, canceling=True),
        operations=(DONE, operation(Operation.VOID)),
        told=(("can_1", LATER), ("can_1", YES)),
    ),
    Story(  # Our refund succeeded and failed days later, another was made outside.
        payment=replace(CAPTURED, refunding_minor=300),
        operations=(DONE, operation(Operation.REFUND, 300), outside(Operation.REFUND, 200, "ref_a")),
        told=(("ref_1", LATER), ("ref_1", YES), ("ref_1", NO_FUNDS), ("ref_a", YES)),
    ),
    Story(  # Bought, and the capture failed days later.
        payment=payment(),
        operations=(operation(),),
        told=(("att_1", CHALLENGE), ("att_1", LATER), ("att_1", YES), ("att_1", UNDONE)),
    ),
    Story(  # Our capture succeeded and failed days later.
        payment=CAPTURING,
        operations=(DONE, operation(Operation.CAPTURE)),
        told=(("cap_1", LATER), ("cap_1", YES), ("cap_1", UNDONE)),
    ),
    Story(  # Taken outside in two parts, of which one failed days later.
        payment=MANUAL,
        operations=(AUTHORIZE, outside(Operation.CAPTURE, 400, "cap_a"), outside(Operation.CAPTURE, 600, "cap_b")),
        told=(("att_1", YES), ("cap_a", YES), ("cap_b", YES), ("cap_a", UNDONE)),
    ),
    Story(  # Our refund succeeded and failed days later, told as undone; another was made outside.
        payment=replace(CAPTURED, refunding_minor=300),
        operations=(DONE, operation(Operation.REFUND, 300), outside(Operation.REFUND, 200, "ref_a")),
        told=(("ref_1", LATER), ("ref_1", YES), ("ref_1", UNDONE), ("ref_a", YES)),
    ),
)


class World:
    """A payment, its operations and the books, as the words come in."""

    def __init__(self, story: Story) -> None:
        self.payment = story.payment
        self.operations = {operation.id: operation for operation in story.operations}
        self.books: Counter[str] = Counter()

    def hear(self, id_: str, outcome: Outcome) -> None:
        about = self.operations[id_]
        self.take(rules.apply(self.payment, about, report(about.kind, outcome, about.money.minor)))

    def lose(self, id_: str) -> None:
        self.take(rules.unknown(self.payment, self.operations[id_]))

    def take(self, told: Transition) -> None:
        self.payment = told.payment
        self.operations[told.operation.id] = told.operation
        for booking in told.bookings:
            self.books[booking.debit] += booking.money.minor
            self.books[booking.credit] -= booking.money.minor

    def shown(self) -> tuple[object, ...]:
        """What a caller and finance see in the end; not how it came about."""
        now = self.payment
        standing = {id_: "failed" if o.status in FAILED else o.status for id_, o in self.operations.items()}
        amounts = (now.authorized_minor, now.capturing_minor, now.captured_minor)
        refunds = (now.refunding_minor, now.refunded_minor, now.refunded_externally_minor)
        why = (now.canceling, now.cancel_reason, now.decline)
        return now.status, why, amounts, refunds, standing, {k: v for k, v in self.books.items() if v}


class Words(RuleBasedStateMachine):
    """One story told in any order, with repetitions, while answers get lost on our side too."""

    @initialize(story=st.sampled_from(STORIES))
    def begin(self, story: Story) -> None:
        self.story = story
        self.world = World(story)
        self.heard: set[int] = set()

    @rule(data=st.data())
    def a_word_comes_in(self, data: st.DataObject) -> None:
        index = data.draw(st.integers(0, len(self.story.told) - 1))
        self.world.hear(*self.story.told[index])
        self.heard.add(index)

    @rule(data=st.data())
    def an_answer_is_lost(self, data: st.DataObject) -> None:
        self.world.lose(data.draw(st.sampled_from(sorted(self.world.operations))))

    @invariant()
    def books_balance(self) -> None:
        assert sum(self.world.books.values()) == 0

    def teardown(self) -> None:
        """Whatever was missing comes in at last."""
        for index, word in enumerate(self.story.told):
            if index not in self.heard:
                self.world.hear(*word)
        in_order = World(self.story)
        for word in self.story.told:
            in_order.hear(*word)
        assert self.world.shown() == in_order.shown()


TestAnyOrder = Words.TestCase
TestAnyOrder.settings = settings(max_examples=300, stateful_step_count=12, deadline=None)
