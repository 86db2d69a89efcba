"""Words about disputes to test with."""

from datetime import timedelta
from typing import Any, Final

from msgspec.structs import replace

from normalization.disputes import DisputeReason, DisputeReport, DisputeStatus, FundsMovement, Stage
from tests.hub.payments.making import NOW, eur

DUE_AT: Final = NOW + timedelta(days=7)
NEEDS, REVIEW = DisputeStatus.NEEDS_RESPONSE, DisputeStatus.UNDER_REVIEW
WON, LOST, CLOSED = DisputeStatus.WON, DisputeStatus.LOST, DisputeStatus.CLOSED
INQUIRY, CHARGEBACK, ARBITRATION = Stage.INQUIRY, Stage.CHARGEBACK, Stage.ARBITRATION


def word(stage: Stage = CHARGEBACK, status: DisputeStatus = NEEDS, **changes: Any) -> DisputeReport:
    """10.00 EUR are disputed."""
    new = DisputeReport(
        processor_reference="dp_1",
        parent_reference="psp_1",
        tag="att_1",
        livemode=False,
        stage=stage,
        status=status,
        money=eur(1000),
        reason=DisputeReason.FRAUDULENT,
        processor_reason="fraudulent",
        evidence_due_at=DUE_AT if status is NEEDS else None,
        raw_status=f"{stage}_{status}",
    )
    return replace(new, **changes)


def taken(key: str = "txn_1", minor: int = 1000) -> FundsMovement:
    return FundsMovement(key=key, money=eur(minor))


def given_back(key: str = "txn_2", minor: int = 1000) -> FundsMovement:
    return FundsMovement(key=key, money=eur(minor), reinstated=True)


STRIPE: Final = {
    "won": (
        word(),
        word(movements=(taken(),)),
        word(status=REVIEW, movements=(taken(),)),
        word(status=WON, movements=(taken(), given_back())),
    ),
    "lost unanswered": (word(movements=(taken(),)), word(status=LOST, movements=(taken(),))),
    "an inquiry that became a chargeback": (
        word(INQUIRY),
        word(INQUIRY, REVIEW),
        word(movements=(taken(),)),
        word(status=LOST, movements=(taken(),), accepted=True),
    ),
    "an inquiry that was closed": (word(INQUIRY), word(INQUIRY, CLOSED)),
    "lost, appealed and won": (
        word(movements=(taken(),)),
        word(status=LOST, movements=(taken(),)),
        word(ARBITRATION, REVIEW, movements=(taken(),)),
        word(status=WON, movements=(taken(), given_back())),
    ),
    "told in two ways": (word(movements=(taken(),)), word(status=WON), word(status=LOST), word(status=CLOSED)),
}
"""Stripe tells every movement with every word."""
ADYEN: Final = {
    "reversed, and taken again": (
        word(money=eur(900), defendable=True),
        word(movements=(taken("a:CHARGEBACK"),)),
        word(status=REVIEW),
        word(status=REVIEW, movements=(given_back("a:CHARGEBACK_REVERSED"),)),
        word(ARBITRATION, LOST, movements=(taken("a:SECOND_CHARGEBACK"),)),
        word(ARBITRATION, LOST, reason=DisputeReason.GENERAL, processor_reason=None),
    ),
    "not answered, and the end told after": (
        word(evidence_due_at=None),
        word(movements=(taken("a:CHARGEBACK"),)),
        word(status=LOST, accepted=True),
        word(ARBITRATION, REVIEW),
        word(ARBITRATION, WON, movements=(given_back("a:CHARGEBACK_REVERSED"),)),
    ),
    "the bank let its time pass": (
        word(INQUIRY, REVIEW),
        word(movements=(taken("a:CHARGEBACK", 600),), money=None),
        word(status=REVIEW, movements=(given_back("a:CHARGEBACK_REVERSED", 600),)),
        word(status=WON),
    ),
}
"""Adyen tells each movement once, by an event of its own."""
STORIES: Final = {
    f"{name} at {processor}": told
    for processor, stories in (("stripe", STRIPE), ("adyen", ADYEN))
    for name, told in stories.items()
}
