"""What a caller's request may be planned over, and the refusal where no merchant account is left."""

from typing import Final

import msgspec
from msgspec.structs import replace

from hub.access.rules import Caller
from hub.errors import ProblemError
from hub.payments.opening import routing_body
from hub.payments.shell import Shell
from hub.rulesets.deciding import STAND_IN
from normalization.money import Money
from routing.account_index import State
from routing.accounts import AccountStatus
from routing.plan import Plan, Snapshot

UNAVAILABLE_RETRY_S: Final = 30
"""How long a caller waits before asking again, where accounts fit and none can be used."""


def allowed(shell: Shell, caller: Caller, money: Money | None = None) -> Snapshot:
    """Give what routing looks at: the accounts that *caller* may use, which of them fail just now, and figures.

    Daily limits are looked at where there is *money* to charge: a card may be checked on any day.
    """
    livemode = caller.livemode
    snapshot = shell.directory.routing(livemode=livemode)
    state = State(
        limits_reached=shell.figures.limits_reached(snapshot, money, livemode=livemode) if money else frozenset(),
        open_circuits=shell.health.open_circuits(),
    )
    snapshot = replace(snapshot, state=state, figures=shell.figures.figures(livemode=livemode))
    if caller.merchant_accounts is None:
        return snapshot
    return replace(snapshot, allowed=caller.merchant_accounts)


def still_open(shell: Shell, caller: Caller, money: Money, decided: Plan) -> Plan:
    """Take out of *decided* what was paused, drained, used up or found failing since: an attempt can take long."""
    now = allowed(shell, caller, money)
    active = {account.id for account in now.accounts.accounts if account.status is AccountStatus.ACTIVE}
    usable = active - now.state.limits_reached - now.state.open_circuits
    return replace(decided, order=tuple(choice for choice in decided.order if choice.merchant_account in usable))


def nowhere(decided: Plan, why: str) -> ProblemError:
    """Refuse with the reason for each account; *why* is said where none fits, not where those that fit are away."""
    considered = {"considered": msgspec.to_builtins(routing_body(decided).considered)}
    told = "merchant accounts fit, but all of them are paused, draining, not connected or failing"
    if decided.version == STAND_IN:
        told = f"{decided.ruleset} should decide, and this process cannot read it; `hub doctor` says why"
    elif not decided.unavailable:
        return ProblemError("no_merchant_account", f"{why}; `considered` says why for each", extra=considered)
    return ProblemError("merchant_accounts_unavailable", told, retry_after=UNAVAILABLE_RETRY_S, extra=considered)
