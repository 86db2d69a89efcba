"""
What an account pays its processor, when its money settles and in which currency. Pure.

Settings of an account (PUT /_control/accounts/{account}) say otherwise than usual: `fees`, `settlement_days`,
`settlement_currency`, `rates`, `time_zone`.
"""

from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from msgspec import Struct

from hub.sandbox.book import Body

DAY_S = 86_400
WHOLE_BPS = 10_000


class TermsError(ValueError):
    """The account's settings cannot be settled by; the message says which."""


class Fees(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    What is charged: for a charge a part of it and a fixed sum, for a chargeback a fixed sum.

    `blended` pricing is one sum, `interchange` tells interchange, scheme fees and markup apart.
    """

    percent_bps: int = 290
    fixed_minor: int = 30
    dispute_minor: int = 1500
    pricing: Literal["blended", "interchange"] = "blended"

    def of_charge(self, gross_minor: int) -> int:
        """Return what charging *gross_minor* costs."""
        part = Decimal(gross_minor * self.percent_bps) / WHOLE_BPS
        return int(part.to_integral_value(ROUND_HALF_EVEN)) + self.fixed_minor


class Terms(Struct, frozen=True, kw_only=True):
    """
    How an account settles.

    Without a `settlement_currency` each currency is paid out as it is; with one, those that `rates` has a price for, in
    the settlement currency, are converted.
    """

    fees: Fees = Fees()
    settlement_days: float = 2
    settlement_currency: str = ""
    rates: dict[str, str] = {}
    time_zone: str = "UTC"

    def rate(self, currency: str) -> str:
        """Return by what an amount in a currency is multiplied."""
        converts = self.settlement_currency not in {"", currency}
        return self.rates.get(currency, "") if converts else ""

    def zone(self) -> ZoneInfo:
        """Return the account's time zone."""
        return ZoneInfo(self.time_zone)


def read(settings: Body, usual: Terms) -> Terms:
    """
    Return an account's terms: its settings where they say something, else the processor's usual ones.

    Raises:
        TermsError: when a setting cannot be read.

    """
    said: dict[str, Any] = {name: settings[name] for name in Terms.__struct_fields__ if name in settings}
    fees = {**msgspec.to_builtins(usual.fees), **said.get("fees", {})}
    try:
        terms = msgspec.convert({**msgspec.to_builtins(usual), **said, "fees": fees}, Terms)
        terms.zone()
        for rate in terms.rates.values():
            Decimal(rate)
    except (msgspec.ValidationError, ValueError, ZoneInfoNotFoundError, InvalidOperation) as error:
        raise TermsError(f"the account's settings: {error}") from error
    return terms


def converted(minor: int, rate: str, digits: int, digits_then: int) -> int:
    """Return an amount in another currency's minor units; *digits* and *digits_then* are the decimals of both."""
    exact = (Decimal(minor) * Decimal(rate)).scaleb(digits_then - digits)
    return int(exact.to_integral_value(ROUND_HALF_EVEN))


def major(minor: int, digits: int) -> str:
    """Write minor units as a decimal number."""
    return format(Decimal(minor).scaleb(-digits), f".{digits}f")
