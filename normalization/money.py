"""Amounts as whole minor units.

Never a float and never rounded: processors disagree about decimal strings, and only integers add up.
"""

from decimal import Decimal
from enum import StrEnum
from typing import Final

from msgspec import Struct

AMOUNT_MAX: Final = 99_999_999_999
"""The largest amount, in minor units, that the hub takes in one request."""


class Currency(StrEnum):
    """An ISO 4217 alphabetic code of money in circulation.

    Source: ISO 4217 list one, https://www.six-group.com/en/products-services/financial-information/data-standards.html
    """

    AED = "AED"
    AFN = "AFN"
    ALL = "ALL"
    AMD = "AMD"
    ANG = "ANG"
    AOA = "AOA"
    ARS = "ARS"
    AUD = "AUD"
    AWG = "AWG"
    AZN = "AZN"
    BAM = "BAM"
    BBD = "BBD"
    BDT = "BDT"
    BHD = "BHD"
    BIF = "BIF"
    BMD = "BMD"
    BND = "BND"
    BOB = "BOB"
    BRL = "BRL"
    BSD = "BSD"
    BTN = "BTN"
    BWP = "BWP"
    BYN = "BYN"
    BZD = "BZD"
    CAD = "CAD"
    CDF = "CDF"
    CHF = "CHF"
    CLF = "CLF"
    CLP = "CLP"
    CNY = "CNY"
    COP = "COP"
    CRC = "CRC"
    CUP = "CUP"
    CVE = "CVE"
    CZK = "CZK"
    DJF = "DJF"
    DKK = "DKK"
    DOP = "DOP"
    DZD = "DZD"
    EGP = "EGP"
    ERN = "ERN"
    ETB = "ETB"
    EUR = "EUR"
    FJD = "FJD"
    FKP = "FKP"
    GBP = "GBP"
    GEL = "GEL"
    GHS = "GHS"
    GIP = "GIP"
    GMD = "GMD"
    GNF = "GNF"
    GTQ = "GTQ"
    GYD = "GYD"
    HKD = "HKD"
    HNL = "HNL"
    HTG = "HTG"
    HUF = "HUF"
    IDR = "IDR"
    ILS = "ILS"
    INR = "INR"
    IQD = "IQD"
    IRR = "IRR"
    ISK = "ISK"
    JMD = "JMD"
    JOD = "JOD"
    JPY = "JPY"
    KES = "KES"
    KGS = "KGS"
    KHR = "KHR"
    KMF = "KMF"
    KPW = "KPW"
    KRW = "KRW"
    KWD = "KWD"
    KYD = "KYD"
    KZT = "KZT"
    LAK = "LAK"
    LBP = "LBP"
    LKR = "LKR"
    LRD = "LRD"
    LSL = "LSL"
    LYD = "LYD"
    MAD = "MAD"
    MDL = "MDL"
    MGA = "MGA"
    MKD = "MKD"
    MMK = "MMK"
    MNT = "MNT"
    MOP = "MOP"
    MRU = "MRU"
    MUR = "MUR"
    MVR = "MVR"
    MWK = "MWK"
    MXN = "MXN"
    MYR = "MYR"
    MZN = "MZN"
    NAD = "NAD"
    NGN = "NGN"
    NIO = "NIO"
    NOK = "NOK"
    NPR = "NPR"
    NZD = "NZD"
    OMR = "OMR"
    PAB = "PAB"
    PEN = "PEN"
    PGK = "PGK"
    PHP = "PHP"
    PKR = "PKR"
    PLN = "PLN"
    PYG = "PYG"
    QAR = "QAR"
    RON = "RON"
    RSD = "RSD"
    RUB = "RUB"
    RWF = "RWF"
    SAR = "SAR"
    SBD = "SBD"
    SCR = "SCR"
    SDG = "SDG"
    SEK = "SEK"
    SGD = "SGD"
    SHP = "SHP"
    SLE = "SLE"
    SOS = "SOS"
    SRD = "SRD"
    SSP = "SSP"
    STN = "STN"
    SVC = "SVC"
    SYP = "SYP"
    SZL = "SZL"
    THB = "THB"
    TJS = "TJS"
    TMT = "TMT"
    TND = "TND"
    TOP = "TOP"
    TRY = "TRY"
    TTD = "TTD"
    TWD = "TWD"
    TZS = "TZS"
    UAH = "UAH"
    UGX = "UGX"
    USD = "USD"
    UYU = "UYU"
    UZS = "UZS"
    VED = "VED"
    VES = "VES"
    VND = "VND"
    VUV = "VUV"
    WST = "WST"
    XAF = "XAF"
    XCD = "XCD"
    XOF = "XOF"
    XPF = "XPF"
    YER = "YER"
    ZAR = "ZAR"
    ZMW = "ZMW"
    ZWG = "ZWG"


_WITHOUT_MINOR_UNIT: Final = frozenset(
    {"BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"}
)
_THREE_DIGITS: Final = frozenset({"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"})
_FOUR_DIGITS: Final = frozenset({"CLF"})


def _iso_exponent(code: str) -> int:
    if code in _WITHOUT_MINOR_UNIT:
        return 0
    if code in _THREE_DIGITS:
        return 3
    return 4 if code in _FOUR_DIGITS else 2


EXPONENT: Final[dict[Currency, int]] = {currency: _iso_exponent(currency) for currency in Currency}
"""Digits after the decimal point, per ISO 4217; one entry for every `Currency`."""


class CurrencyMismatchError(ValueError):
    """Two amounts of different currencies were about to be added or compared."""


class InexactAmountError(ValueError):
    """An amount cannot be written in the wanted unit without rounding; the hub refuses instead."""


class Money(Struct, frozen=True, gc=False):
    """An amount that cannot be separated from its currency.

    `minor` counts the currency's ISO 4217 minor unit: 1234 is 12.34 EUR, 1234 JPY or 1.234 KWD.
    """

    minor: int
    currency: Currency

    def __add__(self, other: "Money") -> "Money":
        """Add two amounts of one currency.

        Raises:
            CurrencyMismatchError: when the currencies differ.
        """
        if self.currency is not other.currency:
            msg = f"cannot add {other.currency} to {self.currency}"
            raise CurrencyMismatchError(msg)
        return Money(self.minor + other.minor, self.currency)

    def to_decimal(self) -> str:
        """Write the amount in major units with all its digits, for people and files: "12.34"."""
        exponent = EXPONENT[self.currency]
        return format(Decimal(self.minor).scaleb(-exponent), f".{exponent}f")


def in_whole_units(minor: int, currency: str) -> str:
    """Write an amount for people, in the currency's whole unit; one of an unknown currency stays in the minor unit."""
    digits = EXPONENT[Currency(currency)] if currency in Currency.__members__ else 0
    return f"{Decimal(minor).scaleb(-digits):,.{digits}f}"


def written(minor: int, currency: str) -> str:
    """Write an amount as it stands in a sentence: "1,234.56 EUR"."""
    return f"{in_whole_units(minor, currency)} {currency}"


def to_unit(money: Money, exponent: int) -> int:
    """Count *money* in units of 10**-exponent, for a processor whose exponent differs from ISO 4217.

    Raises:
        InexactAmountError: when the amount has digits that the unit cannot hold.
    """
    shift = exponent - EXPONENT[money.currency]
    if shift >= 0:
        return money.minor * int(10**shift)
    whole, rest = divmod(money.minor, int(10**-shift))
    if rest:
        msg = f"{money.to_decimal()} {money.currency} has more digits than the {exponent} that can be sent"
        raise InexactAmountError(msg)
    return whole


def from_unit(value: int, currency: Currency, exponent: int) -> Money:
    """Read *value*, counted in units of 10**-exponent, back into ISO minor units.

    Raises:
        InexactAmountError: when the value has digits that ISO 4217 does not know.
    """
    shift = EXPONENT[currency] - exponent
    if shift >= 0:
        return Money(value * int(10**shift), currency)
    whole, rest = divmod(value, int(10**-shift))
    if rest:
        msg = f"{value} at {exponent} digits is no whole number of {currency} minor units"
        raise InexactAmountError(msg)
    return Money(whole, currency)
