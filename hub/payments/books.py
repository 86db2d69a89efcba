"""Which accounts a payment's money moves between. Pure.

`sales` hold what was taken of the payer less what was given back, never less than nothing, and that alone decides: the
same facts told in another order leave the same books. What is beyond stands in `suspense`, where a human finds it.
"""

from hub.ledger.chart import SALES, receivable, suspense
from hub.payments.states import Booking, OperationState, Payment
from normalization.money import Money


def taken(payment: Payment) -> int:
    """Count what the processor holds of the payer's money, before refunds."""
    return payment.captured_minor - payment.lost_minor


def sold(payment: Payment) -> int:
    """Count what `sales` hold of *payment*."""
    return max(0, taken(payment) - payment.refunded_minor - payment.refunded_externally_minor)


def captured(before: Payment, after: Payment, operation: OperationState, told: Money) -> tuple[Booking, ...]:
    """Book that *told* was taken, of which *after* counts what the payment has room for.

    What was given back of it before it was told of as taken waits in suspense for it.
    """
    fits = taken(after) - taken(before)
    early = fits - (sold(after) - sold(before))
    owed, held = receivable(operation.merchant_account), suspense(operation.merchant_account)
    sale = _book(owed, SALES, fits, told, "capture")
    covered = _book(SALES, held, early, told, "refund_covered")
    return sale + covered + _book(owed, held, told.minor - fits, told, "surplus")


def capture_reversed(before: Payment, after: Payment, operation: OperationState, told: Money) -> tuple[Booking, ...]:
    """Book that *told*, which had been taken, was not."""
    owed, held = receivable(operation.merchant_account), suspense(operation.merchant_account)
    minor = sold(before) - sold(after)
    beyond = before.beyond_minor - after.beyond_minor
    own = _book(SALES, owed, minor, told, "capture_reversal")
    rest = _book(held, owed, told.minor - minor - beyond, told, "capture_reversal")
    return own + rest + _book(held, owed, beyond, told, "surplus_reversal")


def counted(before: Payment, after: Payment, operation: OperationState) -> tuple[Booking, ...]:
    """Book that what had been taken beyond what was left counts after all."""
    minor = sold(after) - sold(before)
    held, told = suspense(operation.merchant_account), Money(minor, after.currency)
    return _book(held, SALES, minor, told, "surplus_counted")


def refunded(before: Payment, after: Payment, operation: OperationState, told: Money) -> tuple[Booking, ...]:
    """Book that *told* was given back."""
    owed, held = receivable(operation.merchant_account), suspense(operation.merchant_account)
    minor = sold(before) - sold(after)
    own = _book(SALES, owed, minor, told, "refund")
    return own + _book(held, owed, told.minor - minor, told, "surplus")


def refund_reversed(before: Payment, after: Payment, operation: OperationState, told: Money) -> tuple[Booking, ...]:
    """Book that *told*, which had been given back, came back."""
    owed, held = receivable(operation.merchant_account), suspense(operation.merchant_account)
    minor = sold(after) - sold(before)
    own = _book(owed, SALES, minor, told, "refund_reversal")
    return own + _book(owed, held, told.minor - minor, told, "refund_reversal")


def surplus_of(operation: OperationState, money: Money) -> Booking:
    """Book what happened without our asking where a human will find it."""
    return Booking(receivable(operation.merchant_account), suspense(operation.merchant_account), money, "surplus")


def _book(debit: str, credit: str, minor: int, told: Money, code: str) -> tuple[Booking, ...]:
    return (Booking(debit, credit, Money(minor, told.currency), code),) if minor else ()
