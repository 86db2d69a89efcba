"""What must hold, looked up in the store and in the processors' own books."""

from collections import Counter
from typing import TYPE_CHECKING, Final

from tests.simulation import justified

if TYPE_CHECKING:
    from tests.simulation.processors import Charge
    from tests.simulation.world import World

RECEIVABLE: Final = "settlement_receivable:"
_TOLD_BACK: Final = {"refund_failed": 1, "capture_failed": 0}
"""Exceptions of lines that brought back what the books have as done, by whether it was given back or taken."""
_OPEN: Final = (
    ("settlement_batches", "due_at IS NOT NULL"),
    ("operations", "status IN ('sending', 'unknown', 'requires_action', 'pending')"),
    ("webhook_deliveries", "due_at IS NOT NULL"),
    ("events", "position IS NULL"),
    (
        "payments",
        "canceling AND id NOT IN (SELECT payment_id FROM exceptions WHERE status = 'open' AND payment_id IS NOT NULL)",
    ),
)


def unresolved(world: "World") -> dict[str, int]:
    """Count what is not at rest."""
    found = {}
    for table, where in _OPEN:
        if table in {"operations", "payments"} and not world.options.inquiry:
            continue  # What nobody asks about may stay unknown for ever.
        ((count,),) = world.store.rows(f"SELECT count(*) FROM {table} WHERE {where}")  # noqa: S608 - words of ours
        if count:
            found[f"{table} where {where}"] = count
    return found


def at_rest(world: "World") -> list[str]:
    """Say what does not hold when everything has come to rest."""
    return [
        *_payments(world),
        *_acknowledged(world),
        *_events(world),
        *_amounts(world),
        *_lines(world),
        *justified.unjustified(world),
    ]


def committed(world: "World", payment: str, life: int) -> list[str]:
    """Say what does not hold just after a commit about *payment*."""
    wrong = world.store.rows(
        "SELECT status FROM payments WHERE id = ? AND (captured_minor + capturing_minor > authorized_minor"
        " OR refunded_minor + refunding_minor > captured_minor)",
        payment,
    )
    told = [f"2: payment {life} ({payment}, {row[0]}) has amounts that do not fit each other" for row in wrong]
    taking = [c for p in world.processors.values() for c in p.of_life[life] if c.takes_money]
    if len(taking) > 1:
        told.append(f"3: payment {life} ({payment}) is charged {len(taking)} times at this moment")
    return told


def _lines(world: "World") -> list[str]:
    """Every settlement line is matched, or posted, or in one open exception; nothing that was due is forgotten."""
    open_ = Counter(
        row[0]
        for row in world.store.rows("SELECT line_id FROM exceptions WHERE status = 'open' AND line_id IS NOT NULL")
    )
    told = []
    for id_, key, status in world.store.rows(
        "SELECT id, key, status FROM settlement_lines WHERE status <> 'superseded'"
    ):
        if status not in {"matched", "posted"} and open_[id_] != 1:
            told.append(f"6: the line {key} is {status} and in {open_[id_]} open exceptions")
    kept = {row[0] for row in world.store.rows("SELECT key FROM settlement_lines")}
    return told + [f"6: the line {key} is nowhere" for key in sorted(world.reported - kept)]


def _charges(world: "World") -> dict[int, list["Charge"]]:
    found: dict[int, list[Charge]] = {}
    for processor in world.processors.values():
        for charge in processor.charges.values():
            found.setdefault(charge.life, []).append(charge)
    return found


def _payments(world: "World") -> list[str]:
    """Hold each payment against what the processors took of its payer."""
    told: list[str] = []
    rows = world.store.rows(
        "SELECT id, reference, status, captured_minor, refunded_minor + refunded_externally_minor FROM payments"
    )
    excused = justified.asking(world)
    told_back = _told_back(world)
    booked, owed = _receivable(world)
    by_life = _charges(world)
    counted: Counter[int] = Counter(world.life_of(reference) for _, reference, *_ in rows)
    told += [f"3: {count} payments stand for payment {life}" for life, count in counted.items() if count > 1]
    for payment, reference, status, captured, refunded in rows:
        life = world.life_of(reference)
        charges = [charge for charge in by_life.pop(life, []) if charge.takes_money]
        about = f"payment {life} ({payment}, {status})"
        if len(charges) > 1:
            told += [f"3: {about} was charged {len(charges)} times: {[charge.id for charge in charges]}"]
        if payment in excused:
            continue
        taken, given = sum(charge.captured for charge in charges), sum(charge.refunded for charge in charges)
        taken_back, came_back = told_back[payment, 0], told_back[payment, 1]
        if (captured - taken_back, refunded - came_back) != (taken, given):
            told.append(f"outcome: {about} shows {captured} captured, {refunded} refunded; it is {taken}, {given}")
        if booked[payment] - taken_back + came_back != taken - given:
            told.append(f"1: {about} had {booked[payment]} receivable, its processors held {taken - given}")
        if owed[payment]:
            told.append(f"1: {about} has {owed[payment]} receivable though all was settled")
        held = any(not charge.captured for charge in charges)
        if held != (status == "authorized" and not captured) and not taken_back:
            told.append(f"outcome: {about}, and its authorization {'stands' if held else 'does not stand'}")
    told += [
        f"outcome: payment {life} was charged and is not known"
        for life, made in by_life.items()
        if any(c.takes_money for c in made)
    ]
    return told


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


def _receivable(world: "World") -> tuple[Counter[str], Counter[str]]:
    """Add up by payment what processors were booked to owe us, and what of it is left after their reports."""
    booked: Counter[str] = Counter()
    owed: Counter[str] = Counter()
    rows = world.store.rows("SELECT payment_id, debit, credit, amount_minor, line_id FROM transfers")
    for payment, debit, credit, minor, line in rows:
        receivable = minor * (debit.startswith(RECEIVABLE) - credit.startswith(RECEIVABLE))
        owed[payment] += receivable
        if line is None:
            booked[payment] += receivable
    return booked, owed


def _acknowledged(world: "World") -> list[str]:
    kept = {
        (row[0], row[1]) for row in world.store.rows("SELECT merchant_account, delivery_key FROM webhook_deliveries")
    }
    return [f"5: the acknowledged delivery {key} is not kept" for key in sorted(world.acknowledged - kept)]


def _events(world: "World") -> list[str]:
    positions = [row[0] for row in world.store.rows("SELECT position FROM events ORDER BY position")]
    if positions != list(range(1, len(positions) + 1)):
        return [f"8: the events' positions are {positions}"]
    return []


def _amounts(world: "World") -> list[str]:
    wrong = world.store.rows(
        "SELECT id FROM payments WHERE captured_minor > authorized_minor OR refunded_minor > captured_minor"
    )
    return [f"2: {row[0]} has more refunded than captured, or more captured than authorized" for row in wrong]
