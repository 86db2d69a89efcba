"""Every step that a payment and its operations may take: `rules` asks here before it takes one."""

from collections.abc import Mapping
from typing import Final

from hub.payments.states import OperationState, OperationStatus, Payment, Status, Transition
from hub.transitions import Machine
from normalization.outcome import Operation

_LATE: Final = "late: it had happened after all"
_OTHER_CURRENCY: Final = "approved in another currency; a human must look"
_HORIZON: Final = "no final word within its horizon, or another currency; a human must look"
_FOUND: Final = "what no machine could find out was told after all"

PAYMENT: Final = Machine[Status](
    name="Payment",
    born={
        Status.PROCESSING: "its first attempt is about to be sent",
        Status.FAILED: "a routing rule refused it; there is no attempt",
    },
    moves={
        Status.PROCESSING: {
            Status.REQUIRES_ACTION: "the processor wants the payer to act",
            Status.AUTHORIZED: "an authorize was approved",
            Status.CAPTURED: "a purchase was approved, or a capture was told before its authorize",
            Status.CANCELED: "its cancellation was told first",
            Status.FAILED: "the last attempt was declined or not sent",
        },
        Status.REQUIRES_ACTION: {
            Status.PROCESSING: "the payer acted and the result comes later, or is not known",
            Status.AUTHORIZED: "the payer acted and the authorize was approved",
            Status.CAPTURED: "the payer acted and the purchase was approved",
            Status.CANCELED: "canceled before the payer acted",
            Status.FAILED: "declined, or the payer never came back",
        },
        Status.AUTHORIZED: {
            Status.CAPTURED: "a capture was approved, in full or in part",
            Status.CANCELED: "a void was approved, or the authorization expired",
        },
        Status.CAPTURED: {
            Status.AUTHORIZED: "late: its only capture failed; exception `capture_failed`",
            Status.FAILED: "late: the capture of its purchase failed; exception `capture_failed`",
        },
        Status.CANCELED: {
            Status.CAPTURED: "late: captured although it was canceled; exception `approved_after_failure`",
        },
        Status.FAILED: {
            Status.AUTHORIZED: "late: approved although it had failed; exception `approved_after_failure`",
            Status.CAPTURED: "late: captured although it had failed; exception `approved_after_failure`",
        },
    },
)

AUTHORIZE: Final = Machine[OperationStatus](
    name="Authorize",
    born={OperationStatus.SENDING: "committed, then sent"},
    moves={
        OperationStatus.SENDING: {
            OperationStatus.APPROVED: "the processor did it",
            OperationStatus.DECLINED: "the processor or the issuer refused",
            OperationStatus.REQUIRES_ACTION: "the payer must act first",
            OperationStatus.PENDING: "accepted; the result comes later",
            OperationStatus.NOT_SENT: "it certainly never arrived",
            OperationStatus.UNKNOWN: "no understood answer, or our process died",
            OperationStatus.EXCEPTION: _OTHER_CURRENCY,
        },
        OperationStatus.REQUIRES_ACTION: {
            OperationStatus.APPROVED: "the payer acted and the processor did it",
            OperationStatus.DECLINED: "the payer failed to act, or it was refused afterwards",
            OperationStatus.PENDING: "the payer acted; the result comes later",
            OperationStatus.UNKNOWN: "the payer acted and no understood answer came",
            OperationStatus.EXCEPTION: _OTHER_CURRENCY,
        },
        OperationStatus.PENDING: {
            OperationStatus.APPROVED: "the processor did it",
            OperationStatus.DECLINED: "the processor or the issuer refused",
            OperationStatus.EXCEPTION: _HORIZON,
        },
        OperationStatus.UNKNOWN: {
            OperationStatus.APPROVED: "found out: the processor did it",
            OperationStatus.DECLINED: "found out: refused",
            OperationStatus.REQUIRES_ACTION: "found out: the payer must act first",
            OperationStatus.PENDING: "found out: accepted; the result comes later",
            OperationStatus.NOT_SENT: "found out: it never arrived",
            OperationStatus.EXCEPTION: _HORIZON,
        },
        OperationStatus.APPROVED: {},
        OperationStatus.DECLINED: {OperationStatus.APPROVED: _LATE, OperationStatus.EXCEPTION: _OTHER_CURRENCY},
        OperationStatus.NOT_SENT: {OperationStatus.APPROVED: _LATE, OperationStatus.EXCEPTION: _OTHER_CURRENCY},
        OperationStatus.EXCEPTION: {OperationStatus.APPROVED: _FOUND, OperationStatus.DECLINED: _FOUND},
    },
)

VOID: Final = Machine[OperationStatus](
    name="Void",
    born={OperationStatus.SENDING: "committed, then sent; or told of by the processor and made outside the hub"},
    moves={
        OperationStatus.SENDING: {
            OperationStatus.APPROVED: "the processor did it",
            OperationStatus.DECLINED: "the processor refused",
            OperationStatus.PENDING: "accepted; the result comes later",
            OperationStatus.NOT_SENT: "it certainly never arrived",
            OperationStatus.UNKNOWN: "no understood answer, or our process died",
            OperationStatus.EXCEPTION: _OTHER_CURRENCY,
        },
        OperationStatus.PENDING: AUTHORIZE.moves[OperationStatus.PENDING],
        OperationStatus.UNKNOWN: {
            OperationStatus.APPROVED: "found out: the processor did it",
            OperationStatus.DECLINED: "found out: refused",
            OperationStatus.PENDING: "found out: accepted; the result comes later",
            OperationStatus.NOT_SENT: "found out: it never arrived",
            OperationStatus.EXCEPTION: _HORIZON,
        },
        OperationStatus.APPROVED: {},
        OperationStatus.DECLINED: AUTHORIZE.moves[OperationStatus.DECLINED],
        OperationStatus.NOT_SENT: AUTHORIZE.moves[OperationStatus.NOT_SENT],
        OperationStatus.EXCEPTION: AUTHORIZE.moves[OperationStatus.EXCEPTION],
    },
)


def _reversible(name: str, machine: Machine[OperationStatus], exception: str) -> Machine[OperationStatus]:
    """Let what *machine* does be undone, whether its success was told before or never is."""
    moves = {
        word: {**following, OperationStatus.REVERSED: f"told to have failed after all; exception `{exception}`"}
        for word, following in machine.moves.items()
    }
    moves[OperationStatus.APPROVED] = {
        OperationStatus.REVERSED: f"it had succeeded and failed later; exception `{exception}`"
    }
    return Machine[OperationStatus](name=name, born=machine.born, moves={**moves, OperationStatus.REVERSED: {}})


PURCHASE: Final = _reversible("Purchase", AUTHORIZE, "capture_failed")
CAPTURE: Final = _reversible("Capture", VOID, "capture_failed")
REFUND: Final = _reversible("Refund", VOID, "refund_failed")

MACHINE_OF: Final[Mapping[Operation, Machine[OperationStatus]]] = {
    Operation.AUTHORIZE: AUTHORIZE,
    Operation.PURCHASE: PURCHASE,
    Operation.CAPTURE: CAPTURE,
    Operation.VOID: VOID,
    Operation.REFUND: REFUND,
}
_NEXT: Final = {
    kind: {word: frozenset(machine.moves.get(word, ())) for word in OperationStatus}
    for kind, machine in MACHINE_OF.items()
}
"""The same for a quick look-up; a word that a table does not have leads nowhere."""


def may(operation: OperationState, after: OperationStatus) -> bool:
    """Tell whether *operation* may move on to *after*."""
    return after in _NEXT[operation.kind][operation.status]


def kept(payment: Payment, operation: OperationState, decided: Transition) -> Transition:
    """Let *decided* pass where the tables have its steps; else nothing moves, and a human is told.

    Refused, not raised: the report that led here is committed as evidence beside the exception.
    """
    status, paid = decided.operation.status, decided.payment.status
    if (status is operation.status or may(operation, status)) and (
        paid is payment.status or paid in PAYMENT.moves[payment.status]
    ):
        return decided
    why = f"{operation.kind} {operation.status} to {status}, payment {payment.status} to {paid}: no such step"
    return Transition(payment, operation, exceptions=(("impossible_transition", why),))
