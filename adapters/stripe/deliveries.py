"""What each of Stripe's events means, and which object a look at would tell more. Pure.

Source: https://docs.stripe.com/api/events/types.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from types import MappingProxyType
from typing import Any, Final

import msgspec

from adapters.contract import Delivery, NoticeKind, Told
from adapters.stripe import disputes, notices, setups, standing, translate
from adapters.stripe.client import decode
from adapters.stripe.parameters import OPERATION
from adapters.stripe.versions import told
from adapters.stripe.wire import (
    Charge,
    Dispute,
    Event,
    PaymentIntent,
    PaymentMethod,
    Payout,
    Refund,
    ReportRun,
    SetupIntent,
    Subject,
    id_of,
)
from normalization.outcome import Operation, Report

RELEASED: Final = "expired_uncaptured_charge"
"""The `reason` of a refund that gives back a hold, not money that was taken."""

PAYMENTS, REFUNDS, DISPUTES = "payment_intents", "refunds", "disputes"
CARDS, SETUPS = "payment_methods", "setup_intents"
_ID: Final = re.compile(r"[A-Za-z0-9_]{1,255}")

Read = Callable[[Event], Sequence[Told]]


def read_delivery(delivery: Delivery) -> Sequence[Told]:
    """Translate one verified event; empty for one that says nothing that the hub has a word for.

    A card that was kept with a charge comes with that charge's report.

    Raises:
        OutcomeUnknownError: when it speaks of a payment or a card in a way that we cannot read.
    """
    event = decode(delivery.body, Event)
    meaning = READERS.get(event.type)
    return meaning(event) if meaning else []


def fetched_as(delivery: Delivery) -> str | None:
    """Name the object to look at, "payment_intents/pi_1": one for all events about it; None where there is none."""
    try:
        event = msgspec.json.decode(delivery.body, type=Event)
        kind = FETCHED.get(event.type)
        subject = msgspec.json.decode(event.data.object, type=Subject) if kind else None
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        return None
    if subject is None:
        return None
    reference = id_of(subject.payment_intent) if event.type in _OF_A_CHARGE else subject.id
    return f"{kind}/{reference}" if reference and _ID.fullmatch(reference) else None


def refunded(refunds: Iterable[Refund], *, livemode: bool) -> list[Report]:
    """Report refunds, without those with which Stripe lets go of what was never captured."""
    return [translate.refund(one, livemode=livemode) for one in refunds if one.reason != RELEASED]


def _object(event: Event, wanted: type[Any]) -> Any:  # noqa: ANN401 - what was wanted
    return told(event.data.object, wanted, event.api_version)


def _opened(event: Event) -> list[Report]:
    intent: PaymentIntent = _object(event, PaymentIntent)
    return [translate.opening(intent, translate.opening_kind(intent))]


def _unfinished(event: Event) -> list[Report]:
    return standing.unfinished(_object(event, PaymentIntent))


def _taken(event: Event) -> list[Report]:
    intent: PaymentIntent = _object(event, PaymentIntent)
    if translate.opening_kind(intent) is Operation.PURCHASE:
        return [translate.opening(intent, Operation.PURCHASE)]
    return standing.captures(intent)


def _held(event: Event) -> list[Report]:
    """Report the authorization and, where a part of it has been captured already, that capture too."""
    intent: PaymentIntent = _object(event, PaymentIntent)
    return [translate.opening(intent, Operation.AUTHORIZE), *standing.captures(intent)]


def _canceled(event: Event) -> list[Report]:
    return [translate.void(_object(event, PaymentIntent), None)]


def _ran_out(event: Event) -> list[Report]:
    charge: Charge = _object(event, Charge)
    payment_intent = id_of(charge.payment_intent)
    return [translate.expired(charge, payment_intent)] if payment_intent and not charge.captured else []


def _refund(event: Event) -> list[Report]:
    return refunded([_object(event, Refund)], livemode=event.livemode)


def _refunds_of_charge(event: Event) -> list[Report]:
    """Report our refunds of a charge, which come with it at old API versions only.

    Among the others may be what an incomplete capture released; a refund made by hand has an event of its own.
    """
    charge: Charge = _object(event, Charge)
    listed = charge.refunds.data if charge.refunds else []
    return refunded((one for one in listed if OPERATION in one.metadata), livemode=event.livemode)


def _dispute(event: Event) -> Sequence[Told]:
    return [disputes.report(_object(event, Dispute))]


def _kept(event: Event) -> Sequence[Told]:
    return setups.news(_object(event, SetupIntent))


def _renewed(event: Event) -> Sequence[Told]:
    return notices.card_update(_object(event, PaymentMethod), livemode=event.livemode)


def _let_go(event: Event) -> Sequence[Told]:
    return notices.card_update(_object(event, PaymentMethod), livemode=event.livemode, retired=True)


def _payout(kind: NoticeKind) -> Read:
    return lambda event: [notices.payout(_object(event, Payout), kind)]


def _report_run(event: Event) -> Sequence[Told]:
    return notices.report_run(_object(event, ReportRun))


READERS: Final = MappingProxyType[str, Read](
    {
        "payment_intent.succeeded": _taken,
        "payment_intent.amount_capturable_updated": _held,
        "payment_intent.processing": _unfinished,
        "payment_intent.payment_failed": _unfinished,
        "payment_intent.requires_action": _opened,
        "payment_intent.canceled": _canceled,
        "charge.expired": _ran_out,
        "refund.created": _refund,
        "refund.updated": _refund,
        "refund.failed": _refund,
        "charge.refund.updated": _refund,
        "charge.refunded": _refunds_of_charge,
        "charge.dispute.created": _dispute,
        "charge.dispute.updated": _dispute,
        "charge.dispute.closed": _dispute,
        "charge.dispute.funds_withdrawn": _dispute,
        "charge.dispute.funds_reinstated": _dispute,
        "setup_intent.succeeded": _kept,
        "payment_method.updated": _renewed,
        "payment_method.automatically_updated": _renewed,
        "payment_method.card_automatically_updated": _renewed,  # Its name before 2020-08-27.
        "payment_method.detached": _let_go,
        "payout.paid": _payout(NoticeKind.PAYOUT_PAID),
        "payout.failed": _payout(NoticeKind.PAYOUT_FAILED),
        "payout.reconciliation_completed": _payout(NoticeKind.REPORT_AVAILABLE),
        "reporting.report_run.succeeded": _report_run,
    }
)
"""What is read of each event by itself."""

_OF_A_CHARGE: Final = frozenset({"charge.expired", "charge.failed"})
FETCHED: Final = MappingProxyType(
    {
        **dict.fromkeys((*_OF_A_CHARGE, *(one for one in READERS if one.startswith("payment_intent."))), PAYMENTS),
        **{name: REFUNDS for name, read in READERS.items() if read is _refund},
        **{name: DISPUTES for name, read in READERS.items() if read is _dispute},
        **{name: CARDS for name in READERS if name.startswith("payment_method.")},
        "setup_intent.succeeded": SETUPS,
    }
)
"""What each event has looked at; the events of payouts and reports say all there is."""
