"""What a change makes us expect from the processor's settlement: gross, fee by schedule, and the day."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Final, Protocol

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from hub.ledger.chart import receivable
from hub.payments.changes import Expected
from hub.payments.states import Booking, Transition
from normalization.money import Currency, Money
from normalization.regions import REGION, Region
from normalization.tokens import CardFacts
from routing.accounts import Fee
from routing.costs import cost_by, scheduled
from routing.rates import NO_RATES, Rates, converter

SETTLING: Final = {
    "capture": ("charge", "charge_reversal"),
    "capture_reversal": ("charge", "charge_reversal"),
    "refund": ("refund_reversal", "refund"),
    "refund_reversal": ("refund_reversal", "refund"),
    "surplus": ("charge", "refund"),
    "surplus_reversal": ("refund_reversal", "charge_reversal"),
    "dispute_taken": ("chargeback_reversal", "chargeback"),
    "dispute_reinstated": ("chargeback_reversal", "chargeback"),
}
"""The expected line's type by the booking's code: where the processor owes us more, and where it owes us less."""
SETTLEMENT_DAYS_DEFAULT: Final = 2
RECEIVABLE: Final = receivable("")
FRIDAY: Final = 5


class Terms(Protocol):
    """What of a merchant account decides when and how much it settles."""

    @property
    def fees(self) -> Sequence[Fee]:
        """Its fee schedule."""

    @property
    def other_fees(self) -> Mapping[str, Sequence[Fee]]:
        """What is charged for anything but a charge, by what it is for: refund, chargeback, decline."""

    @property
    def settlement_days(self) -> int:
        """Working days from the capture to the payout."""

    @property
    def settlement_currency(self) -> Currency | None:
        """Which currency is paid out; None where that is not known."""

    @property
    def holidays(self) -> frozenset[date]:
        """Days, besides Saturdays and Sundays, on which nothing is paid out."""


def expected_lines(
    transition: Transition, terms: Terms | None, at: datetime, rates: Rates = NO_RATES, *, declined: bool = False
) -> tuple[Expected, ...]:
    """List the settlement lines that must arrive because of *transition*, by the account's *terms*.

    *rates* convert what is paid out in another currency; *declined*: the transition declines an operation, which some
    processors charge for.
    """
    by_region = terms is not None and any(fee.card_region for fee in terms.fees)
    region = card_region(transition.payment.facts) if by_region and transition.bookings else None
    lines = lines_of(_as_told(transition.bookings), terms, at, region, rates)
    if not declined or terms is None or not terms.other_fees:
        return lines
    return lines + _decline_fee(transition.operation.money, terms, at)


def _as_told(bookings: Iterable[Booking]) -> list[Booking]:
    """Add up what the processor tells in one line, and charges one fee for: a part of it may stand in suspense."""
    told: dict[tuple[str, Currency], Booking] = {}
    for booking in bookings:
        if booking.code in SETTLING:
            key = _type(booking), booking.money.currency
            before = told[key].money.minor if key in told else 0
            told[key] = replace(booking, money=Money(before + booking.money.minor, booking.money.currency))
    return [*told.values()]


def lines_of(
    bookings: Iterable[Booking],
    terms: Terms | None,
    at: datetime,
    card_region: Region | None = None,
    rates: Rates = NO_RATES,
) -> tuple[Expected, ...]:
    """List the settlement lines that must arrive because of *bookings*; one of each whose money settles."""
    return tuple(_line(booking, terms, at, card_region, rates) for booking in bookings if booking.code in SETTLING)


class _Seen(Struct, frozen=True):
    """What a payment's stored facts tell of its card."""

    card: CardFacts = CardFacts()


def card_region(facts: bytes) -> Region | None:
    """Read from a payment's stored *facts* where its card was issued; None where that is not known."""
    return REGION.get(msgspec.json.decode(facts, type=_Seen).card.country or "")


def _line(booking: Booking, terms: Terms | None, at: datetime, region: Region | None, rates: Rates) -> Expected:
    owed = booking.debit.startswith(RECEIVABLE)
    type_, money = _type(booking), booking.money
    gross = money.minor if owed else -money.minor
    into = terms.settlement_currency if terms else None
    settles = converter(rates, into)(money) if into is not None and into is not money.currency else None
    return Expected(
        type=type_,
        gross_minor=gross,
        fee_minor=_fee(type_, booking, terms, region) if terms else None,
        currency=money.currency,
        due_on=_due(at, terms),
        settle_minor=None if settles is None else settles if owed else -settles,
        settle_currency=None if settles is None else into,
    )


def _type(booking: Booking) -> str:
    more, less = SETTLING[booking.code]
    return more if booking.debit.startswith(RECEIVABLE) else less


def _fee(type_: str, booking: Booking, terms: Terms, region: Region | None) -> int | None:
    """Look up what is charged for a line; None where the schedule says nothing of it."""
    if type_ == "charge":
        return None if booking.code == "surplus" else fee_minor(booking.money, terms.fees, region)
    return fee_minor(booking.money, terms.other_fees.get(type_, ()), region)


def _decline_fee(money: Money, terms: Terms, at: datetime) -> tuple[Expected, ...]:
    """Expect what is charged for a decline: it is billed with all of the month in which it happened."""
    fee = fee_minor(money, terms.other_fees.get("decline", ()))
    if not fee:
        return ()
    return (Expected(type="fee", gross_minor=-fee, fee_minor=None, currency=money.currency, due_on=at.date()),)


def fee_minor(money: Money, fees: Sequence[Fee], region: Region | None = None) -> int | None:
    """Compute the fee by the schedule's row for *money*'s currency and the card's *region*, as routing does."""
    fee = scheduled(money.currency, fees, region)
    return None if fee is None else cost_by(money, fee)


def _due(at: datetime, terms: Terms | None) -> date:
    if terms is None:
        return due_on(at.date(), SETTLEMENT_DAYS_DEFAULT)
    return due_on(at.date(), terms.settlement_days, terms.holidays)


def due_on(day: date, working_days: int, holidays: frozenset[date] = frozenset()) -> date:
    """Count *working_days* on from *day*; Saturdays, Sundays and *holidays* do not count."""
    for _ in range(working_days):
        day += timedelta(days=1)
        while day.isoweekday() > FRIDAY or day in holidays:
            day += timedelta(days=1)
    return day
