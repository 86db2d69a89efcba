"""Which merchant account checks a card, or opens a session for one: the plan of a charge, without an amount."""

from typing import Any, Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from hub.access.rules import Caller
from hub.errors import ProblemError
from hub.merchants.service import Connected
from hub.payments.opening import routing_body
from hub.payments.shell import Shell
from normalization.money import AMOUNT_MAX, Currency, Money
from normalization.tokens import CardFacts
from routing.accounts import Limits, MerchantAccount
from routing.facts import Chargeable, Facts
from routing.plan import plan

UNAVAILABLE_RETRY_S: Final = 30


class Asked(Struct, frozen=True, kw_only=True):
    """What routing may ask; `amount_minor` 0 is no amount, and keeps no account out."""

    caller: Caller
    reference: str
    currency: Currency
    chargeable: Chargeable
    amount_minor: int = 0
    country: str | None = None
    customer: str | None = None
    merchant_account: str | None = None
    card: CardFacts = CardFacts()


def choose(shell: Shell, asked: Asked, able: type[Any], to_do: str) -> list[Connected]:
    """List the accounts to ask, in order, whose adapters are *able* *to_do* it; one at least.

    Raises:
        ProblemError: no_merchant_account, merchant_accounts_unavailable.
    """
    snapshot = shell.directory.routing(livemode=asked.caller.livemode)
    accounts = tuple(_without_amounts(a, asked) for a in snapshot.accounts if asked.caller.may_use(a.id))
    decided = plan(
        _facts(shell, asked), replace(snapshot, accounts=accounts, open_circuits=shell.health.open_circuits())
    )
    considered = msgspec.to_builtins(routing_body(decided).considered)
    if decided.unavailable:
        raise ProblemError(
            "merchant_accounts_unavailable",
            "merchant accounts fit, but all of them are paused, draining or failing",
            retry_after=UNAVAILABLE_RETRY_S,
            extra={"considered": considered},
        )
    found = [shell.directory.connected(choice.merchant_account) for choice in decided.order]
    fitting = [connected for connected in found if connected is not None and isinstance(connected.adapter, able)]
    if not fitting:
        told = f"no merchant account that fits can {to_do}; `considered` says which fit"
        raise ProblemError("no_merchant_account", told, extra={"considered": considered})
    return fitting


def _facts(shell: Shell, asked: Asked) -> Facts:
    return Facts(
        livemode=asked.caller.livemode,
        money=Money(asked.amount_minor, asked.currency),
        reference=asked.reference,
        chargeable=asked.chargeable,
        hour_utc=shell.clock().hour,
        merchant_account=asked.merchant_account,
        country=asked.country,
        customer=asked.customer,
        card=asked.card,
    )


def _without_amounts(account: MerchantAccount, asked: Asked) -> MerchantAccount:
    if asked.amount_minor:
        return account
    ranges = None if account.amount_ranges is None else dict.fromkeys(account.amount_ranges, (0, AMOUNT_MAX))
    return replace(account, amount_ranges=ranges, limits=Limits())
