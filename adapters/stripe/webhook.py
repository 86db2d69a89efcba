"""Stripe's webhooks: who sent it, and what it says. Pure.

Source: https://docs.stripe.com/webhooks#verify-manually and https://docs.stripe.com/api/events/types.
"""

import hmac
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Final

import msgspec
from msgspec.structs import replace

from adapters.contract import Delivery, Told, Webhook
from adapters.errors import WebhookRejectedError
from adapters.stripe import setups, translate
from adapters.stripe.client import PROCESSOR, decode
from adapters.stripe.parameters import OPERATION
from adapters.stripe.wire import Charge, Event, PaymentIntent, Refund, SetupIntent, Subject, id_of
from normalization.outcome import Operation, Report

TOLERANCE_S: Final = 300
"""How far a signature's time may be from ours, before or after."""

_TIME: Final = re.compile(rb"[0-9]{1,12}")

OPENING_EVENTS: Final = frozenset(
    {"payment_intent.payment_failed", "payment_intent.processing", "payment_intent.requires_action"}
)
RELEASED: Final = "expired_uncaptured_charge"
"""The `reason` of a refund that gives back a hold, not money that was taken."""

REFUND_EVENTS: Final = frozenset({"refund.created", "refund.updated", "refund.failed", "charge.refund.updated"})


def open_webhook(webhook: Webhook, secrets: Iterable[str | None], *, livemode: bool) -> list[Delivery]:
    """Verify one request; Stripe sends one event in each.

    Raises:
        WebhookRejectedError: when signature, age, shape, mode or account is not what it should be.
    """
    _verify(webhook.headers.get("stripe-signature", ""), webhook.body, webhook.received_at, secrets)
    event = _event(webhook.body)
    if event.livemode is not livemode:
        raise _rejected("an event of the other mode; check which account's address it was sent to")
    if event.account is not None:
        raise _rejected("an event of a connected account; use an endpoint for this account's own events")
    try:
        subject = msgspec.json.decode(event.data.object, type=Subject)
    except (msgspec.MsgspecError, RecursionError) as failure:
        raise _rejected("an event about no object") from failure
    return [
        Delivery(
            key=event.id,
            subject=id_of(subject.payment_intent) or subject.id,
            account=None,
            livemode=livemode,
            body=webhook.body,
        )
    ]


def read_delivery(delivery: Delivery) -> Sequence[Told]:
    """Translate one verified event; empty for one that says nothing that the hub has a word for.

    A card that was kept with a charge comes with that charge's report.

    Raises:
        OutcomeUnknownError: when it speaks of a payment or a card in a way that we cannot read.
    """
    event = decode(delivery.body, Event)
    told = event.data.object
    if event.type in REFUND_EVENTS:
        return _refunded([decode(told, Refund)], livemode=event.livemode)
    if event.type == "charge.refunded":
        return _refunded(_ours(decode(told, Charge)), livemode=event.livemode)
    if event.type in OPENING_EVENTS:
        intent = decode(told, PaymentIntent)
        return [translate.opening(intent, translate.opening_kind(intent))]
    match event.type:
        case "payment_intent.succeeded":
            return _taken(decode(told, PaymentIntent))
        case "payment_intent.amount_capturable_updated":
            return _held(decode(told, PaymentIntent))
        case "payment_intent.canceled":
            return [translate.void(decode(told, PaymentIntent), None)]
        case "setup_intent.succeeded":
            return setups.news(decode(told, SetupIntent))
        case _:
            return []


def _taken(intent: PaymentIntent) -> list[Report]:
    if translate.opening_kind(intent) is Operation.PURCHASE:
        return [translate.opening(intent, Operation.PURCHASE)]
    tag = translate.latest_capture(intent)
    if tag is None or tag not in intent.metadata:
        return [translate.capture(intent, tag)]
    return _one_of_several(intent, tag)


def _held(intent: PaymentIntent) -> list[Report]:
    """Report the authorization and, where a part of it has been captured already, that capture too."""
    held = translate.opening(intent, Operation.AUTHORIZE)
    tag = translate.latest_capture(intent)
    if intent.amount_received and tag is not None and tag in intent.metadata:
        return [held, *_one_of_several(intent, tag)]
    return [held]


def _one_of_several(intent: PaymentIntent, tag: str) -> list[Report]:
    """Report our latest capture, and what was taken beyond all of ours by other hands."""
    ours = translate.capture(intent, tag, multicapture=True)
    beyond = translate.captured_by_others(intent)
    return [ours, replace(ours, tag=None, processor_reference=intent.id, money=beyond)] if beyond else [ours]


def _refunded(refunds: Iterable[Refund], *, livemode: bool) -> list[Report]:
    """Report refunds, without those with which Stripe lets go of what was never captured."""
    return [translate.refund(one, livemode=livemode) for one in refunds if one.reason != RELEASED]


def _ours(charge: Charge) -> list[Refund]:
    """List our refunds of a charge, which come with it at old API versions only.

    Among the others may be what an incomplete capture released; a refund made by hand has an event of its own.
    """
    return [one for one in (charge.refunds.data if charge.refunds else []) if OPERATION in one.metadata]


def _event(body: bytes) -> Event:
    try:
        event = msgspec.json.decode(body, type=Event)
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as failure:
        raise _rejected("a body that is no event") from failure
    if event.object != "event" or not event.id:
        raise _rejected(f"a body of kind {event.object[:20]!r}; the endpoint must send snapshot events")
    return event


def _verify(header: str, body: bytes, received_at: datetime, secrets: Iterable[str | None]) -> None:
    """Check header `t=<Unix seconds>,v1=<hex>[,v1=<hex>]`: several v1 while a secret is rolled at Stripe."""
    known = [secret for secret in secrets if secret]
    if not known:
        raise _rejected("the account has no webhook_secret; set it to the endpoint's signing secret")
    parts = [part.strip().partition(b"=") for part in header.encode("utf-8", "surrogateescape").split(b",")]
    times = [value for name, _, value in parts if name == b"t"]
    signatures = [value for name, _, value in parts if name == b"v1"]
    if len(times) != 1 or not _TIME.fullmatch(times[0]):
        raise _rejected("no Stripe-Signature with one time in it")
    wanted = [_sign(secret, times[0], body) for secret in known]
    matches = [hmac.compare_digest(one, given) for one in wanted for given in signatures]
    if not any(matches):
        raise _rejected("no signature made with the account's webhook_secret")
    if abs(received_at.timestamp() - int(times[0])) > TOLERANCE_S:
        raise _rejected(f"signed more than {TOLERANCE_S} s away from now; check this machine's clock")


def _sign(secret: str, time: bytes, body: bytes) -> bytes:
    return hmac.new(secret.encode(), time + b"." + body, sha256).hexdigest().encode()


def _rejected(what: str) -> WebhookRejectedError:
    return WebhookRejectedError(PROCESSOR, what)
