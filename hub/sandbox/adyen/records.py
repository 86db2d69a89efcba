"""What the sandbox remembers of a payment."""

from typing import Literal

from msgspec import Struct

from hub.sandbox.adyen.cards import BY_NUMBER, Card

PAYMENT = "payment"
COMPANY = "company"  # Whose tokens and idempotency keys they are: those of the company, not of one account.

Status = Literal["waiting", "authorised", "refused", "cancelled"]
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
    security_code: bool = False  # Whether one came along.
    capture_delay_s: int | None = 0
    captured_minor: int = 0
    refunded_minor: int = 0
    disputed_minor: int = 0
    captures: int = 0

    @property
    def card(self) -> Card:
        """The card it was paid with."""
        return BY_NUMBER[self.number]


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
