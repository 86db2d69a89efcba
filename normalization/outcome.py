"""What a processor says about one operation.

A synchronous answer, a webhook and an inquiry all become a `Report`, so the hub has one state machine instead of three.
"""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from normalization.declines import Decline
from normalization.money import Money
from normalization.tokens import CardFacts, ProcessorToken


class Operation(StrEnum):
    """One request to a processor."""

    AUTHORIZE = "authorize"
    PURCHASE = "purchase"  # Authorize and capture at once.
    CAPTURE = "capture"
    VOID = "void"
    REFUND = "refund"


OPENING = frozenset({Operation.AUTHORIZE, Operation.PURCHASE})
"""The operations that begin an attempt; the others follow up on one."""


class Approved(Struct, frozen=True, tag="approved"):
    """The processor did it."""


class Declined(Struct, frozen=True, tag="declined"):
    """The processor or the issuer refused: an answer, not an error."""

    decline: Decline


class ActionRequired(Struct, frozen=True, kw_only=True, tag="action_required"):
    """The payer must act first, for example confirm a 3-D Secure challenge.

    `fields` are the form fields to post to `url` where `method` is POST. `continuation` is opaque to the hub, is kept
    sealed and comes back to the adapter with `Complete`.
    """

    method: str  # GET or POST
    url: str
    fields: dict[str, str] = {}
    continuation: str = ""
    expires_at: datetime | None = None


class Pending(Struct, frozen=True, tag="pending"):
    """Accepted, not yet done; the final word comes later, by webhook or inquiry."""


class Reversed(Struct, frozen=True, tag="reversed"):
    """What the processor told as done was undone later: a capture or refund that the card network sent back.

    Not a decline: a no that comes late may be an old one, while this ends an operation whenever it is told.
    """

    decline: Decline


Outcome = Approved | Declined | ActionRequired | Pending | Reversed


class Report(Struct, frozen=True, kw_only=True):
    """One processor's word on one operation.

    `tag` is our operation id as it came back, missing where the processor does not carry it (a void at Stripe, a
    refund made in a dashboard). `processor_reference` names the processor's object for this very operation,
    `parent_reference` the payment that a follow-up belongs to. `money` is what the outcome is about and may differ
    from what was asked; None where the processor did not say. `reason` says why something happened by itself: a void
    as it "expired", a capture as a failed one was "recaptured".
    `tags` are the names that we gave the operation along, as they came back in webhooks and look-ups: hints for people,
    anybody may change them there.
    `stored` is the token that the processor made of the card where the operation asked for that, and
    `network_transaction_id` the card network's own id of this charge, by which later ones without the payer refer to
    it; each may be missing although it exists.
    """

    kind: Operation
    tag: str | None
    processor_reference: str | None
    money: Money | None
    livemode: bool
    outcome: Outcome
    parent_reference: str | None = None
    reason: str | None = None
    card: CardFacts | None = None
    avs: str | None = None  # The processor's own result letter, verbatim.
    cvc: str | None = None
    raw_status: str = ""  # The processor's own status word, verbatim.
    network_transaction_id: str | None = None
    stored: ProcessorToken | None = None
    tags: dict[str, str] = {}


class Verification(Struct, frozen=True, kw_only=True):
    """One processor's word on a card that was checked without charging it.

    The fields are those of `Report`; no money moved, so there is none. `stored` is the token to charge later: a new
    one, or the one that was asked about where that can be charged again. An approved verification without it stored
    nothing.
    """

    tag: str
    processor_reference: str | None
    livemode: bool
    outcome: Outcome
    card: CardFacts | None = None
    avs: str | None = None
    cvc: str | None = None
    raw_status: str = ""
    network_transaction_id: str | None = None
    stored: ProcessorToken | None = None
