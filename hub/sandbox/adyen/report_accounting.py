"""
The payment accounting report: every step of a payment, of which some move money. Pure.

Amounts have their sign; (PC) is the payment's currency, (SC) the one that is paid out.

Source: https://docs.adyen.com/reporting/invoice-reconciliation/payment-accounting-report
"""

import csv
from collections.abc import Iterable, Iterator, Mapping
from io import StringIO
from typing import Final

from hub.sandbox.adyen.report_details import COMPANY, TYPES, amount, local, parts
from hub.sandbox.batches import Batch
from hub.sandbox.book import Body, Entry
from hub.sandbox.lines import Line
from hub.sandbox.terms import Terms

HEADER: Final = (
    "Company Account", "Merchant Account", "Psp Reference", "Merchant Reference", "Payment Method",
    "Payment Method Variant", "Booking Date", "TimeZone", "Record Type", "Modification Psp Reference", "Main Currency",
    "Main Amount", "Payment Currency", "Received (PC)", "Exchange Rate", "Authorised (PC)", "Captured (PC)",
    "Settlement Currency", "Payable (SC)", "Commission (SC)", "Markup (SC)", "Scheme Fees (SC)", "Interchange (SC)",
    "Processing Fee Currency", "Processing Fee (FC)", "Modification Merchant Reference", "Original Amount",
    "Merchant Order Reference", "Shopper Reference", *(f"Reserved{number}" for number in range(3, 11)),
)  # fmt: skip
SENT: Final = {"charge": "SentForSettle", "refund": "SentForRefund"}

Row = Mapping[str, str]
Moved = tuple[Entry, Body]
"""A movement of the book, and the facts of its payment."""


def of_lines(batch: Batch, lines: Iterable[Line], terms: Terms) -> str:
    """Write the records of what a batch settled: that it was sent, and that it was booked."""
    return _written(
        row for line in lines if line.payment for row in (*_sent(batch, line, terms), _booked(batch, line, terms))
    )


def of_day(moved: Iterable[Moved], settled: Iterable[tuple[Batch, Line]], account: str, terms: Terms) -> str:
    """Write the records of one day: what moved, then what was booked."""
    rows = [row for one in moved for row in _steps(*one, account, terms)]
    return _written([*rows, *(_booked(batch, line, terms) for batch, line in settled if line.payment)])


def _booked(batch: Batch, line: Line, terms: Terms) -> Row:
    commission, markup, scheme, interchange = (amount(part, line.currency) for part in parts(line, terms))
    return {
        **_of_line(batch, line), **_when(batch.closed_at, terms), "Record Type": line.word or TYPES[line.kind],
        "Main Currency": line.currency, "Main Amount": amount(line.net_minor, line.currency),
        "Captured (PC)": amount(-line.charged_minor, line.charged), "Exchange Rate": line.rate or "1",
        "Settlement Currency": line.currency, "Payable (SC)": amount(line.net_minor, line.currency) or "0",
        "Commission (SC)": commission, "Markup (SC)": markup, "Scheme Fees (SC)": scheme,
        "Interchange (SC)": interchange,
    }  # fmt: skip


def _sent(batch: Batch, line: Line, terms: Terms) -> Iterator[Row]:
    if line.kind in SENT:
        captured = amount(line.charged_minor, line.charged)
        yield {
            **_of_line(batch, line), **_when(line.at, terms), "Record Type": SENT[line.kind],
            "Main Currency": line.charged, "Main Amount": captured, "Captured (PC)": captured,
            "Authorised (PC)": amount(-line.charged_minor, line.charged) if line.kind == "charge" else "",
        }  # fmt: skip


def _steps(moved: Entry, facts: Body, account: str, terms: Terms) -> Iterator[Row]:
    """Tell of the steps that one movement of the book is."""
    there, back = (amount(minor, moved.currency) for minor in (moved.amount_minor, -moved.amount_minor))
    common = {
        "Company Account": COMPANY, "Merchant Account": account, "Psp Reference": moved.payment,
        "Merchant Reference": moved.tag, "Payment Method": facts["method"], "Payment Method Variant": facts["variant"],
        "Main Currency": moved.currency, "Main Amount": there, "Payment Currency": moved.currency,
        "Modification Psp Reference": moved.reference, "Modification Merchant Reference": moved.own_tag,
        **_when(moved.at, terms),
    }  # fmt: skip
    if moved.amount_minor > 0 and moved.kind == "authorized":
        yield {**common, "Record Type": "Received", "Received (PC)": there}
        yield {**common, "Record Type": "Authorised", "Received (PC)": back, "Authorised (PC)": there}
    elif moved.amount_minor > 0 and moved.kind == "captured":
        yield {**common, "Record Type": "SentForSettle", "Authorised (PC)": back, "Captured (PC)": there}
    elif moved.amount_minor > 0 and moved.kind == "refunded":
        yield {**common, "Record Type": "SentForRefund", "Captured (PC)": back}
    elif moved.kind == "voided":
        yield {**common, "Record Type": "Cancelled", "Authorised (PC)": back}


def _of_line(batch: Batch, line: Line) -> Row:
    return {
        "Company Account": COMPANY, "Merchant Account": batch.account, "Psp Reference": line.payment,
        "Merchant Reference": line.tag, "Payment Method": line.facts["method"],
        "Payment Method Variant": line.facts["variant"], "Modification Psp Reference": line.reference,
        "Payment Currency": line.charged, "Modification Merchant Reference": line.own_tag,
    }  # fmt: skip


def _when(at: float, terms: Terms) -> Row:
    booked, zone = local(at, terms)
    return {"Booking Date": booked, "TimeZone": zone}


def _written(rows: Iterable[Row]) -> str:
    text = StringIO()
    writer = csv.DictWriter(text, HEADER, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
