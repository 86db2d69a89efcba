"""
Closing a payable batch: what is due is settled, paid out and reported.

Source: https://docs.adyen.com/account/getting-paid and
https://docs.adyen.com/reporting/automatically-get-reports
"""

import re
import secrets
import string
from datetime import datetime, timedelta
from typing import Final

from msgspec.structs import replace

from hub.sandbox import closing, terms
from hub.sandbox.adyen import notices, replies, report_accounting, report_details
from hub.sandbox.adyen.currencies import DECIMALS
from hub.sandbox.adyen.desk import Desk
from hub.sandbox.batches import Batch, Batches
from hub.sandbox.book import Body
from hub.sandbox.closing import Clerk, Close
from hub.sandbox.lines import Line
from hub.sandbox.terms import Fees, Terms

REPORTS: Final = ("details", "classic", "accounting")
USUAL: Final = Terms(
    fees=Fees(percent_bps=120, fixed_minor=12, dispute_minor=750, pricing="interchange"), time_zone="Europe/Amsterdam"
)
DETAILS_NAME: Final = re.compile(r"settlement_detail_report_batch_([0-9]{1,9})\.csv")
ACCOUNTING_NAME: Final = re.compile(r"payments_accounting_report_([0-9]{4})_([0-9]{2})_([0-9]{2})\.csv")


def close(desk: Desk, order: Close) -> Batch:
    """Close a batch, and tell that its report is there; of one that is told again, that it is there anew."""
    batch = closing.close(desk.sandbox, _clerk(desk), order)
    tell(desk, batch.account, f"settlement_detail_report_batch_{batch.id}.csv")
    return batch


def report(desk: Desk, batch: Batch, kind: str) -> str:
    """Write a report of a batch."""
    lines, agreed = Batches(desk.book).lines(batch.id), terms_of(desk, batch.account)
    if kind == "accounting":
        return report_accounting.of_lines(batch, lines, agreed)
    return report_details.written(batch, lines, agreed, extended=kind == "details")


def tell(desk: Desk, account: str, name: str) -> str:
    """Tell an account of a report by that *name*; returns where it lies, should there be one."""
    url = f"{desk.sandbox.url}/reports/download/MerchantAccount/{account}/{name}"
    if account in desk.sandbox.deliveries.settings:
        desk.notify(account, notices.report(account, name, url, desk.now()))
    return url


def by_name(desk: Desk, account: str, name: str) -> str | None:
    """Write the report that has this file name; None: there is none."""
    if found := DETAILS_NAME.fullmatch(name):
        batch = Batches(desk.book).find(int(found[1]))
        return None if batch is None or batch.account != account else report(desk, batch, "details")
    if found := ACCOUNTING_NAME.fullmatch(name):
        return _of_day(desk, account, *(int(part) for part in found.groups()))
    return None


def terms_of(desk: Desk, account: str) -> Terms:
    """Return by what an account settles."""
    return terms.read(desk.settings(account), USUAL)


def _of_day(desk: Desk, account: str, year: int, month: int, day: int) -> str | None:
    agreed = terms_of(desk, account)
    try:
        begins = datetime(year, month, day, tzinfo=agreed.zone())
    except ValueError:
        return None
    start, end = begins.timestamp(), (begins + timedelta(days=1)).timestamp()
    closed = [one for one in Batches(desk.book).newest(account) if start <= one.closed_at < end]
    settled = ((batch, line) for batch in reversed(closed) for line in Batches(desk.book).lines(batch.id))
    moved = ((entry, facts(desk, entry.payment)) for entry in desk.book.entries(account, start, end))
    return report_accounting.of_day(moved, settled, account, agreed)


def _clerk(desk: Desk) -> Clerk:
    return Clerk(
        terms=lambda account: terms_of(desk, account),
        digits=lambda currency: DECIMALS[currency],
        facts=lambda psp: facts(desk, psp),
        new_payout=lambda: f"TX{''.join(secrets.choice(string.digits) for _ in range(10))}XT",
        stranger=_stranger,
    )


def facts(desk: Desk, psp: str) -> Body:
    """Tell of the card behind a payment."""
    payment = desk.any_payment(psp)
    if payment is None:
        return {}
    card = payment.card
    variant = f"{card.brand}standard{card.funding.lower()}"
    return {"method": card.brand, "variant": variant, "country": card.country}


def _stranger(line: Line) -> Line:
    """Let a line be that of a payment that nobody knows."""
    payment = replies.new_psp()
    told = {"method": "visa", "variant": "visastandardcredit", "country": "NL"}
    return replace(line, payment=payment, reference=replies.new_psp(), tag=f"order-{payment[:6].lower()}", facts=told)
