"""What the sandbox remembers of a payment and of what was done to it."""

import secrets
from typing import Any, Literal

from msgspec import Struct

from hub.sandbox.checkout_com.cards import APPROVED, BY_NUMBER, Card

PAYMENT = "payment"
ACTION = "action"
Json = dict[str, Any]

Status = Literal["pending", "authorized", "verified", "declined", "voided", "expired"]
What = Literal["Authorization", "Card Verification", "Capture", "Refund", "Void"]

_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"


def new_id(prefix: str) -> str:
    """Make an id: a prefix and 26 letters and digits."""
    return f"{prefix}_{''.join(secrets.choice(_LETTERS) for _ in range(26))}"


class Payment(Struct, frozen=True, kw_only=True):
    """
    One payment; amounts in Checkout.com's minor units of `currency`.

    What was accepted and not done yet counts: `capturing_minor` and `refunding_minor`.
    """

    id: str
    action_id: str  # Its authorization.
    business: str  # Whose secret key asked for it.
    account: str  # The processing channel.
    reference: str
    currency: str
    amount_minor: int
    number: str
    instrument: str
    at: float
    capture: bool = True
    status: Status = "pending"
    response_code: str = APPROVED
    outcome: str = APPROVED
    action_outcome: str = APPROVED
    payment_type: str = "Regular"
    customer: str = ""
    metadata: Json = {}
    success_url: str = ""
    failure_url: str = ""
    sid: str = ""  # The 3D Secure session; empty without one.
    enrolled: str = ""  # "Y" or "N" where 3D Secure was asked for.
    downgraded: bool = False
    cvv_check: str = ""
    scheme_id: str = ""
    closed: bool = False  # The last capture gave the rest back.
    voiding: bool = False
    captured_minor: int = 0
    capturing_minor: int = 0
    refunded_minor: int = 0
    refunding_minor: int = 0
    disputed_minor: int = 0

    @property
    def card(self) -> Card:
        """The card it is paid with."""
        return BY_NUMBER[self.number]

    @property
    def to_capture_minor(self) -> int:
        """What is held and not taken."""
        held = self.status == "authorized" and not self.closed and not self.voiding
        return self.amount_minor - self.captured_minor - self.capturing_minor if held else 0

    @property
    def to_refund_minor(self) -> int:
        """What is taken and not given back."""
        return self.captured_minor - self.refunded_minor - self.refunding_minor

    @property
    def told_status(self) -> str:
        """The word for all of it."""
        if self.status != "authorized":
            words = {"pending": "Pending", "verified": "Card Verified", "declined": "Declined", "voided": "Voided"}
            return words.get(self.status, "Expired")
        if self.refunded_minor:
            return "Refunded" if self.refunded_minor == self.captured_minor else "Partially Refunded"
        if self.captured_minor:
            return "Captured" if self.captured_minor == self.amount_minor or self.closed else "Partially Captured"
        return "Authorized"


class Action(Struct, frozen=True, kw_only=True):
    """One thing that was done to a payment; `approved` None is accepted and not done yet."""

    id: str
    type: What
    payment: str
    amount_minor: int
    at: float
    reference: str = ""
    own_reference: bool = False  # Given with this request, not the payment's.
    metadata: Json = {}
    approved: bool | None = None
    response_code: str = ""
    final: bool = True
