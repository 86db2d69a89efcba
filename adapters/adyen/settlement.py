"""Adyen's settlement reports: what their types mean, and what both kinds of rows have in common; pure.

The settlement details report is what a payout was made of; the payment accounting report tells every step of a payment,
of which some move money. Both give the same movement the same name, so that reading both books nothing twice.
Source: https://docs.adyen.com/reporting/settlement-reconciliation/transaction-level/settlement-details-report,
https://docs.adyen.com/reporting/invoice-reconciliation/payment-accounting-report
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from adapters.adyen.codes import brand_of
from adapters.contract import OPERATION_PREFIX
from normalization.cells import CellError, minor_units
from normalization.money import Currency
from normalization.settlements import FeeParts, LineType

TYPES: Final[Mapping[str, LineType]] = MappingProxyType({
    "Settled": LineType.CHARGE,
    "CaptureFailed": LineType.CHARGE_REVERSAL,
    "Refunded": LineType.REFUND,
    "RefundedReversed": LineType.REFUND_REVERSAL,
    "RefundFailed": LineType.REFUND_REVERSAL,
    "Chargeback": LineType.CHARGEBACK,
    "ChargebackReversed": LineType.CHARGEBACK_REVERSAL,
    "SecondChargeback": LineType.SECOND_CHARGEBACK,
    "Fee": LineType.FEE,
    "MiscCosts": LineType.FEE,
    "PaymentCost": LineType.FEE,
    "SettleCost": LineType.FEE,
    "AuthorisationSchemeFee": LineType.FEE,
    "InvoiceDeduction": LineType.INVOICE,
    "DepositCorrection": LineType.RESERVE,
    "ReserveAdjustment": LineType.RESERVE,
    "MatchedStatement": LineType.OWN_FUNDS,
    "MerchantPayin": LineType.OWN_FUNDS,
    "BalanceTransfer": LineType.OWN_FUNDS,
    "Balancetransfer": LineType.OWN_FUNDS,
    "InternalCompanyPayout": LineType.OWN_FUNDS,
    "Converted": LineType.OWN_FUNDS,
    "MerchantPayout": LineType.PAYOUT,
    "BankInstructionReturned": LineType.PAYOUT_REVERSAL,
    # What an account that only charges cards has no use for: a human says what it was.
    "ManualCorrected": LineType.UNMAPPED,
    "EpaPaid": LineType.UNMAPPED,
    "PaidOut": LineType.UNMAPPED,
    "PaidOutReversed": LineType.UNMAPPED,
})  # fmt: skip
"""What each `Type` of the settlement details report is; one that is not here is unmapped too."""

MOVING: Final = frozenset(
    {"Settled", "Refunded", "RefundedReversed", "Chargeback", "ChargebackReversed", "SecondChargeback", "PaidOut",
     "PaidOutReversed"}
)  # fmt: skip
"""The record types of the payment accounting report that move money to or from us."""

STEPS: Final = frozenset({
    "Received", "Authorised", "Refused", "Error", "Cancelled", "Expired", "SentForSettle", "SettledExternally",
    "SentForRefund", "RefundedExternally", "RefundFailed", "CaptureFailed", "ChargebackExternally", "Retried",
    "Reversed", "PayoutAuthorised", "PayoutError", "PayoutFailed", "PaidOutExternally",
})  # fmt: skip
"""Those that are a step of a payment, or whose money went past Adyen."""

TO_OUR_BANK: Final = frozenset({LineType.PAYOUT, LineType.PAYOUT_REVERSAL})

_OURS: Final = tuple(OPERATION_PREFIX.values())
_FUNDING: Final = ("prepaid", "debit", "credit")


def name_of(type_: str, modification: str, payment: str) -> str:
    """Name a movement of one payment; its modification's reference is unique at Adyen."""
    return f"{type_}:{modification or payment}"


def tag_of_line(modification_reference: str, merchant_reference: str) -> str | None:
    """Prefer our id of the modification; a capture that Adyen makes by itself has but the payment's reference."""
    operation, _, _ = modification_reference.partition(":")  # A further request of an attempt is "att_…:capture".
    return operation if operation.startswith(_OURS) else merchant_reference or None


def parts_of(cells: Sequence[str], columns: Sequence[str], currency: Currency) -> FeeParts | None:
    """Read commission, markup, scheme fees and interchange; None where none of them is told."""
    if not any(cells):
        return None
    commission, markup, scheme, interchange = (
        minor_units(cell, currency, column) if cell else 0 for cell, column in zip(cells, columns, strict=True)
    )
    return FeeParts(
        commission_minor=commission, markup_minor=markup, scheme_minor=scheme, interchange_minor=interchange
    )


def unsigned(cell: str, currency: Currency, column: str) -> int:
    """Read an amount whose column says its direction; nothing is nought.

    Raises:
        CellError: when it is below zero all the same, or no amount.
    """
    minor = minor_units(cell, currency, column) if cell else 0
    if minor < 0:
        raise CellError(column, "is below zero, where the column itself says the direction")
    return minor


def brand(payment_method: str) -> str | None:
    """Give the card's network in the hub's words."""
    return brand_of(payment_method) if payment_method else None


def funding(variant: str) -> str | None:
    """Read a card's funding from its variant, as "visastandarddebit"; None where it does not tell."""
    return next((word for word in _FUNDING if word in variant), None)
