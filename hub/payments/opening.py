"""From a request and a plan to the rows of the first commit; pure."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from adapters.contract import ATTEMPT_PREFIX, Authentication, Authorize, Routed
from hub.access.rules import Caller
from hub.idempotency.store import Key
from hub.ids import new_id
from hub.payment_methods.store import Means
from hub.payments.answers import ConsideredBody, RoutingBody
from hub.payments.asked import PaymentRequest
from hub.payments.states import OperationState, OperationStatus, Payment, Status
from hub.retries.rules import GOOD, Permit
from normalization.declines import Decline
from normalization.money import Money
from normalization.outcome import Operation
from normalization.regions import REGION
from normalization.tokens import CardFacts, token_for
from routing.account_index import Choice
from routing.facts import Chargeable, Facts, chargeable_by
from routing.failover import Next
from routing.plan import Plan

NOTHING_STORED: Final = Means(version=None, tokens=(), card=CardFacts(), customer=None, deleted=False)
"""The means of a charge by one-time data: it lives in the request alone."""


class Charge(Struct, frozen=True, kw_only=True):
    """One request to charge: who asks for what, under which key; `means` is read once the key is known to be new.

    `permit` is what is known of the card's declines.
    """

    request: PaymentRequest
    caller: Caller
    key: Key
    payment_id: str
    request_id: str
    began_at: datetime
    means: Means = NOTHING_STORED
    permit: Permit = GOOD


def facts_of(wanted: Charge, now: datetime) -> Facts:
    """Gather what routing may ask about the payment."""
    request = wanted.request
    data = request.payment_method_data
    chargeable = Chargeable((data.processor,)) if data else chargeable_by(wanted.means.tokens)
    return Facts(
        livemode=wanted.caller.livemode,
        money=Money(request.amount, request.currency),
        reference=request.reference,
        chargeable=chargeable,
        hour_utc=now.hour,
        merchant_account=request.merchant_account,
        country=request.country,
        brand=request.brand,
        risk_score=request.risk_score,
        risk=msgspec.to_builtins(request.risk) if request.risk else {},
        card=wanted.means.card,
        recurring=request.recurring,
        off_session=request.off_session,
        customer=request.customer or wanted.means.customer,
        metadata=request.metadata,
    )


def payment_of(wanted: Charge, decided: Plan, facts: Facts, at: datetime, attempt: OperationState | None) -> Payment:
    """Make the payment; without an *attempt* it is one that a rule refused."""
    request = wanted.request
    region = REGION.get(request.country or "")
    return Payment(
        id=wanted.payment_id,
        livemode=wanted.caller.livemode,
        version=1,
        status=Status.PROCESSING if attempt else Status.FAILED,
        amount_minor=request.amount,
        currency=request.currency,
        capture=request.capture,
        reference=request.reference,
        holds_reference=attempt is not None and not request.allow_duplicate_reference,
        merchant_account=attempt.merchant_account if attempt else None,
        processor=attempt.processor if attempt else None,
        attempt_id=attempt.id if attempt else None,
        customer=facts.customer,
        payment_method=request.payment_method,
        country=request.country,
        region=region,
        risk_score=request.risk_score,
        brand=request.brand,
        return_url=request.return_url,
        decline=Decline(code=decided.refusal, processor_code="hub/rule") if decided.refusal else None,
        routing=msgspec.json.encode(routing_body(decided)),
        ruleset=decided.ruleset,
        rule=decided.rule,
        metadata=msgspec.json.encode(request.metadata),
        facts=msgspec.json.encode(facts),
        created_by=wanted.caller.principal,
        created_at=at,
        updated_at=at,
    )


def routing_body(decided: Plan) -> RoutingBody:
    """Show why the payment goes where it goes."""
    return RoutingBody(
        ruleset=decided.ruleset,
        version=decided.version,
        rule=decided.rule,
        strategy=decided.strategy,
        unknown_facts=list(decided.unknown_facts),
        snapshot=decided.snapshot,
        figures=decided.figures,
        rollout_percent=decided.rollout_percent,
        scores=list(decided.scores),
        considered=[ConsideredBody(**msgspec.structs.asdict(account)) for account in decided.considered],
    )


def first_attempt(wanted: Charge, decided: Plan, at: datetime, return_address: Callable[[str], str]) -> OperationState:
    """Make the attempt at the plan's first account; *return_address* says where its payer comes back to."""
    asked = wanted.request
    choice = decided.order[0]
    request = Authorize(
        operation=Operation.PURCHASE if asked.capture == "automatic" else Operation.AUTHORIZE,
        operation_id=new_id(ATTEMPT_PREFIX),
        payment_id=wanted.payment_id,
        reference=asked.reference,
        money=Money(asked.amount, asked.currency),
        requested_at=at,
        payer_present=not asked.off_session,
        authentication=Authentication(decided.authentication),
        recurring=asked.recurring,
        statement_descriptor=asked.statement_descriptor,
        routed=Routed(
            merchant_account=choice.merchant_account,
            ruleset=decided.ruleset,
            version=decided.version,
            rule=decided.rule,
        ),
    )
    return _attempt(wanted, choice, request, return_address)


def next_attempt(
    wanted: Charge, before: OperationState, following: Next, at: datetime, return_address: Callable[[str], str]
) -> OperationState:
    """Make the attempt that follows on *before* at another account: the same wish under a new id."""
    request = msgspec.json.decode(before.request, type=Authorize)
    made = replace(
        request,
        operation_id=new_id(ATTEMPT_PREFIX),
        requested_at=at,
        return_url=None,
        routed=request.routed and replace(request.routed, merchant_account=following.choice.merchant_account),
    )
    return replace(_attempt(wanted, following.choice, made, return_address), reason=following.reason)


def _attempt(
    wanted: Charge, choice: Choice, request: Authorize, return_address: Callable[[str], str]
) -> OperationState:
    challengeable = wanted.request.return_url is not None and not wanted.request.off_session
    request = replace(
        request,
        token=token_for(wanted.means.tokens, choice.processor, choice.merchant_account),
        return_url=return_address(request.operation_id) if challengeable else None,
    )
    return OperationState(
        id=request.operation_id,
        payment_id=wanted.payment_id,
        attempt_id=request.operation_id,
        livemode=wanted.caller.livemode,
        kind=request.operation,
        status=OperationStatus.SENDING,
        merchant_account=choice.merchant_account,
        processor=choice.processor,
        money=request.money,
        request=msgspec.json.encode(request),
        requested_by=wanted.caller.principal,
        key_id=wanted.caller.key_id,
        one_time=wanted.request.payment_method_data is not None,
        idempotency_key=wanted.key.key,
        started_at=request.requested_at,
    )
