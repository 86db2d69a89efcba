"""Whether one merchant account can take one payment, and if not, why: one word, the first that applies.

What lies in the request comes before what lies in the account's present state, so that an account left out
for its state is known to fit otherwise.
"""

from enum import StrEnum
from typing import Final

from normalization.money import Money
from normalization.regions import REGION, Region, countries_of
from routing.accounts import AccountStatus, MerchantAccount
from routing.facts import Facts


class Reason(StrEnum):
    """Why an account is left out, in the order in which they are looked at."""

    MODE = "mode"  # Test account for a live payment, or the reverse.
    CURRENCY = "currency"  # The account, or its processor, does not take the currency.
    REGION = "region"  # The account takes no country of the payer's region.
    COUNTRY = "country"  # It takes others of the region, or the payment does not tell its country.
    BRAND = "brand"  # The account serves other brands.
    RISK_SCORE = "risk_score"  # Outside the account's bounds, or not told where the lower bound is above 0.
    TOKEN = "token"  # Nothing the account could charge. # noqa: S105 - the API's word, no password
    AMOUNT = "amount"  # Outside the processor's range, or above the account's largest ticket.
    RECURRING = "recurring"  # The account takes only recurring payments, or only single ones.
    PINNED = "pinned"  # The request names another account.
    NOT_IN_RULE = "not_in_rule"  # The rule that decided does not use the account.
    LIMITS = "limits"  # The account's daily count or amount is used up.
    PAUSED = "paused"  # An operator stopped it.
    DRAINING = "draining"  # It finishes what it holds and takes nothing new.
    CIRCUIT_OPEN = "circuit_open"  # Too many technical failures just now.


PASSING: Final = frozenset({Reason.PAUSED, Reason.DRAINING, Reason.CIRCUIT_OPEN})
"""The reasons that lie in the account's state alone: the same payment may be taken later."""

_COUNTRIES: Final = {region: countries_of(region) for region in Region}
_STATUS: Final = {AccountStatus.PAUSED: Reason.PAUSED, AccountStatus.DRAINING: Reason.DRAINING}


def unfit(account: MerchantAccount, facts: Facts) -> Reason | None:
    """Say why *account* cannot take a payment with *facts*, whatever its state; None where it can."""
    if account.livemode is not facts.livemode:
        return Reason.MODE
    if not _takes_currency(account, facts.money):
        return Reason.CURRENCY
    if account.countries and facts.country not in account.countries:
        return _place(account, facts.country)
    if account.brands and facts.brand not in account.brands:
        return Reason.BRAND
    if not _takes_risk(account, facts.risk_score):
        return Reason.RISK_SCORE
    if account.processor not in facts.chargeable.processors and account.id not in facts.chargeable.accounts:
        return Reason.TOKEN
    if not _takes_amount(account, facts.money):
        return Reason.AMOUNT
    if account.recurring is not None and account.recurring is (facts.recurring is None):
        return Reason.RECURRING
    return None


def unavailable(
    account: MerchantAccount, limits_reached: frozenset[str], open_circuits: frozenset[str]
) -> Reason | None:
    """Say why *account* takes no payment just now; None where it does."""
    if account.id in limits_reached:
        return Reason.LIMITS
    if account.status is not AccountStatus.ACTIVE:
        return _STATUS[account.status]
    return Reason.CIRCUIT_OPEN if account.id in open_circuits else None


def _takes_currency(account: MerchantAccount, money: Money) -> bool:
    if account.currencies and money.currency not in account.currencies:
        return False
    return account.amount_ranges is None or money.currency in account.amount_ranges


def _place(account: MerchantAccount, country: str | None) -> Reason:
    region = REGION.get(country or "")
    if region is not None and account.countries.isdisjoint(_COUNTRIES[region]):
        return Reason.REGION
    return Reason.COUNTRY


def _takes_risk(account: MerchantAccount, score: int | None) -> bool:
    if score is None:
        return account.risk_min == 0
    return account.risk_min <= score <= account.risk_max


def _takes_amount(account: MerchantAccount, money: Money) -> bool:
    if account.limits.ticket_max is not None and money.minor > account.limits.ticket_max:
        return False
    if account.amount_ranges is None:
        return True
    smallest, largest = account.amount_ranges[money.currency]
    return smallest <= money.minor <= largest
