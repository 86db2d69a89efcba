"""Every word that is told of an operation, in every situation, and all that the rules make of it: a table in lines.

`python -m tests.hub.payments.every_move` writes the table anew; a line that changes is to be read before it is kept.
"""

from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from msgspec.structs import asdict, replace

from hub.payments import rules
from hub.payments.states import OperationState, OperationStatus, Payment, Status, Transition
from normalization.money import Currency, Money
from normalization.outcome import OPENING, ActionRequired, Operation, Outcome, Pending, Reversed
from tests.hub.payments.making import NO_FUNDS, operation, payment, report

TABLE: Final = Path(__file__).parent / "every_move.txt"
_ENDED: Final = {"holds_reference": False, "authorized_minor": 1000}
_HELD: Final = {"status": Status.AUTHORIZED, "authorized_minor": 1000, "capture": "manual"}
_PAID: Final = {"status": Status.CAPTURED, "authorized_minor": 1000, "captured_minor": 1000, "capture_closed": True}
PAYMENTS: Final[dict[str, dict[str, Any]]] = {
    "sent": {},
    "sent, to be canceled": {"canceling": True},
    "waiting for the payer": {"status": Status.REQUIRES_ACTION},
    "held": _HELD,
    "held, to be canceled": _HELD | {"canceling": True},
    "held, 4.00 on its way": _HELD | {"capturing_minor": 400, "capture_closed": True},
    "held, 10.00 on its way": _HELD | {"capturing_minor": 1000, "capture_closed": True},
    "4.00 of it paid": _HELD | {"status": Status.CAPTURED, "captured_minor": 400},
    "4.00 of it paid, 4.00 on its way": _HELD
    | {"status": Status.CAPTURED, "captured_minor": 400, "capturing_minor": 400},
    "4.00 of it paid, the last 6.00 on its way": _HELD
    | {"status": Status.CAPTURED, "captured_minor": 400, "capturing_minor": 600, "capture_closed": True},
    "10.00 on its way, 4.00 taken by others": _HELD
    | {"status": Status.CAPTURED, "capturing_minor": 1000, "beyond_minor": 400, "capture_closed": True},
    "paid": _PAID,
    "paid, and 4.00 more taken by others": _PAID | {"beyond_minor": 400},
    "paid, 3.00 going back": _PAID | {"refunding_minor": 300},
    "paid, 3.00 given back": _PAID | {"refunded_minor": 300},
    "paid, 3.00 given back by others": _PAID | {"refunded_externally_minor": 300},
    "paid, 3.00 given back by us and 3.00 by others": _PAID | {"refunded_minor": 300, "refunded_externally_minor": 300},
    "paid, 9.00 given back by others, 3.00 going back": _PAID
    | {"refunded_externally_minor": 900, "refunding_minor": 300},
    "3.00 paid, that failed and go back": _PAID | {"captured_minor": 300, "lost_minor": 300, "refunding_minor": 300},
    "paid, 5.00 disputed, 3.00 going back": _PAID | {"disputed_minor": 500, "refunding_minor": 300},
    "canceled": _ENDED | {"status": Status.CANCELED, "cancel_reason": "requested", "capture_closed": True},
    "failed": {"status": Status.FAILED, "holds_reference": False, "decline": NO_FUNDS.decline},
}
_UNDER_WAY: Final = (
    OperationStatus.SENDING,
    OperationStatus.UNKNOWN,
    OperationStatus.PENDING,
    OperationStatus.EXCEPTION,
)
_DONE: Final = (OperationStatus.APPROVED,)
_UNDONE: Final = (OperationStatus.DECLINED, OperationStatus.NOT_SENT, OperationStatus.REVERSED)
_SENT: Final = (OperationStatus.SENDING, OperationStatus.REQUIRES_ACTION, *_UNDER_WAY[1:])
Cases = dict[tuple[OperationStatus, ...], tuple[str, ...]]
OURS: Final[dict[Operation, Cases]] = {
    Operation.AUTHORIZE: {
        _SENT: ("sent", "sent, to be canceled", "waiting for the payer", "4.00 of it paid", "canceled"),
        _DONE: ("held", "canceled"),
        _UNDONE[:2]: ("failed", "canceled"),
    },
    Operation.PURCHASE: {
        _SENT: ("sent", "sent, to be canceled", "waiting for the payer", "4.00 of it paid", "canceled"),
        _DONE: ("paid", "paid, 3.00 going back", "paid, 3.00 given back", "paid, 5.00 disputed, 3.00 going back"),
        _UNDONE: ("failed",),
    },
    Operation.CAPTURE: {
        _UNDER_WAY: (
            "held, 4.00 on its way",
            "4.00 of it paid, 4.00 on its way",
            "10.00 on its way, 4.00 taken by others",
        ),
        _DONE: (
            "4.00 of it paid",
            "4.00 of it paid, 4.00 on its way",
            "paid, 3.00 given back",
            "paid, and 4.00 more taken by others",
        ),
        _UNDONE: ("held", "canceled"),
    },
    Operation.VOID: {
        _UNDER_WAY: ("held, to be canceled", "waiting for the payer", "4.00 of it paid"),
        _DONE: ("canceled",),
        _UNDONE[:2]: ("held", "paid"),
    },
    Operation.REFUND: {
        _UNDER_WAY: tuple(name for name in PAYMENTS if "going back" in name or "go back" in name),
        _DONE: ("paid, 3.00 given back", "paid, 3.00 given back by us and 3.00 by others"),
        _UNDONE: ("paid", "paid, 3.00 given back by others"),
    },
}
OTHERS: Final[dict[Operation, Cases]] = {
    Operation.CAPTURE: {
        _UNDER_WAY[:1]: (
            "sent",
            "held",
            "held, to be canceled",
            "held, 4.00 on its way",
            "4.00 of it paid",
            "paid",
            "canceled",
            "failed",
        ),
        _DONE: (
            "4.00 of it paid",
            "4.00 of it paid, 4.00 on its way",
            "paid",
            "paid, and 4.00 more taken by others",
        ),
    },
    Operation.VOID: {
        _UNDER_WAY[:1]: (
            "sent",
            "waiting for the payer",
            "held, to be canceled",
            "4.00 of it paid",
            "paid",
            "canceled",
        ),
        _DONE: ("canceled",),
    },
    Operation.REFUND: {
        _UNDER_WAY[:1]: ("sent", "paid", "paid, 3.00 going back", "paid, 3.00 given back by others", "failed"),
        _DONE: ("paid, 3.00 given back by others", "paid, 3.00 given back by us and 3.00 by others"),
        _UNDONE[:1]: ("paid, 3.00 given back",),
    },
}
NOT_FINAL: Final[Cases] = {
    _UNDER_WAY[:1]: (
        "held, 4.00 on its way",
        "4.00 of it paid, 4.00 on its way",
        "4.00 of it paid, the last 6.00 on its way",
    ),
    _DONE: ("4.00 of it paid", "4.00 of it paid, the last 6.00 on its way"),
}
PASSED_OVER: Final[Cases] = {
    (OperationStatus.SENDING, *_UNDONE[:1], *_DONE): ("sent", "paid", "paid, 3.00 given back"),
}
_MINOR: Final = {Operation.CAPTURE: 400, Operation.REFUND: 300}
_WORDS: Final[dict[str, Outcome]] = {
    "declined": NO_FUNDS,
    "the payer must act": ActionRequired(method="GET", url="https://bank.example"),
    "pending": Pending(),
    "failed after all": Reversed(NO_FUNDS.decline),
}
Told = Callable[[Payment, OperationState], Transition]


def lines() -> Iterator[str]:
    """Write the table: what is told in which situation, and everything that changes by it."""
    for kind, cases in OURS.items():
        yield from _of(kind, kind.value, cases, {})
        over = {"attempt_id": "att_0"} | ({"id": "att_0"} if kind in OPENING else {"external": True})
        yield from _of(kind, f"{kind} of an attempt passed over", PASSED_OVER, over)
        if kind is Operation.CAPTURE:
            yield from _of(kind, "capture that is not final", NOT_FINAL, {"final": False})
        yield from _of(kind, f"{kind} by others", OTHERS.get(kind, {}), {"external": True})


def _of(kind: Operation, named: str, cases: Cases, changes: dict[str, Any]) -> Iterator[str]:
    for statuses, situations in cases.items():
        for situation in situations:
            for word, tell in _words(kind).items():
                found = [(_effect(PAYMENTS[situation], kind, status, changes, tell), status) for status in statuses]
                for effect, alike in groupby(found, key=lambda pair: pair[0]):
                    if effect:
                        stands = "|".join(status for _, status in alike)
                        yield f"{named} {stands}; payment {situation}; {word} => {effect}"


def _words(kind: Operation) -> dict[str, Told]:
    minor = _MINOR.get(kind, 1000)
    found: dict[str, Told] = {
        "approved": _told(report(kind)),
        "1.00 less approved": _told(report(kind, minor=minor - 100)),
        "3.00 more approved": _told(report(kind, minor=minor + 300)),
        "approved in yen": _told(replace(report(kind), money=Money(minor, Currency.JPY))),
        "1.00 of it failed after all": _told(report(kind, Reversed(NO_FUNDS.decline), 100)),
    }
    found |= {word: _told(report(kind, outcome)) for word, outcome in _WORDS.items()}
    if kind is Operation.VOID:
        found["expired"] = _told(report(kind, reason="expired"))
    if kind is Operation.PURCHASE:
        found["its reservation approved"] = _told(report(Operation.AUTHORIZE))
    return found | {
        "no answer": rules.unknown,
        "never sent": rules.not_sent,
        "our account refused": lambda paid, made: rules.refused(paid, made, rules.REFUSED_BY_US),
        "given up": lambda paid, made: rules.give_up(paid, made, "its time is over"),
    }


def _told(said: Any) -> Told:
    return lambda paid, made: rules.apply(paid, made, said)


def _effect(
    situation: dict[str, Any], kind: Operation, status: OperationStatus, changes: dict[str, Any], tell: Told
) -> str:
    paid = payment(**situation)
    made = operation(kind, _MINOR.get(kind, 1000), status=status, **changes)
    if status in {OperationStatus.DECLINED, OperationStatus.NOT_SENT, OperationStatus.REVERSED}:
        made = replace(made, decline=NO_FUNDS.decline, processor_reference="psp_1")
    told = tell(paid, made)
    parts = [
        _changed("payment", asdict(paid), asdict(told.payment)),
        _changed("operation", asdict(made), asdict(told.operation)),
        *(
            f"{_book(b.debit)} to {_book(b.credit)} {b.money.to_decimal()} {b.money.currency} {b.code}"
            for b in told.bookings
        ),
        *told.events,
        *(f"exception {name}: {why}" for name, why in told.exceptions),
    ]
    return "; ".join(part for part in parts if part)


def _changed(what: str, before: dict[str, Any], after: dict[str, Any]) -> str:
    news = [f"{name} {_shown(value)}" for name, value in after.items() if value != before[name]]
    only_named = news == ["processor_reference psp_1"]
    return f"{what} {', '.join(news)}" if news and not only_named else ""


def _book(account: str) -> str:
    return account.removeprefix("settlement_").removesuffix(":ma_1")


def _shown(value: Any) -> str:
    return str(getattr(value, "processor_code", value))


if __name__ == "__main__":
    TABLE.write_text("".join(f"{line}\n" for line in lines()))
