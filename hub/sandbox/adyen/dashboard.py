"""
What somebody does by hand in Adyen's Customer Area, and the bank by taking its money back.

No reference of the merchant's belongs to it, so the webhooks carry the payment's.
"""

from typing import Any, Final

from hub.sandbox.adyen import disputes, modifications, replies, settling, tokens
from hub.sandbox.adyen.desk import Desk
from hub.sandbox.adyen.dispute_course import ORDERS as DISPUTE_ORDERS
from hub.sandbox.adyen.modify import Asked, What, carry_out
from hub.sandbox.adyen.records import Payment
from hub.sandbox.processor import Order, RefusedError

Json = dict[str, Any]

_WHAT: Final[dict[str, What]] = {"capture": "capture", "refund": "refund", "cancel": "cancel"}
ORDERS: Final[tuple[str, ...]] = (*_WHAT, "dispute", *DISPUTE_ORDERS, *tokens.ORDERS, "report")


def ordered(desk: Desk, order: Order) -> Json:
    """
    Carry out an order; for the `options` of disputes see disputes.py, of tokens tokens.py.

    Raises:
        RefusedError: when what it is about is unknown or not in a state for it.

    """
    for do in DISPUTE_ORDERS:
        if order.do == do:
            return disputes.ordered(desk, order, do)
    if order.do in tokens.ORDERS:
        return tokens.ordered(desk, order)
    if order.do == "report":
        return _report(desk, order)
    payment = desk.any_payment(order.processor_reference)
    if payment is None:
        raise RefusedError(f"processor_reference: no payment {order.processor_reference}")
    if order.do == "dispute":
        return disputes.opened(desk, payment, order)
    return _modified(desk, payment, order)


def _report(desk: Desk, order: Order) -> Json:
    """Tell an account of a report that is ready; `processor_reference` is its file's name."""
    account = str(order.options.get("merchant_account", ""))
    if account not in desk.sandbox.deliveries.settings:
        raise RefusedError("options.merchant_account: an account that has settings")
    url = settling.tell(desk, account, order.processor_reference)
    return {"pspReference": order.processor_reference, "reason": url}


def _modified(desk: Desk, payment: Payment, order: Order) -> Json:
    left_minor = {
        "capture": payment.amount_minor - payment.captured_minor,
        "refund": modifications.refundable_minor(payment),
        "cancel": payment.amount_minor,
    }[order.do]
    asked = Asked(
        psp=replies.new_psp(),
        amount_minor=left_minor if order.amount is None else order.amount,
        currency=payment.currency,
    )
    if asked.amount_minor <= 0:
        raise RefusedError("amount: nothing is left, or none was asked for")
    reason = carry_out(desk, payment, asked, _WHAT[order.do])
    if reason:
        raise RefusedError(reason)
    return {"pspReference": asked.psp, "paymentPspReference": payment.id, "status": "received"}
