"""How far a settlement may be from what was expected: whole numbers and exact decimals; pure."""

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

_BPS: Final = 10_000


def within(expected: Decimal, settled: Decimal, fraction: Decimal) -> bool:
    """Tell whether *settled* is off by no more than *fraction* of *expected*, whatever its sign; of 0 nothing is."""
    return abs(settled - expected) <= abs(expected) * fraction


def within_bps(expected_minor: int, settled_minor: int, bps: int) -> bool:
    """Tell whether *settled_minor* is off by no more than *bps* hundredths of a percent."""
    return within(Decimal(expected_minor), Decimal(settled_minor), Decimal(bps) / _BPS)


def bps_off(expected_minor: int, settled_minor: int) -> int | None:
    """Say how far off it is in hundredths of a percent, half to even; None of nothing."""
    if not expected_minor:
        return None
    off = Decimal(abs(settled_minor - expected_minor)) * _BPS / abs(expected_minor)
    return int(off.quantize(Decimal(1), rounding=ROUND_HALF_EVEN))
