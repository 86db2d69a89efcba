"""Checkout.com's webhooks: one event each, signed whole, so that every field of it counts.

Source: https://checkout.com/docs/workflows/set-up-your-webhook-receiver and
https://www.checkout.com/docs/developer-resources/webhooks/webhook-event-types
"""

import hmac
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

import msgspec
from msgspec.structs import replace

from adapters.checkout_com import amounts, translate, wire
from adapters.checkout_com.client import PROCESSOR
from adapters.checkout_com.codes import brand_of, refused
from adapters.checkout_com.credentials import CheckoutComCredentials
from adapters.checkout_com.parameters import KIND
from adapters.contract import VERIFICATION_PREFIX, Delivery, Webhook, tag_of
from adapters.errors import WebhookRejectedError
from adapters.tagging import read_back
from normalization.money import Money
from normalization.outcome import Approved, Declined, Operation, Outcome, Pending, Report

SIGNATURE: Final = "cko-signature"

Reader = Callable[[wire.EventData], list[Report]]


def open_webhook(webhook: Webhook, credentials: CheckoutComCredentials, *, livemode: bool) -> list[Delivery]:
    """Verify raw bytes; a webhook is one event.

    Raises:
        WebhookRejectedError: when anything of it does not verify.
    """
    secrets = [one for one in (credentials.webhook_secret, credentials.webhook_secret_previous) if one]
    brought = webhook.headers.get(SIGNATURE, "").encode("utf-8", "surrogateescape").lower()
    # Every key is compared, so that the time taken does not tell which one fits.
    signed = [hmac.digest(secret.encode(), webhook.body, "sha256").hex().encode() for secret in secrets]
    if not any([hmac.compare_digest(one, brought) for one in signed]):  # noqa: C419 - a generator would stop early
        raise _rejected("the signature is missing or wrong")
    envelope = _decode(webhook.body)
    channel = envelope.data.get("processing_channel_id")
    if channel is not None and channel != credentials.processing_channel_id:
        raise _rejected("it is for another processing channel")
    _check_mode(envelope, livemode=livemode)
    subject = envelope.data.get("payment_id") or envelope.data.get("id")
    if not isinstance(subject, str):
        raise _rejected("it names no payment")
    action = envelope.data.get("action_id") or envelope.data.get("id")
    return [
        Delivery(
            key=envelope.id or f"{envelope.type}:{subject}:{action}",
            subject=subject,
            account=channel if isinstance(channel, str) else None,
            livemode=livemode,
            body=webhook.body,
        )
    ]


def read_delivery(delivery: Delivery) -> list[Report]:
    """Translate one verified event; empty for what says nothing final about a payment.

    Raises:
        ValueError: when its amount cannot be expressed in the hub's money.
    """
    envelope = msgspec.json.decode(delivery.body, type=wire.Envelope)
    read = READERS.get(envelope.type)
    if read is None:
        return []
    event = msgspec.json.decode(delivery.body, type=wire.Event)
    if (event.data.reference or "").startswith(VERIFICATION_PREFIX):
        return []
    return [replace(report, livemode=delivery.livemode, raw_status=event.type) for report in read(event.data)]


def _check_mode(envelope: wire.Envelope, *, livemode: bool) -> None:
    """Where the event links to Checkout.com itself, the host tells the mode; elsewhere there is no live mode."""
    for link in (envelope.links.payment, envelope.links.itself):
        if link is not None and _is_live(link.href) is not livemode:
            raise _rejected("it is of the other mode")


def _is_live(url: str) -> bool:
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return False
    return host.endswith(".checkout.com") and not host.endswith(".sandbox.checkout.com")


def _decode(body: bytes) -> wire.Envelope:
    try:
        return msgspec.json.decode(body, type=wire.Envelope)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise _rejected("the body is no event") from None


def _approved(data: wire.EventData) -> list[Report]:
    """Money is reserved: all of an authorization, half of a purchase."""
    kind = _kind(data)
    return [_opening(data, kind, Pending() if kind is Operation.PURCHASE else Approved())]


def _declined(data: wire.EventData) -> list[Report]:
    return [_opening(data, _kind(data), _refused(data))]


def _ended_as(status: str) -> Reader:
    def read(data: wire.EventData) -> list[Report]:
        return [_opening(data, _kind(data), Declined(refused(data.response_code or status, data.processing)))]

    return read


def _captured(outcome: Callable[[wire.EventData], Outcome]) -> Reader:
    """The capture that Checkout.com makes of a purchase by itself is the purchase's own result."""

    def read(data: wire.EventData) -> list[Report]:
        if _kind(data) is Operation.PURCHASE and tag_of(data.reference, Operation.PURCHASE) is not None:
            return [_opening(data, Operation.PURCHASE, outcome(data))]
        return [_follow_up(data, Operation.CAPTURE, outcome(data))]

    return read


def _told_of(kind: Operation, outcome: Callable[[wire.EventData], Outcome]) -> Reader:
    return lambda data: [_follow_up(data, kind, outcome(data))]


def _done(_data: wire.EventData) -> Outcome:
    return Approved()


def _refused(data: wire.EventData) -> Outcome:
    brand = brand_of(data.source.scheme if data.source else None)
    return Declined(refused(data.response_code or "Declined", data.processing, brand))


READERS: Final[dict[str, Reader]] = {
    "payment_approved": _approved,
    "payment_declined": _declined,
    "payment_authentication_failed": _declined,
    "payment_canceled": _ended_as("Canceled"),
    "payment_expired": _ended_as("Expired"),
    "payment_captured": _captured(_done),
    "payment_capture_declined": _captured(_refused),
    "payment_voided": _told_of(Operation.VOID, _done),
    "payment_void_declined": _told_of(Operation.VOID, _refused),
    "payment_refunded": _told_of(Operation.REFUND, _done),
    "payment_refund_declined": _told_of(Operation.REFUND, _refused),
}
"""What is pending says nothing final, and has no row."""


def _opening(data: wire.EventData, kind: Operation, outcome: Outcome) -> Report:
    return Report(
        kind=kind,
        tag=tag_of(data.reference, kind),
        processor_reference=data.id,
        money=_money(data),
        livemode=False,  # The delivery knows; it is set last, for every reader.
        outcome=outcome,
        card=translate.card_of(data.source),
        network_transaction_id=data.scheme_id or None,
        tags=read_back(data.metadata),
    )


def _follow_up(data: wire.EventData, kind: Operation, outcome: Outcome) -> Report:
    return Report(
        kind=kind,
        tag=tag_of(data.reference, kind),
        processor_reference=data.action_id,
        parent_reference=data.id,
        money=_money(data),
        livemode=False,
        outcome=outcome,
        tags=read_back(data.metadata),
    )


def _kind(data: wire.EventData) -> Operation:
    """Which of the two a payment was asked for as, by the metadata that it was asked with."""
    told = (data.metadata or {}).get(KIND)
    return Operation.PURCHASE if told == Operation.PURCHASE.value else Operation.AUTHORIZE


def _money(data: wire.EventData) -> Money | None:
    if data.amount is None or data.currency is None:
        return None
    return amounts.from_wire(data.amount, data.currency)


def _rejected(message: str) -> WebhookRejectedError:
    return WebhookRejectedError(PROCESSOR, message)
