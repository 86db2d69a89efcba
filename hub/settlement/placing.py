"""Which operation of ours a line is about: by tag, else by the processor's reference, else by its payment; pure."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from msgspec import Struct

from hub.settlement.values import Known, Wanted
from normalization.outcome import OPENING, Operation
from normalization.settlements import LineType, SettlementLine

EXPECTED_AS: Final = {
    LineType.CHARGE: "charge",
    LineType.CHARGE_REVERSAL: "charge_reversal",
    LineType.REFUND: "refund",
    LineType.REFUND_REVERSAL: "refund_reversal",
    LineType.CHARGEBACK: "chargeback",
    LineType.SECOND_CHARGEBACK: "chargeback",
    LineType.CHARGEBACK_REVERSAL: "chargeback_reversal",
}
"""What a line settles, by its type; types that are not here settle nothing that is expected of an operation."""


class Family(StrEnum):
    """Lines that add up to what is expected together: a capture and what was given back of it are told as two."""

    CHARGE = "charge"
    REFUND = "refund"
    REFUND_REVERSAL = "refund_reversal"
    CHARGEBACK = "chargeback"
    CHARGEBACK_REVERSAL = "chargeback_reversal"


FAMILY: Final = {
    "charge": Family.CHARGE,
    "charge_reversal": Family.CHARGE,
    "refund": Family.REFUND,
    "refund_reversal": Family.REFUND_REVERSAL,
    "chargeback": Family.CHARGEBACK,
    "chargeback_reversal": Family.CHARGEBACK_REVERSAL,
}
_TAKES: Final = OPENING | {Operation.CAPTURE}
_KINDS: Final = {
    Family.CHARGE: _TAKES,
    Family.REFUND: frozenset({Operation.REFUND}),
    Family.REFUND_REVERSAL: frozenset({Operation.REFUND}),
    Family.CHARGEBACK: _TAKES,
    Family.CHARGEBACK_REVERSAL: _TAKES,
}


class Booked(Struct, frozen=True, gc=False):
    """A line of an operation that was matched, or posted by itself, before."""

    match_id: str | None
    operation_id: str
    processor_reference: str | None
    fee_minor: int


class Facts(Struct, frozen=True, kw_only=True):
    """What the books know of what lines name: operations by id and by the processor's reference, and what must arrive.

    `disputed` are the operations of disputes, by the processor's reference of the dispute. `wanted` is by attempt, with
    what is matched already. `uneven` are the open differences of amount, by the match that has them: the exception's
    id and how much was settled more than expected. `booked` are lines that came before, by attempt; `fees_off` the open
    differences of fees, by the expectation that they are told of: the exception's id and how much was charged more.
    """

    operations: Mapping[str, Known]
    by_reference: Mapping[str, Sequence[Known]]
    disputed: Mapping[str, str]
    wanted: Mapping[str, Sequence[Wanted]]
    uneven: Mapping[str, tuple[str, int]]
    booked: Mapping[str, Sequence[Booked]] = MappingProxyType({})
    fees_off: Mapping[str, tuple[str, int]] = MappingProxyType({})


class Place(Struct, frozen=True):
    """Where a line belongs: its operation, else at least one of its payment; both None where neither is ours.

    `elsewhere`: its tag is of an operation at another merchant account.
    """

    operation: Known | None = None
    parent: Known | None = None
    elsewhere: Known | None = None

    @property
    def attempt_id(self) -> str | None:
        """Name the attempt whose money it is."""
        known = self.operation or self.parent
        return known.attempt_id if known else None


NOWHERE: Final = Place()


def family_of(line: SettlementLine) -> Family | None:
    """Tell with which lines *line* adds up; None for one that settles nothing expected of an operation."""
    expected = EXPECTED_AS.get(line.type)
    return FAMILY[expected] if expected is not None else None


def place(line: SettlementLine, merchant_account: str, facts: Facts) -> Place:
    """Find where *line* belongs."""
    family = family_of(line)
    tagged = facts.operations.get(line.tag) if line.tag else None
    if tagged is not None and tagged.merchant_account != merchant_account:
        return Place(elsewhere=tagged)
    named = [tagged] if tagged is not None else []
    reference = line.processor_reference
    if reference is not None:
        named += facts.by_reference.get(reference, ())
        disputed = facts.operations.get(facts.disputed.get(reference, ""))
        named += [disputed] if disputed is not None else []
    kinds = _KINDS[family] if family is not None else frozenset()
    operation = next((one for one in named if one.kind in kinds), None)
    parents = facts.by_reference.get(line.parent_reference, ()) if line.parent_reference else ()
    parent = next(iter((*named, *parents)), None)
    if operation is None and kinds is _TAKES:
        operation = next((one for one in parents if one.kind in kinds), None)
    return Place(operation, parent)


def candidates(line: SettlementLine, found: Place, wanted: Sequence[Wanted]) -> list[Wanted]:
    """List what of an attempt's *wanted* the line may settle: what its own operation expects, where it names it.

    An attempt stands for its captures, and a dispute's money is its attempt's.
    """
    family = family_of(line)
    fitting = [one for one in wanted if FAMILY.get(one.type) is family]
    own = found.operation
    if own is None or family in {Family.CHARGEBACK, Family.CHARGEBACK_REVERSAL}:
        return fitting
    mine = [one for one in fitting if one.operation_id == own.id]
    return fitting if not mine and own.kind in OPENING else mine
