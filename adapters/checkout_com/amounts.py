"""Checkout.com's minor units, where they are not ISO 4217's, and what it cannot hold.

Source: https://www.checkout.com/docs/resources/calculating-the-amount
"""

from typing import Final

from adapters.contract import AmountRange
from normalization.money import EXPONENT, Currency, InexactAmountError, Money, from_unit, to_unit

VALUE_MAX: Final = 999_999_999
"""Nine digits, in every currency."""

_FULL: Final = frozenset("BIF DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF".split())  # noqa: SIM905 - a list of codes reads best as one line
_THOUSANDTHS: Final = frozenset({"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"})

# CLF is left out: the page named it once among those without decimals and no longer does, and ISO 4217 gives it four.
DECIMALS: Final[dict[Currency, int]] = {
    currency: 0 if currency in _FULL else 3 if currency in _THOUSANDTHS else 2
    for currency in Currency
    if currency is not Currency.CLF
}
"""Digits after the decimal point in Checkout.com's amounts."""

STEP: Final[dict[Currency, int]] = {currency: 10 for currency in DECIMALS if currency in _THOUSANDTHS}
"""What the amount on the wire must be a multiple of; CLP's two decimals are zero by ISO 4217 already."""


def _largest(currency: Currency) -> int:
    step = max(STEP.get(currency, 1), 10 ** max(0, DECIMALS[currency] - EXPONENT[currency]))
    return from_unit(VALUE_MAX - VALUE_MAX % step, currency, DECIMALS[currency]).minor


AMOUNTS: Final[dict[Currency, AmountRange]] = {
    currency: AmountRange(STEP.get(currency, 1), _largest(currency)) for currency in DECIMALS
}
"""The smallest and the largest amount, in ISO minor units."""


def to_wire(money: Money) -> int:
    """Write *money* as Checkout.com counts it.

    Raises:
        KeyError: when Checkout.com's unit for the currency is not known.
        InexactAmountError: when it cannot be held, as 1.005 KWD, or has more than nine digits.
    """
    value = to_unit(money, DECIMALS[money.currency])
    if value % STEP.get(money.currency, 1):
        raise InexactAmountError(f"{money.to_decimal()} {money.currency}: the last digit must be 0 at Checkout.com")
    if value > VALUE_MAX:
        raise InexactAmountError(f"{money.to_decimal()} {money.currency} has more than nine digits at Checkout.com")
    return value


def from_wire(value: int, currency: str) -> Money:
    """Read an amount of Checkout.com's back.

    Raises:
        ValueError: when the currency is not one the hub knows, or (InexactAmountError) the value has digits that ISO
            4217 does not.
    """
    known = Currency(currency)
    return from_unit(value, known, DECIMALS.get(known, EXPONENT[known]))
