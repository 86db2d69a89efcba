"""Adyen's webhooks: every item of a batch verified, then read from its signed fields alone.

Source: https://docs.adyen.com/development-resources/webhooks/secure-webhooks/verify-hmac-signatures
"""

from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from adapters.adyen import amounts, disputes, signatures, token_webhooks
from adapters.adyen.client import PROCESSOR
from adapters.adyen.codes import brand_of, refused_by_text
from adapters.adyen.credentials import AdyenCredentials
from adapters.adyen.wire import Envelope, Item
from adapters.contract import (
    ATTEMPT_PREFIX,
    VERIFICATION_PREFIX,
    Delivery,
    NoticeKind,
    SettlementNotice,
    TokenNews,
    Told,
    Webhook,
    tag_of,
)
from adapters.errors import UnclearDeliveryError, WebhookRejectedError
from adapters.tagging import REFERENCE, read_back
from normalization.declines import Decline
from normalization.money import Money
from normalization.outcome import Approved, Declined, Operation, Outcome, Report, Reversed
from normalization.tokens import ProcessorToken

ITEMS_MAX: Final = 100
DONE_OR_NOT: Final = ("true", "false")
"""All that `success` says; what it does not say is neither a yes nor a no."""
NO_REFERENCE: Final = (None, "", "null")
"""What stands where a reference is missing; Adyen has been seen to write the word null."""

Reader = Callable[[Item], list[Report]]

RECAPTURED: Final = frozenset({"Transaction Recaptured", "Transaction Auto-recaptured"})
"""Why a capture comes that nobody asked for: Adyen tries again by itself what the card network sent back.

Source: https://docs.adyen.com/online-payments/capture/failure-reasons
"""
CAPTURE_STEP: Final = ":capture"
CANCEL_STEP: Final = ":cancel"


def open_webhook(webhook: Webhook, credentials: AdyenCredentials, *, livemode: bool) -> list[Delivery]:
    """Verify raw bytes and split them into one delivery an item.

    Raises:
        WebhookRejectedError: when anything of it does not verify; then no item of the batch is taken.
    """
    if not signatures.may_knock(webhook, credentials):
        raise _rejected("user or password is wrong")
    if token_webhooks.is_message(webhook):
        return [token_webhooks.open_message(webhook, credentials, livemode=livemode)]
    keys = signatures.keys_of(credentials)
    envelope = _decode(webhook.body)
    if envelope.live != str(livemode).lower():
        raise _rejected(f"live is {envelope.live[:10]!r}, which is not this account's mode")
    if not 0 < len(envelope.notification_items) <= ITEMS_MAX:
        raise _rejected(f"a batch holds 1 to {ITEMS_MAX} items, this one {len(envelope.notification_items)}")
    return [
        _open_item(bytes(entry.item), keys, credentials, livemode=livemode) for entry in envelope.notification_items
    ]


def _decode(body: bytes) -> Envelope:
    try:
        return msgspec.json.decode(body, type=Envelope)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise _rejected("the body is no notification") from None


def _open_item(body: bytes, keys: list[bytes], credentials: AdyenCredentials, *, livemode: bool) -> Delivery:
    try:
        item = msgspec.json.decode(body, type=Item)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise _rejected("an item is no notification") from None
    brought = (item.additional_data or {}).get("hmacSignature")
    if not isinstance(brought, str) or not signatures.fits(signing_string(item).encode(), brought, keys):
        raise _rejected("an item's signature is missing or wrong")
    if any(":" in field for field in (item.psp_reference, item.original_reference or "", item.event_code)):
        raise _rejected("an item's fields could be divided otherwise: the signature joins them by colons unescaped")
    if item.merchant_account_code != credentials.merchant_account:
        raise _rejected("an item is for another merchant account")
    original = item.original_reference or ""
    return Delivery(
        key=f"{item.psp_reference}:{item.event_code}:{item.success}:{original}",
        subject=original or item.psp_reference,
        account=item.merchant_account_code,
        livemode=livemode,
        body=body,
    )


def signing_string(item: Item) -> str:
    """The eight signed fields, missing ones empty, joined without escaping."""
    return ":".join(
        (
            item.psp_reference,
            item.original_reference or "",
            item.merchant_account_code,
            item.merchant_reference or "",
            "" if item.amount is None else str(item.amount.value),
            "" if item.amount is None else item.amount.currency,
            item.event_code,
            item.success,
        )
    )


def read_delivery(delivery: Delivery, credentials: AdyenCredentials) -> list[Told]:
    """Translate one verified item; empty for what says nothing that the hub has a word for.

    Whether an AUTHORISATION answers an authorize or a purchase is not on the wire. Where Adyen captures by itself it is
    all there will be, so it completes either; where we capture, it says that money is reserved and no more.

    Raises:
        ValueError: when its amount cannot be expressed in the hub's money.
        UnclearDeliveryError: when it was a cancel or a refund that is not ours, and nothing signed says which; or when
            it does not say whether it was done.
    """
    if token_webhooks.is_of_tokens(delivery):
        return [*token_webhooks.read(delivery)]
    item = msgspec.json.decode(delivery.body, type=Item)
    if item.success not in DONE_OR_NOT:
        what = f"{item.event_code} of {item.psp_reference}"
        raise UnclearDeliveryError(PROCESSOR, f"{what} says neither yes nor no; look at it there")
    if item.event_code == "RECURRING_CONTRACT":
        return _stored(item, livemode=delivery.livemode)
    if item.event_code == "REPORT_AVAILABLE":
        return _report_available(item, livemode=delivery.livemode)
    if item.event_code in disputes.WORDS:
        return [*disputes.read(item, livemode=delivery.livemode)]
    if (item.merchant_reference or "").startswith(VERIFICATION_PREFIX):
        return []
    if item.event_code == "AUTHORISATION":
        kind = Operation.PURCHASE if credentials.capture == "automatic" else Operation.AUTHORIZE
        read: Reader | None = _told_of(kind)
    else:
        read = READERS.get(item.event_code)
    reports = [] if read is None else read(item)
    return [msgspec.structs.replace(report, livemode=delivery.livemode) for report in reports]


def _stored(item: Item, *, livemode: bool) -> list[Told]:
    """Tell of a card that was stored.

    Source: https://docs.adyen.com/api-explorer/Webhooks/1/post/RECURRING_CONTRACT
    """
    if item.success != "true":
        return []
    shopper = (item.additional_data or {}).get("shopperReference")
    token = ProcessorToken(
        processor=PROCESSOR,
        token=item.psp_reference,
        customer_reference=shopper if isinstance(shopper, str) else None,
    )
    tag = item.merchant_reference if item.merchant_reference not in NO_REFERENCE else None
    parent = item.original_reference or None
    return [TokenNews(tag=tag, parent_reference=parent, token=token, livemode=livemode)]


def _report_available(item: Item, *, livemode: bool) -> list[Told]:
    """Tell of a settlement report; its name is signed, where it lies is not.

    Source: https://docs.adyen.com/api-explorer/Webhooks/1/post/REPORT_AVAILABLE
    """
    if item.success != "true":
        return []
    kind, location = NoticeKind.REPORT_AVAILABLE, item.reason or None
    return [SettlementNotice(kind=kind, processor_reference=item.psp_reference, livemode=livemode, location=location)]


def _capture(item: Item) -> list[Report]:
    """The capture that the adapter itself sent for a purchase is the purchase's own result."""
    if item.reason in RECAPTURED:
        # A capture of its own, with a reference of its own; the failed one's tag stands in it nevertheless.
        report = _report(item, Operation.CAPTURE, None, item.psp_reference, item.original_reference)
        return [msgspec.structs.replace(report, reason="recaptured")]
    attempt = _step_of(item, CAPTURE_STEP)
    if attempt is not None:
        return [_report(item, Operation.PURCHASE, attempt, item.original_reference, None)]
    return _told_of(Operation.CAPTURE)(item)


def _told_of(kind: Operation) -> Reader:
    def read(item: Item) -> list[Report]:
        return [_report(item, kind, tag_of(item.merchant_reference, kind), item.psp_reference, item.original_reference)]

    return read


def _technical_cancel(item: Item) -> list[Report]:
    """A cancel by our reference carries the attempt's id: the hub may not know the payment's pspReference."""
    tag = _step_of(item, CANCEL_STEP) or tag_of(item.merchant_reference, Operation.VOID)
    return [_report(item, Operation.VOID, tag, item.psp_reference, item.original_reference)]


def _cancel_or_refund(item: Item) -> list[Report]:
    """Which of the two it was stands in an unsigned field, so only our own id in the signed reference tells."""
    for kind in (Operation.VOID, Operation.REFUND):
        if tag_of(item.merchant_reference, kind) is not None:
            return _told_of(kind)(item)
    if item.success != "true":
        return []
    what = f"{item.psp_reference} canceled or refunded {item.original_reference}"
    raise UnclearDeliveryError(PROCESSOR, f"{what}, and which of the two is not signed; look at the payment there")


def _undone(kind: Operation) -> Reader:
    """Success is true, and bad news: what was told as done has failed.

    A failed capture is found by its own reference, else by its payment's: at an account that captures by itself it is
    the payment that failed. Its merchant reference may be that of an earlier capture.
    """

    def read(item: Item) -> list[Report]:
        if item.success != "true":
            return []
        tag = tag_of(item.merchant_reference, kind)
        report = _report(item, kind, tag, item.psp_reference, item.original_reference)
        return [msgspec.structs.replace(report, outcome=Reversed(_refusal(item)))]

    return read


def _expire(item: Item) -> list[Report]:
    parent = item.original_reference or item.psp_reference
    report = _report(item, Operation.VOID, None, item.psp_reference, parent)
    return [msgspec.structs.replace(report, reason="expired")]


READERS: Final[dict[str, Reader]] = {
    "CAPTURE": _capture,
    "CANCELLATION": _technical_cancel,
    "TECHNICAL_CANCEL": _technical_cancel,
    "REFUND": _told_of(Operation.REFUND),
    "CANCEL_OR_REFUND": _cancel_or_refund,
    "EXPIRE": _expire,
    "CAPTURE_FAILED": _undone(Operation.CAPTURE),
    "REFUND_FAILED": _undone(Operation.REFUND),
    "REFUNDED_REVERSED": _undone(Operation.REFUND),
}


def _report(item: Item, kind: Operation, tag: str | None, reference: str | None, parent: str | None) -> Report:
    return Report(
        kind=kind,
        tag=tag,
        processor_reference=reference,
        parent_reference=parent or None,
        money=_money(item),
        livemode=False,  # The delivery knows; it is set last, for every reader.
        outcome=_outcome(item),
        raw_status=f"{item.event_code} {item.success}",
        tags=_tags(item.additional_data or {}),
    )


def _tags(facts: Mapping[str, object]) -> dict[str, str]:
    """Read back what went along with the payment, where the account has it in webhooks; none of it is signed.

    Source: https://docs.adyen.com/development-resources/webhooks/webhook-types, additionalData.
    """
    ordered = {REFERENCE: facts.get("merchantOrderReference")}
    return read_back(facts, before="metadata.") | read_back(ordered)


def _outcome(item: Item) -> Outcome:
    """The signed `success` decides; the unsigned reason only explains a no."""
    if item.success == "true":
        return Approved()
    return Declined(_refusal(item))


def _refusal(item: Item) -> Decline:
    facts = item.additional_data or {}
    raw = facts.get("refusalCodeRaw") or facts.get("refusalReasonRaw")
    brand = brand_of(item.payment_method)
    return refused_by_text(item.reason, raw, facts.get("merchantAdviceCode"), brand)


def _money(item: Item) -> Money | None:
    return None if item.amount is None else amounts.from_wire(item.amount)


def _step_of(item: Item, step: str) -> str | None:
    """The attempt whose further request *step* this answers: "att_…" of "att_…:capture"."""
    reference = item.merchant_reference or ""
    return reference.removesuffix(step) if reference.startswith(ATTEMPT_PREFIX) and reference.endswith(step) else None


def _rejected(message: str) -> WebhookRejectedError:
    return WebhookRejectedError(PROCESSOR, message)
