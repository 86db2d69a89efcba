"""The chart of accounts: the ledger's accounts, and what a balance on each of them means; pure.

A debit raises what we have, what others owe us and what we spent; a credit raises what we owe and what we earned.
"""

from typing import Final

SALES: Final = "sales"
"""What payers were charged, less what they were refunded."""
DISPUTES_RECEIVABLE: Final = "disputes_receivable"
"""What payers' banks have taken back and not given back, of disputes that are not decided."""
DISPUTE_LOSSES: Final = "dispute_losses"
"""What of it is lost for good: a cost of its own, the sale stays a sale."""
DISPUTE_FEES: Final = "dispute_fees"
"""What processors charge for disputes."""
REFUNDS_PAYABLE: Final = "customer_refunds_payable"
"""Refunds that came back to us and are still owed to the payer."""
FX_GAIN_LOSS: Final = "fx_gain_loss"
"""What conversions brought less, or more, than expected."""
WRITE_OFFS: Final = "write_offs"
"""What a human decided to carry as a loss, or to keep."""


def receivable(merchant_account: str) -> str:
    """Name the account of what a processor owes us."""
    return f"settlement_receivable:{merchant_account}"


def bank_clearing(merchant_account: str) -> str:
    """Name the account of what a processor has settled and our bank has not received yet."""
    return f"bank_clearing:{merchant_account}"


def bank(merchant_account: str) -> str:
    """Name the account of what our bank received from a merchant account's payouts."""
    return f"bank:{merchant_account}"


def processor_fees(merchant_account: str) -> str:
    """Name the account of what a processor charges."""
    return f"processor_fees:{merchant_account}"


def reserve(merchant_account: str) -> str:
    """Name the account of what a processor keeps back as a security."""
    return f"reserve_receivable:{merchant_account}"


def own_funds(merchant_account: str) -> str:
    """Name the account of our own money that was moved into a processor's hands."""
    return f"own_funds:{merchant_account}"


def suspense(merchant_account: str) -> str:
    """Name the account of money that nobody can explain yet."""
    return f"suspense:{merchant_account}"


def fx_position(currency: str) -> str:
    """Name the account through which one currency is exchanged for others."""
    return f"fx_position:{currency}"
