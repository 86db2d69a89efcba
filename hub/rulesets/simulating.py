"""What routing would decide of a payment, and why; nothing is charged and nothing is stored."""

import asyncio
from datetime import datetime
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from adapters.contract import Recurring
from hub.access.rules import Caller
from hub.errors import FieldError, ProblemError
from hub.idempotency.store import Key
from hub.payment_methods.store import Means
from hub.payments.answers import RoutingBody
from hub.payments.asked import Amount, CountryCode, Metadata, PaymentRequest, RiskFacts, Text, check_country
from hub.payments.figuring import with_counts
from hub.payments.opening import Charge, facts_of, routing_body
from hub.payments.planning import allowed
from hub.payments.shell import Shell
from hub.payments.standing import standing
from hub.rulesets import reading, store
from normalization.declines import DeclineCode
from normalization.money import Currency, Money
from normalization.tokens import CardFacts, ProcessorToken
from routing.facts import Facts
from routing.plan import Plan, Snapshot, plan
from routing.rules import Authentication

Outcome = Literal["routed", "refused", "no_merchant_account", "merchant_accounts_unavailable"]
SIMULATED: Final = "simulated"
"""What stands for a payment method that the request does not name."""


class CardAsked(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is supposed to be known of a card, where no payment method is named."""

    brand: Annotated[str, Meta(pattern=r"^[a-z0-9_]{1,40}\Z")] | None = None
    funding: Literal["credit", "debit", "prepaid"] | None = None
    country: CountryCode | None = None
    bin: Annotated[str, Meta(pattern=r"^[0-9]{6,8}\Z")] | None = None


class SimulationRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A payment as `POST /v1/payments` takes it, as far as routing asks; `ruleset` tries one that does not decide.

    The means of payment is a `payment_method`, or a `card` with the `processors` that could charge it: all of them
    where none are named. `hour_utc` is the present hour, where it is left out.
    """

    amount: Amount
    currency: Currency
    reference: Text = "simulation"
    payment_method: Text | None = None
    card: CardAsked | None = None
    processors: tuple[Text, ...] | None = None
    customer: Text | None = None
    country: CountryCode | None = None
    risk_score: Annotated[int, Meta(ge=0, le=100)] | None = None
    risk: RiskFacts | None = None
    brand: Text | None = None
    off_session: bool = False
    recurring: Recurring | None = None
    metadata: Metadata = {}
    merchant_account: Text | None = None
    hour_utc: Annotated[int, Meta(ge=0, le=23)] | None = None
    ruleset: Text | None = None

    def __post_init__(self) -> None:
        if self.payment_method is not None and (self.card is not None or self.processors is not None):
            raise ValueError("card: goes with processors, and neither with payment_method")
        for country in (self.country, self.card.country if self.card else None):
            if country is not None:
                check_country(country)


class SimulationBody(Struct, frozen=True, kw_only=True):
    """What would be decided: `routing` as a payment shows it, `facts` as the rules would see them."""

    object: Literal["simulation"] = "simulation"
    livemode: bool
    outcome: Outcome
    refusal: DeclineCode | None
    authentication: Authentication
    routing: RoutingBody
    facts: dict[str, Any]


async def simulate(shell: Shell, caller: Caller, asked: SimulationRequest, at: datetime) -> SimulationBody:
    """Plan as a charge would be planned now.

    Raises:
        ProblemError: validation_failed for a payment method or ruleset that is none of the caller's mode.
    """
    facts = facts_of(await _charge(shell, caller, asked, at), at)
    if asked.hour_utc is not None:
        facts = replace(facts, hour_utc=asked.hour_utc)
    snapshot = await _snapshot(shell, caller, asked.ruleset, facts.money)
    facts = await with_counts(shell, facts, asked.payment_method, snapshot)
    return simulated(_told(facts, caller), plan(facts, snapshot))


def simulated(facts: Facts, decided: Plan) -> SimulationBody:
    """Show what was decided."""
    return SimulationBody(
        livemode=facts.livemode,
        outcome=_outcome(decided),
        refusal=decided.refusal,
        authentication=decided.authentication,
        routing=routing_body(decided),
        facts=msgspec.to_builtins(facts),
    )


def _told(facts: Facts, caller: Caller) -> Facts:
    """Leave out the accounts that *caller* may not hear of: a token can be bound to one of them."""
    if caller.merchant_accounts is None:
        return facts
    bound = tuple(one for one in facts.chargeable.accounts if one in caller.merchant_accounts)
    return replace(facts, chargeable=replace(facts.chargeable, accounts=bound))


def _outcome(decided: Plan) -> Outcome:
    if decided.refusal is not None:
        return "refused"
    if decided.order:
        return "routed"
    return "merchant_accounts_unavailable" if decided.unavailable else "no_merchant_account"


async def _snapshot(shell: Shell, caller: Caller, ruleset_id: str | None, money: Money) -> Snapshot:
    snapshot = allowed(shell, caller, money)
    if ruleset_id is None:
        return snapshot
    async with shell.database.reading() as connection:
        row = await store.ruleset(connection, livemode=caller.livemode, ruleset_id=ruleset_id)
    if row is None:
        raise _invalid("ruleset", "is no ruleset of this mode; GET /v1/routing/rulesets lists them")
    # Beside the charges: hundreds of rules take a while.
    compiled = await asyncio.to_thread(reading.compiled, row["document"], id=row["id"], version=row["version"])
    return replace(snapshot, ruleset=compiled, rollout=None)


async def _charge(shell: Shell, caller: Caller, asked: SimulationRequest, at: datetime) -> Charge:
    """Make the charge that is not carried out."""
    return Charge(
        request=PaymentRequest(
            amount=asked.amount,
            currency=asked.currency,
            reference=asked.reference,
            payment_method=asked.payment_method or SIMULATED,
            customer=asked.customer,
            country=asked.country,
            risk_score=asked.risk_score,
            risk=asked.risk,
            brand=asked.brand,
            off_session=asked.off_session,
            recurring=asked.recurring,
            metadata=asked.metadata,
            merchant_account=asked.merchant_account,
        ),
        caller=caller,
        key=Key(key="", fingerprint=b"", location=""),
        payment_id="",
        request_id="",
        began_at=at,
        means=await _means(shell, caller, asked),
    )


async def _means(shell: Shell, caller: Caller, asked: SimulationRequest) -> Means:
    if asked.payment_method is not None:
        found = (await standing(shell.database, "", "", asked.payment_method, livemode=caller.livemode)).means
        if found is None or found.deleted:
            raise _invalid("payment_method", "is none of this mode")
        if found.customer is not None and asked.customer not in {None, found.customer}:
            raise _invalid("customer", "is not whose payment method this is; name its own customer or none")
        return found
    processors = asked.processors
    if processors is None:
        accounts = shell.directory.routing(livemode=caller.livemode).accounts.accounts
        processors = tuple(sorted({account.processor for account in accounts}))
    card = asked.card or CardAsked()
    return Means(
        version=None,
        tokens=tuple(ProcessorToken(processor=processor, token=SIMULATED) for processor in processors),
        card=CardFacts(brand=card.brand, funding=card.funding, country=card.country, bin=card.bin),
        customer=None,
        deleted=False,
    )


def _invalid(name: str, told: str) -> ProblemError:
    return ProblemError("validation_failed", "the payment cannot be simulated", errors=[FieldError(name, told)])
