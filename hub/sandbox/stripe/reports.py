"""
Reports as CSV: what payouts were made of, and the payouts themselves. Amounts are decimal major units, times UTC.

Source: docs.stripe.com/reports/report-types/payout-reconciliation, docs.stripe.com/reports/options.
"""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from io import StringIO

from hub.sandbox.book import Body
from hub.sandbox.stripe import balances, currencies
from hub.sandbox.stripe.call import TAG, Call
from hub.sandbox.terms import major

ITEMIZED = (
    "automatic_payout_id", "automatic_payout_effective_at", "automatic_payout_effective_at_utc",
    "balance_transaction_id", "created_utc", "created", "available_on_utc", "available_on", "currency", "gross", "fee",
    "net", "reporting_category", "source_id", "description", "customer_facing_amount", "customer_facing_currency",
    "regulatory_tag", "customer_id", "customer_email", "charge_id", "payment_intent_id", "charge_created_utc",
    "invoice_id", "subscription_id", "payment_method_type", "card_brand", "card_funding", "card_country",
    "statement_descriptor", "dispute_reason", "trace_id", "trace_id_status",
)  # fmt: skip
USUAL = (*ITEMIZED, f"payment_metadata[{TAG}]", f"refund_metadata[{TAG}]")
PAYOUTS = (
    "payout_id", "effective_at_utc", "effective_at", "balance_transaction_id", "currency", "gross", "fee", "net",
    "reporting_category", "description", "payout_expected_arrival_date", "payout_status", "payout_reversed_at_utc",
    "payout_type", "payout_description", "payout_destination_id", "regulatory_tag", "trace_id", "trace_id_status",
)  # fmt: skip
METADATA = ("payment_metadata[", "refund_metadata[")

Row = Mapping[str, object]


def itemized(call: Call, payouts: Iterable[Body], columns: Sequence[str] = USUAL) -> str:
    """Write what payouts were made of, oldest lines first; the payouts themselves are no lines of theirs."""
    return _written(columns, (row for payout in payouts for row in _rows(call, payout)))


def payouts(call: Call, made: Iterable[Body], columns: Sequence[str] = PAYOUTS) -> str:
    """Write payouts, one a row; of one that failed, a second row says what came back."""
    return _written(columns, (row for payout in made for row in _payout_rows(call, payout)))


def known(column: str, columns: Sequence[str]) -> bool:
    """Tell whether a report has a column: one of its own, or a name out of metadata."""
    return column in columns or (columns is ITEMIZED and column.startswith(METADATA) and column.endswith("]"))


def _rows(call: Call, payout: Body) -> Iterator[Row]:
    lines = [
        line
        for line in call.book.newest(balances.KIND, call.account, parent=payout["id"])
        if line["id"] != payout["balance_transaction"]
    ]
    for line in reversed(lines):
        yield {**_line(payout, line), **_of_payment(call, line)}


def _line(payout: Body, line: Body) -> Row:
    effective, created, available = (_at(at) for at in (payout["arrival_date"], line["created"], line["available_on"]))
    facing = line["type"] in {"charge", "refund"}
    digits = currencies.digits(line["_charged_currency"])
    return {
        "automatic_payout_id": payout["id"], "automatic_payout_effective_at": effective,
        "automatic_payout_effective_at_utc": effective, "balance_transaction_id": line["id"], "created_utc": created,
        "created": created, "available_on_utc": available, "available_on": available,
        "currency": line["currency"], **_amounts(line), "reporting_category": line["reporting_category"],
        "source_id": line["source"], "description": line["description"],
        "customer_facing_amount": major(line["_charged"], digits) if facing else "",
        "customer_facing_currency": line["_charged_currency"] if facing else "",
    }  # fmt: skip


def _of_payment(call: Call, line: Body) -> Row:
    """Tell of the charge behind a charge, refund or dispute, and of the refund's own metadata."""
    source = str(line["source"] or "")
    kind = {"ch": "charge", "re": "refund", "du": "dispute"}.get(source.partition("_")[0], "")
    found = (call.book.get(kind, call.account, source) if kind else None) or {}
    charge = found if kind == "charge" else call.book.get("charge", call.account, str(found.get("charge", ""))) or {}
    if not charge:
        return {}
    card = charge["payment_method_details"]["card"]
    told: dict[str, object] = {
        "customer_id": charge["customer"], "charge_id": charge["id"], "payment_intent_id": charge["payment_intent"],
        "charge_created_utc": _at(charge["created"]), "payment_method_type": "card", "card_brand": card["brand"],
        "card_funding": card["funding"], "card_country": card["country"],
        "dispute_reason": found["reason"] if kind == "dispute" else "",
    }  # fmt: skip
    told |= {f"payment_metadata[{name}]": value for name, value in charge["metadata"].items()}
    return told | ({f"refund_metadata[{k}]": v for k, v in found["metadata"].items()} if kind == "refund" else {})


def _payout_rows(call: Call, payout: Body) -> Iterator[Row]:
    effective = _at(payout["arrival_date"])
    names = (payout["balance_transaction"], payout["failure_balance_transaction"])
    for line in (call.find(balances.KIND, name) for name in names if name):
        back = line["type"] != "payout"
        # As the bank sees it: what leaves the balance arrives there.
        seen = {**line, "amount": -line["amount"], "fee": -line["fee"], "net": -line["net"]}
        yield {
            "payout_id": payout["id"], "effective_at_utc": effective, "effective_at": effective,
            "balance_transaction_id": line["id"], "currency": line["currency"], **_amounts(seen),
            "reporting_category": line["reporting_category"], "description": line["description"],
            "payout_expected_arrival_date": effective, "payout_status": payout["status"],
            "payout_reversed_at_utc": _at(line["created"]) if back else "", "payout_type": payout["type"],
            "payout_destination_id": payout["destination"],
        }  # fmt: skip


def _amounts(line: Body) -> dict[str, str]:
    digits = currencies.digits(line["currency"])
    return {
        "gross": major(line["amount"], digits),
        "fee": major(line["fee"], digits),
        "net": major(line["net"], digits),
    }


def _at(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}"


def _written(columns: Sequence[str], rows: Iterable[Row]) -> str:
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([row.get(name) for name in columns] for row in rows)
    return text.getvalue()
