"""
How many decimals Adyen gives each currency it takes.

Amounts on the wire are already in these units; the table is what tells 100 ISK (one krona here) from
100 JPY (a hundred yen).

Source: https://docs.adyen.com/development-resources/currency-codes
"""

from typing import Final

_ZERO = "CVE DJF GNF IDR JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
_THREE = "BHD IQD JOD KWD LYD OMR TND"
_TWO = (
    "AED ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BWP BYN BZD CAD CHF CLP CNH CNY "
    "COP CRC CUP CZK DKK DOP DZD EGP ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF ILS INR ISK "
    "JMD KES KGS KHR KYD KZT LAK LBP LKR MAD MDL MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK "
    "NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SEK SGD SHP SLE SOS SRD STN SVC SZL THB TOP "
    "TRY TTD TWD TZS UAH USD UYU UZS VES WST XCD YER ZAR ZMW"
)

DECIMALS: Final[dict[str, int]] = {
    code: decimals for codes, decimals in ((_ZERO, 0), (_TWO, 2), (_THREE, 3)) for code in codes.split()
}
"""Digits after the decimal point; CLP, CVE, IDR and ISK are not as in ISO 4217."""
