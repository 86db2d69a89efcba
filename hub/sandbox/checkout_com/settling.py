"""
Settling a processing channel: what is due is paid out.

Source: https://www.checkout.com/docs/funds-management/receive-settlements
"""

import secrets
from typing import Final

from msgspec.structs import replace

from hub.sandbox import closing, terms
from hub.sandbox.batches import Batch, Batches
from hub.sandbox.book import Body
from hub.sandbox.checkout_com import report
from hub.sandbox.checkout_com.currencies import DECIMALS
from hub.sandbox.checkout_com.desk import Desk
from hub.sandbox.checkout_com.records import new_id
from hub.sandbox.closing import Clerk, Close
from hub.sandbox.lines import Line
from hub.sandbox.terms import Fees, Terms

REPORTS: Final = ("financial_actions",)
USUAL: Final = Terms(fees=Fees(percent_bps=150, fixed_minor=20, dispute_minor=2000, pricing="interchange"))


def close(desk: Desk, order: Close) -> Batch:
    """Settle what is due."""
    return closing.close(desk.sandbox, _clerk(desk), order)


def written(desk: Desk, batch: Batch) -> str:
    """Write the report of a batch: of all its payouts, one after the other."""
    agreed = terms.read(desk.sandbox.settings(batch.account), USUAL)
    return report.written(batch, Batches(desk.book).lines(batch.id), agreed)


def _clerk(desk: Desk) -> Clerk:
    return Clerk(
        terms=lambda account: terms.read(desk.sandbox.settings(account), USUAL),
        digits=lambda currency: DECIMALS[currency],
        facts=lambda payment: _facts(desk, payment),
        new_payout=lambda: f"{secrets.randbelow(36**6):012X}",
        stranger=_stranger,
    )


def _facts(desk: Desk, payment: str) -> Body:
    """Tell of the card behind a payment."""
    found = desk.payment(payment)
    if found is None:
        return {}
    card = found.card
    return {"method": card.scheme, "funding": card.funding, "country": card.country, "at": found.at}


def _stranger(line: Line) -> Line:
    """Let a line be that of a payment that nobody knows."""
    told = {"method": "Visa", "funding": "Credit", "country": "GB", "at": line.at}
    return replace(line, payment=new_id("pay"), reference=new_id("act"), tag="another-shop", facts=told)
