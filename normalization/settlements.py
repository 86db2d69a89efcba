"""What a processor's settlement report says, line by line, in words that every processor's report fits; pure.

Signs: what credits us is positive. `net = gross - fee` holds on every line, so a fee that we pay is positive. A payout
is positive where money goes to our bank: its gross is what the other lines of its batch net.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from normalization.money import Currency, Money


class LineType(StrEnum):
    """What a settlement line is about."""

    CHARGE = "charge"
    CHARGE_REVERSAL = "charge_reversal"  # A capture that failed afterwards, or what was authorized beyond the capture.
    REFUND = "refund"
    REFUND_REVERSAL = "refund_reversal"
    CHARGEBACK = "chargeback"
    CHARGEBACK_REVERSAL = "chargeback_reversal"
    SECOND_CHARGEBACK = "second_chargeback"
    FEE = "fee"  # Of the account or of many payments, not of one line.
    INVOICE = "invoice"  # What the processor billed and keeps back.
    RESERVE = "reserve"  # Kept back as a security, or released.
    OWN_FUNDS = "own_funds"  # Our own money, moved into the processor's hands or out of them.
    PAYOUT = "payout"  # On its way to our bank.
    PAYOUT_REVERSAL = "payout_reversal"  # Our bank sent it back.
    UNMAPPED = "unmapped"  # A word that is in no table: kept, never dropped.


class FeeParts(Struct, frozen=True, kw_only=True):
    """What a line's fee is made of, in minor units of the line's currency, where the processor tells."""

    commission_minor: int = 0
    markup_minor: int = 0
    scheme_minor: int = 0
    interchange_minor: int = 0

    def total(self) -> int:
        """Add the parts."""
        return self.commission_minor + self.markup_minor + self.scheme_minor + self.interchange_minor


class SettlementLine(Struct, frozen=True, kw_only=True, gc=False):
    """One line of a report.

    `key` is the line's name, unique in all reports of one merchant account and equal wherever the line is told again.
    `gross_minor`, `fee_minor` and `net_minor` are in `currency`, that of the payout. `presented` is the amount in the
    payment's own currency where that is another, with the sign of `gross_minor`; `exchange_rate` then is the rate as
    the processor wrote it, an exact decimal of `currency` for one of the other. `booked_at` is when the processor
    settled it, not when it was charged, where both are told.
    `tag` is the id of the line's own operation where it came back, else that of the payment's opening one;
    `processor_reference` is the processor's name for the operation, `parent_reference` for the payment. `account` is
    the processor's own name of the merchant account, where the line bears one. `batch` is the processor's name of the
    payout or batch. `card_*` as in `CardFacts`.
    """

    key: str
    type: LineType
    raw_type: str
    gross_minor: int
    fee_minor: int
    net_minor: int
    currency: Currency
    booked_at: datetime
    batch: str | None = None
    tag: str | None = None
    processor_reference: str | None = None
    parent_reference: str | None = None
    presented: Money | None = None
    exchange_rate: str | None = None
    fee_parts: FeeParts | None = None
    account: str | None = None
    card_brand: str | None = None
    card_funding: str | None = None
    card_country: str | None = None
    description: str | None = None


class BrokenRow(Struct, frozen=True, kw_only=True):
    """A row that cannot be read; `column` is the header's word, None where it is the row as a whole."""

    column: str | None
    message: str


class NotAReportError(Exception):
    """The columns are those of no report that this processor writes; the message names what is missing."""


def digest(line: SettlementLine) -> str:
    """Write what a line says of money: equal where it is told again alike, by whichever report, and else different."""
    told = line.presented
    shown = f"{told.minor} {told.currency.value}" if told else ""
    amounts = f"{line.gross_minor} {line.fee_minor} {line.net_minor} {line.currency.value}"
    return f"{line.type.value}:{amounts}:{shown}"


def unbalanced(line: SettlementLine) -> int:
    """Tell how much `gross - fee` is off `net`; 0 where the line adds up."""
    return line.gross_minor - line.fee_minor - line.net_minor


def totals(lines: Iterable[SettlementLine]) -> Mapping[tuple[str | None, Currency], int]:
    """Add what each batch nets in each currency without its payout: what the payout has to be."""
    found: dict[tuple[str | None, Currency], int] = {}
    for line in lines:
        if line.type is not LineType.PAYOUT:
            of = line.batch, line.currency
            found[of] = found.get(of, 0) + line.net_minor
    return found
