"""What a change makes us expect from the processor's settlement: gross, fee by schedule, and the day."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Final, Protocol

import msgspec
from msgspec import Struct

from hub.payments.changes import Expected
from hub.payments.states import Booking, Transition
from normalization.money import Money
from normalization.regions import REGION, Region
from normalization.tokens import CardFacts
from routing.accounts import Fee
from routing.costs import cost_by, scheduled

SETTLING: Final = {
    "capture": ("charge", 1),
    "capture_reversal": ("charge_reversal", -1),
    "refund": ("refund", -1),
    "refund_reversal": ("refund_reversal", 1),
    "dispute_taken": ("chargeback", -1),
    "dispute_reinstated": ("chargeback_reversal", 1),
}
"""Why a booking's money arrives or leaves: the expected line's type and sign, by the booking's code."""
SETTLEMENT_DAYS_DEFAULT: Final = 2


class Terms(Protocol):
    """What of a merchant account decides when and how much it settles."""

    @property
    def fees(self) -> Sequence[Fee]:
        """Its fee schedule."""

    @property
    def settlement_days(self) -> int:
        """Days from the capture to the payout."""


def expected_lines(transition: Transition, terms: Terms | None, at: datetime) -> tuple[Expected, ...]:
    """List the settlement lines that must arrive because of *transition*, by the account's *terms*."""
    by_region = terms is not None and any(fee.card_region for fee in terms.fees)
    region = card_region(transition.payment.facts) if by_region and transition.bookings else None
    return lines_of(transition.bookings, terms, at, region)


def lines_of(
    bookings: Iterable[Booking], terms: Terms | None, at: datetime, card_region: Region | None = None
) -> tuple[Expected, ...]:
    """List the settlement lines that must arrive because of *bookings*; one of each whose money settles."""
    return tuple(_line(booking, terms, at, card_region) for booking in bookings if booking.code in SETTLING)


class _Seen(Struct, frozen=True):
    """What a payment's stored facts tell of its card."""

    card: CardFacts = CardFacts()


def card_region(facts: bytes) -> Region | None:
    """Read from a payment's stored *facts* where its card was issued; None where that is not known."""
    return REGION.get(msgspec.json.decode(facts, type=_Seen).card.country or "")


def _line(booking: Booking, terms: Terms | None, at: datetime, region: Region | None) -> Expected:
    type_, sign = SETTLING[booking.code]
    charge = type_ == "charge"
    return Expected(
        type=type_,
        gross_minor=sign * booking.money.minor,
        fee_minor=fee_minor(booking.money, terms.fees, region) if charge and terms else 0,
        currency=booking.money.currency,
        due_on=due_on(at.date(), terms.settlement_days if terms else SETTLEMENT_DAYS_DEFAULT),
    )


def fee_minor(money: Money, fees: Sequence[Fee], region: Region | None = None) -> int:
    """Compute the fee by the schedule's row for *money*'s currency and the card's *region*, as routing does."""
    fee = scheduled(money.currency, fees, region)
    return 0 if fee is None else cost_by(money, fee)


def due_on(day: date, settlement_days: int) -> date:
    """Count *settlement_days* working days on from *day*; Saturdays and Sundays do not count."""
    for _ in range(settlement_days):
        day += timedelta(days=1)
        while day.isoweekday() > 5:  # noqa: PLR2004 - Friday is the fifth day
            day += timedelta(days=1)
    return day
