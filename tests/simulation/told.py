"""What was told of each payment: its events as often as its operations say, and its steps in the audit log."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import Struct

from normalization.outcome import Approved, Declined, Operation, Reversed
from tests.simulation import justified

if TYPE_CHECKING:
    from tests.simulation.processors import Entry
    from tests.simulation.world import World

_TAKES: Final = frozenset({"purchase", "capture"})
_OPEN: Final = frozenset({"sending", "unknown", "requires_action", "pending"})
"""What nobody asks about may stay so; where somebody does, it is at rest only when nothing is."""
_NO: Final = frozenset({"declined", "not_sent"})
_WORD: Final = {Approved: "approved", Declined: "declined", Reversed: "reversed"}


class Done(Struct, frozen=True, kw_only=True):
    """One operation as the hub has it at the end; `stands`: it is of the attempt that the payment stands for."""

    id: str
    kind: str
    status: str
    external: bool
    stands: bool

    @property
    def opens(self) -> bool:
        """Whether it is an attempt."""
        return self.kind in {"authorize", "purchase"}


class Payment(Struct, frozen=True, kw_only=True):
    """What must be known of a payment, to say what had to be told of it; `by_hand`: others took it or let it go."""

    id: str
    status: str
    done: list[Done]
    exceptions: set[str]
    events: "Counter[tuple[str, str]]"
    by_hand: bool


def violations(world: "World") -> list[str]:
    """Say which payments were told too little, or too much."""
    rows = world.store.rows(
        "SELECT o.id, o.payment_id, o.kind, o.status, o.external, o.attempt_id = p.attempt_id"
        " FROM operations o JOIN payments p ON p.id = o.payment_id"
    )
    done = defaultdict[str, list[Done]](list)
    for id_, owner, kind, status, external, stands in rows:
        one = Done(id=id_, kind=kind, status=status, external=bool(external), stands=bool(stands))
        done[owner].append(one)
    events = Counter[tuple[str, str]]()
    for object_id, type_, count in world.store.rows("SELECT object_id, type, count(*) FROM events GROUP BY 1, 2"):
        events[object_id, type_] = count
    opened = defaultdict[Any, set[str]](set)
    back = set[str]()
    for payment, type_, line in world.store.rows("SELECT payment_id, type, line_id FROM exceptions"):
        opened[payment].add(type_)
        if line is not None:
            back.add(payment)
    excused = justified.asking(world)
    told = _exceptions(world)
    entries = {entry.operation_id: entry for entry in _entries(world) if entry.operation_id is not None}
    meddled = {entry.parent.operation_id for entry in _entries(world) if _is_by_hand(entry) and entry.parent}
    audited = _audited(world)
    for id_, status in world.store.rows("SELECT id, status FROM payments"):
        payment = Payment(
            id=id_,
            status=status,
            done=done[id_],
            exceptions=opened[id_],
            events=events,
            by_hand=any(one.id in meddled for one in done[id_]),
        )
        told += _steps(payment, audited)
        if id_ not in excused:
            told += _events(payment)
            if id_ not in back:
                told += _said(payment, entries)
    return told


def _entries(world: "World") -> Iterator["Entry"]:
    for processor in world.processors.values():
        for charge in processor.charges.values():
            yield charge
            yield from charge.follow_ups.values()


def _is_by_hand(entry: "Entry") -> bool:
    return entry.operation_id is None and entry.kind is not Operation.REFUND


def _said(payment: Payment, entries: "dict[str, Entry]") -> Iterator[str]:
    """Each operation of ours ends as its processor has it."""
    for one in payment.done:
        entry = entries.get(one.id)
        if one.external or one.status in _OPEN or (one.kind == "void" and entry is None):
            continue
        if payment.by_hand and one.kind in {"capture", "void"}:
            continue  # Theirs may be taken for ours: neither has a name of its own.
        if payment.status == "canceled" and one.opens and one.status == "declined":
            continue  # Of what was canceled nobody asks any more what it was.
        should = {_WORD.get(type(entry.outcome), "?")} if entry is not None else _NO
        if one.status not in should:
            yield f"outcome: {one.id} of {payment.id} ({payment.status}) is {one.status}, its processor has {should}"


def _events(payment: Payment) -> Iterator[str]:
    """Say which events there are too few of, or too many."""
    for object_id, type_, least, most in _owed(payment):
        count = payment.events[object_id, type_]
        if not least <= count <= most:
            about = f"{payment.id} ({payment.status})"
            yield f"events: {object_id} of {about} has {count} {type_}, it must be {least} to {most}"


def _owed(payment: Payment) -> Iterator[tuple[str, str, int, int]]:
    ours = [one for one in payment.done if one.stands]
    yes = sum(one.kind in _TAKES and one.status == "approved" for one in ours)
    undone = sum(one.kind in _TAKES and one.status == "reversed" for one in ours)
    held = sum(one.kind == "authorize" and one.status == "approved" for one in ours)
    taken_by_hand = any(one.kind == "capture" and one.external for one in ours)
    refused = sum(one.kind == "capture" and one.status in _NO for one in ours)
    undone_captures = sum(one.kind == "capture" and one.status == "reversed" for one in ours)
    yield payment.id, "payment.captured", yes, yes + undone + (held if taken_by_hand else 0)
    theirs = sum(one.kind == "capture" and one.status == "approved" for one in ours) if payment.by_hand else 0
    yield payment.id, "payment.capture_failed", refused + undone_captures, refused + 2 * undone + theirs
    late = "approved_after_cancel" in payment.exceptions
    yield payment.id, "payment.authorized", 0 if taken_by_hand or late else held, held
    voids = [one.status for one in ours if one.kind == "void" and not one.external]
    not_let_go, theirs = voids.count("declined"), voids.count("approved") if payment.by_hand else 0
    yield payment.id, "payment.cancel_failed", not_let_go, not_let_go + theirs
    canceled = payment.status == "canceled"
    yield payment.id, "payment.canceled", int(canceled), int(canceled or "approved_after_failure" in payment.exceptions)
    failed, after = payment.status == "failed", payment.exceptions & {"approved_after_failure", "capture_failed"}
    yield payment.id, "payment.failed", int(failed), 2 if after else int(failed)
    for one in ours:
        if one.kind == "refund":
            yield one.id, "refund.succeeded", int(one.status == "approved"), int(one.status in {"approved", "reversed"})
            no = one.status in _NO or one.status == "reversed"
            yield one.id, "refund.failed", int(no), int(no)


def _audited(world: "World") -> dict[str, set[tuple[str, str | None]]]:
    """Read which steps the audit log has of each payment, and of which operation."""
    found = defaultdict[str, set[tuple[str, str | None]]](set)
    for object_id, action, details in world.store.rows("SELECT object_id, action, details FROM audit_log"):
        found[object_id].add((action, msgspec.json.decode(details).get("operation")))
    return found


def _steps(payment: Payment, audited: dict[str, set[tuple[str, str | None]]]) -> Iterable[str]:
    """Each operation's asking and its end are in the audit log."""
    rows = audited[payment.id]
    for one in payment.done:
        ended = (f"{one.kind}.{one.status}", one.id) in rows
        if not ended and one.status != "sending" and not (one.opens and ("payment.failover", None) in rows):
            yield f"9: that {one.id} of {payment.id} is {one.status} is not in the audit log"
        if not one.opens and not one.external and (f"payment.{one.kind}", None) not in rows:
            yield f"9: that {one.id} of {payment.id} was asked for is not in the audit log"


def _exceptions(world: "World") -> list[str]:
    """Each exception was told as it was opened."""
    ((made,),) = world.store.rows("SELECT count(*) FROM exceptions")
    ((said,),) = world.store.rows("SELECT count(*) FROM events WHERE type = 'exception.opened'")
    return [f"events: {made} exceptions, and {said} were told"] if made != said else []
