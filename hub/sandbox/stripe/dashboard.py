"""
What a person does by hand in Stripe's Dashboard, and what banks and networks do behind it.

No request of the merchant's belongs to it, so the events alone tell.
"""

from collections.abc import Callable
from typing import Literal, TypeVar

import msgspec
from msgspec import Struct

from hub.sandbox.book import Body
from hub.sandbox.processor import Order, RefusedError, Sandbox
from hub.sandbox.stripe import charging, disputes, methods, objects, payouts, refunds
from hub.sandbox.stripe.call import TAG, Call
from hub.sandbox.stripe.disputes import Case
from hub.sandbox.stripe.errors import StripeError

Options = TypeVar("Options", bound=Struct)


class Disputed(Struct, frozen=True, forbid_unknown_fields=True):
    """How a bank disputes."""

    reason: str = "fraudulent"
    inquiry: bool = False
    evidence_days: int = 7


class Escalated(Struct, frozen=True, forbid_unknown_fields=True):
    """How a bank goes on after an inquiry."""

    evidence_days: int = 7


class Renewed(Struct, frozen=True, forbid_unknown_fields=True):
    """What changes on a card that its bank renews; another number has another fingerprint."""

    exp_month: int | None = None
    exp_year: int | None = None
    last4: str | None = None


class Paid(Struct, frozen=True, forbid_unknown_fields=True):
    """How far a payout gets; a new one is of that currency."""

    status: Literal["pending", "paid", "failed", "reconciliation_completed"] = "paid"
    currency: str = "eur"


def carry_out(sandbox: Sandbox, order: Order) -> Body:
    """
    Carry out an order.

    Raises:
        RefusedError: when there is nothing of that reference, or it is not in a state for it.

    """
    try:
        shown: Body = objects.public(ORDERS[order.do](sandbox, order))
    except StripeError as error:
        raise RefusedError(str(error)) from error
    return shown


def _cancel(sandbox: Sandbox, order: Order) -> Body:
    call, intent = _intent(sandbox, order)
    if intent["status"] in {"succeeded", "canceled"}:
        raise RefusedError(f"the PaymentIntent is {intent['status']}")
    charging.release(call, intent, "requested_by_customer")
    return intent


def _capture(sandbox: Sandbox, order: Order) -> Body:
    call, intent = _intent(sandbox, order)
    charge = _charge(call, intent)
    amount = intent["amount_capturable"] if order.amount is None else order.amount
    if not 1 <= amount <= intent["amount_capturable"]:
        raise RefusedError(f"{intent['amount_capturable']} can be captured")
    charging.capture(call, intent, charge, amount, final=True)
    return intent


def _refund(sandbox: Sandbox, order: Order) -> Body:
    call, intent = _intent(sandbox, order)
    metadata = {TAG: str(order.options[TAG])} if TAG in order.options else {}
    return refunds.make(call, intent, _charge(call, intent), order.amount, reason=None, metadata=metadata)


def _dispute(sandbox: Sandbox, order: Order) -> Body:
    call, intent = _intent(sandbox, order)
    charge, asked = _charge(call, intent), _options(order, Disputed)
    left = disputes.left_of(charge)
    amount = left if order.amount is None else order.amount
    if not 1 <= amount <= left:
        raise RefusedError(f"{left} can be disputed")
    if asked.reason not in disputes.REASONS:
        raise RefusedError(f"options.reason: one of {', '.join(disputes.REASONS)}")
    case_type: Literal["inquiry", "chargeback"] = "inquiry" if asked.inquiry else "chargeback"
    case = Case(reason=asked.reason, case_type=case_type, evidence_days=_days(asked.evidence_days))
    return disputes.begin(call, charge, amount, case)


def _win(sandbox: Sandbox, order: Order) -> Body:
    call, made = _open_dispute(sandbox, order)
    disputes.decide(call, made, won=True)
    return made


def _lose(sandbox: Sandbox, order: Order) -> Body:
    call, made = _open_dispute(sandbox, order)
    disputes.decide(call, made, won=False)
    return made


def _escalate(sandbox: Sandbox, order: Order) -> Body:
    call, made = _open_dispute(sandbox, order)
    if made["status"] not in disputes.ASKED:
        raise RefusedError(f"the dispute is {made['status']}, no inquiry")
    if disputes.left_of(call.find("charge", made["charge"])) < 1:
        raise RefusedError("the charge was refunded, so there is nothing to take")
    disputes.escalate(call, made, _days(_options(order, Escalated).evidence_days))
    return made


def _card_update(sandbox: Sandbox, order: Order) -> Body:
    call, method = _method(sandbox, order)
    asked = msgspec.structs.asdict(_options(order, Renewed))
    changed = {name: value for name, value in asked.items() if value is not None}
    if not changed:
        raise RefusedError("options: one of exp_month, exp_year, last4")
    return methods.renew(call, method, changed)


def _card_detach(sandbox: Sandbox, order: Order) -> Body:
    call, method = _method(sandbox, order)
    return methods.let_go(call, method)


def _payout(sandbox: Sandbox, order: Order) -> Body:
    asked = _options(order, Paid)
    reference = order.processor_reference
    account = sandbox.book.account_of("payout", reference)
    if account is not None:
        call = Call(sandbox, account)
        return payouts.go_on(call, call.find("payout", reference), asked.status)
    if reference.startswith("po_"):
        raise RefusedError(f"no payout {reference}")
    call = Call(sandbox, reference)
    return payouts.go_on(call, payouts.make(call, order.amount, asked.currency), asked.status)


def _options(order: Order, type: type[Options]) -> Options:
    try:
        return msgspec.convert(order.options, type)
    except msgspec.ValidationError as error:
        raise RefusedError(f"options: {error}") from error


def _days(days: int) -> int:
    if days < 1:
        raise RefusedError("options.evidence_days: at least 1")
    return days


def _call(sandbox: Sandbox, kind: str, noun: str, id: str) -> Call:
    account = sandbox.book.account_of(kind, id)
    if account is None:
        raise RefusedError(f"no {noun} {id}")
    return Call(sandbox, account)


def _intent(sandbox: Sandbox, order: Order) -> tuple[Call, Body]:
    call = _call(sandbox, "payment_intent", "PaymentIntent", order.processor_reference)
    return call, call.find("payment_intent", order.processor_reference)


def _charge(call: Call, intent: Body) -> Body:
    if intent["latest_charge"] is None:
        raise RefusedError("the PaymentIntent has no charge")
    return call.find("charge", intent["latest_charge"])


def _method(sandbox: Sandbox, order: Order) -> tuple[Call, Body]:
    call = _call(sandbox, "payment_method", "PaymentMethod", order.processor_reference)
    return call, call.find("payment_method", order.processor_reference)


def _open_dispute(sandbox: Sandbox, order: Order) -> tuple[Call, Body]:
    """Return the dispute that is named, or the newest open one of the PaymentIntent that is."""
    if sandbox.book.account_of("dispute", order.processor_reference) is not None:
        call = _call(sandbox, "dispute", "dispute", order.processor_reference)
        known = [call.find("dispute", order.processor_reference)]
    else:
        call, intent = _intent(sandbox, order)
        known = sandbox.book.children("dispute", _charge(call, intent)["id"])
    for made in known:
        if made["status"] in disputes.OPEN:
            return call, made
    raise RefusedError("no dispute of it is open")


ORDERS: dict[str, Callable[[Sandbox, Order], Body]] = {
    "refund": _refund,
    "capture": _capture,
    "cancel": _cancel,
    "dispute": _dispute,
    "dispute_win": _win,
    "dispute_lose": _lose,
    "dispute_escalate": _escalate,
    "card_update": _card_update,
    "card_detach": _card_detach,
    "payout": _payout,
}
