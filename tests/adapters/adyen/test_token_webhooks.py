"""Messages about stored cards: another envelope, signed as a whole in a header."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from Adyen.util import generate_payload_sig, is_valid_hmac_payload

from adapters.adyen.adapter import AdyenAdapter
from adapters.contract import Delivery, TokenNews, TokenUpdate, Webhook
from adapters.errors import WebhookRejectedError
from normalization.tokens import ProcessorToken
from tests.adapters.adyen.conftest import HMAC_KEY
from tests.adapters.adyen.notified import OTHER_KEY, envelope, item, signed, webhook

TOKEN = ProcessorToken(processor="adyen", token="8415TOKEN", customer_reference="shopper-1")
FACTS = {"merchantAccount": "Shop", "storedPaymentMethodId": "8415TOKEN", "shopperReference": "shopper-1"}


def message(what: str = "created", **facts: object) -> bytes:
    told = {
        "createdAt": "2026-11-21T12:00:00+01:00",
        "eventId": "PSP1",
        "environment": "test",
        "data": {**FACTS, "type": "visastandarddebit", "operation": what},
        "type": f"recurring.token.{what}",
        "version": "1",
    }
    return json.dumps({**told, **facts}).encode()


def sent(body: bytes, key: str = HMAC_KEY, **headers: str) -> Webhook:
    """Sign with the SDK's own function, the independent reading of Adyen's rule."""
    signature = generate_payload_sig(body, key).decode()
    return webhook(body, **{"hmacsignature": signature, "protocol": "HmacSHA256", **headers})


def opened(adapter: AdyenAdapter, body: bytes) -> Delivery:
    (delivery,) = adapter.open_webhook(sent(body))
    return delivery


def test_a_signed_message_becomes_a_delivery_about_its_card(adapter: AdyenAdapter) -> None:
    body = message()
    told = sent(body)
    assert is_valid_hmac_payload(told.headers["hmacsignature"], HMAC_KEY, body)
    delivery = opened(adapter, body)
    assert (delivery.key, delivery.subject) == ("PSP1:recurring.token.created:8415TOKEN", "8415TOKEN")
    assert (delivery.account, delivery.livemode, delivery.api_version) == ("Shop", False, None)
    assert opened(adapter, message(createdAt="2026-11-22T12:00:00+01:00")).key == delivery.key
    assert opened(adapter, message("disabled")).key != delivery.key


def test_a_card_that_is_renewed_a_second_time_is_told_of_a_second_time(adapter: AdyenAdapter) -> None:
    first, second = (message("updated", eventId=None, createdAt=f"{year}-11-21T12:00:00Z") for year in (2026, 2029))
    assert opened(adapter, first).key == opened(adapter, first).key != opened(adapter, second).key


@pytest.mark.parametrize("what", ["created", "alreadyExisting"])
def test_a_stored_card_is_told_with_what_stored_it(adapter: AdyenAdapter, what: str) -> None:
    news = TokenNews(tag=None, parent_reference="PSP1", token=TOKEN, livemode=False)
    assert adapter.read_delivery(opened(adapter, message(what))) == [news]


@pytest.mark.parametrize("what", ["updated", "disabled"])
def test_a_card_is_renewed_or_retired(adapter: AdyenAdapter, what: str) -> None:
    update = TokenUpdate(token=TOKEN, livemode=False, retired=what == "disabled")
    assert adapter.read_delivery(opened(adapter, message(what))) == [update]


def test_another_version_is_read_as_far_as_it_can_be_and_named(adapter: AdyenAdapter) -> None:
    delivery = opened(adapter, message("disabled", version="2", more=[1]))
    assert delivery.api_version == "2"
    assert len(adapter.read_delivery(delivery)) == 1


def test_a_message_about_something_else_is_kept_and_tells_nothing(adapter: AdyenAdapter) -> None:
    body = message(type="ach.notificationOfChange", data={"pspReference": "PSP1"})
    assert adapter.read_delivery(opened(adapter, body)) == []
    other = message(type="ach.notificationOfChange", data={"pspReference": "PSP2"})
    assert opened(adapter, other).key != opened(adapter, body).key == opened(adapter, body).key


@pytest.mark.parametrize(
    "forged",
    [
        sent(message(), OTHER_KEY),
        sent(message(), hmacsignature=""),
        sent(message(), hmacsignature="sïgnature"),
        sent(message(), hmacsignature="\udcff"),
        sent(message(), protocol="none"),
        webhook(message("disabled"), hmacsignature=sent(message()).headers["hmacsignature"]),
        webhook(message()),
        webhook(message() + b" ", hmacsignature=sent(message()).headers["hmacsignature"]),
    ],
)
def test_a_message_without_a_good_signature_is_rejected(adapter: AdyenAdapter, forged: Webhook) -> None:
    with pytest.raises(WebhookRejectedError):
        adapter.open_webhook(forged)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"\xff",
        b"[" * 100_000,
        b"{}",
        message(environment="live"),
        message(environment=None),
        message(data={**FACTS, "merchantAccount": "OtherShop"}),
        message(data={"merchantAccount": "Shop"}),
        message(data=[]),
        message(type=7),
    ],
)
def test_what_is_no_message_for_this_account_is_rejected(adapter: AdyenAdapter, body: bytes) -> None:
    with pytest.raises(WebhookRejectedError):
        adapter.open_webhook(sent(body))


def test_the_previous_key_is_good_while_keys_rotate(connect: Callable[..., AdyenAdapter]) -> None:
    rotating = connect(webhook_secret=OTHER_KEY, webhook_secret_previous=HMAC_KEY)
    for key in (HMAC_KEY, OTHER_KEY):
        assert len(rotating.open_webhook(sent(message(), key))) == 1


def test_without_a_key_nothing_verifies(connect: Callable[..., AdyenAdapter]) -> None:
    with pytest.raises(WebhookRejectedError):
        connect(webhook_secret=None).open_webhook(sent(message()))


def test_user_and_password_are_checked_where_they_are_set(connect: Callable[..., AdyenAdapter]) -> None:
    guarded = connect(webhook_user="adyen", webhook_password="pässword")
    right = "Basic " + base64.b64encode("adyen:pässword".encode()).decode()
    assert len(guarded.open_webhook(sent(message(), authorization=right))) == 1
    with pytest.raises(WebhookRejectedError):
        guarded.open_webhook(sent(message()))


def test_a_good_header_does_not_vouch_for_the_items_of_a_batch(adapter: AdyenAdapter) -> None:
    good: dict[str, Any] = signed(item())
    bad = {**signed(item("REFUND")), "pspReference": "FORGED1"}
    with pytest.raises(WebhookRejectedError):
        adapter.open_webhook(sent(envelope(good, bad)))
    assert len(adapter.open_webhook(sent(envelope(good)))) == 1
