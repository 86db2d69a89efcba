"""Webhooks as the processor sends them, and as somebody sends them who would like to be the processor."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Final

from msgspec.structs import replace

from adapters.conformance import asking
from adapters.conformance.bench import kept
from adapters.conformance.shop import SECOND, Shop
from adapters.conformance.verdict import NonconformingError, expect
from adapters.contract import Adapter, Delivery, Webhook
from adapters.errors import WebhookRejectedError
from normalization.outcome import Operation

STALE: Final = timedelta(hours=1)
FRESH: Final = timedelta(seconds=60)
HEADER_MAX: Final = 20
FORGED_MINOR: Final = 84172


def _altered(webhook: Webhook, old: str, new: str) -> Webhook:
    return replace(webhook, body=webhook.body.replace(old.encode(), new.encode()))


FORGERIES: Final[dict[str, Callable[[Webhook], Webhook]]] = {
    "another_amount": lambda told: _altered(told, str(asking.PAID_MINOR), str(FORGED_MINOR)),
    "another_operation": lambda told: _altered(told, asking.ATTEMPT, asking.ANOTHER),
}


async def _heard(shop: Shop, operation_id: str = asking.ATTEMPT) -> Webhook:
    """Take a payment and give the webhook that tells of it, with amount and operation in plain sight."""
    before = len(await shop.webhooks())
    await shop.reported(shop.opening(Operation.PURCHASE, operation_id=operation_id))
    wanted = (operation_id.encode(), str(asking.PAID_MINOR).encode())
    for webhook in (await shop.webhooks())[before:]:
        if all(one in webhook.body for one in wanted):
            return webhook
    raise NonconformingError("a purchase is told by a webhook with its operation and amount in it")


def _rejected(adapter: Adapter, webhook: Webhook, why: str) -> None:
    seen = kept(lambda: adapter.open_webhook(webhook), WebhookRejectedError)
    expect(isinstance(seen, WebhookRejectedError), f"{why} is rejected", seen)


def _opened(adapter: Adapter, webhook: Webhook, why: str) -> list[Delivery]:
    seen = kept(lambda: adapter.open_webhook(webhook), WebhookRejectedError)
    if not isinstance(seen, list):
        raise NonconformingError(f"{why} is taken; saw {seen!r}")
    return seen


@SECOND.rule()
async def a_message_and_its_redelivery_have_one_key(shop: Shop) -> None:
    """The inbox keeps what it knows from being booked twice; another message has another key."""
    await shop.control("POST", "/webhooks", {"mode": "duplicate"})
    parent = await shop.opened(Operation.PURCHASE)
    await shop.reported(shop.follow_up(Operation.REFUND, parent, asking.REFUNDED_MINOR))
    keys: dict[bytes, set[str]] = {}
    for webhook in await shop.webhooks():
        for delivery in _opened(shop.adapter, webhook, "a webhook of the processor's"):
            keys.setdefault(delivery.body, set()).add(delivery.key)
            expect(delivery.key and delivery.subject, "a delivery has a key and a subject", delivery)
            expect(not delivery.livemode, "a delivery of a test account is in test mode", delivery)
    expect(all(len(one) == 1 for one in keys.values()), "the same message has the same key", keys.values())
    expect(len({next(iter(one)) for one in keys.values()}) == len(keys), "different messages have different keys")


@SECOND.rule()
async def messages_of_one_payment_have_one_subject(shop: Shop) -> None:
    """They are read in order of arrival, whatever else comes between."""
    parent = await shop.opened(Operation.PURCHASE)
    await shop.reported(shop.follow_up(Operation.REFUND, parent, asking.REFUNDED_MINOR))
    subjects = set()
    for webhook in await shop.webhooks():
        for delivery in _opened(shop.adapter, webhook, "a webhook of the processor's"):
            if shop.adapter.read_delivery(delivery):
                subjects.add(delivery.subject)
    expect(len(subjects) == 1, "all that is told of one payment has one subject", subjects)


@SECOND.rule(forgery=tuple(FORGERIES))
async def a_message_that_was_changed_is_rejected(shop: Shop, forgery: str) -> None:
    """What drives money is signed."""
    forged = FORGERIES[forgery](await _heard(shop))
    _rejected(shop.adapter, forged, f"a webhook with {forgery} than was signed")


@SECOND.rule()
async def a_message_without_its_signature_is_rejected(shop: Shop) -> None:
    """None at all is no better than a wrong one."""
    _rejected(shop.adapter, shop.harness.unsigned(await _heard(shop)), "an unsigned webhook")


@SECOND.rule()
async def a_message_signed_with_another_secret_is_rejected(shop: Shop) -> None:
    """And with none known, everything."""
    told = await _heard(shop)
    other = replace(shop.credentials, webhook_secret=_other(shop.credentials.webhook_secret or ""))
    _rejected(shop.connect(other), told, "a webhook signed with another secret")
    none = replace(shop.credentials, webhook_secret=None)
    _rejected(shop.connect(none), told, "a webhook to an account without a webhook_secret")


@SECOND.rule()
async def the_secret_before_this_one_still_holds(shop: Shop) -> None:
    """While it is being changed, both are in use."""
    told = await _heard(shop)
    current = shop.credentials.webhook_secret or ""
    rolled = replace(shop.credentials, webhook_secret=_other(current), webhook_secret_previous=current)
    _opened(shop.connect(rolled), told, "a webhook signed with webhook_secret_previous")


def _other(secret: str) -> str:
    """Make a secret of the same shape: the last digit or letter another."""
    return secret[:-1] + ("1" if secret[-1] != "1" else "2")


@SECOND.rule()
async def a_message_of_the_other_mode_is_rejected(shop: Shop) -> None:
    """A test payment must not end a live one."""
    told = await _heard(shop)
    live = shop.connect(shop.credentials, livemode=True)
    _rejected(live, told, "a webhook of test mode at a live account")


@SECOND.rule()
async def a_message_for_another_account_is_rejected(shop: Shop) -> None:
    """Accounts of one company may share a secret."""
    elsewhere = shop.harness.elsewhere(await _heard(shop))
    if elsewhere is not None:
        _rejected(shop.adapter, elsewhere, "a webhook for another account")


@SECOND.rule(when=lambda harness: harness.signs_the_time)
async def a_message_from_long_ago_is_rejected(shop: Shop) -> None:
    """Whoever recorded it may send it again; a minute on the way is no reason."""
    told = await _heard(shop)
    _opened(shop.adapter, replace(told, received_at=told.received_at + FRESH), "a webhook signed a minute ago")
    _rejected(shop.adapter, replace(told, received_at=told.received_at + STALE), "a webhook signed an hour ago")


@SECOND.rule()
async def every_item_of_a_batch_is_verified(shop: Shop) -> None:
    """A forged one behind a genuine one takes the whole request with it."""
    first, second = await _heard(shop), await _heard(shop, asking.ANOTHER)
    joined = shop.harness.joined([first, second])
    if joined is None:
        return
    expect(len(_opened(shop.adapter, joined, "a batch")) > 1, "a batch is split")
    for forgery in (_altered(second, str(asking.PAID_MINOR), str(FORGED_MINOR)), shop.harness.unsigned(second)):
        forged = shop.harness.joined([first, forgery])
        if forged is not None:
            _rejected(shop.adapter, forged, "a batch with a forged second item")


@SECOND.rule()
async def headers_that_are_no_text_are_rejected_like_any_other(shop: Shop) -> None:
    """Comparing them must not raise; what was not part of the signature may pass."""
    told = await _heard(shop)
    for name in tuple(told.headers)[:HEADER_MAX]:
        for value in ("", "\u00e9\udcff", told.headers[name] + "\u00e9"):
            changed = replace(told, headers={**told.headers, name: value})
            kept(partial(shop.adapter.open_webhook, changed), WebhookRejectedError)
