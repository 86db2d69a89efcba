"""What the sandbox remembers of a payment."""

from typing import Literal

from msgspec import Struct

from hub.sandbox.adyen.cards import BY_NUMBER, EXPIRY, Card

PAYMENT = "payment"
DISPUTE = "dispute"
COMPANY = "company"  # Whose tokens and idempotency keys they are: those of the company, not of one account.

Status = Literal["waiting", "authorised", "refused", "cancelled"]
DisputeStatus = Literal["Unresponded", "Responded", "Expired", "Undefended", "Accepted", "Pending", "Lost", "Won"]
Step = Literal["open", "returned", "fingerprint", "challenge"]


class Payment(Struct, frozen=True, kw_only=True):
    """
    One payment; amounts in Adyen's minor units of `currency`.

    `capture_delay_s` is None where the merchant captures, 0 where capture is immediate.
    """

    id: str  # Its pspReference.
    account: str
    reference: str
    currency: str
    amount_minor: int
    number: str
    status: Status = "waiting"
    trigger: str = ""
    holder_name: str = ""
    interaction: str = "Ecommerce"
    recurring_model: str = ""
    shopper_reference: str = ""
    token: str = ""
    store: bool = False
    return_url: str = ""
    expiry: tuple[str, str] = EXPIRY
    security_code: bool = False  # Whether one came along.
    capture_delay_s: int | None = 0
    captured_minor: int = 0
    refunded_minor: int = 0
    disputed_minor: int = 0
    captures: int = 0
    capture_psp: str = ""  # The last capture's reference, and the merchant's own for it.
    capture_reference: str = ""
    metadata: dict[str, str] = {}
    modification_references: tuple[str, ...] = ()  # The merchant's own, of captures and refunds that went through.

    @property
    def card(self) -> Card:
        """The card it was paid with."""
        return BY_NUMBER[self.number]


class Document(Struct, frozen=True, kw_only=True):
    """What was handed in for a defence; its content is known by size and digest alone."""

    type: str
    content_type: str
    size: int
    sha256: str


class Dispute(Struct, frozen=True, kw_only=True):
    """
    One dispute; `amount_minor` in Adyen's minor units of the payment's currency, instants in seconds since the epoch.

    `events` are those that were told, in order. Adyen tells none twice, so they say where the money is.
    """

    id: str  # Its pspReference, the same in all of its events.
    account: str
    payment: str
    reason_code: str
    amount_minor: int
    inquiry: bool
    defendable: bool
    auto_defended: bool
    due_at: float
    status: DisputeStatus
    events: tuple[str, ...] = ()
    told_at: float = 0.0  # When the last event happened.
    defence: str = ""  # The defence reason that was claimed.
    documents: tuple[Document, ...] = ()

    @property
    def charged(self) -> bool:
        """Whether the bank has ever taken the money."""
        return "CHARGEBACK" in self.events

    @property
    def reversed(self) -> bool:
        """Whether the money is back with the merchant, for now at least."""
        return "CHARGEBACK_REVERSED" in self.events and "SECOND_CHARGEBACK" not in self.events


class Ticket(Struct, frozen=True, kw_only=True):
    """
    A step of a challenge, known to the payer's browser by its unguessable `id`.

    `open` is a page nobody has answered yet, `returned` what the page gave the browser to bring back,
    `fingerprint` and `challenge` the two steps of native 3D Secure.
    """

    id: str
    payment: str
    account: str
    step: Step
    form: bool = False
    passed: bool = False
    used: bool = False
