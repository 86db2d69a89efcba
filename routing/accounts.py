"""A merchant account as routing sees it."""

from enum import StrEnum

from msgspec import Struct

from normalization.money import Currency
from normalization.regions import Region


class AccountStatus(StrEnum):
    """Whether new payments may go to an account."""

    ACTIVE = "active"
    DRAINING = "draining"  # Finishes what it holds, takes nothing new.
    PAUSED = "paused"


class Fee(Struct, frozen=True, kw_only=True):
    """One row of an account's fee schedule; the first that fits counts.

    `percent_bps` is in hundredths of a percent, `fixed_minor` in the payment's currency.
    """

    currency: Currency | None = None
    card_region: Region | None = None
    percent_bps: int = 0
    fixed_minor: int = 0


class Limits(Struct, frozen=True, kw_only=True):
    """Bounds on what an account takes, in ISO minor units of each currency; None means unbounded."""

    ticket_max: int | None = None
    daily_count_max: int | None = None
    daily_amount_max: int | None = None


class MerchantAccount(Struct, frozen=True, kw_only=True):
    """Our account at one processor. An empty set means "any".

    `countries` already holds the countries of the account's region. `amount_ranges` is what the processor
    takes per currency, smallest and largest, in ISO minor units; a currency that is missing there is not
    taken, None means all. One that is not `connected` cannot be used by the process that asks.
    """

    id: str
    name: str
    processor: str
    livemode: bool
    status: AccountStatus = AccountStatus.ACTIVE
    countries: frozenset[str] = frozenset()
    currencies: frozenset[Currency] = frozenset()
    brands: frozenset[str] = frozenset()
    risk_min: int = 0
    risk_max: int = 100
    recurring: bool | None = None  # None: takes both; True: only recurring payments; False: only single ones.
    fees: tuple[Fee, ...] = ()
    limits: Limits = Limits()
    amount_ranges: dict[Currency, tuple[int, int]] | None = None
    settlement_days: int = 2
    connected: bool = True
