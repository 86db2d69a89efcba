"""`/v1/routing/health` and `/v1/routing/fees`: what routing knows of accounts besides what operators said of them."""

from litestar import get
from litestar.di import NamedDependency
from msgspec import Struct

from hub.access.guards import requires
from hub.access.rules import Caller
from hub.errors import problems
from hub.figures.days import COUNT
from hub.payments.shell import Shell
from normalization.money import Currency
from normalization.regions import Region
from routing.accounts import AccountStatus, MerchantAccount
from routing.costs import FeeDifference, fee_differences
from routing.evidence import Evidence, estimate
from routing.health import Circuit

READ = [requires("merchant_accounts:read")]


class Approval(Struct, frozen=True, kw_only=True):
    """How likely payments in a currency are approved, as a share of 1, by so many recent outcomes."""

    currency: str
    approval: float
    outcomes: float


class DayUsed(Struct, frozen=True, kw_only=True):
    """What an account took since midnight UTC beside its limits; `amounts` are minor units by currency."""

    count: int
    count_max: int | None
    amounts: dict[str, int]
    amount_max: int | None


class AccountHealth(Struct, frozen=True, kw_only=True):
    """What routing knows of one account now."""

    merchant_account: str
    status: AccountStatus
    circuit: Circuit
    approvals: list[Approval]
    chargeback_rate: float | None
    today: DayUsed


class RoutingHealth(Struct, frozen=True, kw_only=True):
    """Every account of the mode; `figures` is the version that payments decided now are stored with."""

    figures: int
    data: list[AccountHealth]


class ScheduleRow(Struct, frozen=True, kw_only=True):
    """What the account's schedule says."""

    percent_bps: int
    fixed_minor: int


class LearnedRow(Struct, frozen=True, kw_only=True):
    """What so many settled lines show."""

    percent_ppm: int
    fixed_minor: int
    lines: int


class More(Struct, frozen=True, kw_only=True):
    """How much more was charged than the schedule says."""

    percent_ppm: int
    fixed_minor: int


class FeeShown(Struct, frozen=True, kw_only=True):
    """One kind of card at one account; null is any. `percent_ppm` is in millionths of the amount."""

    merchant_account: str
    currency: Currency | None
    card_brand: str | None
    card_funding: str | None
    card_region: Region | None
    schedule: ScheduleRow | None
    learned: LearnedRow | None
    difference: More | None


class Fees(Struct, frozen=True):
    """Every row of every account's schedule, and every fee learned."""

    data: list[FeeShown]


@get("/v1/routing/health", guards=READ, tags=["routing"], responses=problems())
async def routing_health(caller: NamedDependency[Caller], shell: NamedDependency[Shell]) -> RoutingHealth:
    """Show of each account whether it answers, what it approves, and how much of its limits is used."""
    figures = shell.figures.figures(livemode=caller.livemode)
    return RoutingHealth(
        figures=figures.version,
        data=[
            AccountHealth(
                merchant_account=account.id,
                status=account.status,
                circuit=shell.health.circuit_of(account.id),
                approvals=_approvals(figures.evidence, account.id),
                chargeback_rate=figures.chargebacks.get(account.id),
                today=_today(account, shell.figures.used_today(account.id)),
            )
            for account in _accounts(shell, caller)
        ],
    )


@get("/v1/routing/fees", guards=READ, tags=["routing"], responses=problems())
async def routing_fees(caller: NamedDependency[Caller], shell: NamedDependency[Shell]) -> Fees:
    """Hold each account's fee schedule against what settlements showed."""
    learned = shell.figures.figures(livemode=caller.livemode).learned_fees
    return Fees(
        [
            _fee(account.id, one)
            for account in _accounts(shell, caller)
            for one in fee_differences(account.fees, learned.get(account.id, ()))
        ]
    )


def _accounts(shell: Shell, caller: Caller) -> list[MerchantAccount]:
    listed = shell.directory.routing(livemode=caller.livemode).accounts.accounts
    return sorted((one for one in listed if caller.may_use(one.id)), key=lambda one: one.id)


def _approvals(evidence: Evidence, account: str) -> list[Approval]:
    currencies = sorted(group[0] for group, name in evidence.tallies if name == account and len(group) == 1)
    found = []
    for currency in currencies:
        told = estimate(evidence, account, ((), (currency,)))
        found.append(Approval(currency=currency, approval=round(told.approval, 4), outcomes=round(told.outcomes, 1)))
    return found


def _today(account: MerchantAccount, used: dict[str, int]) -> DayUsed:
    return DayUsed(
        count=used.get(COUNT, 0),
        count_max=account.limits.daily_count_max,
        amounts={currency: minor for currency, minor in used.items() if currency != COUNT},
        amount_max=account.limits.daily_amount_max,
    )


def _fee(account: str, told: FeeDifference) -> FeeShown:
    fee, learned = told.scheduled, told.learned
    kind = learned or fee
    more = None
    if told.percent_ppm is not None and told.fixed_minor is not None:
        more = More(percent_ppm=told.percent_ppm, fixed_minor=told.fixed_minor)
    return FeeShown(
        merchant_account=account,
        currency=kind.currency if kind else None,
        card_brand=learned.card_brand if learned else None,
        card_funding=learned.card_funding if learned else None,
        card_region=kind.card_region if kind else None,
        schedule=ScheduleRow(percent_bps=fee.percent_bps, fixed_minor=fee.fixed_minor) if fee else None,
        learned=LearnedRow(percent_ppm=learned.percent_ppm, fixed_minor=learned.fixed_minor, lines=learned.lines)
        if learned
        else None,
        difference=more,
    )


HANDLERS = [routing_health, routing_fees]
