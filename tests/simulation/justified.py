"""Which exceptions may stand at the end, and what must have happened for each.

A hub that asks for a human too soon would hide what it got wrong.
"""

from typing import TYPE_CHECKING, Final

from tests.simulation.faults import CRASH, UNKNOWN, Fault

if TYPE_CHECKING:
    from tests.simulation.plans import Life
    from tests.simulation.world import World

_UNTOLD: Final = frozenset({Fault.DROPPED, Fault.DELAYED})
_BECAUSE: Final[dict[str, frozenset[Fault]]] = {
    "approved_after_failure": frozenset({Fault.LATE_YES}),
    "approved_after_cancel": UNKNOWN | CRASH | frozenset({Fault.PENDING, Fault.BY_HAND}),
    "amount_mismatch": frozenset({Fault.PARTLY, Fault.BEYOND, Fault.BY_HAND}),
    "double_charge_after_failover": frozenset({Fault.LATE_YES}),
    "unknown_outcome_settled": _UNTOLD,
    "pending_overdue": _UNTOLD,
    "outcome_unknown": UNKNOWN | CRASH,
    "capture_failed": frozenset({Fault.FAILS_LATER}),
    "refund_failed": frozenset({Fault.FAILS_LATER}),
    "over_refund": frozenset({Fault.BY_HAND, Fault.FAILS_LATER}),
    "unexpected_refund": frozenset({Fault.DROPPED}),  # A report tells of it, and no webhook ever did.
    "unexpected_settlement": frozenset({Fault.DROPPED}),
    "failed_but_settled": frozenset({Fault.LATE_YES, Fault.FAILS_LATER}),  # It failed before its success was told.
}
"""Any one of these faults explains such an exception."""
_ONLY_AT: Final = {"unexpected_refund": "refund.notice"}
"""In which step alone it explains it."""
_WITHOUT_NETS: Final = frozenset({"unknown_outcome_settled", "pending_overdue", "outcome_unknown", "unexpected_refund"})
"""With a net taken away there is more that only a report, or a human, can tell."""
_SETTLED_TWICE: Final = frozenset({"duplicate_settlement", "amount_mismatch"})
"""What is told where a report has a line once too often."""
_OF_NOBODY: Final = frozenset({"unexpected_refund", "unexpected_settlement"})
"""What is told of such a line that came before what it is about: only one of the two can be settled later."""
_OPEN_QUESTION: Final = frozenset({
    "pending_overdue", "outcome_unknown", "unexpected_refund", "unexpected_settlement", "failed_but_settled",
})  # fmt: skip
"""While one of these stands the hub says itself that it does not know."""


def unjustified(world: "World") -> list[str]:
    """Say which open exceptions nothing explains."""
    rows = world.store.rows(
        "SELECT x.type, p.reference, l.key FROM exceptions x LEFT JOIN payments p ON p.id = x.payment_id"
        " LEFT JOIN settlement_lines l ON l.id = x.line_id WHERE x.status = 'open'"
    )
    whole = world.options.webhooks and world.options.inquiry and world.options.replay
    told = []
    for type_, reference, line in rows:
        if type_ == "settlement_import_failed" or (type_ in _WITHOUT_NETS and not whole):
            continue
        if type_ in _OF_NOBODY and reference is None and line in world.told_twice:
            continue
        life = world.plan_of(reference) if reference else None
        if type_ in _SETTLED_TWICE and life is not None and life.number in world.settled_twice:
            continue
        if life is None or not _explains(life, type_, cut_off=life.number in world.cut_off):
            told.append(f"exception: {type_} of {reference} is explained by nothing that happened")
    return told


def asking(world: "World") -> frozenset[str]:
    """List the payments of which the hub says that it does not know what became of them."""
    rows = world.store.rows("SELECT payment_id, type FROM exceptions WHERE status = 'open'")
    return frozenset(payment for payment, type_ in rows if type_ in _OPEN_QUESTION)


def by_report_alone(world: "World") -> frozenset[str]:
    """List the attempts that were passed over and of whose money only a line of a report tells: it is in suspense."""
    rows = world.store.rows(
        "SELECT l.operation_id FROM exceptions x JOIN settlement_lines l ON l.id = x.line_id"
        " WHERE x.status = 'open' AND x.type = 'double_charge_after_failover'"
    )
    return frozenset(operation for (operation,) in rows)


def _explains(life: "Life", type_: str, *, cut_off: bool) -> bool:
    """Whether a fault of *life* explains it, or that a request of it was *cut_off* as its process was killed."""
    because, only = _BECAUSE.get(type_, frozenset()), _ONLY_AT.get(type_)
    if cut_off and only is None and because & CRASH:
        return True
    return any(strike.fault in because and only in {None, strike.step} for strike in life.strikes)
