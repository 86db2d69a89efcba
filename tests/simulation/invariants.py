"""What must hold, looked up in the store and in the processors' own books."""

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Final

from tests.simulation import endpoints, justified, outcomes, told

if TYPE_CHECKING:
    from tests.simulation.world import World

_OF_AN_UNKNOWN: Final = frozenset({"unknown_outcome_settled", "duplicate_settlement"})
"""The first of these is about the operation, whatever becomes of its line."""
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
        *outcomes.violations(world),
        *told.violations(world),
        *endpoints.violations(world),
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
    # A no that turns into a yes is a second charge that nobody can prevent: it is looked for at the end.
    taking = [c for p in world.processors.values() for c in p.of_life[life] if c.takes_money and not c.turned]
    if len(taking) > 1:
        told.append(f"3: payment {life} ({payment}) is charged {len(taking)} times at this moment")
    return told


def _lines(world: "World") -> list[str]:
    """Every settlement line is matched, or posted, or in one open exception; nothing that was due is forgotten."""
    open_ = defaultdict[str, set[str]](set)
    counted = Counter[str]()
    for line, type_ in world.store.rows(
        "SELECT line_id, type FROM exceptions WHERE status = 'open' AND line_id IS NOT NULL"
    ):
        open_[line].add(type_)
        counted[line] += 1
    told = []
    for id_, key, status in world.store.rows(
        "SELECT id, key, status FROM settlement_lines WHERE status <> 'superseded'"
    ):
        if status not in {"matched", "posted"} and counted[id_] != 1 and open_[id_] != _OF_AN_UNKNOWN:
            told.append(f"6: the line {key} is {status} and in {counted[id_]} open exceptions: {open_[id_]}")
    kept = Counter(row[0] for row in world.store.rows("SELECT key FROM settlement_lines"))
    told += [f"6: the line {key} is there {count} times" for key, count in kept.items() if count > 1]
    return told + [f"6: the line {key} is nowhere" for key in sorted(world.reported - set(kept))]


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
