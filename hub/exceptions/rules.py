"""What a human may book to settle an exception; pure."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from hub.field_errors import FieldError
from hub.ledger import chart

COUNTERS: Final = frozenset(
    {
        chart.SALES, chart.WRITE_OFFS, chart.REFUNDS_PAYABLE, chart.FX_GAIN_LOSS, chart.DISPUTES_RECEIVABLE,
        chart.DISPUTE_LOSSES, chart.DISPUTE_FEES,
    }
)  # fmt: skip
"""Accounts that belong to no merchant account and that may stand on one side."""
REOPENED: Final = "exception_reopened"
"""The code of a transfer that takes back what had settled an exception."""
BY_TRANSFER: Final = '"transfer":"trf_'
"""Stands in the resolution of an exception that a human's transfer settled."""


class Posting(Struct, frozen=True, kw_only=True):
    """A transfer that a human asks for; the currency is the exception's."""

    debit: str
    credit: str
    amount_minor: int


def homes(merchant_account: str) -> frozenset[str]:
    """List where unsettled money of a merchant account stands: one side of a posting is one of these."""
    return frozenset({chart.suspense(merchant_account), chart.receivable(merchant_account),
                      chart.bank_clearing(merchant_account)})  # fmt: skip


def counters(merchant_account: str) -> frozenset[str]:
    """List what may stand on the other side."""
    own = chart.processor_fees, chart.own_funds, chart.reserve
    return COUNTERS | homes(merchant_account) | {account(merchant_account) for account in own}


def posting_errors(posting: Posting, merchant_account: str, at_risk_minor: int) -> Sequence[FieldError]:
    """Say what is wrong with *posting* for an exception of *merchant_account* with so much at risk."""
    home, allowed = homes(merchant_account), counters(merchant_account)
    errors = [
        FieldError(f"transfer.{side}", f"must be one of {', '.join(sorted(allowed))}")
        for side, account in (("debit", posting.debit), ("credit", posting.credit))
        if account not in allowed
    ]
    if not errors and home.isdisjoint({posting.debit, posting.credit}):
        errors.append(FieldError("transfer.debit", f"or the credit must be one of {', '.join(sorted(home))}"))
    if not errors and posting.debit == posting.credit:
        errors.append(FieldError("transfer.credit", "must be another account than the debit"))
    if posting.amount_minor > at_risk_minor:
        errors.append(FieldError("transfer.amount", f"must be at most the money at risk, {at_risk_minor}"))
    return errors
