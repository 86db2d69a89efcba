import hmac
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from adapters.checkout_com.adapter import CheckoutComAdapter
from adapters.checkout_com.credentials import CheckoutComCredentials
from adapters.contract import Delivery, Webhook
from adapters.errors import WebhookRejectedError
from adapters.transport import Transport
from normalization.declines import DeclineCode
from normalization.money import Currency, Money
from normalization.outcome import Approved, Declined, Operation, Pending, Report
from tests.adapters.checkout_com.conftest import SIGNATURE_KEY

Connect = Callable[..., CheckoutComAdapter]
SANDBOX = "https://vkuhvk4v.api.sandbox.checkout.com/payments/pay_1"
LIVE = "https://vkuhvk4v.api.checkout.com/payments/pay_1"


def event(type: str, link: str = SANDBOX, *, itself: str = SANDBOX, **data: Any) -> bytes:
    facts = {
        "id": "pay_1",
        "action_id": "act_1",
        "reference": "att_1",
        "amount": 1000,
        "currency": "EUR",
        "processing_channel_id": "pc_shop",
        "response_code": "10000",
        "metadata": {"hub_operation": "authorize"},
    }
    told = {
        "id": "evt_1",
        "type": type,
        "data": facts | data,
        "_links": {"payment": {"href": link}, "self": {"href": itself}},
    }
    return msgspec.json.encode(told)


def signed(body: bytes, key: str = SIGNATURE_KEY) -> Webhook:
    signature = hmac.digest(key.encode(), body, "sha256").hex()
    return Webhook(headers={"cko-signature": signature}, body=body, received_at=datetime.now(UTC))


def read(adapter: CheckoutComAdapter, body: bytes) -> list[Report]:
    return [report for delivery in adapter.open_webhook(signed(body)) for report in adapter.read_delivery(delivery)]


def only(adapter: CheckoutComAdapter, body: bytes) -> Report:
    (report,) = read(adapter, body)
    return report


class TestOpening:
    def test_one_event_is_one_delivery(self, adapter: CheckoutComAdapter) -> None:
        body = event("payment_approved")

        assert adapter.open_webhook(signed(body)) == [
            Delivery(key="evt_1", subject="pay_1", account="pc_shop", livemode=False, body=body)
        ]

    def test_the_previous_key_is_good_as_long_as_it_is_there(self, connect: Connect) -> None:
        rolled = connect(webhook_secret="new", webhook_secret_previous=SIGNATURE_KEY)

        assert rolled.open_webhook(signed(event("payment_approved")))
        assert rolled.open_webhook(signed(event("payment_approved"), "new"))

    def test_a_signature_in_capitals_is_the_same(self, adapter: CheckoutComAdapter) -> None:
        told = signed(event("payment_approved"))
        loud = msgspec.structs.replace(told, headers={"cko-signature": told.headers["cko-signature"].upper()})

        assert adapter.open_webhook(loud)

    @pytest.mark.parametrize(
        "told",
        [
            signed(event("payment_approved"), "another"),
            msgspec.structs.replace(signed(event("payment_approved")), headers={}),
            msgspec.structs.replace(signed(event("payment_approved")), headers={"cko-signature": "\u00e9"}),
            msgspec.structs.replace(signed(event("payment_approved")), body=event("payment_captured")),
            signed(event("payment_approved", processing_channel_id="pc_another")),
            signed(event("payment_approved", processing_channel_id=["pc_shop"])),
            signed(event("payment_approved", LIVE)),
            signed(event("payment_approved", itself=LIVE)),
            signed(event("payment_approved", id=5)),
            signed(b"[]"),
            signed(b"{}"),
            signed(b"[" * 50_000),
        ],
        ids=[
            "key",
            "missing",
            "not_ascii",
            "body",
            "channel",
            "odd_channel",
            "mode",
            "own_mode",
            "subject",
            "list",
            "object",
            "deep",
        ],
    )
    def test_what_does_not_verify_is_rejected(self, adapter: CheckoutComAdapter, told: Webhook) -> None:
        with pytest.raises(WebhookRejectedError):
            adapter.open_webhook(told)

    def test_without_a_signature_key_nothing_verifies(self, connect: Connect) -> None:
        with pytest.raises(WebhookRejectedError):
            connect(webhook_secret=None).open_webhook(signed(event("payment_approved"), ""))

    async def test_a_live_account_takes_live_events_alone(self, transport: Transport) -> None:
        credentials = CheckoutComCredentials(
            secret_key="sk_liveliveliveliveliveliveli2a",
            processing_channel_id="pc_shop",
            api_prefix="vkuhvk4v",
            webhook_secret=SIGNATURE_KEY,
        )
        live = CheckoutComAdapter(credentials, transport, livemode=True)

        assert live.open_webhook(signed(event("payment_approved", LIVE, itself=LIVE)))[0].livemode
        for link in (SANDBOX, "https://api.checkout.com.example/payments/pay_1"):
            with pytest.raises(WebhookRejectedError):
                live.open_webhook(signed(event("payment_approved", link, itself=LIVE)))

    def test_what_is_told_of_something_else_is_about_its_payment(self, adapter: CheckoutComAdapter) -> None:
        (delivery,) = adapter.open_webhook(signed(event("dispute_received", id="dsp_1", payment_id="pay_1")))

        assert delivery.subject == "pay_1"

    def test_an_event_without_an_id_is_known_by_what_it_tells(self, adapter: CheckoutComAdapter) -> None:
        told = msgspec.json.decode(event("payment_authentication_failed"))
        del told["id"]

        (delivery,) = adapter.open_webhook(signed(msgspec.json.encode(told)))

        assert delivery.key == "payment_authentication_failed:pay_1:act_1"


class TestReading:
    def test_an_authorization_is_approved(self, adapter: CheckoutComAdapter) -> None:
        report = only(adapter, event("payment_approved"))

        assert (report.kind, report.outcome, report.tag) == (Operation.AUTHORIZE, Approved(), "att_1")
        assert (report.processor_reference, report.money) == ("pay_1", Money(1000, Currency.EUR))

    def test_a_purchase_is_pending_until_its_capture_is_told(self, adapter: CheckoutComAdapter) -> None:
        metadata = {"hub_operation": "purchase"}

        first = only(adapter, event("payment_approved", metadata=metadata))
        then = only(adapter, event("payment_captured", metadata=metadata))

        assert [(one.kind, one.tag, one.outcome) for one in (first, then)] == [
            (Operation.PURCHASE, "att_1", Pending()),
            (Operation.PURCHASE, "att_1", Approved()),
        ]
        assert then.processor_reference == "pay_1"

    def test_a_capture_of_its_own_is_not_the_purchases_result(self, adapter: CheckoutComAdapter) -> None:
        told = only(adapter, event("payment_captured", reference="cap_1", metadata={"hub_operation": "purchase"}))

        assert (told.kind, told.tag, told.processor_reference) == (Operation.CAPTURE, "cap_1", "act_1")

    def test_a_purchase_whose_capture_is_refused_is_refused(self, adapter: CheckoutComAdapter) -> None:
        body = event("payment_capture_declined", metadata={"hub_operation": "purchase"}, response_code="20091")

        report = only(adapter, body)

        assert report.kind is Operation.PURCHASE
        assert isinstance(report.outcome, Declined)
        assert report.outcome.decline.code is DeclineCode.ISSUER_UNAVAILABLE

    @pytest.mark.parametrize(
        ("type", "reference", "kind", "done"),
        [
            ("payment_captured", "cap_1", Operation.CAPTURE, True),
            ("payment_capture_declined", "cap_1", Operation.CAPTURE, False),
            ("payment_voided", "can_1", Operation.VOID, True),
            ("payment_void_declined", "can_1", Operation.VOID, False),
            ("payment_refunded", "ref_1", Operation.REFUND, True),
            ("payment_refund_declined", "ref_1", Operation.REFUND, False),
        ],
    )
    def test_an_action_is_told_by_its_own_id(
        self, adapter: CheckoutComAdapter, type: str, reference: str, kind: Operation, done: object
    ) -> None:
        report = only(adapter, event(type, reference=reference, amount=400))

        assert (report.kind, report.tag, isinstance(report.outcome, Approved)) == (kind, reference, done)
        assert (report.processor_reference, report.parent_reference) == ("act_1", "pay_1")
        assert report.money == Money(400, Currency.EUR)

    @pytest.mark.parametrize("type", ["payment_captured", "payment_voided", "payment_refunded"])
    def test_what_was_done_in_the_dashboard_carries_no_tag_of_ours(
        self, adapter: CheckoutComAdapter, type: str
    ) -> None:
        report = only(adapter, event(type))

        assert (report.tag, report.parent_reference) == (None, "pay_1")

    @pytest.mark.parametrize(
        ("type", "code", "meaning"),
        [
            ("payment_declined", "20051", DeclineCode.INSUFFICIENT_FUNDS),
            ("payment_authentication_failed", "20152", DeclineCode.CUSTOMER_CANCELLED),
            ("payment_canceled", None, DeclineCode.CUSTOMER_CANCELLED),
            ("payment_expired", None, DeclineCode.CUSTOMER_CANCELLED),
        ],
    )
    def test_a_refusal_is_told_with_its_reason(
        self, adapter: CheckoutComAdapter, type: str, code: str | None, meaning: DeclineCode
    ) -> None:
        report = only(adapter, event(type, response_code=code))

        assert isinstance(report.outcome, Declined)
        assert (report.tag, report.outcome.decline.code) == ("att_1", meaning)

    @pytest.mark.parametrize(
        "type", ["payment_pending", "payment_refund_pending", "card_verified", "dispute_received", "never_heard_of"]
    )
    def test_what_says_nothing_final_is_passed_over(self, adapter: CheckoutComAdapter, type: str) -> None:
        assert read(adapter, event(type)) == []

    def test_a_check_of_a_card_moves_no_money(self, adapter: CheckoutComAdapter) -> None:
        assert read(adapter, event("payment_authentication_failed", reference="ver_1")) == []

    def test_an_amount_of_an_unknown_currency_is_no_report(self, adapter: CheckoutComAdapter) -> None:
        with pytest.raises(ValueError, match="ZZZ"):
            read(adapter, event("payment_captured", currency="ZZZ"))
