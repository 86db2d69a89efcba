"""What one currency is worth in another, by the rates that a ruleset brings along as data.

A rate is how many units of a currency one unit of a common base is worth, such as `{"EUR": "1", "USD": "1.0842"}`. All
is computed in whole numbers, so that an amount is the same in every process.
"""

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Final

from normalization.money import EXPONENT, Currency, Money

Rates = Mapping[Currency, Fraction]

NO_RATES: Final[Rates] = {}
PREFIX: Final = "amount_in."


def rates_of(written: Mapping[str, str]) -> Rates:
    """Read a valid ruleset's rates."""
    return {Currency(code): Fraction(rate) for code, rate in written.items()}


def converter(rates: Rates, into: Currency) -> Callable[[Money], int | None]:
    """Make what converts an amount *into* a currency's minor units, rounded down; None without either's rate."""
    wanted = rates.get(into)
    ratios: dict[Currency, tuple[int, int]] = {}
    if wanted is not None:
        for currency, rate in rates.items():
            ratio = wanted / rate * Fraction(10) ** (EXPONENT[into] - EXPONENT[currency])
            ratios[currency] = ratio.numerator, ratio.denominator

    def convert(money: Money) -> int | None:
        ratio = ratios.get(money.currency)
        return None if ratio is None else money.minor * ratio[0] // ratio[1]

    return convert
