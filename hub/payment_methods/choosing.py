"""Which merchant account checks a card, or opens a session for one: the plan of a charge, without an amount."""

from typing import Any

from msgspec import Struct

from hub.access.rules import Caller
from hub.merchants.service import Connected
from hub.payments.planning import allowed, nowhere
from hub.payments.shell import Shell
from normalization.money import Currency, Money
from normalization.tokens import CardFacts
from routing.facts import Chargeable, Facts
from routing.plan import plan


class Asked(Struct, frozen=True, kw_only=True):
    """What routing may ask; `amount_minor` 0 is no amount, and keeps no account out, nor do daily limits then."""

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
    facts = _facts(shell, asked)
    decided = plan(facts, allowed(shell, asked.caller, facts.money if facts.money.minor else None))
    found = [shell.directory.connected(choice.merchant_account) for choice in decided.order]
    fitting = [connected for connected in found if connected is not None and isinstance(connected.adapter, able)]
    if not fitting:
        raise nowhere(decided, f"no merchant account that fits can {to_do}")
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
