"""
The settlement details report: what a payout was made of, the payout as its last row, so that all of it comes to nought.

Amounts are decimal major units without a sign, in a debit or a credit column. Pure.

Source: https://docs.adyen.com/reporting/settlement-reconciliation/transaction-level/settlement-details-report
"""

import csv
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from io import StringIO
from typing import Final

from hub.sandbox.adyen.currencies import DECIMALS
from hub.sandbox.batches import Batch, Paid
from hub.sandbox.lines import Line, LineKind
from hub.sandbox.terms import Terms, major

COMPANY: Final = "PretendCompany"
CLASSIC: Final = (
    "Company Account", "Merchant Account", "Psp Reference", "Merchant Reference", "Payment Method", "Creation Date",
    "TimeZone", "Type", "Modification Reference", "Gross Currency", "Gross Debit (GC)", "Gross Credit (GC)",
    "Exchange Rate", "Net Currency", "Net Debit (NC)", "Net Credit (NC)", "Commission (NC)", "Markup (NC)",
    "Scheme Fees (NC)", "Interchange (NC)", "Payment Method Variant", "Modification Merchant Reference", "Batch Number",
    *(f"Reserved{number}" for number in range(4, 11)),
)  # fmt: skip
EXTENDED: Final = (
    *CLASSIC, "Booking Date", "Booking Date TimeZone", "Metadata", "Balance Currency", "Net Debit (BC)",
    "Net Credit (BC)", "Payment Fees (NC)", "DCC Markup (NC)", "Funds Destination", "Balance Platform Debit",
    "Balance Platform Credit", "Shopper Country", "Clearing Network", "Merchant Order Reference", "Dispute Reference",
    "ARN", "Settlement Flow", "Authorisation Code", "Gross Fees (NC)", "Issuer Country",
)  # fmt: skip
TYPES: Final[Mapping[LineKind, str]] = {
    "charge": "Settled",
    "charge_failed": "CaptureFailed",
    "refund": "Refunded",
    "refund_failed": "RefundedReversed",
    "chargeback": "Chargeback",
    "chargeback_reversed": "ChargebackReversed",
    "second_chargeback": "SecondChargeback",
    "reserve": "DepositCorrection",
}
"""What each kind of line is called; another is called by its own word."""
DISPUTED: Final = frozenset({"chargeback", "chargeback_reversed", "second_chargeback"})
INTERCHANGE_PERCENT: Final = 50
SCHEME_PERCENT: Final = 10
"""How much of a fee is whose; the rest is markup."""

Row = Mapping[str, str]


def written(batch: Batch, lines: Iterable[Line], terms: Terms, *, extended: bool) -> str:
    """Write a batch's report."""
    text = StringIO()
    columns = EXTENDED if extended else CLASSIC
    writer = csv.DictWriter(text, columns, restval="", extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows({**_common(batch, terms), **_row(line, terms)} for line in lines)
    writer.writerows(_payouts(batch, terms))
    return text.getvalue()


def local(at: float, terms: Terms) -> tuple[str, str]:
    """Write an instant in the account's time zone, with the abbreviation of the zone."""
    there = datetime.fromtimestamp(at, UTC).astimezone(terms.zone())
    return f"{there:%Y-%m-%d %H:%M:%S}", there.tzname() or "UTC"


def parts(line: Line, terms: Terms) -> tuple[int, int, int, int]:
    """Split a fee into commission, markup, scheme fees and interchange; that of a dispute is commission."""
    if terms.fees.pricing == "blended" or line.kind != "charge":
        return line.fee_minor, 0, 0, 0
    interchange, scheme = (line.fee_minor * percent // 100 for percent in (INTERCHANGE_PERCENT, SCHEME_PERCENT))
    return 0, line.fee_minor - interchange - scheme, scheme, interchange


def amount(minor: int, currency: str) -> str:
    """Write an amount; nothing where it is nought."""
    return major(minor, DECIMALS[currency]) if minor else ""


def sides(minor: int, currency: str) -> tuple[str, str]:
    """Write an amount as debit and credit."""
    return amount(max(0, -minor), currency), amount(max(0, minor), currency)


def _common(batch: Batch, terms: Terms) -> Row:
    booked, zone = local(batch.closed_at, terms)
    return {
        "Company Account": COMPANY, "Merchant Account": batch.account, "Batch Number": str(batch.id),
        "Booking Date": booked, "Booking Date TimeZone": zone,
    }  # fmt: skip


def _row(line: Line, terms: Terms) -> Row:
    created, zone = local(line.at, terms)
    type_ = line.word or TYPES[line.kind]
    debit, credit = sides(line.net_minor, line.currency)
    told = {
        "Creation Date": created, "TimeZone": zone, "Type": type_, "Modification Reference": line.reference or type_,
        "Net Currency": line.currency, "Net Debit (NC)": debit, "Net Credit (NC)": credit,
    }  # fmt: skip
    return {**told, **_of_payment(line, terms)} if line.payment else told


def _of_payment(line: Line, terms: Terms) -> Row:
    debit, credit = sides(line.charged_minor, line.charged)
    commission, markup, scheme, interchange = (amount(part, line.currency) for part in parts(line, terms))
    return {
        "Psp Reference": line.payment, "Merchant Reference": line.tag, "Payment Method": line.facts["method"],
        "Gross Currency": line.charged, "Gross Debit (GC)": debit, "Gross Credit (GC)": credit,
        "Exchange Rate": line.rate or "1", "Commission (NC)": commission, "Markup (NC)": markup,
        "Scheme Fees (NC)": scheme, "Interchange (NC)": interchange, "Payment Method Variant": line.facts["variant"],
        "Modification Merchant Reference": line.own_tag, "Issuer Country": line.facts["country"],
        "Dispute Reference": line.reference if line.kind in DISPUTED else "",
    }  # fmt: skip


def _payouts(batch: Batch, terms: Terms) -> Iterator[Row]:
    created, zone = local(batch.closed_at, terms)
    for paid in batch.payouts:
        debit, _ = sides(-paid.amount_minor, paid.currency)
        yield {
            **_common(batch, terms), "Creation Date": created, "TimeZone": zone, "Type": "MerchantPayout",
            "Modification Reference": _text(batch, paid), "Net Currency": paid.currency, "Net Debit (NC)": debit,
        }  # fmt: skip


def _text(batch: Batch, paid: Paid) -> str:
    return f"{paid.id} batch {batch.id}, {batch.account}"
