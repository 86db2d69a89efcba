"""Two pretend processors with books of their own: what they hold is what the payers were charged."""

from collections import defaultdict
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Final

from msgspec import Struct, field
from msgspec.structs import replace

from adapters.contract import Authorize, FollowUp
from normalization.declines import Decline, DeclineCode
from normalization.money import Money
from normalization.outcome import (
    OPENING,
    ActionRequired,
    Approved,
    Declined,
    Operation,
    Outcome,
    Pending,
    Report,
    Reversed,
)
from normalization.settlements import LineType
from tests.simulation.faults import Fault

if TYPE_CHECKING:
    from tests.simulation.world import World

NORTH: Final = "north"
"""Answers at once, can be asked what became of a request, and finds it after a while only."""
SOUTH: Final = "south"
"""Takes captures, voids and refunds and tells later what came of them; a request is asked about by sending it again."""
LAG_MAX_S: Final = 30.0
ARRIVES_MAX_S: Final = 60.0
DECLINES: Final = {
    Fault.DECLINE_SOFT: DeclineCode.DO_NOT_HONOR,
    Fault.DECLINE_HARD: DeclineCode.EXPIRED_CARD,
    Fault.DECLINE_FRAUD: DeclineCode.LOST_OR_STOLEN_CARD,
    Fault.LATE_NO: DeclineCode.DO_NOT_HONOR,
    Fault.FAILS_LATER: DeclineCode.PROCESSOR_ERROR,
}

TURNING: Final = (DeclineCode.INSUFFICIENT_FUNDS, DeclineCode.DO_NOT_HONOR)
"""What is said before a yes after all: another account is tried after the second."""
SOONER: Final = 1.8
"""Ten to the power of so much is how long other hands wait at most, in seconds, where they are quick."""
CAPTURED_BY_HAND: Final = 0.4
"""How many reservations are captured by other hands at the processor, of those that are not let go."""


def _declined(code: DeclineCode) -> Declined:
    return Declined(Decline(code=code, processor_code=f"sim/{code}"))


class Entry(Struct, kw_only=True):
    """What a processor knows of one operation of payment `life`; from `visible_at_s` on it is found."""

    id: str
    kind: Operation
    operation_id: str | None
    life: int
    money: Money
    outcome: Outcome
    made_at_s: float
    visible_at_s: float = 0.0
    parent: "Charge | None" = None


class Charge(Entry, kw_only=True):
    """One charge: what is held of the payer's money, what was taken and what was given back."""

    asked_minor: int
    turned: bool = False  # It was approved after it had been declined.
    authorized: int = 0
    captured: int = 0
    refunded: int = 0
    canceled: bool = False
    follow_ups: dict[str, Entry] = field(default_factory=dict)

    @property
    def takes_money(self) -> bool:
        """Whether the payer's money is taken or held."""
        return self.captured > 0 or (self.authorized > 0 and not self.canceled)


class Movement(Struct, frozen=True, kw_only=True):
    """Money that moved: what credits us is positive."""

    type: LineType
    minor: int
    entry: Entry
    at: datetime


class Processor:
    """One processor: *answers_at_once* tells its two kinds apart."""

    def __init__(self, world: "World", name: str, *, answers_at_once: bool) -> None:
        self.name = name
        self.answers_at_once = answers_at_once
        self.charges: dict[str, Charge] = {}  # By the operation's id, which is the key.
        self.by_reference: dict[str, Charge] = {}
        self.of_life: defaultdict[int, list[Charge]] = defaultdict(list)
        self.movements: list[Movement] = []
        self._operations: set[str] = set()
        self._world = world
        self._count = 0

    def open(self, request: Authorize, life: int) -> Report:
        """Charge, or say again what came of it."""
        charge = self.charges.get(request.operation_id)
        if charge is None:
            charge = self._charge(request, life)
        return self.report(charge)

    def _charge(self, request: Authorize, life: int) -> Charge:
        charge = Charge(
            id=self._name(),
            kind=request.operation,
            operation_id=request.operation_id,
            life=life,
            money=request.money,
            asked_minor=request.money.minor,
            outcome=Approved(),
            made_at_s=self._world.loop.time(),
        )
        charge.visible_at_s = charge.made_at_s + self._world.random.random() * LAG_MAX_S
        self.charges[request.operation_id] = self.by_reference[charge.id] = charge
        self.of_life[life].append(charge)
        self._arrived(request.operation_id)
        verdict = self._world.verdict(life, "charge")
        match verdict:
            case Fault.LATE_YES:
                charge.outcome = _declined(self._world.random.choice(TURNING))
            case Fault.DECLINE_SOFT | Fault.DECLINE_HARD | Fault.DECLINE_FRAUD:
                charge.outcome = _declined(DECLINES[verdict])
            case Fault.CHALLENGE if request.return_url is not None:
                url = f"https://bank.example/{charge.id}"
                charge.outcome = ActionRequired(method="GET", url=url, continuation=request.operation_id)
            case Fault.PENDING | Fault.LATE_NO:
                charge.outcome = Pending()
            case Fault.PARTLY:
                charge.money = Money(max(1, request.money.minor // 2), request.money.currency)
                self._hold(charge)
            case Fault.BEYOND:
                charge.money = Money(request.money.minor + 1 + request.money.minor // 3, request.money.currency)
                self._hold(charge)
            case Fault.BY_HAND if charge.kind is Operation.AUTHORIZE and self._chance(CAPTURED_BY_HAND):
                charge.outcome = Pending()
            case _:
                self._hold(charge)
        self._tell(charge)
        self._later(charge, verdict)
        return charge

    def knows(self, operation_id: str) -> bool:
        """Whether an operation of ours arrived here."""
        return operation_id in self._operations

    def _arrived(self, operation_id: str) -> None:
        self._operations.add(operation_id)
        if operation_id in self._world.ruled_out:
            self._world.violated(f"outcome: {operation_id} was said never to have arrived, and {self.name} has it now")

    def _later(self, charge: Charge, verdict: Fault | None) -> None:
        """Let happen by itself what *verdict* has in store."""
        match verdict:
            case Fault.PENDING | Fault.LATE_YES:
                self._soon(lambda: self._end_late(charge, Approved()))
            case Fault.LATE_NO:
                self._soon(lambda: self._end_late(charge, _declined(DECLINES[verdict])))
            case Fault.FAILS_LATER if charge.kind is Operation.PURCHASE:
                self._soon(lambda: self._undo(charge, charge))
            case Fault.BY_HAND if isinstance(charge.outcome, Pending):
                self._soon(lambda: self._capture_by_hand(charge))
            case Fault.BY_HAND:
                self._meddle(charge)

    def _meddle(self, charge: Charge) -> None:
        """Let other hands be at it, often while something else is under way."""
        span = SOONER if self._chance(0.5) else None
        self._world.later(lambda: self._by_hand(charge), span)

    def _chance(self, share: float) -> bool:
        return self._world.random.random() < share

    def _end_late(self, charge: Charge, outcome: Outcome) -> None:
        if charge.canceled or isinstance(charge.outcome, Approved):
            return
        after_a_no = isinstance(charge.outcome, Declined)
        charge.outcome = outcome
        charge.turned = after_a_no
        if isinstance(outcome, Approved):
            self._hold(charge)
        self._tell(charge, alone=after_a_no and charge.kind is Operation.AUTHORIZE)

    def _hold(self, charge: Charge) -> None:
        charge.outcome = Approved()
        charge.authorized = charge.money.minor
        if charge.kind is Operation.PURCHASE:
            charge.captured = charge.money.minor
            self._move(LineType.CHARGE, charge.money.minor, charge)

    def finish(self, operation_id: str, result: str | None) -> Report:
        """Go on after a challenge with the payer's *result*; None says how it stands."""
        charge = self.charges[operation_id]
        if isinstance(charge.outcome, ActionRequired) and result is not None:
            if result == "confirmed":
                self._hold(charge)
            else:
                charge.outcome = _declined(DeclineCode.AUTHENTICATION_FAILED)
            self._tell(charge)
        return self.report(charge)

    def follow(self, request: FollowUp, life: int) -> Report:
        """Capture, void or refund, or say again what came of it."""
        charge = self.by_reference.get(request.parent_reference)
        if charge is None:
            return self._refusal(request)
        entry = charge.follow_ups.get(request.operation_id)
        if entry is None:
            entry = Entry(
                id=charge.id if self.answers_at_once and request.operation is not Operation.REFUND else self._name(),
                kind=request.operation,
                operation_id=request.operation_id,
                life=life,
                money=request.money,
                outcome=Pending(),
                made_at_s=self._world.loop.time(),
                parent=charge,
            )
            entry.visible_at_s = entry.made_at_s + self._world.random.random() * LAG_MAX_S
            charge.follow_ups[request.operation_id] = entry
            self._arrived(request.operation_id)
            self._begin(charge, entry)
        return self.report(entry)

    def _begin(self, charge: Charge, entry: Entry) -> None:
        verdict = self._world.verdict(entry.life, entry.kind)
        if verdict is Fault.DECLINE_HARD or not self._fits(charge, entry):
            entry.outcome = _declined(DeclineCode.UNSUPPORTED_OPERATION)
            self._tell(entry)
            return
        if verdict is Fault.LATE_NO:
            self._soon(lambda: self._refuse_late(entry))
        elif self.answers_at_once and verdict is not Fault.PENDING:
            self._do(charge, entry)
        else:
            self._soon(lambda: self._do_late(charge, entry))
        if verdict is Fault.FAILS_LATER:
            self._soon(lambda: self._undo(charge, entry))
        if verdict is Fault.BY_HAND:
            self._meddle(charge)

    def _do_late(self, charge: Charge, entry: Entry) -> None:
        if self._fits(charge, entry):
            self._do(charge, entry)
        else:
            self._refuse_late(entry)

    def _refuse_late(self, entry: Entry) -> None:
        entry.outcome = _declined(DeclineCode.DO_NOT_HONOR)
        self._tell(entry)

    def _fits(self, charge: Charge, entry: Entry) -> bool:
        minor = entry.money.minor
        match entry.kind:
            case Operation.CAPTURE:
                return not charge.canceled and charge.captured + minor <= charge.authorized
            case Operation.REFUND:
                return charge.refunded + minor <= charge.captured
            case _:
                return not charge.canceled and not charge.captured

    def _do(self, charge: Charge, entry: Entry) -> None:
        entry.outcome = Approved()
        match entry.kind:
            case Operation.CAPTURE:
                charge.captured += entry.money.minor
                self._move(LineType.CHARGE, entry.money.minor, entry)
            case Operation.REFUND:
                charge.refunded += entry.money.minor
                self._move(LineType.REFUND, -entry.money.minor, entry)
            case _:
                charge.canceled = True
                if not isinstance(charge.outcome, Approved):
                    charge.outcome = _declined(DeclineCode.CUSTOMER_CANCELLED)
        self._tell(entry)

    def _undo(self, charge: Charge, entry: Entry) -> None:
        """What was done fails after all."""
        if not isinstance(entry.outcome, Approved):
            return
        if entry.kind is Operation.REFUND:
            charge.refunded -= entry.money.minor
            self._move(LineType.REFUND_REVERSAL, entry.money.minor, entry)
        else:
            charge.captured -= entry.money.minor
            self._move(LineType.CHARGE_REVERSAL, -entry.money.minor, entry)
            if entry.kind is Operation.PURCHASE:
                charge.canceled = True
        entry.outcome = Reversed(Decline(code=DeclineCode.PROCESSOR_ERROR, processor_code="sim/failed"))
        self._tell(entry)

    def _capture_by_hand(self, charge: Charge) -> None:
        """Somebody at the processor takes what was approved in the same moment; which is told first is chance."""
        if charge.canceled or not isinstance(charge.outcome, Pending):
            return
        self._hold(charge)
        self._do(charge, self._outside(charge, Operation.CAPTURE, charge.authorized))
        self._tell(charge)

    def _by_hand(self, charge: Charge) -> None:
        """Somebody at the processor gives back what was taken, or lets go what is held."""
        left = charge.captured - charge.refunded
        if charge.canceled or not isinstance(charge.outcome, Approved):
            return
        if left:
            entry = self._outside(charge, Operation.REFUND, max(1, left // 2))
        elif not charge.captured:
            entry = self._outside(charge, Operation.VOID, charge.authorized)
        else:
            return
        self._do(charge, entry)

    def _outside(self, charge: Charge, kind: Operation, minor: int) -> Entry:
        own_name = kind is Operation.REFUND or not self.answers_at_once
        entry = Entry(
            id=self._name() if own_name else charge.id,
            kind=kind,
            operation_id=None,
            life=charge.life,
            money=Money(minor, charge.money.currency),
            outcome=Pending(),
            made_at_s=self._world.loop.time(),
            parent=charge,
        )
        charge.follow_ups[f"outside {entry.id} {kind}"] = entry
        return entry

    def cancel(self, operation_id: str) -> None:
        """Cancel whatever was made under *operation_id*, where it can be."""
        charge = self.charges.get(operation_id)
        if charge is None or charge.canceled or charge.captured:
            return
        if isinstance(charge.outcome, Declined | Reversed):
            return
        void = self._outside(charge, Operation.VOID, charge.money.minor)
        self._do(charge, void)

    def find(self, request: Authorize | FollowUp) -> Report | None:
        """Say what became of a request, as far as it is found already."""
        entry: Entry | None = self.charges.get(request.operation_id)
        if isinstance(request, FollowUp):
            parent = self.by_reference.get(request.parent_reference)
            entry = parent.follow_ups.get(request.operation_id) if parent is not None else None
        if entry is None:
            return None
        hidden = request.processor_reference is None and entry.visible_at_s > self._world.loop.time()
        return None if hidden else self.report(entry)

    def report(self, entry: Entry) -> Report:
        """Say in the hub's words how *entry* stands."""
        return Report(
            kind=entry.kind,
            tag=entry.operation_id,
            processor_reference=entry.id,
            parent_reference=entry.parent.id if entry.parent is not None else None,
            money=entry.money,
            livemode=False,
            outcome=entry.outcome,
            raw_status=type(entry.outcome).__name__,
        )

    def _refusal(self, request: FollowUp) -> Report:
        return Report(
            kind=request.operation,
            tag=request.operation_id,
            processor_reference=None,
            parent_reference=request.parent_reference,
            money=request.money,
            livemode=False,
            outcome=_declined(DeclineCode.INVALID_REQUEST),
        )

    def _move(self, type_: LineType, minor: int, entry: Entry) -> None:
        self.movements.append(Movement(type=type_, minor=minor, entry=entry, at=self._world.clock()))

    def _soon(self, happens: Callable[[], None]) -> None:
        self._world.later(happens)

    def _tell(self, entry: Entry, *, alone: bool = False) -> None:
        """Send what became of *entry*; *alone*: nothing else ever tells of it, no answer and no report."""
        kind = "charge" if entry.kind in OPENING else str(entry.kind)
        subject = (entry.parent or entry).id
        told = self.report(entry)
        if self.answers_at_once and entry.kind is Operation.VOID:
            told = replace(told, tag=None)  # It has no object of its own there that could bear our id.
        by_hand = entry.kind is Operation.VOID and entry.operation_id is None
        self._world.notify(self, kind, entry.life, subject, told, alone=alone or by_hand)

    def _name(self) -> str:
        self._count += 1
        return f"{self.name}_{self._count:04d}"
