"""Each payment against what the processors took of its payer: its amounts, its books, and what had to be told of it."""

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from normalization.outcome import Approved, Operation
from tests.simulation import justified

if TYPE_CHECKING:
    from tests.simulation.processors import Charge
    from tests.simulation.world import World

RECEIVABLE: Final = "settlement_receivable:"
SUSPENSE: Final = "suspense:"
SALES: Final = "sales"
_TOLD_BACK: Final = {"refund_failed": 1, "capture_failed": 0}
"""Exceptions of lines that brought back what the books have as done, by whether it was given back or taken."""
_OVER: Final = frozenset({"canceled", "failed"})


class Shown(Struct, frozen=True, kw_only=True):
    """A payment as the hub shows it; `taken` of the payer, `given` back to the payer."""

    id: str
    reference: str
    status: str
    attempt: str
    taken: int
    given: int

    def __str__(self) -> str:
        return f"{self.reference} ({self.id}, {self.status})"


class Books(Struct):
    """What a payment's transfers come to before reports, and what processors owe of it after them."""

    receivable: int = 0
    sales: int = 0
    suspense: int = 0
    owed: int = 0
    expected: int = 0  # Of what was booked, the lines that the reports must bring.


def violations(world: "World") -> list[str]:
    """Hold every payment against its processors' charges."""
    shown = [
        Shown(id=id_, reference=reference, status=status, attempt=attempt or "", taken=taken, given=given)
        for id_, reference, status, attempt, taken, given in world.store.rows(
            "SELECT id, reference, status, attempt_id, captured_minor - lost_minor,"
            " refunded_minor + refunded_externally_minor FROM payments"
        )
    ]
    counted = Counter(world.life_of(payment.reference) for payment in shown)
    told = [f"3: {count} payments stand for payment {life}" for life, count in counted.items() if count > 1]
    excused, told_back, books = justified.asking(world), _told_back(world), _books(world)
    opened, charges, unheard = _exceptions(world), _charges(world), justified.by_report_alone(world)
    refused = {row[0] for row in world.store.rows("SELECT object_id FROM events WHERE type = 'payment.cancel_failed'")}
    for payment in shown:
        life = world.life_of(payment.reference)
        made = charges.pop(life, [])
        standing = next((charge for charge in made if charge.operation_id == payment.attempt), None)
        passed = [charge for charge in made if charge is not standing]
        told += _charged_twice(payment, standing, passed, opened[payment.id])
        if payment.id not in excused:
            back = told_back[payment.id, 0], told_back[payment.id, 1]
            told += _amounts(payment, standing, back)
            heard = [charge for charge in passed if charge.operation_id not in unheard]
            told += _booked(payment, standing, heard, books[payment.id], back)
            told += _demanded(payment, standing, opened[payment.id])
            if life in world.watch.wished:
                told += _wish(payment, standing, opened[payment.id], refused=payment.id in refused)
    told += [
        f"outcome: payment {life} was charged and is not known"
        for life, made in charges.items()
        if any(charge.takes_money for charge in made)
    ]
    return told


def _charged_twice(payment: Shown, standing: "Charge | None", passed: list["Charge"], opened: set[str]) -> list[str]:
    """Somebody else may have charged only after a no, which another account was tried for; and that is told."""
    also = [charge for charge in passed if charge.takes_money]
    told = [
        f"3: {payment} was charged by {charge.id}, which had not said no, and {standing.id if standing else 'nobody'}"
        for charge in also
        if not charge.turned
    ]
    if also and "double_charge_after_failover" not in opened:
        told.append(f"exception: {payment} was charged by {also[0].id} after another took over, and nobody is told")
    return told


def _amounts(payment: Shown, standing: "Charge | None", back: tuple[int, int]) -> list[str]:
    taken, given = _taken(standing), standing.refunded if standing else 0
    told = []
    if (payment.taken - back[0], payment.given - back[1]) != (taken, given):
        shows = f"{payment.taken} taken, {payment.given} given back"
        told.append(f"outcome: {payment} shows {shows}; it is {taken}, {given}")
    if standing is not None and standing.refunded > standing.captured:
        return told  # What was taken failed after it was given back: no status says that.
    held = standing is not None and standing.takes_money and not standing.captured
    if held != (payment.status == "authorized" and not payment.taken) and not back[0]:
        told.append(f"outcome: {payment}, and its authorization {'stands' if held else 'does not stand'}")
    if bool(taken) != (payment.status == "captured") and not back[0]:
        told.append(f"outcome: {payment} has {taken} taken of its payer")
    return told


def _taken(charge: "Charge | None") -> int:
    """Count what was taken of what was asked for."""
    return min(charge.captured, charge.asked_minor) if charge is not None else 0


def _booked(
    payment: Shown, standing: "Charge | None", passed: list["Charge"], books: Books, back: tuple[int, int]
) -> list[str]:
    """Sales hold what was taken less what was given back, never less than nothing; the rest is in suspense."""
    made = [*passed, standing] if standing is not None else passed
    receivable = sum(charge.captured - charge.refunded for charge in made) + back[0] - back[1]
    given = standing.refunded if standing is not None else 0
    sales = max(0, _taken(standing) + back[0] - given - back[1])
    told = []
    for name, is_, should in (
        ("receivable", books.receivable, receivable),
        ("sales", books.sales, sales),
        ("suspense", books.suspense, receivable - sales),
    ):
        if is_ != should:
            told.append(f"1: {payment} has {is_} in {name}, by its processors it is {should}")
    if books.expected != books.receivable:
        told.append(f"1: {payment} has {books.receivable} booked as owed, and {books.expected} is expected in reports")
    if books.owed:
        told.append(f"1: {payment} has {books.owed} receivable though all was settled")
    return told


def _demanded(payment: Shown, standing: "Charge | None", opened: set[str]) -> list[str]:
    """What a human must be told of, whatever became of it since."""
    if standing is None or not isinstance(standing.outcome, Approved):
        return []
    differs = standing.money.minor != standing.asked_minor
    if differs and payment.status not in _OVER and "amount_mismatch" not in opened:
        return [f"exception: {payment} was approved for another amount than was asked, and nobody is told"]
    return []


def _wish(payment: Shown, standing: "Charge | None", opened: set[str], *, refused: bool) -> list[str]:
    """A cancel that was accepted ends in one, or with its being *refused* or too late being told."""
    if standing is None or not standing.takes_money:
        return []
    by_hand = any(
        entry.kind is Operation.CAPTURE and entry.operation_id is None for entry in standing.follow_ups.values()
    )
    late = "approved_after_failure" in opened  # What it was to cancel had been told to have failed.
    if refused or by_hand or late or (standing.captured and "approved_after_cancel" in opened):
        return []
    return [f"cancel: {payment} was to be canceled, which was accepted and forgotten"]


def _charges(world: "World") -> dict[int, list["Charge"]]:
    found = defaultdict[int, list["Charge"]](list)
    for processor in world.processors.values():
        for charge in processor.charges.values():
            found[charge.life].append(charge)
    return found


def _exceptions(world: "World") -> defaultdict[Any, set[str]]:
    found = defaultdict[Any, set[str]](set)
    for payment, type_ in world.store.rows("SELECT payment_id, type FROM exceptions"):
        found[payment].add(type_)
    return found


def _told_back(world: "World") -> Counter[tuple[str, int]]:
    """Add up by payment what only a report's lines tell to have come back: the books keep it, and ask for a human.

    No webhook ever told of it. To the unit what the lines say, so that nothing else is excused with it.
    """
    told: Counter[tuple[str, int]] = Counter()
    rows = world.store.rows(
        "SELECT payment_id, type, abs(variance_minor) FROM exceptions WHERE status = 'open' AND line_id IS NOT NULL"
    )
    for payment, type_, minor in rows:
        if type_ in _TOLD_BACK:
            told[payment, _TOLD_BACK[type_]] += minor
    return told


def _books(world: "World") -> defaultdict[Any, Books]:
    """Add up by payment what was booked to its accounts, and what of the receivable is left after the reports."""
    books = defaultdict[Any, Books](Books)
    rows = world.store.rows("SELECT payment_id, debit, credit, amount_minor, line_id FROM transfers")
    for payment, debit, credit, minor, line in rows:
        of = books[payment]
        receivable = minor * (debit.startswith(RECEIVABLE) - credit.startswith(RECEIVABLE))
        of.owed += receivable
        if line is None:
            of.receivable += receivable
            of.sales += minor * ((credit == SALES) - (debit == SALES))
            of.suspense += minor * (credit.startswith(SUSPENSE) - debit.startswith(SUSPENSE))
    for payment, minor in world.store.rows("SELECT payment_id, sum(gross_minor) FROM expected_settlements GROUP BY 1"):
        books[payment].expected = minor
    return books
