"""Captures, cancellations, refunds: received at once, told by webhook, whoever asked for them."""

from http import HTTPStatus
from typing import Any, Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from hub.sandbox.adyen import modifications, notices, replies
from hub.sandbox.adyen.decide import amount_of
from hub.sandbox.adyen.desk import Desk
from hub.sandbox.adyen.errors import NO_PAYMENT, NO_REFERENCE, WireError
from hub.sandbox.adyen.payments import FAILING_CAPTURES, RECAPTURED, announce_failure, late_s
from hub.sandbox.adyen.records import Payment
from hub.sandbox.adyen.wire import ModificationRequest

Json = dict[str, Any]
What = Literal["capture", "cancel", "refund", "reversal"]


class Asked(Struct, frozen=True, kw_only=True):
    """One modification of one payment; `psp` is its own reference."""

    psp: str
    reference: str = ""
    amount_minor: int = 0
    currency: str = ""
    event: str = ""  # Told under this name where it is not the usual one.


REASONS: Final = {
    "CAPTURE_FAILED": "Capture rejected by card scheme because of a technical issue.",
    "REFUND_FAILED": "Refund rejected by card scheme",
    "REFUNDED_REVERSED": "Refund returned by the issuer",
}


def modify(desk: Desk, psp: str, request: ModificationRequest, what: What) -> tuple[int, Json]:
    """POST /payments/{psp}/captures, cancels, refunds, reversals."""
    payment = desk.payment(request.merchant_account, psp)
    if payment is None:
        raise WireError(NO_PAYMENT)
    asked = Asked(psp=replies.new_psp(), reference=request.reference)
    received: Json = {
        "merchantAccount": request.merchant_account,
        "paymentPspReference": psp,
        "pspReference": asked.psp,
        "status": "received",
    }
    if what in {"capture", "refund"}:
        amount = amount_of(request.amount)
        asked = replace(asked, amount_minor=amount.value, currency=amount.currency)
        received["amount"] = {"currency": amount.currency, "value": amount.value}
    if request.reference:
        received["reference"] = request.reference
    carry_out(desk, payment, asked, what)
    return HTTPStatus.CREATED, received


def cancel_by_reference(desk: Desk, request: ModificationRequest) -> tuple[int, Json]:
    """POST /cancels: release whatever stands under the merchant's own reference."""
    if not request.payment_reference:
        raise WireError(NO_REFERENCE)
    asked = Asked(psp=replies.new_psp(), reference=request.reference, event="TECHNICAL_CANCEL")
    found = desk.by_reference(request.merchant_account, request.payment_reference)
    standing = [payment for payment in found if payment.status in {"waiting", "authorised"}]
    for payment in standing:
        cancel(desk, payment, asked)
    if not standing:
        account, reference = request.merchant_account, request.payment_reference
        told = notices.unmatched_cancel(account, reference, request.reference, asked.psp, desk.now())
        desk.notify(account, told)
    received: Json = {
        "merchantAccount": request.merchant_account,
        "paymentReference": request.payment_reference,
        "pspReference": asked.psp,
        "status": "received",
    }
    return HTTPStatus.CREATED, received | ({"reference": request.reference} if request.reference else {})


def carry_out(desk: Desk, payment: Payment, asked: Asked, what: What) -> str:
    """Do it; returns why it failed, empty where it did not."""
    match what:
        case "capture":
            return capture(desk, payment, asked)
        case "refund":
            return refund(desk, payment, asked)
        case "cancel":
            return cancel(desk, payment, asked)
        case "reversal":
            return _reverse(desk, payment, asked)


def capture(desk: Desk, payment: Payment, asked: Asked) -> str:
    """Take held money."""
    several = bool(desk.settings(payment.account).get("multiple_captures", False))
    after, reason = modifications.capture(payment, asked.amount_minor, asked.currency, several=several)
    if not reason:
        desk.save(_noted(replace(after, capture_psp=asked.psp, capture_reference=asked.reference), asked))
        desk.enter(after, "captured", asked.amount_minor, asked.reference, psp=asked.psp)
    _tell(desk, after, asked, "CAPTURE", reason)
    if not reason:
        facts = (asked.amount_minor, asked.psp, asked.reference)
        announce_failure(desk, after, FAILING_CAPTURES, "CAPTURE_FAILED", *facts)
    return reason


def refund(desk: Desk, payment: Payment, asked: Asked) -> str:
    """Give captured money back."""
    after, reason = modifications.refund(payment, asked.amount_minor, asked.currency)
    if not reason:
        desk.save(_noted(after, asked))
        desk.enter(after, "refunded", asked.amount_minor, asked.reference, psp=asked.psp)
    _tell(desk, after, asked, "REFUND", reason)
    if not reason:
        facts = (asked.amount_minor, asked.psp, asked.reference)
        announce_failure(desk, after, {"refund failed"}, "REFUND_FAILED", *facts)
        announce_failure(desk, after, {"refunded reversed"}, "REFUNDED_REVERSED", *facts)
    return reason


def cancel(desk: Desk, payment: Payment, asked: Asked) -> str:
    """Release held money."""
    after, reason = modifications.cancel(payment)
    if not reason:
        desk.save(after)
        if payment.status == "authorised":
            desk.enter(after, "voided", payment.amount_minor, asked.reference)
    _tell(desk, after, replace(asked, amount_minor=payment.amount_minor), "CANCELLATION", reason)
    return reason


def undo(desk: Desk, payment: Payment, asked: Asked) -> None:
    """Let an earlier success turn out a failure."""
    minor = asked.amount_minor
    if asked.event == "CAPTURE_FAILED":
        after = replace(payment, captured_minor=payment.captured_minor - minor, captures=payment.captures - 1)
        desk.enter(after, "captured", -minor, asked.reference, psp=asked.psp, word=asked.event)
    else:
        after = replace(payment, refunded_minor=payment.refunded_minor - minor)
        desk.enter(after, "refunded", -minor, asked.reference, psp=asked.psp, word=asked.event)
    desk.save(after)
    told = notices.undone(
        after, asked.event, asked.psp, desk.now(),
        amount_minor=minor, reference=asked.reference, why=REASONS[asked.event],
    )  # fmt: skip
    desk.notify(after.account, told)
    if asked.event == "CAPTURE_FAILED" and payment.holder_name == RECAPTURED:
        job: Json = {"do": "recapture", "account": payment.account, "payment": payment.id}
        desk.sandbox.later(late_s(desk, payment), job | {"amount_minor": minor, "reference": asked.reference})


def recapture(desk: Desk, payment: Payment, asked: Asked) -> None:
    """Take again, by itself, what the card network had sent back."""
    after, reason = modifications.capture(payment, asked.amount_minor, payment.currency, several=True)
    if reason:
        return
    desk.save(after)
    desk.enter(after, "captured", asked.amount_minor, asked.reference, psp=asked.psp)
    told = notices.modification(
        after, "CAPTURE", asked.psp, desk.now(), amount_minor=asked.amount_minor, reference=asked.reference
    )
    desk.notify(after.account, told | {"reason": "Transaction Auto-recaptured"})


def _noted(payment: Payment, asked: Asked) -> Payment:
    """Note the merchant's own reference: the webhooks of a dispute list them."""
    own = (asked.reference,) if asked.reference else ()
    return replace(payment, modification_references=(*payment.modification_references, *own))


def _reverse(desk: Desk, payment: Payment, asked: Asked) -> str:
    """Cancel, or refund all that is left where the money has been captured."""
    minor = modifications.refundable_minor(payment)
    if not payment.captured_minor:
        return cancel(desk, payment, replace(asked, event="CANCEL_OR_REFUND"))
    full = replace(asked, event="CANCEL_OR_REFUND", amount_minor=minor, currency=payment.currency)
    return refund(desk, payment, full)


def _tell(desk: Desk, payment: Payment, asked: Asked, event: str, reason: str) -> None:
    told = notices.modification(
        payment, asked.event or event, asked.psp, desk.now(),
        amount_minor=asked.amount_minor, reference=asked.reference, reason=reason,
    )  # fmt: skip
    if asked.event == "CANCEL_OR_REFUND":
        told["additionalData"] = {"modification.action": "refund" if event == "REFUND" else "cancel"}
    desk.notify(payment.account, told)
