"""Stripe's webhooks: who sent it, and for whom. Pure.

Source: https://docs.stripe.com/webhooks#verify-manually and https://docs.stripe.com/api/events/object.
"""

import hmac
import re
from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256
from typing import Final

import msgspec

from adapters.contract import Delivery, Webhook
from adapters.errors import WebhookRejectedError
from adapters.stripe.client import PROCESSOR
from adapters.stripe.versions import another
from adapters.stripe.wire import Envelope, Event, Subject, id_of

TOLERANCE_S: Final = 300
"""How far a signature's time may be from ours, before or after."""

SIGNATURES_MAX: Final = 16
"""Signatures that are compared in one header; Stripe sends one for each secret that is valid at the time."""
_TIME: Final = re.compile(rb"[0-9]{1,12}")


def open_webhook(webhook: Webhook, secrets: Iterable[str | None], *, livemode: bool) -> list[Delivery]:
    """Verify one request; Stripe sends one event in each.

    An event for us is taken however little of what it speaks of can be understood.

    Raises:
        WebhookRejectedError: when signature, age, mode or account is not what it should be, or it is no event at all.
    """
    _verify(webhook.headers.get("stripe-signature", ""), webhook.body, webhook.received_at, secrets)
    return [delivery_of(webhook.body, livemode=livemode)]


def delivery_of(body: bytes, *, livemode: bool) -> Delivery:
    """Make a delivery of an event of ours, by webhook or out of Stripe's list.

    Raises:
        WebhookRejectedError: when it is no event, of the other mode, or of a connected account.
    """
    event = _event(body)
    if event.object != "event" or not event.id:
        raise _rejected(f"a body of kind {event.object[:20]!r}; the endpoint must send snapshot events")
    if event.livemode is not livemode:
        raise _rejected("an event of the other mode; check which account's address it was sent to")
    if event.account is not None:
        raise _rejected("an event of a connected account; use an endpoint for this account's own events")
    return Delivery(
        key=event.id,
        subject=_subject(event) or event.id,
        account=None,
        livemode=livemode,
        body=body,
        api_version=another(event.api_version),
    )


def _event(body: bytes) -> Event | Envelope:
    """Decode all of an event or, where that fails, as much as says whose it is."""
    try:
        return msgspec.json.decode(body, type=Event)
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        try:
            return msgspec.json.decode(body, type=Envelope)
        except (msgspec.MsgspecError, RecursionError, UnicodeError) as failure:
            raise _rejected("a body that is no event") from failure


def _subject(event: Event | Envelope) -> str | None:
    """Name the payment that an event's object belongs to, or the object; None where it cannot be told."""
    if isinstance(event, Envelope):
        return None
    try:
        subject = msgspec.json.decode(event.data.object, type=Subject)
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        return None
    return id_of(subject.payment_intent) or subject.id


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
    if len(signatures) > SIGNATURES_MAX:
        raise _rejected(f"more than {SIGNATURES_MAX} signatures in one header")
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
