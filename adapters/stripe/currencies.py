"""In which unit Stripe counts each currency, and how much it takes.

Source: https://docs.stripe.com/currencies (presentment currencies, minor units, special cases, minimums), and the
`amount` of https://docs.stripe.com/api/payment_intents/create: eight digits at most.
"""

from types import MappingProxyType
from typing import Final

from adapters.contract import AmountRange
from normalization.money import EXPONENT, Currency, InexactAmountError, Money, from_unit, to_unit

AMOUNT_MAX: Final = 99_999_999
"""The largest amount in any currency, in Stripe's own unit."""

_PRESENTMENT: Final = (
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BRL BSD BWP BYN BZD CAD CDF CHF CLP CNY "
    "COP CRC CVE CZK DJF DKK DOP DZD EGP ETB EUR FJD FKP GBP GEL GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR ISK "
    "JMD JOD JPY KES KGS KHR KMF KRW KWD KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MUR MVR MWK MXN MYR "
    "MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SEK SGD SHP SLE SOS "
    "SRD SZL THB TJS TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VND VUV WST XAF XCD XOF XPF YER ZAR ZMW"
)

_UNLIKE_ISO: Final = {
    Currency.ISK: 2,  # Has no decimals, yet is sent with two, which must be 00.
    Currency.UGX: 2,  # As ISK.
    Currency.MGA: 0,  # ISO 4217 knows a fifth of an ariary; Stripe counts whole ones.
}

STRIPE_EXPONENT: Final = MappingProxyType(
    {currency: _UNLIKE_ISO.get(currency, EXPONENT[currency]) for currency in map(Currency, _PRESENTMENT.split())}
)
"""Digits after the decimal point at Stripe, for every currency that it takes payments in."""

_MINIMUM: Final = {
    "AED": 200, "AUD": 50, "BRL": 50, "CAD": 50, "CHF": 50, "CZK": 1500, "DKK": 250, "EUR": 50, "GBP": 30, "HKD": 400,
    "HUF": 17500, "INR": 50, "JPY": 50, "MXN": 1000, "MYR": 200, "NOK": 300, "NZD": 50, "PLN": 200, "RON": 200,
    "SEK": 300, "SGD": 50, "THB": 1000, "USD": 50,
}  # fmt: skip
"""The smallest amounts that Stripe publishes; for the others it converts one of these at the day's rate."""


def to_stripe(money: Money) -> int:
    """Count *money* in Stripe's unit.

    Raises:
        InexactAmountError: when Stripe cannot be sent that many digits; nothing is ever rounded.
        KeyError: when Stripe does not take the currency.
    """
    value = to_unit(money, STRIPE_EXPONENT[money.currency])
    if value % _step(money.currency):
        msg = f"{money.to_decimal()} {money.currency}: Stripe takes three-decimal currencies with a last digit of 0"
        raise InexactAmountError(msg)
    return value


def from_stripe(value: int, currency: str) -> Money:
    """Read an amount of Stripe's, its currency in lower case, into ISO minor units.

    Raises:
        InexactAmountError: when it is no whole number of ISO minor units.
        ValueError: for a currency that Stripe takes no payments in.
    """
    known = Currency(currency.upper())
    if known not in STRIPE_EXPONENT:
        msg = f"{known} is no currency that Stripe takes payments in"
        raise ValueError(msg)
    return from_unit(value, known, STRIPE_EXPONENT[known])


def _step(currency: Currency) -> int:
    """Three-decimal currencies are sent with a last digit of 0."""
    return 10 if STRIPE_EXPONENT[currency] == 3 else 1  # noqa: PLR2004 - the three decimals of the rule above


def _range(currency: Currency) -> AmountRange:
    """Turn Stripe's limits, in its unit, into ISO minor units, inwards."""
    shift = EXPONENT[currency] - STRIPE_EXPONENT[currency]
    if shift < 0:  # Stripe counts finer than ISO: the last digits are always 0.
        finer = 10**-shift
        return AmountRange(max(1, _MINIMUM.get(currency, 1) // finer), AMOUNT_MAX // finer)
    step = _step(currency)
    return AmountRange(max(step, _MINIMUM.get(currency, 1)) * 10**shift, (AMOUNT_MAX - AMOUNT_MAX % step) * 10**shift)


AMOUNTS: Final = MappingProxyType({currency: _range(currency) for currency in STRIPE_EXPONENT})
"""The smallest and the largest amount of each currency, in ISO minor units."""
