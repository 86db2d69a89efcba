"""
What somebody does by hand in Checkout.com's Dashboard, and the bank by taking its money back.

No reference of the merchant's belongs to it, so the webhooks carry the payment's.
"""

from typing import Any, Final

from msgspec.structs import replace

from hub.sandbox.checkout_com import actions, notices
from hub.sandbox.checkout_com.desk import Desk
from hub.sandbox.checkout_com.errors import WireError
from hub.sandbox.checkout_com.records import Payment, What, new_id
from hub.sandbox.processor import Order, RefusedError

Json = dict[str, Any]

_WHAT: Final[dict[str, What]] = {"capture": "Capture", "refund": "Refund", "cancel": "Void"}
_MOVES: Final = {"dispute_received": 1, "dispute_lost": 0, "dispute_won": -1, "dispute_canceled": -1}


def ordered(desk: Desk, order: Order) -> Json:
    """
    Carry out an order; `options` of a dispute: `event` for another step than the first, `reason_code`.

    Raises:
        RefusedError: when the payment is unknown or not in a state for it.

    """
    payment = desk.payment(order.processor_reference)
    if payment is None:
        raise RefusedError(f"processor_reference: no payment {order.processor_reference}")
    if order.do == "dispute":
        return _dispute(desk, payment, order)
    left_minor = payment.to_refund_minor if order.do == "refund" else payment.to_capture_minor
    minor = left_minor if order.amount is None else order.amount
    asked = actions.Asked(amount_minor=minor, reference=payment.reference)
    try:
        done = actions.accept(desk, payment, _WHAT[order.do], asked)
    except WireError as error:
        raise RefusedError(str(error)) from error
    return {"action_id": done.id, "payment_id": payment.id}


def _dispute(desk: Desk, payment: Payment, order: Order) -> Json:
    type = str(order.options.get("event", "dispute_received"))
    if type not in _MOVES:
        raise RefusedError(f"options.event: one of {', '.join(_MOVES)}")
    if not payment.captured_minor:
        raise RefusedError("the payment has not been captured, so there is nothing to dispute")
    known = desk.book.children("dispute", payment.id)
    id = str(known[0]["id"]) if known else new_id("dsp")
    desk.book.put("dispute", payment.account, {"id": id}, parent=payment.id)
    minor = payment.captured_minor if order.amount is None else order.amount
    moved_minor = _MOVES[type] * minor
    if moved_minor:
        desk.enter(payment, "disputed", moved_minor, reference=new_id("act"))
    desk.save(replace(payment, disputed_minor=payment.disputed_minor + moved_minor))
    facts = {"id": id, "amount": minor, "reason_code": str(order.options.get("reason_code", "10.4"))}
    desk.send(payment, notices.dispute(desk.url, payment, type, facts, desk.now()))
    return {"id": id, "payment_id": payment.id, "event": type}
