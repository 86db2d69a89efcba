"""
What somebody does by hand in Adyen's Customer Area, and the bank by taking its money back.

No reference of the merchant's belongs to it, so the webhooks carry the payment's.
"""

from datetime import UTC, datetime
from typing import Any, Final

from msgspec.structs import replace

from hub.sandbox.adyen import modifications, notices, replies
from hub.sandbox.adyen.desk import Desk
from hub.sandbox.adyen.modify import Asked, What, carry_out
from hub.sandbox.adyen.records import Payment
from hub.sandbox.processor import Order, RefusedError

Json = dict[str, Any]

DEFENCE_S: Final = 18 * 86400
_MOVES: Final = {"NOTIFICATION_OF_CHARGEBACK": 0, "CHARGEBACK": 1, "CHARGEBACK_REVERSED": -1}
_WHAT: Final[dict[str, What]] = {"capture": "capture", "refund": "refund", "cancel": "cancel"}
_USUAL: Final = ("NOTIFICATION_OF_CHARGEBACK", "CHARGEBACK")


def ordered(desk: Desk, order: Order) -> Json:
    """
    Carry out an order; `options` of a dispute: `event` for one step alone, `reason_code`.

    Raises:
        RefusedError: when the payment is unknown or not in a state for it.

    """
    payment = desk.any_payment(order.processor_reference)
    if payment is None:
        raise RefusedError(f"processor_reference: no payment {order.processor_reference}")
    if order.do == "dispute":
        return _dispute(desk, payment, order)
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
    what = _WHAT[order.do]
    reason = carry_out(desk, payment, asked, what)
    if reason:
        raise RefusedError(reason)
    return {"pspReference": asked.psp, "paymentPspReference": payment.id, "status": "received"}


def _dispute(desk: Desk, payment: Payment, order: Order) -> Json:
    wanted = order.options.get("event")
    events = _USUAL if wanted is None else (str(wanted),)
    if not set(events) <= set(_MOVES):
        raise RefusedError(f"options.event: one of {', '.join(_MOVES)}")
    if payment.status != "authorised" or not payment.captured_minor:
        raise RefusedError("the payment has not been captured, so there is nothing to dispute")
    open_psp = desk.book.children("dispute", payment.id)
    psp = str(open_psp[0]["id"]) if open_psp else replies.new_psp()
    desk.book.put("dispute", payment.account, {"id": psp}, parent=payment.id)
    minor = payment.captured_minor if order.amount is None else order.amount
    for event in events:
        moved_minor = _MOVES[event] * minor
        desk.enter(payment, "disputed", moved_minor)
        desk.save(replace(payment, disputed_minor=payment.disputed_minor + moved_minor))
        desk.notify(payment.account, _told(desk, payment, event, psp, minor, order))
    return {"pspReference": psp, "paymentPspReference": payment.id, "events": list(events)}


def _told(desk: Desk, payment: Payment, event: str, psp: str, minor: int, order: Order) -> notices.Item:
    at = desk.now()
    code = str(order.options.get("reason_code", "4853" if payment.card.brand == "mc" else "10.4"))
    told = notices.modification(payment, event, psp, at, amount_minor=minor, reference="")
    ends = datetime.fromtimestamp(at + DEFENCE_S, UTC).isoformat(timespec="seconds")
    return told | {
        "reason": "Other Fraud-Card Absent Environment",
        "additionalData": {
            "chargebackReasonCode": code,
            "chargebackSchemeCode": payment.card.brand,
            "defendable": "true",
            "defensePeriodEndsAt": ends,
            "disputeStatus": "Undefended" if event != "CHARGEBACK_REVERSED" else "Won",
            "paymentMethodVariant": payment.card.brand,
        },
    }
