"""
The financial actions report: a row for each kind of money in an action, up to eight decimals; payouts are whole. Pure.

Source: https://www.checkout.com/docs/funds-management/retrieve-financial-reports/settlement-reports/financial-actions-by-payout-id-report,
https://www.checkout.com/docs/funds-management/reconcile-with-checkout-com/breakdown-types
"""

import csv
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO
from typing import Final

from hub.sandbox.batches import Batch, Paid
from hub.sandbox.checkout_com.currencies import DECIMALS
from hub.sandbox.lines import Line, LineKind
from hub.sandbox.terms import Terms

COLUMNS: Final = (
    "Client Entity ID", "Client Entity Name", "Processing Channel ID", "Processing Channel Name", "Action Type",
    "Action ID", "Payment ID", "Requested On UTC", "Processed On UTC", "Payment Method", "Card Type", "Issuer Country",
    "Processing Currency", "Holding Currency", "FX Rate Applied", "Payout ID", "Reference", "Breakdown Type",
    "Fee Detail", "Processing Currency Amount", "Holding Currency Amount",
)  # fmt: skip
CALLED: Final[Mapping[LineKind, tuple[str, str]]] = {
    "charge": ("Capture", "Capture"),
    "charge_failed": ("Capture", "Clearing Failed"),
    "refund": ("Refund", "Refund"),
    "refund_failed": ("Refund", "Clearing Failed"),
    "chargeback": ("Chargeback", "Chargeback (ADJM)"),
    "chargeback_reversed": ("Chargeback", "Chargeback (CBRV)"),
    "second_chargeback": ("Chargeback", "Chargeback (ARWS)"),
    "reserve": ("Security Deposit Reservation", "Security Deposit Reservation"),
}
"""The action and the breakdown type of each kind of line; another is called by its own word."""
ENTITY: Final = "ent_pretend"
INTERCHANGE: Final = Decimal("0.0031")
"""How much of a charge its bank gets; exact, so that it has parts of a minor unit."""
STEP: Final = Decimal("1e-8")

Row = Mapping[str, str]


def written(batch: Batch, lines: Iterable[Line], terms: Terms) -> str:
    """Write the report."""
    payouts = {paid.currency: paid for paid in batch.payouts}
    text = StringIO()
    writer = csv.DictWriter(text, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    for line in lines:
        writer.writerows(_rows(batch, line, payouts[line.currency], terms))
    writer.writerows(_payout(batch, paid) for paid in batch.payouts)
    return text.getvalue()


def _rows(batch: Batch, line: Line, paid: Paid, terms: Terms) -> Iterator[Row]:
    action, breakdown = CALLED.get(line.kind, (line.word, line.word))
    common = {
        **_common(batch, paid), "Processing Channel ID": batch.account, "Action Type": action,
        "Action ID": line.reference or f"adj_{batch.id}_{action.replace(' ', '_').lower()}",
        "Payment ID": line.payment, "Reference": line.own_tag or line.tag, "Processing Currency": line.charged,
        "FX Rate Applied": line.rate, "Requested On UTC": _date(line.at), **_card(line),
    }  # fmt: skip
    charged = _exact(line.charged_minor, line.charged)
    held = _exact(line.gross_minor, line.currency)
    yield {**common, "Breakdown Type": breakdown, **_amounts(charged, held)}
    for name, fee in _fees(line, held, terms):
        rate = Decimal(line.rate or 1)
        yield {**common, "Breakdown Type": name, **_amounts(-fee / rate, -fee)}


def _fees(line: Line, held: Decimal, terms: Terms) -> Iterator[tuple[str, Decimal]]:
    """Split a fee: what the card's bank gets, to the last digit, and the rest."""
    fee = _exact(line.fee_minor, line.currency)
    if line.kind != "charge":
        parts = [("Chargeback Fixed Fee", fee)]
    elif terms.fees.pricing == "blended":
        parts = [("Premium Variable Fee", fee)]
    else:
        interchange = min(fee, (held * INTERCHANGE).quantize(STEP))
        parts = [("Interchange Fee", interchange), ("Premium Variable Fee", fee - interchange)]
    return ((name, part) for name, part in parts if part)


def _payout(batch: Batch, paid: Paid) -> Row:
    amount = -_exact(paid.amount_minor, paid.currency)
    return {
        **_common(batch, paid), "Action Type": "Payout", "Action ID": f"pyt_{paid.id}", "Breakdown Type": "Payout",
        "Processing Currency": paid.currency, **_amounts(amount, amount),
    }  # fmt: skip


def _common(batch: Batch, paid: Paid) -> Row:
    return {
        "Client Entity ID": ENTITY, "Client Entity Name": "Pretend", "Payout ID": paid.id,
        "Holding Currency": paid.currency, "Processed On UTC": _date(batch.closed_at),
    }  # fmt: skip


def _card(line: Line) -> Row:
    if not line.payment:
        return {}
    method, funding, country = (str(line.facts[name]) for name in ("method", "funding", "country"))
    return {"Payment Method": method.upper(), "Card Type": funding.upper(), "Issuer Country": country}


def _amounts(charged: Decimal, held: Decimal) -> Row:
    told = {"Processing Currency Amount": charged, "Holding Currency Amount": held}
    return {name: format(value.quantize(STEP), "f") for name, value in told.items()}


def _exact(minor: int, currency: str) -> Decimal:
    return Decimal(minor).scaleb(-DECIMALS[currency])


def _date(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").removesuffix("+00:00")
