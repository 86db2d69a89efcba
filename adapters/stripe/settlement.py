"""Stripe's settlement reports to lines; pure.

Two kinds: what a payout was made of, line by line, and the payouts themselves. Amounts are decimal major units, net and
fee in the payout's currency; which columns there are, and in what order, the one who asks for the report decides.
Source: https://docs.stripe.com/reports/report-types/payout-reconciliation, https://docs.stripe.com/reports/reporting-categories
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from adapters.abilities import SettlementReport
from adapters.contract import OPERATION_PREFIX
from adapters.stripe.parameters import OPERATION
from normalization.cells import CellError, Picker, currency_of, instant, minor_units, presented, recognised
from normalization.money import Currency, Money
from normalization.outcome import Operation
from normalization.settlements import BrokenRow, LineType, SettlementLine

ITEMIZED: Final = "payout_reconciliation.itemized"
PAYOUTS: Final = "payouts.itemized"

ITEMIZED_NEEDED: Final = (
    "balance_transaction_id",
    "available_on_utc|available_on|created_utc|created",
    "currency",
    "gross",
    "fee",
    "net",
    "reporting_category",
    "automatic_payout_id|payout_id",
)
ITEMIZED_WANTED: Final = (
    "automatic_payout_effective_at_utc|automatic_payout_effective_at",
    "source_id",
    "payment_intent_id",
    "charge_id",
    f"payment_metadata[{OPERATION}]|metadata[{OPERATION}]",
    f"refund_metadata[{OPERATION}]",
    "customer_facing_amount",
    "customer_facing_currency",
    "exchange_rate",
    "card_brand",
    "card_funding",
    "card_country",
    "description",
)
PAYOUTS_NEEDED: Final = (
    "payout_id",
    "effective_at_utc|effective_at",
    "balance_transaction_id",
    "currency",
    "gross",
    "fee",
    "net",
    "reporting_category",
)
PAYOUTS_WANTED: Final = ("description",)

CATEGORIES: Final[Mapping[str, LineType]] = MappingProxyType({
    "charge": LineType.CHARGE,
    "charge_failure": LineType.CHARGE_REVERSAL,
    "partial_capture_reversal": LineType.CHARGE_REVERSAL,
    "refund": LineType.REFUND,
    "refund_failure": LineType.REFUND_REVERSAL,
    "dispute": LineType.CHARGEBACK,
    "dispute_reversal": LineType.CHARGEBACK_REVERSAL,
    "fee": LineType.FEE,
    "network_cost": LineType.FEE,
    "tax": LineType.FEE,
    "risk_reserved_funds": LineType.RESERVE,
    "connect_reserved_funds": LineType.RESERVE,
    "topup": LineType.OWN_FUNDS,
    "topup_reversal": LineType.OWN_FUNDS,
    "transfer": LineType.OWN_FUNDS,
    "transfer_reversal": LineType.OWN_FUNDS,
    "connect_collection_transfer": LineType.OWN_FUNDS,
    "payout": LineType.PAYOUT,
    "payout_reversal": LineType.PAYOUT_REVERSAL,
    # What an account that only charges cards has no use for: a human says what it was.
    **dict.fromkeys(
        (
            "advance", "advance_funding", "anticipation_repayment", "climate_order_purchase", "climate_order_refund",
            "contribution", "financing_paydown", "financing_paydown_reversal", "financing_payout",
            "financing_payout_reversal", "issuing_authorization_hold", "issuing_authorization_release",
            "issuing_dispute", "issuing_transaction", "other_adjustment", "platform_earning",
            "platform_earning_refund",
        ),
        LineType.UNMAPPED,
    ),
})  # fmt: skip
"""What each `reporting_category` is; one that is not here is unmapped too."""

_PAYOUT: Final = frozenset({LineType.PAYOUT, LineType.PAYOUT_REVERSAL})
_CHARGE: Final = frozenset({LineType.CHARGE, LineType.CHARGE_REVERSAL})
_REFUND: Final = frozenset({LineType.REFUND, LineType.REFUND_REVERSAL})


def open_report(header: Sequence[str]) -> SettlementReport:
    """Recognise a report by its column names.

    Raises:
        NotAReportError: when they are those of neither kind.
    """
    if recognised(header, {ITEMIZED: ITEMIZED_NEEDED, PAYOUTS: PAYOUTS_NEEDED}) == PAYOUTS:
        return Payouts(header)
    return Itemized(header)


class Itemized:
    """What payouts were made of, one balance transaction a row."""

    format = ITEMIZED

    def __init__(self, header: Sequence[str]) -> None:
        """Find the columns."""
        self._pick = Picker(header, ITEMIZED_NEEDED, ITEMIZED_WANTED)
        self._booked_column = self._pick.names[1]

    def read(self, cells: Sequence[str]) -> SettlementLine | BrokenRow | None:
        """Translate one row."""
        try:
            return self._line(self._pick(cells))
        except CellError as unreadable:
            return unreadable.broken()

    def _line(self, cells: tuple[str, ...]) -> SettlementLine:
        (
            key, booked, currency_code, gross_text, fee_text, net_text, category, payout,
            effective, source, intent, charge, payment_tag, refund_tag, facing, facing_currency, rate,
            brand, funding, country, description,
        ) = cells  # fmt: skip
        if not key:
            raise CellError("balance_transaction_id", "is empty; it is the line's name")
        currency = currency_of(currency_code, "currency")
        gross, fee, net = _amounts(gross_text, fee_text, net_text, currency)
        type_ = CATEGORIES.get(category, LineType.UNMAPPED)
        at, column = booked, self._booked_column
        if type_ in _PAYOUT:  # What leaves the balance with Stripe is what comes to our bank.
            gross, net = -net, -gross
            if effective:
                at, column = effective, "automatic_payout_effective_at"
            payout = source or payout
        parent = intent or charge or None
        told = _presented(facing, facing_currency, currency, gross)
        return SettlementLine(
            key=key,
            type=type_,
            raw_type=category,
            gross_minor=gross,
            fee_minor=fee,
            net_minor=net,
            currency=currency,
            booked_at=instant(at, column),
            batch=payout or None,
            tag=_tag(type_, payment_tag, refund_tag),
            # A payment's operations have their PaymentIntent's name, its charges are Stripe's own affair.
            processor_reference=(parent or source or None) if type_ in _CHARGE else source or None,
            parent_reference=parent,
            presented=told,
            exchange_rate=(rate or None) if told else None,
            card_brand=brand.lower() or None,
            card_funding=funding or None,
            card_country=country or None,
            description=description or None,
        )


class Payouts:
    """The payouts themselves, one a row, with the sign that they have at our bank."""

    format = PAYOUTS

    def __init__(self, header: Sequence[str]) -> None:
        """Find the columns."""
        self._pick = Picker(header, PAYOUTS_NEEDED, PAYOUTS_WANTED)

    def read(self, cells: Sequence[str]) -> SettlementLine | BrokenRow | None:
        """Translate one row."""
        try:
            return self._line(self._pick(cells))
        except CellError as unreadable:
            return unreadable.broken()

    def _line(self, cells: tuple[str, ...]) -> SettlementLine:
        payout, effective, key, currency_code, gross_text, fee_text, net_text, category, description = cells
        if not key:
            raise CellError("balance_transaction_id", "is empty; it is the line's name")
        currency = currency_of(currency_code, "currency")
        gross, fee, net = _amounts(gross_text, fee_text, net_text, currency)
        return SettlementLine(
            key=key,
            type=CATEGORIES.get(category, LineType.UNMAPPED),
            raw_type=category,
            gross_minor=gross,
            fee_minor=fee,
            net_minor=net,
            currency=currency,
            booked_at=instant(effective, self._pick.names[1]),
            batch=payout or None,
            processor_reference=payout or None,
            description=description or None,
        )


def _amounts(gross: str, fee: str, net: str, currency: Currency) -> tuple[int, int, int]:
    amounts = (
        minor_units(gross, currency, "gross"),
        minor_units(fee, currency, "fee"),
        minor_units(net, currency, "net"),
    )
    if amounts[0] - amounts[1] != amounts[2]:
        raise CellError("net", "is not what gross less fee comes to")
    return amounts


def _tag(type_: LineType, payment_tag: str, refund_tag: str) -> str | None:
    """Prefer the refund's own id; a payment's metadata also stands on its refunds and disputes."""
    if type_ in _REFUND and refund_tag.startswith(OPERATION_PREFIX[Operation.REFUND]):
        return refund_tag
    return payment_tag or None


def _presented(amount: str, code: str, settled_in: Currency, gross: int) -> Money | None:
    if not amount or not code:
        return None
    currency = currency_of(code, "customer_facing_currency")
    if currency is settled_in:
        return None
    return presented(minor_units(amount, currency, "customer_facing_amount"), currency, settled_in, gross)
