"""
The test cards, and what a merchant can make of a card number.

Source: https://docs.adyen.com/development-resources/test-cards/test-card-numbers and
https://docs.adyen.com/development-resources/test-cards/test-3d-secure-2-authentication
"""

from enum import StrEnum
from typing import Final

from msgspec import Struct

EXPIRY: Final = ("03", "2030")
_AMEX = "amex"


class Authentication(StrEnum):
    """Whether the card's bank asks the payer for a challenge."""

    NONE = "none"
    REDIRECT = "redirect"  # A page opened by GET.
    FORM = "form"  # A page that wants MD and PaReq posted, as 3D Secure 1 did.


class Card(Struct, frozen=True):
    """One test card."""

    number: str
    brand: str  # visa, mc, amex, as in `paymentMethod.brand`.
    country: str
    funding: str = "CREDIT"
    authentication: Authentication = Authentication.NONE

    @property
    def last4(self) -> str:
        """The digits a receipt shows."""
        return self.number[-4:]

    @property
    def cvc(self) -> str:
        """The security code that passes."""
        return "7373" if self.brand == _AMEX else "737"


_CARDS: Final = (
    Card("4111111111111111", "visa", "NL"),
    Card("4988438843884305", "visa", "ES"),
    Card("4166676667666746", "visa", "NL"),
    Card("4646464646464644", "visa", "PL"),
    Card("4444333322221111", "visa", "GB"),
    Card("4400000000000008", "visa", "US", "DEBIT"),
    Card("4977949494949497", "visa", "FR"),
    Card("5100081112223332", "mc", "NL"),
    Card("5100290029002909", "mc", "NL"),
    Card("5577000055770004", "mc", "PL"),
    Card("5136333333333335", "mc", "FR"),
    Card("5585558555855583", "mc", "ES"),
    Card("5555444433331111", "mc", "GB"),
    Card("5555555555554444", "mc", "GB"),
    Card("5500000000000004", "mc", "US", "DEBIT"),
    Card("5424000000000015", "mc", "EC"),
    Card("370000000000002", "amex", "NL"),
    Card("4212345678901237", "visa", "NL", authentication=Authentication.REDIRECT),
    Card("4917610000000000", "visa", "FR", authentication=Authentication.REDIRECT),
    Card("4035501428146300", "visa", "FR", authentication=Authentication.REDIRECT),
    Card("5454545454545454", "mc", "PL", authentication=Authentication.REDIRECT),
    Card("371449635398431", "amex", "NL", authentication=Authentication.REDIRECT),
    Card("5212345678901234", "mc", "NL", authentication=Authentication.FORM),
)

BY_NUMBER: Final[dict[str, Card]] = {card.number: card for card in _CARDS}


class Token(Struct, frozen=True, kw_only=True):
    """A stored card; `shopper_reference` None means that any shopper may use it."""

    id: str
    card: str
    shopper_reference: str | None = None
    outcome: str = ""  # A trigger, see refusals.py; Adyen's own tokens cannot decline on demand.
    holder_name: str = ""
    first_psp: str = ""
    deleted: bool = False
    expiry: tuple[str, str] = EXPIRY


WELL_KNOWN: Final[dict[str, Token]] = {
    token.id: token
    for token in (
        Token(id="stored_visa", card="4111111111111111"),
        Token(id="stored_mastercard", card="5555444433331111"),
        Token(id="stored_amex", card="370000000000002"),
        Token(id="stored_debit_us", card="4400000000000008"),
        Token(id="stored_declined", card="4111111111111111", outcome="DECLINED"),
        Token(id="stored_do_not_honor", card="4111111111111111", outcome="DECLINED : 05 : Do not honor"),
        Token(id="stored_insufficient_funds", card="4111111111111111", outcome="NOT_ENOUGH_BALANCE"),
        Token(id="stored_expired", card="4111111111111111", outcome="CARD_EXPIRED"),
        Token(id="stored_stolen", card="4111111111111111", outcome="BLOCK_CARD : 43 : Stolen card"),
        Token(id="stored_fraud", card="4111111111111111", outcome="FRAUD"),
        Token(id="stored_unavailable", card="4111111111111111", outcome="ISSUER_UNAVAILABLE"),
        Token(id="stored_capture_failed", card="4111111111111111", holder_name="capture failed"),
        Token(id="stored_capture_recaptured", card="4111111111111111", holder_name="capture recaptured"),
        Token(id="stored_refund_failed", card="4111111111111111", holder_name="refund failed"),
        Token(id="stored_refunded_reversed", card="4111111111111111", holder_name="refunded reversed"),
        Token(id="stored_3ds_redirect", card="4212345678901237"),
        Token(id="stored_3ds_post", card="5212345678901234"),
    )
}
"""Tokens that are there from the start, for every account and shopper."""
