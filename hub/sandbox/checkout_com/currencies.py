"""
How many decimals Checkout.com gives each currency.

Amounts on the wire are already in these units; the last digit of the three-decimal ones, and the last two of CLP, must
be zero.

Source: https://www.checkout.com/docs/resources/calculating-the-amount
"""

from typing import Final

_ZERO = "BIF DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
_THREE = "BHD IQD JOD KWD LYD OMR TND"
_TWO = (
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP CNY COP "
    "CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR "
    "JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN "
    "NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP "
    "SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD YER ZAR ZMW ZWG"
)

DECIMALS: Final[dict[str, int]] = {
    code: decimals for codes, decimals in ((_ZERO, 0), (_TWO, 2), (_THREE, 3)) for code in codes.split()
}
"""Digits after the decimal point; CLP is not as in ISO 4217."""

STEP: Final[dict[str, int]] = dict.fromkeys(_THREE.split(), 10) | {"CLP": 100}
"""What an amount must be a multiple of, where that is not 1."""

AMOUNT_MAX: Final = 999_999_999
