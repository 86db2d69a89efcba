"""What a card's declines mean for a charge: it may not be sent, or its own decline is told and counted."""

from datetime import datetime

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from hub.errors import FieldError, ProblemError
from hub.payments.opening import Charge
from hub.payments.rows import charged
from hub.payments.shell import Shell
from hub.payments.states import OperationState, OperationStatus, Payment
from hub.payments.transitions import may
from hub.retries.rules import GOOD, Card, Counted, Permit, Print, advised, counted, forbidden
from hub.retries.store import card_of
from normalization.money import Money
from normalization.outcome import OPENING, Declined, Report
from normalization.tokens import CardFacts
from routing.retries import Barrier, Past


class Heard(Struct, frozen=True, kw_only=True):
    """A report of a decline with what follows for this card, and what is kept of it; `card` is as it stood before."""

    report: Report
    card: Card
    counted: Counted | None = None


class _Known(Struct, frozen=True):
    card: CardFacts = CardFacts()


async def permit(shell: Shell, wanted: Charge) -> Permit | Barrier:
    """Ask whether a payment method that has declines may be charged now; the rule that forbids it where not."""
    asked, now = wanted.request, shell.clock()
    holder = asked.payment_method or ""
    card = await card_of(shell.database, holder, livemode=wanted.caller.livemode, now=now)
    return _permit(card, wanted, now)


async def permit_next(shell: Shell, wanted: Charge, before: OperationState, heard: Heard | None) -> Permit | None:
    """Ask whether one more attempt may follow on *before* in the same request; None where it may not."""
    now, holder = shell.clock(), wanted.request.payment_method
    if heard is not None:
        card = heard.card
        if (told := heard.counted) is not None:
            card = replace(card, past=(*card.past, Past(at=told.at, money=before.money, decline=told.decline)))
    elif wanted.permit.card is None or holder is None:
        return GOOD
    else:
        card = await card_of(shell.database, holder, livemode=before.livemode, now=now, but=before.id)
    found = _permit(card, wanted, now)
    return None if isinstance(found, Barrier) else found


def _permit(card: Card, wanted: Charge, now: datetime) -> Permit | Barrier:
    asked = wanted.request
    if not card.past:
        return GOOD
    rule = forbidden(card, wanted.means.card.brand, Money(asked.amount, asked.currency), now)
    if rule is not None and not asked.override_retry_rules:
        return rule
    return Permit(card, rule)


def not_permitted(payment_method: str | None, rule: Barrier) -> ProblemError:
    """Say which network's rule the charge would break, and when it may be sent."""
    again = "" if rule.until is None else f" before {rule.until:%Y-%m-%dT%H:%M:%SZ}"
    text = f"{rule.text}: this card may not be tried again{again}"
    return ProblemError(
        "retry_not_permitted",
        f"{text}; use another payment method, or send override_retry_rules to charge all the same",
        errors=[FieldError("payment_method", text)],
        extra={"payment_method": payment_method, "rule": rule.rule, "retry_after": rule.until},
    )


async def hear(shell: Shell, payment: Payment, operation: OperationState, report: Report) -> Heard | None:
    """Find what a decline of an attempt means for its card; None where *report* is nothing of the kind, or no news."""
    if not isinstance(report.outcome, Declined) or operation.kind not in OPENING:
        return None
    if not may(operation, OperationStatus.DECLINED):
        return None
    at, attempt = shell.clock(), charged(payment, operation)
    facts = _facts(payment, report)
    also = [Print(operation.processor, operation.merchant_account, facts.fingerprint)] if facts.fingerprint else []
    card = await card_of(
        shell.database, attempt.holder, livemode=operation.livemode, now=at, also=also, but=operation.id
    )
    decline = advised(report.outcome.decline, attempt, card, facts, at, shell.settings.decline_policy)
    return Heard(
        report=replace(report, outcome=Declined(decline)),
        card=card,
        counted=counted(report.outcome.decline, attempt, card, facts, at),
    )


def _facts(payment: Payment, report: Report) -> CardFacts:
    """A fingerprint belongs to the account that told it: of what was known before, the brand alone is of use."""
    told = report.card or CardFacts()
    if told.brand is not None:
        return told
    return replace(told, brand=msgspec.json.decode(payment.facts, type=_Known).card.brand)
