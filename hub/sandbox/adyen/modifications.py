"""
Whether a capture, a cancellation or a refund goes through. Pure.

Adyen answers each with `received` and tells the result by webhook: a reason here is that webhook's, with
`success` false.
"""

from typing import Final

from msgspec.structs import replace

from hub.sandbox.adyen.records import Payment

NO_BALANCE: Final = "Insufficient balance on payment"
NOT_CAPTURED: Final = "Transaction hasn't been captured, refund not possible"
NOT_AUTHORISED: Final = "Transaction is not authorised"
CANCELLED: Final = "Transaction has been cancelled"
CAPTURED: Final = "Transaction has been captured, cancel not possible"
OTHER_CURRENCY: Final = "Currency differs from the payment's"

Result = tuple[Payment, str]
"""The payment afterwards, and the reason it failed; empty where it did not."""


def capture(payment: Payment, amount_minor: int, currency: str, *, several: bool) -> Result:
    """Take held money; unless the account may do so several times, the first releases the rest."""
    left_minor = payment.amount_minor - payment.captured_minor
    reason = (
        _not_standing(payment)
        or (OTHER_CURRENCY if currency != payment.currency else "")
        or (NO_BALANCE if amount_minor > left_minor or (payment.captures and not several) else "")
    )
    if reason:
        return payment, reason
    captured_minor = payment.captured_minor + amount_minor
    return replace(payment, captured_minor=captured_minor, captures=payment.captures + 1), ""


def cancel(payment: Payment) -> Result:
    """Release money that is held, or give up a payment that waits for its payer."""
    reason = "" if payment.status == "waiting" else _not_standing(payment)
    reason = reason or (CAPTURED if payment.captures else "")
    return (payment, reason) if reason else (replace(payment, status="cancelled"), "")


def refund(payment: Payment, amount_minor: int, currency: str) -> Result:
    """Give captured money back."""
    reason = (
        _not_standing(payment)
        or ("" if payment.captured_minor else NOT_CAPTURED)
        or (OTHER_CURRENCY if currency != payment.currency else "")
        or (NO_BALANCE if amount_minor > refundable_minor(payment) else "")
    )
    if reason:
        return payment, reason
    return replace(payment, refunded_minor=payment.refunded_minor + amount_minor), ""


def refundable_minor(payment: Payment) -> int:
    """Return what can still be given back: what a bank has taken in a dispute is gone already."""
    return max(0, payment.captured_minor - payment.refunded_minor - payment.disputed_minor)


def _not_standing(payment: Payment) -> str:
    if payment.status == "authorised":
        return ""
    return CANCELLED if payment.status == "cancelled" else NOT_AUTHORISED
