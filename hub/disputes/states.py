"""Where a dispute stands: the stage it has reached, and its status in that stage."""

from typing import Final

from hub.transitions import Machine
from normalization.disputes import DisputeStatus, Stage

_CONTRADICTED: Final = "told otherwise before; exception `dispute_contradicted`"

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
        DisputeStatus.CLOSED: {
            DisputeStatus.WON: _CONTRADICTED,
            DisputeStatus.LOST: _CONTRADICTED,
        },
        DisputeStatus.WON: {DisputeStatus.LOST: _CONTRADICTED},
        DisputeStatus.LOST: {},
    },
)
"""Every stage begins anew with one of these; of two words for one stage the later one here counts, in any order."""
