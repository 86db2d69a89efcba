"""
The test cards, and the stored cards that are there from the start.

Source: https://www.checkout.com/docs/developer-resources/testing/test-cards
"""

from typing import Final

from msgspec import Struct

APPROVED: Final = "10000"


class Card(Struct, frozen=True):
    """One test card; `outcome` is the response code that it is answered with."""

    number: str
    scheme: str
    outcome: str = APPROVED
    country: str = "GB"
    funding: str = "CREDIT"

    @property
    def last4(self) -> str:
        """The digits a receipt shows."""
        return self.number[-4:]


_CARDS: Final = (
    Card("4242424242424242", "Visa"),
    Card("4543474002249996", "Visa"),
    Card("5436031030606378", "Mastercard"),
    Card("5199992312641465", "Mastercard"),
    Card("378282246310005", "American Express", country="US"),
    Card("6011111111111117", "Discover", country="US"),
    Card("4658584090000001", "Visa", funding="DEBIT"),
    Card("4734868958733862", "Visa", "200N7", "US"),
    Card("4567361325981788", "Visa", "200R3"),
    Card("4111111111111129", "Visa", "20001", "US"),
    Card("4024007103573027", "Visa", "20012", "US"),
    Card("4485381577182090", "Visa", "20014", "US"),
    Card("4544249167673670", "Visa", "20051"),
    Card("4724117215951699", "Visa", "20054"),
    Card("4151512736305999", "Visa", "20057"),
    Card("4897453568485113", "Visa", "20059", "US"),
    Card("4556294593757189", "Visa", "20061", "UY"),
    Card("4818924250131070", "Visa", "20062"),
    Card("4556253752712245", "Visa", "20063", "US"),
    Card("4095254802642505", "Visa", "20068", "US"),
    Card("4532819413487978", "Visa", "20078", "US"),
)

BY_NUMBER: Final[dict[str, Card]] = {card.number: card for card in _CARDS}


class Instrument(Struct, frozen=True, kw_only=True):
    """
    A stored card.

    `enrolled` in 3D Secure are all test cards; `action_outcome` is the response code of captures, refunds and voids.
    """

    id: str
    card: str
    outcome: str = ""  # The card's own where empty.
    enrolled: bool = True
    action_outcome: str = APPROVED
    customer: str = ""
    deleted: bool = False


def _plain(name: str, outcome: str = "", card: str = "4242424242424242") -> Instrument:
    return Instrument(id=f"src_{name}", card=card, outcome=outcome, enrolled=False)


WELL_KNOWN: Final[dict[str, Instrument]] = {
    found.id: found
    for found in (
        _plain("visa"),
        _plain("mastercard", card="5436031030606378"),
        _plain("amex", card="378282246310005"),
        _plain("debit", card="4658584090000001"),
        _plain("do_not_honor", "20005"),
        _plain("insufficient_funds", "20051"),
        _plain("expired", "20054"),
        _plain("stolen", "30043"),
        _plain("fraud", "20059"),
        _plain("risk", "43101"),
        _plain("unavailable", "20091"),
        _plain("stopped", "200R3", card="5436031030606378"),
        Instrument(id="src_challenge", card="4242424242424242"),
        Instrument(id="src_must_challenge", card="4242424242424242", outcome="20154"),
        Instrument(id="src_capture_fails", card="4242424242424242", enrolled=False, action_outcome="20088"),
    )
}
"""Stored cards of every business; the plain ones are not enrolled, so that a charge needs no browser."""
