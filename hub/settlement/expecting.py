"""What a change makes us expect from the processor's settlement: gross, fee by schedule, and the day."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Final, Protocol

from hub.payments.changes import Expected
from hub.payments.states import Booking, Transition
from normalization.money import Money
from routing.accounts import Fee

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
WHOLE_BPS: Final = 10_000
"""Basis points in a whole."""


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
    return lines_of(transition.bookings, terms, at)


def lines_of(bookings: Iterable[Booking], terms: Terms | None, at: datetime) -> tuple[Expected, ...]:
    """List the settlement lines that must arrive because of *bookings*; one of each whose money settles."""
    return tuple(_line(booking, terms, at) for booking in bookings if booking.code in SETTLING)


def _line(booking: Booking, terms: Terms | None, at: datetime) -> Expected:
    type_, sign = SETTLING[booking.code]
    charge = type_ == "charge"
    return Expected(
        type=type_,
        gross_minor=sign * booking.money.minor,
        fee_minor=fee_minor(booking.money, terms.fees) if charge and terms else 0,
        currency=booking.money.currency,
        due_on=due_on(at.date(), terms.settlement_days if terms else SETTLEMENT_DAYS_DEFAULT),
    )


def fee_minor(money: Money, fees: Sequence[Fee]) -> int:
    """Compute the fee by the first row that fits, half to even, in minor units of *money*'s currency."""
    for fee in fees:
        if fee.currency in {None, money.currency} and fee.card_region is None:
            whole, rest = divmod(money.minor * fee.percent_bps, WHOLE_BPS)
            up = 2 * rest > WHOLE_BPS or (2 * rest == WHOLE_BPS and whole % 2 == 1)
            return whole + up + fee.fixed_minor
    return 0


def due_on(day: date, settlement_days: int) -> date:
    """Count *settlement_days* working days on from *day*; Saturdays and Sundays do not count."""
    for _ in range(settlement_days):
        day += timedelta(days=1)
        while day.isoweekday() > 5:  # noqa: PLR2004 - Friday is the fifth day
            day += timedelta(days=1)
    return day
