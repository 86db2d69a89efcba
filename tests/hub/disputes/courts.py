"""Disputes of real payments, told by hand."""

from typing import Any

from hub.disputes.recording import record_dispute
from normalization.disputes import DisputeReport, DisputeStatus, Stage
from normalization.money import Currency, Money
from tests.hub.disputes.telling import CHARGEBACK, NEEDS, word
from tests.hub.house import House

PAID = 4999


def eur(minor: int) -> Money:
    return Money(minor, Currency.EUR)


async def paid(home: House, processor: str = "stripe", **changes: Any) -> dict[str, Any]:
    """A payment of 49.99 EUR."""
    pinned = {"payment_method": home.payment_method, "merchant_account": home.accounts[f"{processor}-eu"]}
    made = await home.hub.charge(**pinned | changes)
    assert made.status_code in {201, 202}, made.text
    body: dict[str, Any] = made.json()
    return body


def about(
    payment: dict[str, Any], stage: Stage = CHARGEBACK, status: DisputeStatus = NEEDS, **changes: Any
) -> DisputeReport:
    """A word about the one dispute of *payment*, all of which is disputed."""
    facts = {
        "processor_reference": f"dp_of_{payment['id']}",
        "parent_reference": payment["processor_reference"],
        "tag": payment["tag"],
        "money": eur(payment["amount"]),
    }
    return word(stage, status, **facts | changes)


async def tell(home: House, payment: dict[str, Any], *reports: DisputeReport) -> dict[str, Any]:
    """Have *reports* recorded; returns the dispute as the API's events show it last."""
    for report in reports:
        found = await record_dispute(home.hub.parts.shell, payment["merchant_account"], report, "webhook")
        assert found == payment["id"]
    return await payment_of(home, payment)


async def payment_of(home: House, payment: dict[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = (await home.hub.get(f"/v1/payments/{payment['id']}")).json()
    return body
