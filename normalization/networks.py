"""The card networks' rules on trying a refused card again: who forbids it, how long to wait, how often at most.

Dated data; every row names when it came into force where that is within memory. The networks' rule books are not public
in full: the rows are as acquirers publish them, as of November 2026. A network is named as card facts name it: "visa".
"""

from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from msgspec import Struct

from normalization.declines import DeclineCode

_D = DeclineCode


class Tally(StrEnum):
    """What a cap counts."""

    REATTEMPTS = "reattempts"  # Tries after the first refusal.
    DECLINES = "declines"  # Refusals, the first one included.


class Cap(Struct, frozen=True, kw_only=True):
    """A network's bound: with *count* of *counted* within the last *within*, no further try is sent.

    Counted for one card at one merchant, with `same_amount` for one amount as well. In force from `since` on and
    before `until`; None: for as long as we know.
    """

    network: str
    counted: Tally
    count: int
    within: timedelta
    same_amount: bool
    since: date | None = None
    until: date | None = None


_VISA_RAISED: Final = date(2026, 4, 18)

CAPS: Final[tuple[Cap, ...]] = (
    Cap(
        network="visa",
        counted=Tally.REATTEMPTS,
        count=15,
        within=timedelta(days=30),
        same_amount=False,
        until=_VISA_RAISED,
    ),
    Cap(
        network="visa",
        counted=Tally.REATTEMPTS,
        count=20,
        within=timedelta(days=30),
        same_amount=False,
        since=_VISA_RAISED,
    ),
    Cap(network="mastercard", counted=Tally.DECLINES, count=10, within=timedelta(hours=24), same_amount=False),
    Cap(network="mastercard", counted=Tally.DECLINES, count=35, within=timedelta(days=30), same_amount=True),
)
"""How often a card may be tried.

Visa raised 15 to 20 on 2026-04-18; several acquirers' pages still say 15, and one counts each amount apart. We count
all amounts together, which is never less strict. Some acquirers count Mastercard's day by the calendar; any 24 hours
are stricter.
Source: Visa Core Rules of 18 April 2026, table 7-2, and Mastercard's Transaction Processing Excellence programme, as
https://developers.tabapay.com/reference/excessive-retry-rules and acquirers' notices tell them.
"""


def caps(network: str | None, on: date) -> tuple[Cap, ...]:
    """List the bounds in force for *network* on a day; none for a network that publishes none."""
    return tuple(
        cap
        for cap in CAPS
        if cap.network == network and (cap.since is None or cap.since <= on) and (cap.until is None or on < cap.until)
    )


NEVER: Final = 1
"""Visa's category of codes after which the same card is never tried again; its other codes stand under the cap."""
_GENERIC: Final = 4

_BY_CATEGORY: Final = {
    NEVER: "04 07 12 14 15 41 43 46 57 R0 R1 R3",
    2: "03 19 39 51 52 53 59 61 62 65 75 78 86 91 93 96 N3 N4 Z5 5C 9G",
    3: "54 55 70 82 1A 6P N7",
}
VISA_CATEGORIES: Final[dict[str, int]] = {
    code: category for category, codes in _BY_CATEGORY.items() for code in codes.split()
}
"""1: never again. 2: cannot be approved now. 3: correct the data first. Every other code: 4, generic.

Categories 1 and 2 stand alike on two acquirers' pages; 3 on none that we could read, but its cap is that of 2 and 4.
Source: https://www.checkout.com/docs/developer-resources/codes/visa-response-codes, https://docs.y.uno
"""

VISA_NEVER_SINCE: Final[dict[str, date]] = {"57": date(2026, 10, 25)}
"""Codes that came to category 1 on a day; 2 until then. Source: acquirers' notices of 2026."""


def visa_category(code: str, on: date | None = None) -> int:
    """Say in which of Visa's four categories a response code stands on a day; None: by the newest rules."""
    since = VISA_NEVER_SINCE.get(code)
    if since is not None and on is not None and on < since:
        return 2
    return VISA_CATEGORIES.get(code, _GENERIC)


class MerchantAdvice(Struct, frozen=True, kw_only=True):
    """What a Mastercard merchant advice code asks of a merchant.

    `code` is what it tells of a refusal that nothing else explains.
    """

    text: str
    never: bool = False
    wait: timedelta | None = None
    code: DeclineCode | None = None


MASTERCARD_ADVICE: Final[dict[str, MerchantAdvice]] = {
    "01": MerchantAdvice(text="new account information is available", code=_D.CREDENTIALS_UPDATED),
    "02": MerchantAdvice(text="cannot be approved now, try later", wait=timedelta(hours=72)),
    "03": MerchantAdvice(text="do not try again", never=True, code=_D.RETRY_LIMIT_REACHED),
    "04": MerchantAdvice(text="the token does not fulfil what its type requires", code=_D.TOKEN_INVALID),
    "05": MerchantAdvice(text="the negotiated value was not approved", code=_D.INVALID_AMOUNT),
    "21": MerchantAdvice(text="the payer cancelled the recurring payment", never=True, code=_D.RECURRING_STOPPED),
    "22": MerchantAdvice(text="the merchant does not qualify for the product", code=_D.MERCHANT_CONFIGURATION_ERROR),
    "24": MerchantAdvice(text="try after 1 hour", wait=timedelta(hours=1)),
    "25": MerchantAdvice(text="try after 24 hours", wait=timedelta(hours=24)),
    "26": MerchantAdvice(text="try after 2 days", wait=timedelta(days=2)),
    "27": MerchantAdvice(text="try after 4 days", wait=timedelta(days=4)),
    "28": MerchantAdvice(text="try after 6 days", wait=timedelta(days=6)),
    "29": MerchantAdvice(text="try after 8 days", wait=timedelta(days=8)),
    "30": MerchantAdvice(text="try after 10 days", wait=timedelta(days=10)),
    "40": MerchantAdvice(text="a prepaid card that cannot be loaded again"),
    "41": MerchantAdvice(text="a virtual card number for one payment"),
    "42": MerchantAdvice(text="the sanctions score is above the threshold", never=True, code=_D.COMPLIANCE_REFUSED),
    "43": MerchantAdvice(text="a virtual card number for several payments"),
}
"""Mastercard's merchant advice codes (ISO 8583 field 48, element 84).

02 names no time; acquirers give 72 hours as its time. Lists say "do not retry" of 04, 05 and 22 too: that is meant of
the request as it was sent. What is wrong there is ours to mend, so they are no stop for the card. 42 is one: sanctions
are not a thing to try again. 21 is one for the series; nobody can tell another series of the same card apart, so it is
one for the card.
Source: https://developer.paypal.com/braintree/docs/reference/general/merchant-advice-codes,
https://docs.everonet.com, https://docs.solidgate.com
"""

DESCRIBES_CARD: Final = frozenset({"40", "41", "43"})
"""Advice that only tells what card it is; every other one asks to stop, to wait or to mend something."""

_MASTERCARDS: Final = frozenset({"mastercard", "maestro", None})


def merchant_advice(network: str | None, advice: str | None) -> MerchantAdvice | None:
    """Read an advice code on a card of *network*; one is taken for Mastercard's where the network is not known."""
    return MASTERCARD_ADVICE.get(advice) if advice is not None and network in _MASTERCARDS else None


def advised_wait(network: str | None, advice: str | None) -> timedelta | None:
    """Give the wait that the network sets before the same card is tried again, where it sets one."""
    found = merchant_advice(network, advice)
    return None if found is None else found.wait


class Stop(StrEnum):
    """Who forbids every further try of a card."""

    MASTERCARD_ADVICE = "mastercard_advice"
    VISA_CATEGORY = "visa_category"
    PROCESSOR_ADVICE = "processor_advice"
    POLICY = "policy"  # The merchant's own.


def stop_signal(network: str | None, code: str | None, advice: str | None, on: date | None = None) -> Stop | None:
    """Say whether the network forbids to try this card again after it answered *code* with *advice* on a day.

    None as the day: by the newest rules.
    """
    found = merchant_advice(network, advice)
    if found is not None and found.never:
        return Stop.MASTERCARD_ADVICE
    if network == "visa" and code is not None and visa_category(code, on) == NEVER:
        return Stop.VISA_CATEGORY
    return None
