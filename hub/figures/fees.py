"""What an account charges for a kind of card, found in what was settled; pure.

A fee is so much of the amount and so much a charge. Of the lines of one kind, those with small amounts are paired with
those with large ones; each pair is a straight line, and the one in the middle is not moved by fees that are off, as
long as fewer than a quarter are. Lines far from it are left out, and the others decide by least squares. All of it is
done in whole numbers and fractions.
"""

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Final, NamedTuple

from normalization.money import Currency
from normalization.regions import Region
from routing.costs import LINES_MIN, WHOLE_PPM, EffectiveFee

SAMPLES_MAX: Final = 500
"""Lines that one kind is learned from, the newest."""
NEAR_MINOR: Final = 2
"""A fee that is off by no more than this is rounded otherwise, no more."""
SPREAD: Final = 4
"""How many times the usual distance still counts as near."""


class Kind(NamedTuple):
    """A kind of card; None is any."""

    currency: Currency
    card_brand: str | None = None
    card_funding: str | None = None
    card_region: Region | None = None


class Sample(NamedTuple):
    """What one settled charge cost, in minor units."""

    amount_minor: int
    fee_minor: int


class _Line(NamedTuple):
    """A fee as a share of the amount and a fixed part."""

    share: Fraction
    fixed: Fraction

    def off(self, sample: Sample) -> Fraction:
        """How much more was charged."""
        return sample.fee_minor - self.share * sample.amount_minor - self.fixed


def learned(samples: Iterable[tuple[Kind, Sample]]) -> list[EffectiveFee]:
    """Learn the fees of each kind of card and of all cards of a currency, of which there are lines enough.

    *samples* come the newest first; each counts for its own kind and for its currency's.
    """
    kinds: dict[Kind, list[Sample]] = {}
    for kind, sample in samples:
        for one in {kind, Kind(kind.currency)}:
            of = kinds.setdefault(one, [])
            if len(of) < SAMPLES_MAX:
                of.append(sample)
    return [fee for kind in sorted(kinds, key=_in_order) if (fee := _fee(kind, kinds[kind])) is not None]


def _in_order(kind: Kind) -> tuple[str, ...]:
    return tuple(part or "" for part in kind)


def _fee(kind: Kind, samples: Sequence[Sample]) -> EffectiveFee | None:
    if len(samples) < LINES_MIN:
        return None
    rough = _rough(samples)
    usual = _middle(abs(rough.off(one)) for one in samples)
    near = [one for one in samples if abs(rough.off(one)) <= max(Fraction(NEAR_MINOR), SPREAD * usual)]
    if len(near) < LINES_MIN:
        return None
    share, fixed = _bounded(near)
    percent_ppm = round(share * WHOLE_PPM)
    return EffectiveFee(
        currency=kind.currency,
        card_brand=kind.card_brand,
        card_funding=kind.card_funding,
        card_region=kind.card_region,
        percent_ppm=min(percent_ppm, WHOLE_PPM),
        fixed_minor=round(fixed),
        lines=len(near),
    )


def _rough(samples: Sequence[Sample]) -> _Line:
    ordered = sorted(samples)
    half = len(ordered) // 2
    pairs = zip(ordered[:half], ordered[-half:], strict=True)
    slopes = [
        Fraction(large.fee_minor - small.fee_minor, large.amount_minor - small.amount_minor)
        for small, large in pairs
        if large.amount_minor != small.amount_minor
    ]
    share = _middle(slopes) if slopes else Fraction(0)
    return _Line(share, _middle(one.fee_minor - share * one.amount_minor for one in samples))


def _middle(values: Iterable[Fraction]) -> Fraction:
    ordered = sorted(values)
    return ordered[len(ordered) // 2]


def _bounded(samples: Sequence[Sample]) -> _Line:
    """Fit by least squares; neither part may be negative, and amounts that are all alike tell of a share only."""
    count, amounts = len(samples), sum(one.amount_minor for one in samples)
    fees = sum(one.fee_minor for one in samples)
    squares = sum(one.amount_minor**2 for one in samples)
    products = sum(one.amount_minor * one.fee_minor for one in samples)
    spread = count * squares - amounts**2
    if spread == 0:
        return _Line(max(Fraction(fees, amounts), Fraction(0)), Fraction(0))
    share = Fraction(count * products - amounts * fees, spread)
    fixed = (fees - share * amounts) / count
    if share < 0:
        return _Line(Fraction(0), max(Fraction(fees, count), Fraction(0)))
    if fixed < 0:
        return _Line(max(Fraction(products, squares), Fraction(0)), Fraction(0))
    return _Line(share, fixed)


def differ(one: Iterable[EffectiveFee], other: Iterable[EffectiveFee]) -> bool:
    """Whether two lists say other fees, in whatever order."""
    return _named(one) != _named(other)


def _named(fees: Iterable[EffectiveFee]) -> Mapping[Kind, EffectiveFee]:
    return {Kind(fee.currency, fee.card_brand, fee.card_funding, fee.card_region): fee for fee in fees}
