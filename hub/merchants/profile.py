"""What an operator says of a merchant account, besides its name and its credentials."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Literal, get_args

from msgspec import Meta, Struct

from normalization.money import AMOUNT_MAX, Currency
from normalization.regions import REGION, Region, countries_of
from routing.accounts import AccountStatus, Fee, Limits, MerchantAccount

Amount = Annotated[int, Meta(ge=0, le=AMOUNT_MAX)]
Risk = Annotated[int, Meta(ge=0, le=100)]
Country = Annotated[str, Meta(min_length=2, max_length=2, description="ISO 3166-1 alpha-2")]
Brand = Annotated[str, Meta(min_length=1, max_length=64)]


FeeKind = Literal["charge", "refund", "chargeback", "decline"]
"""What a fee is charged for."""


class FeeRow(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One row of a fee schedule; of the rows of its kind the first that fits counts."""

    kind: FeeKind = "charge"
    currency: Currency | None = None
    card_region: Region | None = None
    percent_bps: Annotated[int, Meta(ge=0, le=10_000)] = 0
    fixed_minor: Amount = 0


class LimitsGiven(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Bounds on what an account takes, in minor units of each currency."""

    ticket_max: Annotated[int, Meta(ge=1, le=AMOUNT_MAX)] | None = None
    daily_count_max: Annotated[int, Meta(ge=1, le=AMOUNT_MAX)] | None = None
    daily_amount_max: Annotated[int, Meta(ge=1, le=10**15)] | None = None


class Tolerances(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How far a settlement may differ from what was expected before it is an exception."""

    fee_minor: Amount = 0
    fx_bps: Annotated[int, Meta(ge=0, le=10_000)] = 0
    late_days: Annotated[int, Meta(ge=0, le=60)] = 2


class Profile(Struct, frozen=True, kw_only=True):
    """Which payments an account takes, what it costs and when it settles; an empty list means any."""

    region: Region | None = None
    countries: Annotated[list[Country], Meta(max_length=300)] = []
    currencies: Annotated[list[Currency], Meta(max_length=300)] = []
    brands: Annotated[list[Brand], Meta(max_length=100)] = []
    risk_min: Risk = 0
    risk_max: Risk = 100
    recurring: bool | None = None
    fees: Annotated[list[FeeRow], Meta(max_length=100)] = []
    settlement_currency: Currency | None = None
    settlement_days: Annotated[int, Meta(ge=0, le=60)] = 2
    limits: LimitsGiven = LimitsGiven()
    tolerances: Tolerances = Tolerances()
    holidays: Annotated[list[date], Meta(max_length=400)] = []

    def __post_init__(self) -> None:
        if self.risk_min > self.risk_max:
            raise ValueError("risk_min: must not be more than risk_max")
        if not REGION.keys() >= set(self.countries):
            raise ValueError("countries: holds what is no ISO 3166-1 alpha-2 code in upper case, such as DE")


class Terms(Struct, frozen=True, kw_only=True):
    """What of an account decides when and how much it settles.

    `fees` are those of charges, `other_fees` those of anything else, by their kind. `holidays` are days, besides
    Saturdays and Sundays, on which nothing is paid out.
    """

    fees: tuple[Fee, ...]
    settlement_days: int
    settlement_currency: Currency | None
    tolerances: Tolerances
    other_fees: Mapping[str, tuple[Fee, ...]] = {}
    holidays: frozenset[date] = frozenset()


def terms_of(profile: Profile) -> Terms:
    """Take from *profile* what settlement goes by."""
    return Terms(
        fees=_fees(profile),
        settlement_days=profile.settlement_days,
        settlement_currency=profile.settlement_currency,
        tolerances=profile.tolerances,
        other_fees={kind: fees for kind in get_args(FeeKind) if kind != "charge" and (fees := _fees(profile, kind))},
        holidays=frozenset(profile.holidays),
    )


def account_of(
    profile: Profile,
    *,
    id: str,
    name: str,
    processor: str,
    livemode: bool,
    status: AccountStatus,
    amount_ranges: dict[Currency, tuple[int, int]] | None,
    connected: bool = True,
) -> MerchantAccount:
    """Make the account as routing sees it."""
    region = countries_of(profile.region) if profile.region else frozenset()
    limits = profile.limits
    return MerchantAccount(
        id=id,
        name=name,
        processor=processor,
        livemode=livemode,
        status=status,
        countries=frozenset(profile.countries) | region,
        currencies=frozenset(profile.currencies),
        brands=frozenset(profile.brands),
        risk_min=profile.risk_min,
        risk_max=profile.risk_max,
        recurring=profile.recurring,
        fees=_fees(profile),
        limits=Limits(
            ticket_max=limits.ticket_max,
            daily_count_max=limits.daily_count_max,
            daily_amount_max=limits.daily_amount_max,
        ),
        amount_ranges=amount_ranges,
        connected=connected,
    )


def _fees(profile: Profile, kind: FeeKind = "charge") -> tuple[Fee, ...]:
    return tuple(
        Fee(
            currency=row.currency,
            card_region=row.card_region,
            percent_bps=row.percent_bps,
            fixed_minor=row.fixed_minor,
        )
        for row in profile.fees
        if row.kind == kind
    )
