"""What a rule may ask about a payment.

`Facts` is the payment as routing saw it, stored with the attempt so that a decision can be explained later.
It holds no token and no card number: only where the means of payment can be charged.
"""

import re
from collections.abc import Callable, Iterable
from typing import Final

from msgspec import Struct

from normalization.money import AMOUNT_MAX, EXPONENT, Currency, Money
from normalization.regions import REGION, Region
from normalization.tokens import CardFacts, ProcessorToken
from routing.rates import NO_RATES, PREFIX, Rates, converter

Value = str | int | float | bool

RISK_SCORE_MAX: Final = 100
CONVERTED_MAX: Final = 10**15
COUNTED_MAX: Final = 1_000_000
VELOCITY: Final = "velocity."
DECLINES: Final = "declines."
SUBJECTS: Final = ("payment_method", "customer", "device")
"""By what attempts are counted; the device is the caller's `risk.device_id`."""
WINDOWS_H: Final = {"1h": 1, "24h": 24}
"""How far back they are counted, in hours."""
COUNTED: Final = frozenset(
    f"{kind}{of}.{window}" for kind in (VELOCITY, DECLINES) for of in SUBJECTS for window in WINDOWS_H
)
"""The facts that the hub counts itself."""
SINGLE: Final = ""
"""What the fact `recurring` holds for a payment that is part of no series: known, and equal to nothing."""


class Chargeable(Struct, frozen=True):
    """Where the means of payment can be charged: every account of a processor, or single accounts by id."""

    processors: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()


def chargeable_by(tokens: Iterable[ProcessorToken]) -> Chargeable:
    """Say where a payment method with *tokens* can be charged."""
    listed = tuple(tokens)
    general = {token.processor for token in listed if token.merchant_account is None}
    bound = {token.merchant_account for token in listed if token.merchant_account is not None}
    return Chargeable(tuple(sorted(general)), tuple(sorted(bound)))


class Facts(Struct, frozen=True, kw_only=True):
    """One payment as routing sees it; None is "not known", and an amount of 0 is none and fits every account.

    `reference` is the caller's, and what a split draws by. `chargeable` for one-time data is the processor
    that made it. `recurring` is initial or subsequent, None for a single payment. `merchant_account` pins one
    account. `hour_utc` is 0 to 23. `counted` is what the hub had counted before this payment, by the fact's name.
    """

    livemode: bool
    money: Money
    reference: str
    chargeable: Chargeable
    hour_utc: int
    merchant_account: str | None = None
    country: str | None = None
    brand: str | None = None
    risk_score: int | None = None
    risk: dict[str, Value | None] = {}
    card: CardFacts = CardFacts()
    recurring: str | None = None
    off_session: bool = False
    customer: str | None = None
    metadata: dict[str, str] = {}
    counted: dict[str, int] = {}


class Fact(Struct, frozen=True, kw_only=True):
    """One fact of the rule language: how it is read, which operators and values fit it."""

    read: Callable[[Facts], Value | None]
    operators: tuple[str, ...]
    fits: Callable[[Value], bool]
    wants: str  # Completes the sentence "this fact is compared with ...".
    begins: Callable[[Value], bool] | None = None  # What `starts_with` is given, where that is among the operators.

    def takes(self, operator: str, value: Value) -> bool:
        """Say whether *value* can be compared with by *operator*, which is one of this fact's."""
        fits = self.begins if operator == STARTS_WITH and self.begins is not None else self.fits
        return fits(value)


EQUALITY: Final = ("eq", "ne", "in", "not_in")
ORDER: Final = ("lt", "lte", "gt", "gte")
STARTS_WITH: Final = "starts_with"
_ALL: Final = (*EQUALITY, *ORDER)


def _whole(read: Callable[[Facts], Value | None], low: int, high: int, unit: str) -> Fact:
    return Fact(
        read=read,
        operators=_ALL,
        fits=lambda value: type(value) is int and low <= value <= high,
        wants=f"a whole number from {low} to {high}, {unit}",
    )


def _words(read: Callable[[Facts], Value | None], words: Iterable[str], wants: str) -> Fact:
    known = frozenset(map(str, words))
    return Fact(read=read, operators=EQUALITY, fits=lambda value: value in known, wants=wants)


def _text(read: Callable[[Facts], Value | None], pattern: str, wants: str) -> Fact:
    form = re.compile(pattern, re.DOTALL)
    return Fact(
        read=read,
        operators=EQUALITY,
        fits=lambda value: isinstance(value, str) and form.fullmatch(value) is not None,
        wants=wants,
    )


def _digits(least: int, most: int) -> Callable[[Value], bool]:
    form = re.compile(f"[0-9]{{{least},{most}}}", re.ASCII)
    return lambda value: isinstance(value, str) and form.fullmatch(value) is not None


_COUNTRY: Final = 'an ISO 3166-1 alpha-2 code in capitals, such as "DE"'

FACTS: Final[dict[str, Fact]] = {
    "amount": _whole(lambda f: f.money.minor, 0, AMOUNT_MAX, "in the currency's minor unit"),
    "currency": _words(lambda f: f.money.currency, Currency, 'an ISO 4217 code in capitals, such as "EUR"'),
    "country": _words(lambda f: f.country, REGION, _COUNTRY),
    "region": _words(
        lambda f: REGION.get(f.country or ""), Region, f"one of {', '.join(Region)}; follows from country"
    ),
    "brand": _text(lambda f: f.brand, ".+", 'the caller\'s own brand, as text such as "acme"'),
    "risk_score": _whole(lambda f: f.risk_score, 0, RISK_SCORE_MAX, "the caller's own score"),
    "card.brand": _text(lambda f: f.card.brand, "[a-z0-9_]+", 'the network in lower case, such as "visa"'),
    "card.funding": _words(lambda f: f.card.funding, ("credit", "debit", "prepaid"), "one of credit, debit, prepaid"),
    "card.country": _words(lambda f: f.card.country, REGION, f"the issuer's country, {_COUNTRY}"),
    "card.bin": Fact(
        read=lambda f: f.card.bin,
        operators=(*EQUALITY, STARTS_WITH),
        fits=_digits(6, 8),
        begins=_digits(1, 8),
        wants="the card's first six to eight digits as text, all that are known; starts_with: one to eight of them",
    ),
    "recurring": _words(
        lambda f: f.recurring or SINGLE,
        ("initial", "subsequent"),
        "one of initial, subsequent; a single payment equals neither and does not exist",
    ),
    "off_session": Fact(
        read=lambda f: f.off_session,
        operators=("eq", "ne"),
        fits=lambda value: isinstance(value, bool),
        wants="true or false",
    ),
    "customer": _text(lambda f: f.customer, ".+", "a customer's id as text"),
    "hour_utc": _whole(lambda f: f.hour_utc, 0, 23, "the hour of the day in UTC"),
}
"""The facts with a fixed name."""


def _risk(key: str, _rates: Rates) -> Fact:
    return Fact(
        read=lambda f: f.risk.get(key),
        operators=_ALL,
        fits=lambda _: True,
        wants="text, a number, or true or false, as the caller sends it",
    )


def _metadata(key: str, _rates: Rates) -> Fact:
    return _text(lambda f: f.metadata.get(key), ".*", "text")


def _amount_in(code: str, rates: Rates) -> Fact | None:
    if code not in EXPONENT:
        return None
    convert = converter(rates, Currency(code))
    unit = "the amount in that currency's minor unit, rounded down, by the ruleset's `rates`"
    return _whole(lambda f: convert(f.money), 0, CONVERTED_MAX, unit)


def _velocity(key: str, _rates: Rates) -> Fact | None:
    return _count(f"{VELOCITY}{key}", "attempts of the same payment method, customer or device before this payment")


def _declines(key: str, _rates: Rates) -> Fact | None:
    return _count(f"{DECLINES}{key}", "declined ones among those")


def _count(name: str, unit: str) -> Fact | None:
    return _whole(lambda f: f.counted.get(name), 0, COUNTED_MAX, unit) if name in COUNTED else None


class Family(Struct, frozen=True):
    """Facts whose name goes on after a prefix in the form that `rest` shows; not every rest makes one."""

    rest: str
    make: Callable[[str, Rates], Fact | None]


FAMILIES: Final[dict[str, Family]] = {
    PREFIX: Family("<currency>", _amount_in),
    VELOCITY: Family("<of>.<window>", _velocity),
    DECLINES: Family("<of>.<window>", _declines),
    "risk.": Family("<key>", _risk),
    "metadata.": Family("<key>", _metadata),
}
"""The facts that are more than one, by the part of their names that they share."""


def find_fact(name: str, rates: Rates = NO_RATES) -> Fact | None:
    """Find the fact called *name*, which converts by *rates* where it does; None where there is none."""
    if name in FACTS:
        return FACTS[name]
    for prefix, family in FAMILIES.items():
        if name.startswith(prefix) and name != prefix:
            return family.make(name.removeprefix(prefix), rates)
    return None
