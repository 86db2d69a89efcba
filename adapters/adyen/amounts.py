"""Adyen's minor units, where they are not ISO 4217's."""

from typing import Final

from adapters.adyen.wire import Amount
from normalization.money import EXPONENT, Currency, Money, from_unit, to_unit

DECIMALS: Final[dict[Currency, int]] = {
    **EXPONENT,
    Currency.CLP: 2,
    Currency.CVE: 0,
    Currency.IDR: 0,
    Currency.ISK: 2,
}
"""Digits after the decimal point in Adyen's amounts.

Source: https://docs.adyen.com/development-resources/currency-codes, which marks these four as differing from the
standard.
"""


def to_wire(money: Money) -> Amount:
    """Write *money* as Adyen counts it.

    Raises:
        InexactAmountError: when Adyen's unit cannot hold it, as 10.50 CVE.
    """
    return Amount(value=to_unit(money, DECIMALS[money.currency]), currency=money.currency.value)


def from_wire(amount: Amount) -> Money:
    """Read Adyen's *amount* back.

    Raises:
        ValueError: when the currency is not one the hub knows, or (InexactAmountError) the value has digits that ISO
            4217 does not.
    """
    currency = Currency(amount.currency)
    return from_unit(amount.value, currency, DECIMALS[currency])
