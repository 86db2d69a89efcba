"""Checkout.com's financial actions report to lines; pure.

One action has many rows, one for each kind of money in it ("breakdown type"): the captured amount, and every fee of it.
Each row is a line. A fee of a payment's action is a line of that action without a gross, so that the lines of a payment
come to its gross, its fee and its net; any other fee is one of the account.

Amounts have up to eight decimal digits, and fees do use them. The hub keeps whole minor units and rounds nothing: the
part of a unit that a fee's row has left over is carried to the next one, as a payout is whole again. A payment's own
amount with a part of a unit is a broken row.
Source: https://www.checkout.com/docs/funds-management/retrieve-financial-reports/settlement-reports/financial-actions-by-payout-id-report,
https://www.checkout.com/docs/funds-management/retrieve-financial-reports/breakdown-types
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from adapters.abilities import SettlementReport
from adapters.checkout_com.codes import brand_of
from normalization.cells import CellError, Picker, currency_of, instant, minor_units, presented, recognised, units
from normalization.money import EXPONENT, Currency
from normalization.settlements import BrokenRow, FeeParts, LineType, SettlementLine

FORMAT: Final = "financial_actions"

NEEDED: Final = (
    "Action Type", "Action ID", "Payment ID", "Processed On UTC|Processed On", "Processing Currency",
    "Holding Currency", "Payout ID", "Reference", "Breakdown Type", "Processing Currency Amount",
    "Holding Currency Amount",
)  # fmt: skip
WANTED: Final = (
    "Processing Channel ID", "FX Rate Applied", "Payment Method", "Card Type", "Issuer Country", "Fee Detail",
)  # fmt: skip

BREAKDOWNS: Final[Mapping[str, LineType]] = MappingProxyType({
    "Capture": LineType.CHARGE,
    "Partial Capture": LineType.CHARGE,
    "Refund": LineType.REFUND,
    "Partial Refund": LineType.REFUND,
    "Chargeback (ADJM)": LineType.CHARGEBACK,
    "Chargeback (ARWS)": LineType.CHARGEBACK,
    "Chargeback (CBRV)": LineType.CHARGEBACK_REVERSAL,
    "Chargeback (RPDW)": LineType.CHARGEBACK_REVERSAL,
    "Chargeback (ARBW)": LineType.CHARGEBACK_REVERSAL,
    "Payout": LineType.PAYOUT,
    "Invoice Settlement": LineType.INVOICE,
    "Security Deposit Reservation": LineType.RESERVE,
    "Security Deposit Release": LineType.RESERVE,
    "Top Up": LineType.OWN_FUNDS,
    "Operational Funding Reservation": LineType.OWN_FUNDS,
    "Operational Funding Release": LineType.OWN_FUNDS,
    "Cover Negative Position": LineType.UNMAPPED,
    "Transaction Amount Discrepancy": LineType.UNMAPPED,
    "Chargeback (AUTO)": LineType.UNMAPPED,
})  # fmt: skip
"""What each breakdown type is that is no fee; one that is not here is unmapped too."""

CLEARING_FAILED: Final = "Clearing Failed"
"""A capture that is taken back, or a refund that came back: the sign tells."""
ARBITRATION: Final = "Chargeback (ARBL)"
"""An arbitration that was lost costs a fee, whatever its name says."""

ACTIONS: Final[Mapping[str, LineType]] = MappingProxyType(
    {
        "Capture": LineType.CHARGE,
        "Partial Capture": LineType.CHARGE,
        "Refund": LineType.REFUND,
        "Partial Refund": LineType.REFUND,
        "Chargeback": LineType.CHARGEBACK,
    }
)
"""The actions whose fees are a payment's; the fees of others, an authorization's too, are the account's."""

RESERVE: Final = "Rolling Reserve"
"""How the breakdown types of a rolling reserve begin."""
_FEES: Final = (" Fee", " Tax")
"""How the breakdown types of fees end."""
DIGITS: Final = 8
"""The most decimal digits that an amount has."""


def open_report(header: Sequence[str]) -> SettlementReport:
    """Recognise the report by its column names.

    Raises:
        NotAReportError: when they are those of another.
    """
    recognised(header, {FORMAT: NEEDED})
    return FinancialActions(header)


class FinancialActions:
    """What a payout was made of, one kind of money of one action a row."""

    format = FORMAT

    def __init__(self, header: Sequence[str]) -> None:
        """Find the columns."""
        self._pick = Picker(header, NEEDED, WANTED)
        self._left_over: dict[tuple[str, Currency], int] = {}

    def read(self, cells: Sequence[str]) -> SettlementLine | BrokenRow | None:
        """Translate one row."""
        try:
            return self._line(self._pick(cells))
        except CellError as unreadable:
            return unreadable.broken()

    def _line(self, cells: tuple[str, ...]) -> SettlementLine:
        (
            action, action_id, payment, processed, charged_code, held_code, payout, reference, breakdown, charged, held,
            channel, rate, method, card_type, country, detail,
        ) = cells  # fmt: skip
        if not action_id:
            raise CellError("Action ID", "is empty; it is part of the line's name")
        currency = currency_of(held_code, "Holding Currency")
        at = instant(processed, self._pick.names[3])
        parts, told = None, None
        if is_fee(breakdown):
            net = self._whole(held, payout, currency)
            type_ = ACTIONS.get(action, LineType.FEE) if payment else LineType.FEE
            gross, fee = (net, 0) if type_ is LineType.FEE else (0, -net)
            parts = None if type_ is LineType.FEE else _part(breakdown, fee)
        else:
            gross = net = minor_units(held, currency, "Holding Currency Amount")
            fee = 0
            type_ = _type_of(breakdown, gross)
            if charged and charged_code and charged_code != held_code:
                charged_in = currency_of(charged_code, "Processing Currency")
                charged_minor = minor_units(charged, charged_in, "Processing Currency Amount")
                told = presented(charged_minor, charged_in, currency, gross)
            if type_ is LineType.PAYOUT:  # What leaves the balance with Checkout.com is what comes to our bank.
                gross, net = -net, -gross
        return SettlementLine(
            key=f"{action_id}:{breakdown}:{detail}" if detail else f"{action_id}:{breakdown}",
            type=type_,
            raw_type=breakdown,
            gross_minor=gross,
            fee_minor=fee,
            net_minor=net,
            currency=currency,
            booked_at=at,
            batch=payout or None,
            tag=(reference or None) if payment else None,
            processor_reference=payout or action_id if type_ is LineType.PAYOUT else action_id,
            parent_reference=payment or None,
            presented=told,
            exchange_rate=(rate or None) if told else None,
            fee_parts=parts,
            account=channel or None,
            card_brand=brand_of(method),
            card_funding=card_type.lower() or None,
            card_country=country or None,
            description=detail or None,
        )

    def _whole(self, held: str, payout: str, currency: Currency) -> int:
        """Give the whole minor units of a fee and of what was left over before it; the rest is kept for the next."""
        of = payout, currency
        total = self._left_over.get(of, 0) + units(held, DIGITS, "Holding Currency Amount")
        step: int = 10 ** (DIGITS - EXPONENT[currency])
        whole = total // step if total >= 0 else -(-total // step)
        self._left_over[of] = total - whole * step
        return whole


def is_fee(breakdown: str) -> bool:
    """Tell whether a breakdown type is a fee, or the tax on one."""
    return breakdown.endswith(_FEES) or breakdown == ARBITRATION


def _type_of(breakdown: str, gross: int) -> LineType:
    if breakdown == CLEARING_FAILED:
        return LineType.CHARGE_REVERSAL if gross < 0 else LineType.REFUND_REVERSAL
    if breakdown.startswith(RESERVE):
        return LineType.RESERVE
    return BREAKDOWNS.get(breakdown, LineType.UNMAPPED)


def _part(breakdown: str, fee: int) -> FeeParts:
    if breakdown.startswith("Interchange "):
        return FeeParts(interchange_minor=fee)
    return FeeParts(scheme_minor=fee) if breakdown.startswith("Scheme ") else FeeParts(commission_minor=fee)
