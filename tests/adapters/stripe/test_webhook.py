"""Webhooks: only what Stripe signed for this account is let in, and it is read as reports."""

from collections.abc import Mapping
from datetime import timedelta

import pytest

from adapters.contract import Webhook
from adapters.errors import OutcomeUnknownError, WebhookRejectedError
from adapters.stripe.account import StripeCredentials
from adapters.stripe.adapter import StripeAdapter
from adapters.transport import Transport
from normalization.declines import DeclineCode
from normalization.money import Currency, Money
from normalization.outcome import ActionRequired, Approved, Declined, Operation, Pending
from tests.adapters.reading import reports_of
from tests.adapters.stripe.asking import AT, EUR_1000, EUR_4999
from tests.adapters.stripe.events import SECRET, arriving, delivered, event, sign
from tests.adapters.stripe.pretend import charge, intent, listing, refund

PREVIOUS = "whsec_old"


@pytest.fixture
def adapter(transport: Transport) -> StripeAdapter:
    credentials = StripeCredentials(api_key="sk_test_abc", webhook_secret=SECRET, webhook_secret_previous=PREVIOUS)
    return StripeAdapter(credentials, transport, livemode=False)


PAID = event("payment_intent.succeeded", intent())


class TestOpening:
    def test_a_signed_event_becomes_one_delivery(self, adapter: StripeAdapter) -> None:
        [delivery] = adapter.open_webhook(arriving(PAID))

        assert (delivery.key, delivery.subject, delivery.account) == ("evt_1", "pi_1", None)
        assert (delivery.livemode, delivery.body) == (False, PAID.encode())

    def test_events_of_one_payment_have_one_subject(self, adapter: StripeAdapter) -> None:
        about = [
            event("refund.created", refund()),
            event("charge.refunded", charge()),
            event("refund.updated", refund(payment_intent={"id": "pi_1", "object": "payment_intent"})),
        ]

        assert {adapter.open_webhook(arriving(body))[0].subject for body in about} == {"pi_1"}

    def test_an_event_about_something_else_has_its_own_subject(self, adapter: StripeAdapter) -> None:
        [delivery] = adapter.open_webhook(arriving(event("customer.created", {"id": "cus_1"})))

        assert delivery.subject == "cus_1"
        assert adapter.read_delivery(delivery) == []

    @pytest.mark.parametrize(
        "signature",
        [
            sign(PAID, PREVIOUS),
            sign(PAID) + ",v1=" + "0" * 64 + ",v0=abc",
            sign(PAID).replace(",v1=", ",v1=" + "0" * 64 + ",v1="),
            sign(PAID, at=AT - timedelta(seconds=300)),
            sign(PAID, at=AT + timedelta(seconds=300)),
            sign(PAID).replace(",", ", "),
        ],
        ids=["previous secret", "one of two", "second of two", "300 s old", "300 s ahead", "spaces"],
    )
    def test_lets_in(self, adapter: StripeAdapter, signature: str) -> None:
        assert adapter.open_webhook(arriving(PAID, signature))

    @pytest.mark.fault_case(id="SIG-04")
    @pytest.mark.fault_case(id="SIG-11")
    @pytest.mark.fault_case(id="SIG-12")
    @pytest.mark.parametrize(
        "signature",
        [
            "",
            "t=",
            "v1=" + "0" * 64,
            sign(PAID, "whsec_other"),
            sign(PAID + " "),
            sign(PAID, at=AT - timedelta(seconds=301)),
            sign(PAID, at=AT + timedelta(seconds=301)),
            sign(PAID).replace("v1=", "v0="),
            sign(PAID).replace("t=", "t=1,t="),
            sign(PAID).replace("t=1", "t=1_"),
            sign(PAID).replace("t=1", "t=+1"),
            sign(PAID).replace("t=1", "t= 1"),
            sign(PAID).replace("t=1", "t=١"),  # noqa: RUF001 - a digit that Python takes for one
            sign(PAID) + ",v1=" * 50,
            sign(PAID)[:-1],
            sign(PAID) + "é",
            sign(PAID).replace("v1=", "v1=é"),
            "t=9" * 400,
        ],
    )  # fmt: skip
    def test_refuses(self, adapter: StripeAdapter, signature: str) -> None:
        with pytest.raises(WebhookRejectedError):
            adapter.open_webhook(arriving(PAID, signature))

    def test_refuses_a_request_without_a_signature(self, adapter: StripeAdapter) -> None:
        with pytest.raises(WebhookRejectedError):
            adapter.open_webhook(Webhook(headers={}, body=PAID.encode(), received_at=AT))

    def test_refuses_altered_bytes(self, adapter: StripeAdapter) -> None:
        altered = Webhook(
            headers={"stripe-signature": sign(PAID)}, body=PAID.replace("4999", "9999").encode(), received_at=AT
        )

        with pytest.raises(WebhookRejectedError):
            adapter.open_webhook(altered)

    @pytest.mark.parametrize(
        "body",
        [
            "",
            "[]",
            "null",
            "not JSON",
            "[" * 100_000,
            event("payment_intent.succeeded", intent(), livemode=True),
            event("payment_intent.succeeded", intent(), account="acct_other"),
            event("payment_intent.succeeded", intent(), object="v2.core.event"),
            event("payment_intent.succeeded", intent(), livemode="false"),
            event("payment_intent.succeeded", intent(), id=""),
        ],
    )
    def test_refuses_though_signed(self, adapter: StripeAdapter, body: str) -> None:
        with pytest.raises(WebhookRejectedError):
            adapter.open_webhook(arriving(body))

    @pytest.mark.parametrize(
        "body",
        [
            event("payment_intent.succeeded", []),
            event("payment_intent.succeeded", {"object": "payment_intent"}),
            event("payment_intent.succeeded", intent(), data=None),
            event("payment_intent.succeeded", intent(), type=7),
        ],
        ids=["no object", "no id", "no data", "no type"],
    )
    def test_an_event_for_us_is_taken_though_it_cannot_be_read(self, adapter: StripeAdapter, body: str) -> None:
        [delivery] = adapter.open_webhook(arriving(body))

        assert delivery.key == "evt_1"
        with pytest.raises(OutcomeUnknownError):
            adapter.read_delivery(delivery)

    @pytest.mark.parametrize("secret", [None, ""])
    def test_an_account_without_a_secret_has_no_webhooks(self, transport: Transport, secret: str | None) -> None:
        credentials = StripeCredentials(api_key="sk_test_abc", webhook_secret=secret, webhook_secret_previous=secret)
        adapter = StripeAdapter(credentials, transport, livemode=False)

        with pytest.raises(WebhookRejectedError, match="webhook_secret"):
            adapter.open_webhook(arriving(PAID, sign(PAID, "")))


class TestReading:
    def test_an_automatic_payment_that_succeeded_is_a_purchase(self, adapter: StripeAdapter) -> None:
        [report] = reports_of(adapter, delivered(PAID))

        assert (report.kind, report.outcome, report.money) == (Operation.PURCHASE, Approved(), EUR_4999)
        assert (report.tag, report.processor_reference) == ("att_1", "pi_1")

    @pytest.mark.parametrize(("metadata", "tag"), [({"hub_capture": "cap_1"}, "cap_1"), ({}, None)])
    def test_a_manual_payment_that_succeeded_is_a_capture(
        self, adapter: StripeAdapter, metadata: Mapping[str, str], tag: str | None
    ) -> None:
        paid = intent(capture_method="manual", amount_received=1000, metadata={"hub_operation": "att_1", **metadata})

        [report] = reports_of(adapter, delivered(event("payment_intent.succeeded", paid)))

        assert (report.kind, report.outcome, report.money) == (Operation.CAPTURE, Approved(), EUR_1000)
        assert (report.tag, report.processor_reference, report.parent_reference) == (tag, "pi_1", "pi_1")

    def test_money_that_is_held_is_an_authorization(self, adapter: StripeAdapter) -> None:
        held = intent("requires_capture", capture_method="manual", latest_charge="ch_1")

        [report] = reports_of(adapter, delivered(event("payment_intent.amount_capturable_updated", held)))

        assert (report.kind, report.outcome, report.money) == (Operation.AUTHORIZE, Approved(), EUR_4999)

    def test_a_part_captured_tells_of_both(self, adapter: StripeAdapter) -> None:
        metadata = {"hub_operation": "att_1", "hub_capture": "cap_1", "cap_1": "1000"}
        held = intent(
            "requires_capture",
            capture_method="manual",
            amount_capturable=3999,
            amount_received=1000,
            metadata=metadata,
        )

        authorized, captured = reports_of(adapter, delivered(event("payment_intent.amount_capturable_updated", held)))

        assert (authorized.kind, authorized.money) == (Operation.AUTHORIZE, EUR_4999)
        assert (captured.kind, captured.money, captured.tag) == (Operation.CAPTURE, EUR_1000, "cap_1")
        assert captured.processor_reference is None

    def test_what_a_dashboard_captured_beside_ours_is_told_apart(self, adapter: StripeAdapter) -> None:
        metadata = {"hub_operation": "att_1", "hub_capture": "cap_2", "cap_1": "1000", "cap_2": "500"}
        taken = intent(capture_method="manual", amount_received=4999, metadata=metadata)

        first, second, theirs = reports_of(adapter, delivered(event("payment_intent.succeeded", taken)))

        assert (first.tag, first.money) == ("cap_1", EUR_1000)
        assert (second.tag, second.money) == ("cap_2", Money(500, Currency.EUR))
        assert (theirs.tag, theirs.money) == (None, Money(3499, Currency.EUR))
        assert (theirs.kind, theirs.processor_reference) == (Operation.CAPTURE, "pi_1")

    def test_a_failed_payment_is_a_decline_of_its_opening(self, adapter: StripeAdapter) -> None:
        error = {"type": "card_error", "code": "card_declined", "decline_code": "stolen_card"}
        failed = intent("requires_payment_method", capture_method="manual", last_payment_error=error)

        [report] = reports_of(adapter, delivered(event("payment_intent.payment_failed", failed)))

        assert report.kind is Operation.AUTHORIZE
        assert isinstance(report.outcome, Declined)
        assert report.outcome.decline.code is DeclineCode.LOST_OR_STOLEN_CARD

    def test_a_payment_on_its_way_is_pending(self, adapter: StripeAdapter) -> None:
        [report] = reports_of(adapter, delivered(event("payment_intent.processing", intent("processing"))))

        assert report.outcome == Pending()

    def test_a_challenge_is_an_action_of_the_payer(self, adapter: StripeAdapter) -> None:
        step = {"type": "redirect_to_url", "redirect_to_url": {"url": "https://hooks.stripe.com/3ds"}}
        waiting = intent("requires_action", next_action=step)

        [report] = reports_of(adapter, delivered(event("payment_intent.requires_action", waiting)))

        assert isinstance(report.outcome, ActionRequired)

    @pytest.mark.parametrize(
        ("why", "reason"),
        [("automatic", "expired"), ("expired", "expired"), ("requested_by_customer", "requested_by_customer")],
    )
    def test_a_cancelled_payment_is_a_void_that_carries_no_tag(
        self, adapter: StripeAdapter, why: str, reason: str
    ) -> None:
        canceled = intent("canceled", capture_method="manual", cancellation_reason=why)

        [report] = reports_of(adapter, delivered(event("payment_intent.canceled", canceled)))

        assert (report.kind, report.outcome, report.reason) == (Operation.VOID, Approved(), reason)
        assert (report.tag, report.processor_reference, report.parent_reference) == (None, "pi_1", "pi_1")

    @pytest.mark.parametrize("type", ["refund.created", "refund.updated", "refund.failed", "charge.refund.updated"])
    def test_a_refund_is_told_by_its_status_not_by_its_event(self, adapter: StripeAdapter, type: str) -> None:
        [report] = reports_of(adapter, delivered(event(type, refund("pending"), livemode=True)))

        assert (report.kind, report.outcome, report.money) == (Operation.REFUND, Pending(), EUR_1000)
        assert (report.tag, report.processor_reference, report.parent_reference) == ("ref_1", "re_1", "pi_1")
        assert report.livemode is True

    def test_a_refund_of_the_dashboard_carries_no_tag(self, adapter: StripeAdapter) -> None:
        [report] = reports_of(adapter, delivered(event("refund.created", refund(metadata={}))))

        assert report.tag is None

    def test_a_hold_that_ran_out_is_no_refund(self, adapter: StripeAdapter) -> None:
        let_go = refund(reason="expired_uncaptured_charge", metadata={})

        assert adapter.read_delivery(delivered(event("refund.created", let_go))) == []

    def test_a_refunded_charge_tells_of_our_refunds_that_it_lists(self, adapter: StripeAdapter) -> None:
        refunded = charge(refunds=listing(refund(), refund(id="re_2", amount=500), refund(id="re_3", metadata={})))

        reports = reports_of(adapter, delivered(event("charge.refunded", refunded)))

        assert [(report.processor_reference, report.money) for report in reports] == [
            ("re_1", EUR_1000),
            ("re_2", Money(500, Currency.EUR)),
        ]

    @pytest.mark.parametrize(
        ("type", "told"),
        [
            ("payment_intent.created", intent("requires_payment_method")),
            ("charge.refunded", charge()),
            ("charge.succeeded", charge()),
            ("customer.updated", {"id": "cus_1"}),
        ],
    )
    def test_what_says_nothing_new_gives_no_report(
        self, adapter: StripeAdapter, type: str, told: Mapping[str, object]
    ) -> None:
        assert adapter.read_delivery(delivered(event(type, told))) == []

    @pytest.mark.parametrize(
        ("type", "told"),
        [
            ("payment_intent.succeeded", {"id": "pi_1"}),
            ("payment_intent.succeeded", intent("reticulating")),
            ("payment_intent.canceled", intent()),
            ("refund.updated", refund(amount="1000")),
            ("refund.updated", refund(currency="xxx")),
        ],
    )
    def test_what_cannot_be_read_is_kept_for_a_human(
        self, adapter: StripeAdapter, type: str, told: Mapping[str, object]
    ) -> None:
        with pytest.raises(OutcomeUnknownError):
            adapter.read_delivery(delivered(event(type, told)))
