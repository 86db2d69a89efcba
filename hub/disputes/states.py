"""Where a dispute stands: the stage it has reached, and its status in that stage."""

from enum import StrEnum
from typing import Final

from hub.transitions import Machine


class Stage(StrEnum):
    """How far the payer's bank has gone."""

    INQUIRY = "inquiry"  # It asks; no money has moved.
    CHARGEBACK = "chargeback"  # It takes the money back.
    ARBITRATION = "arbitration"  # It insists after our answer, and the network decides.


class DisputeStatus(StrEnum):
    """Where the dispute stands in its stage.

    Source: https://docs.stripe.com/api/disputes/object: `warning_*`, plain and `appeal_*` words are the three stages;
    `warning_closed` and `prevented` are closed.
    Source: https://docs.adyen.com/risk-management/disputes-api/dispute-notifications: Unresponded and Undefended need a
    response, Responded and Pending are under review, Accepted is lost, an Expired inquiry is closed.
    """

    NEEDS_RESPONSE = "needs_response"
    UNDER_REVIEW = "under_review"
    WON = "won"
    LOST = "lost"
    CLOSED = "closed"


STAGE: Final = Machine[Stage](
    name="Dispute: its stage",
    born={
        Stage.INQUIRY: "the bank asked first",
        Stage.CHARGEBACK: "the bank took the money back without asking",
        Stage.ARBITRATION: "its first word to reach us is a late one",
    },
    moves={
        Stage.INQUIRY: {
            Stage.CHARGEBACK: "the answer did not satisfy the bank, or there was none",
            Stage.ARBITRATION: "the chargeback between them was not told",
        },
        Stage.CHARGEBACK: {Stage.ARBITRATION: "the bank or the payer insists after our answer, or we do"},
        Stage.ARBITRATION: {},
    },
)
"""A dispute goes up only; a word of a stage that is behind it is kept as evidence."""

STATUS: Final = Machine[DisputeStatus](
    name="Dispute: its status within a stage",
    born={
        DisputeStatus.NEEDS_RESPONSE: "the stage has begun and waits for our answer",
        DisputeStatus.UNDER_REVIEW: "the processor answered for us",
        DisputeStatus.WON: "its first word to reach us is the last one",
        DisputeStatus.LOST: "there is no defense against it",
        DisputeStatus.CLOSED: "settled before it could go on",
    },
    moves={
        DisputeStatus.NEEDS_RESPONSE: {
            DisputeStatus.UNDER_REVIEW: "evidence was handed in",
            DisputeStatus.WON: "the bank withdrew it",
            DisputeStatus.LOST: "we accepted it, or the time to answer passed",
            DisputeStatus.CLOSED: "the inquiry ended without a chargeback",
        },
        DisputeStatus.UNDER_REVIEW: {
            DisputeStatus.WON: "decided for us, or the bank let its time pass",
            DisputeStatus.LOST: "decided for the payer",
            DisputeStatus.CLOSED: "the inquiry ended without a chargeback",
        },
        DisputeStatus.WON: {},
        DisputeStatus.LOST: {},
        DisputeStatus.CLOSED: {},
    },
)
"""Every stage begins anew with one of these; a decision is final in its stage."""
