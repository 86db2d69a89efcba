"""A dispute as a processor tells of it: the payer's bank asks about a payment, or takes its money back."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from normalization.money import Money


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


class DisputeReason(StrEnum):
    """Why the payer disputes, in the hub's words; the processor's own code is kept beside it."""

    FRAUDULENT = "fraudulent"
    UNRECOGNIZED = "unrecognized"
    DUPLICATE = "duplicate"
    SUBSCRIPTION_CANCELED = "subscription_canceled"
    PRODUCT_NOT_RECEIVED = "product_not_received"
    PRODUCT_UNACCEPTABLE = "product_unacceptable"
    CREDIT_NOT_PROCESSED = "credit_not_processed"
    AUTHORIZATION = "authorization"  # It was charged without a valid authorization.
    PROCESSING_ERROR = "processing_error"  # Wrong amount, currency, card or date.
    GENERAL = "general"  # None of these, or a code that is in no table.


class FundsMovement(Struct, frozen=True, kw_only=True):
    """Money that a dispute moved, once: `key` is equal whenever and however often the processor tells of it.

    `money` is always positive: taken from us, or given back where `reinstated`.
    """

    key: str
    money: Money
    reinstated: bool = False


class DisputeReport(Struct, frozen=True, kw_only=True):
    """One processor's word on one dispute.

    `processor_reference` is the processor's id of the dispute, `parent_reference` of the payment; equal where the
    processor named one thing only, be it the payment: then it speaks of that payment's dispute, known by another id.
    `tag` is our operation id where it came back. `money` is what is disputed. `movements` are those that this word
    tells of, not all there were. `processor_reason` is the processor's own code, verbatim, `network_reason` the card
    network's. `accepted`: it is lost because we did not contest it. `defendable` None: the processor did not say.
    """

    processor_reference: str
    parent_reference: str | None
    tag: str | None
    livemode: bool
    stage: Stage
    status: DisputeStatus
    money: Money | None
    reason: DisputeReason = DisputeReason.GENERAL
    processor_reason: str | None = None
    network_reason: str | None = None
    evidence_due_at: datetime | None = None
    defendable: bool | None = None
    accepted: bool = False
    movements: tuple[FundsMovement, ...] = ()
    raw_status: str = ""  # The processor's own word, verbatim.


class RefusalCode(StrEnum):
    """What was wrong with an answer to a dispute."""

    EVIDENCE_UNFIT = "evidence_unfit"  # The text or the files are not what this processor takes.
    DEFENSE_UNFIT = "defense_unfit"  # The ground that is claimed is missing, or does not apply.
    NOT_ANSWERABLE = "not_answerable"  # This dispute takes no answer through the hub, whatever is handed in.
    REFUSED_BY_PROCESSOR = "refused_by_processor"  # The processor looked at it and does not take it.


class AnswerRefused(Struct, frozen=True, kw_only=True):
    """An answer to a dispute that was not taken, so that the bank has nothing of it and another may be sent.

    `message` is for whoever answers: what was wrong and what to do, never anything of the evidence itself.
    `processor_code` is the processor's own, verbatim; None: it told none, or was not asked.
    """

    code: RefusalCode
    message: str
    processor_code: str | None = None
