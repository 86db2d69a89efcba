"""What charging a payment at an account will cost: by its fee schedule, or by what settlements showed."""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Final

from msgspec import Struct

from normalization.money import Currency, Money
from normalization.regions import REGION, Region
from normalization.tokens import CardFacts
from routing.accounts import Fee

WHOLE_BPS: Final = 10_000
"""Basis points in a whole."""
WHOLE_PPM: Final = 1_000_000
_JUST_LESS: Final = WHOLE_PPM // 2 - 1
LINES_MIN: Final = 20
"""Settled lines before an effective fee counts: fewer may all be one kind of card."""


class EffectiveFee(Struct, frozen=True, kw_only=True):
    """What an account really charged for one kind of card, learned from settled lines.

    None is any. `percent_ppm` is in millionths of the amount, `fixed_minor` in the payment's currency, `lines` how many
    settled lines say so.
    """

    currency: Currency
    card_brand: str | None = None
    card_funding: str | None = None
    card_region: Region | None = None
    percent_ppm: int
    fixed_minor: int = 0
    lines: int


Learned = Mapping[str, Sequence[EffectiveFee]]
"""Effective fees by account id."""


class Unpriced(StrEnum):
    """Why nobody knows what a payment costs at an account: neither its schedule nor enough settled lines tell."""

    NO_FEES = "no_fees"  # Its schedule is empty.
    CURRENCY = "no_fees_in_currency"  # It has rows for other currencies only.
    CARD_REGION = "no_fees_for_card_region"  # It has rows for the currency, for other regions of cards only.


class Cost(Struct, frozen=True):
    """An expected cost in minor units of the payment's currency; `learned`: from settled lines, not the schedule."""

    minor: int
    learned: bool


class Tariff(Struct, frozen=True):
    """What an account charges for one kind of card: the same for every amount of one currency."""

    percent_ppm: int
    fixed_minor: int
    learned: bool

    def cost(self, minor: int) -> int:
        """Compute the fee for an amount, half to even."""
        return _half_even(minor * self.percent_ppm, WHOLE_PPM) + self.fixed_minor


def tariff(currency: Currency, fees: Sequence[Fee], learned: Iterable[EffectiveFee], card: CardFacts) -> Tariff | None:
    """Find what charging *card* in *currency* costs; None where neither schedule nor experience tells."""
    region = REGION.get(card.country or "")
    fitting = [fee for fee in learned if fee.lines >= LINES_MIN and _fits(fee, currency, card, region)]
    if fitting:
        closest = max(fitting, key=_closeness)
        return Tariff(closest.percent_ppm, closest.fixed_minor, learned=True)
    fee = scheduled(currency, fees, region)
    return None if fee is None else Tariff(fee.percent_bps * (WHOLE_PPM // WHOLE_BPS), fee.fixed_minor, learned=False)


def why_unpriced(currency: Currency, fees: Sequence[Fee]) -> Unpriced:
    """Say why a schedule none of whose rows fits a payment in *currency* does not tell its cost."""
    if not fees:
        return Unpriced.NO_FEES
    return Unpriced.CARD_REGION if any(fee.currency in {None, currency} for fee in fees) else Unpriced.CURRENCY


def expected_cost(money: Money, fees: Sequence[Fee], learned: Iterable[EffectiveFee], card: CardFacts) -> Cost | None:
    """Say what charging *money* to *card* will cost; None where neither schedule nor experience tells."""
    found = tariff(money.currency, fees, learned, card)
    return None if found is None else Cost(found.cost(money.minor), found.learned)


def scheduled(currency: Currency, fees: Iterable[Fee], region: Region | None) -> Fee | None:
    """Find the first row of a schedule that fits; one for a card region fits no card whose region is not known."""
    return next((f for f in fees if f.currency in {None, currency} and f.card_region in {None, region}), None)


def cost_by(money: Money, fee: Fee) -> int:
    """Compute a row's fee, half to even, in minor units of *money*'s currency."""
    return _half_even(money.minor * fee.percent_bps, WHOLE_BPS) + fee.fixed_minor


class FeeDifference(Struct, frozen=True, kw_only=True):
    """One kind of card at one account: what its schedule says beside what settlements showed; None says nothing.

    `percent_ppm` and `fixed_minor` are how much more was charged than the schedule says, None unless both are known.
    """

    scheduled: Fee | None
    learned: EffectiveFee | None
    percent_ppm: int | None = None
    fixed_minor: int | None = None


def fee_differences(fees: Sequence[Fee], learned: Iterable[EffectiveFee]) -> tuple[FeeDifference, ...]:
    """Hold an account's schedule against what it really charged; rows of either that the other lacks are listed too."""
    found = [_fee_difference(scheduled(fee.currency, fees, fee.card_region), fee) for fee in learned]
    met = [one.scheduled for one in found]
    return (*found, *(FeeDifference(scheduled=fee, learned=None) for fee in fees if fee not in met))


def _fee_difference(told: Fee | None, learned: EffectiveFee) -> FeeDifference:
    if told is None:
        return FeeDifference(scheduled=None, learned=learned)
    return FeeDifference(
        scheduled=told,
        learned=learned,
        percent_ppm=learned.percent_ppm - told.percent_bps * (WHOLE_PPM // WHOLE_BPS),
        fixed_minor=learned.fixed_minor - told.fixed_minor,
    )


def costs_of(minor: int, percents_ppm: Iterable[int], fixed_minor: Iterable[int]) -> list[int]:
    """Compute the fees for one amount by many tariffs, each as `Tariff.cost` does."""
    # Added is just less than a half, and one more where what comes out is odd: ties end even.
    return [
        ((part := minor * ppm) + _JUST_LESS + (part // WHOLE_PPM & 1)) // WHOLE_PPM + fixed
        for ppm, fixed in zip(percents_ppm, fixed_minor, strict=True)
    ]


def _half_even(number: int, whole: int) -> int:
    quotient, rest = divmod(number, whole)
    above = 2 * rest - whole
    return quotient + (above > 0 or (above == 0 and quotient % 2 == 1))


def _fits(fee: EffectiveFee, currency: Currency, card: CardFacts, region: Region | None) -> bool:
    return (
        fee.currency is currency
        and fee.card_brand in {None, card.brand}
        and fee.card_funding in {None, card.funding}
        and fee.card_region in {None, region}
    )


def _closeness(fee: EffectiveFee) -> tuple[int, int]:
    """Prefer the row that names most of the card, then the one with most lines."""
    named = (fee.card_brand, fee.card_funding, fee.card_region)
    return sum(one is not None for one in named), fee.lines
