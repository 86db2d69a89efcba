"""What a caller may ask of a payment as it stands, and what that reserves; pure.

A refused wish names the API's error code; nothing is sent and nothing is stored.
"""

from collections.abc import Callable
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from adapters.contract import Capabilities
from hub.payments.states import Payment, Status
from normalization.money import written

_DESPITE: Final = (
    "say despite_dispute to ask the processor all the same; once the bank has the money, Stripe refuses, and "
    "Adyen gives back only what is left of the payment"
)


class Refused(Struct, frozen=True):
    """Why the payment does not take this: a code of `hub.problem_codes` and what to tell."""

    code: str
    detail: str


class Reserved(Struct, frozen=True):
    """The payment with the amount set aside, and how much that is."""

    payment: Payment
    amount_minor: int


def capture(
    payment: Payment, amount_minor: int | None, capabilities: Capabilities, *, final: bool
) -> Reserved | Refused:
    """Set *amount_minor* aside to be captured; None captures what is left."""
    left = payment.authorized_minor - payment.captured_minor - payment.capturing_minor
    if payment.status not in {Status.AUTHORIZED, Status.CAPTURED} or payment.capture_closed or payment.canceling:
        why = "its cancellation is under way" if payment.canceling else _why_not_capturable(payment)
        return Refused("payment_not_capturable", f"the payment cannot be captured: {why}")
    first = payment.captured_minor + payment.capturing_minor == 0
    if not first and not capabilities.multiple_captures:
        return Refused("payment_not_capturable", "this merchant account captures a payment once only")
    minor = left if amount_minor is None else amount_minor
    if minor > left or minor <= 0:
        return Refused("amount_exceeds_authorized", f"amount: {left} is left to capture, {minor} was asked")
    if minor < left and not capabilities.partial_capture:
        return Refused("payment_not_capturable", "this merchant account captures the whole amount only")
    closes = final or not capabilities.multiple_captures or minor == left
    reserved = replace(payment, capturing_minor=payment.capturing_minor + minor, capture_closed=closes)
    return Reserved(reserved, minor)


def _why_not_capturable(payment: Payment) -> str:
    if payment.status is Status.CAPTURED:
        return "it is captured already"
    if payment.capture_closed and payment.status is Status.AUTHORIZED:
        return "its capture is under way"
    return f"it is {payment.status}"


def refund(
    payment: Payment,
    amount_minor: int | None,
    *,
    within_limit: Callable[[int], bool],
    despite_dispute: bool = False,
) -> Reserved | Refused:
    """Set *amount_minor* aside to be given back; None gives back what is left. *within_limit* is the caller's own.

    What the payer's bank takes or has taken is not given back a second time, unless *despite_dispute*.
    """
    if payment.capturing_minor and not payment.captured_minor:
        return Refused("payment_unresolved", "its capture is under way; refund it when the capture is done")
    if not payment.captured_minor:
        return Refused("payment_not_refundable", f"nothing was captured of this payment; it is {payment.status}")
    if payment.disputed_minor and not despite_dispute:
        why = f"the payer's bank claims or has taken {written(payment.disputed_minor, payment.currency)} of it"
        return Refused("payment_disputed", f"{why}; {_DESPITE}")
    taken = payment.refunded_minor + payment.refunding_minor + payment.refunded_externally_minor
    left = payment.captured_minor - taken
    minor = left if amount_minor is None else amount_minor
    if minor > left or minor <= 0:
        return Refused("amount_exceeds_captured", f"amount: {left} is left to refund, {minor} was asked")
    if not within_limit(minor):
        told = f"{minor} in minor units of {payment.currency}"
        return Refused("forbidden", f"amount: {told} is more than this API key may refund at once")
    return Reserved(replace(payment, refunding_minor=payment.refunding_minor + minor), minor)


def cancel(payment: Payment) -> Reserved | Refused:
    """Set the payment aside to be canceled."""
    if payment.canceling:
        return Refused("payment_not_cancelable", "its cancellation is under way")
    if payment.captured_minor or payment.capturing_minor:
        return Refused("payment_not_cancelable", "money was captured or is being captured; refund it instead")
    if payment.status in {Status.CANCELED, Status.FAILED}:
        return Refused("payment_not_cancelable", f"the payment is {payment.status} already")
    return Reserved(replace(payment, canceling=True), payment.amount_minor)
