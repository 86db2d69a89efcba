"""What fails after it had been accepted or had succeeded, as Stripe's events tell it."""

import pytest

from adapters.errors import OutcomeUnknownError
from adapters.stripe.adapter import StripeAdapter
from normalization.declines import DeclineCode
from normalization.outcome import Approved, Declined, Operation, Pending
from tests.adapters.reading import reports_of
from tests.adapters.stripe.asking import EUR_1000, EUR_4999
from tests.adapters.stripe.events import delivered, event
from tests.adapters.stripe.pretend import charge, intent, refund

HUB = {"hub_operation": "att_1"}
REFUSED = {"type": "card_error", "code": "card_declined", "decline_code": "insufficient_funds"}


def test_a_payment_that_was_on_its_way_and_failed_is_a_decline(adapter: StripeAdapter) -> None:
    failed = intent("requires_payment_method", last_payment_error=REFUSED, amount_received=0)

    [report] = reports_of(adapter, delivered(event("payment_intent.payment_failed", failed)))

    assert (report.kind, report.tag) == (Operation.PURCHASE, "att_1")
    assert isinstance(report.outcome, Declined)
    assert report.outcome.decline.code is DeclineCode.INSUFFICIENT_FUNDS


class TestACaptureThatWasBegun:
    METADATA = {**HUB, "hub_capture": "cap_1"}  # noqa: RUF012 - never changed

    def test_is_pending_while_the_payment_is_on_its_way(self, adapter: StripeAdapter) -> None:
        begun = intent("processing", capture_method="manual", metadata=self.METADATA)

        [report] = reports_of(adapter, delivered(event("payment_intent.processing", begun)))

        assert (report.kind, report.tag, report.outcome) == (Operation.CAPTURE, "cap_1", Pending())
        assert (report.processor_reference, report.parent_reference, report.money) == ("pi_1", "pi_1", None)

    def test_is_declined_where_the_payment_fails_after_all(self, adapter: StripeAdapter) -> None:
        failed = intent(
            "requires_payment_method", capture_method="manual", metadata=self.METADATA, last_payment_error=REFUSED
        )

        [report] = reports_of(adapter, delivered(event("payment_intent.payment_failed", failed)))

        assert (report.kind, report.tag) == (Operation.CAPTURE, "cap_1")
        assert isinstance(report.outcome, Declined)
        assert report.outcome.decline.processor_code == "card_declined/insufficient_funds"


class TestARefund:
    @pytest.mark.parametrize(
        ("why", "code"),
        [
            ("lost_or_stolen_card", DeclineCode.LOST_OR_STOLEN_CARD),
            ("expired_or_canceled_card", DeclineCode.EXPIRED_CARD),
            ("insufficient_funds", DeclineCode.MERCHANT_CONFIGURATION_ERROR),
            ("charge_for_pending_refund_disputed", DeclineCode.GENERIC_DECLINE),
            ("declined", DeclineCode.GENERIC_DECLINE),
            ("unknown", DeclineCode.GENERIC_DECLINE),
        ],
    )
    @pytest.mark.parametrize("type", ["refund.failed", "refund.updated", "charge.refund.updated"])
    def test_that_failed_days_later_says_why(
        self, adapter: StripeAdapter, type: str, why: str, code: DeclineCode
    ) -> None:
        [report] = reports_of(adapter, delivered(event(type, refund("failed", failure_reason=why))))

        assert (report.kind, report.tag, report.money) == (Operation.REFUND, "ref_1", EUR_1000)
        assert isinstance(report.outcome, Declined)
        assert (report.outcome.decline.code, report.outcome.decline.processor_code) == (code, f"refund_failed/{why}")

    def test_that_was_canceled_is_declined(self, adapter: StripeAdapter) -> None:
        [report] = reports_of(adapter, delivered(event("refund.updated", refund("canceled"))))

        assert isinstance(report.outcome, Declined)
        assert report.outcome.decline.processor_code == "refund_canceled"

    def test_that_wants_something_of_the_payer_is_not_done(self, adapter: StripeAdapter) -> None:
        [report] = reports_of(adapter, delivered(event("refund.updated", refund("requires_action"))))

        assert report.outcome == Pending()


class TestAHoldThatRanOut:
    def test_is_a_void_by_itself(self, adapter: StripeAdapter) -> None:
        gone = charge(status="succeeded", captured=False, amount=4999, currency="eur", livemode=False)

        [report] = reports_of(adapter, delivered(event("charge.expired", gone)))

        assert (report.kind, report.outcome, report.reason) == (Operation.VOID, Approved(), "expired")
        assert (report.processor_reference, report.parent_reference, report.money) == ("pi_1", "pi_1", EUR_4999)

    def test_is_the_void_that_the_payments_own_event_tells_of(self, adapter: StripeAdapter) -> None:
        gone = charge(status="succeeded", captured=False, amount=4999, currency="eur", livemode=False)
        canceled = intent("canceled", capture_method="manual", cancellation_reason="automatic")

        [first] = reports_of(adapter, delivered(event("charge.expired", gone)))
        [second] = reports_of(adapter, delivered(event("payment_intent.canceled", canceled)))

        assert (first.kind, first.processor_reference, first.money, first.reason) == (
            second.kind, second.processor_reference, second.money, second.reason,
        )  # fmt: skip

    @pytest.mark.parametrize("fields", [{"captured": True}, {"payment_intent": None}])
    def test_is_no_payment_of_ours_where_it_was_captured_or_belongs_to_none(
        self, adapter: StripeAdapter, fields: dict[str, object]
    ) -> None:
        other = charge(**{"captured": False, "amount": 1, "currency": "eur", "livemode": False, **fields})

        assert adapter.read_delivery(delivered(event("charge.expired", other))) == []

    def test_that_says_too_little_waits_for_a_human(self, adapter: StripeAdapter) -> None:
        with pytest.raises(OutcomeUnknownError):
            adapter.read_delivery(delivered(event("charge.expired", charge(captured=False))))


@pytest.mark.parametrize(
    "type",
    [
        "charge.succeeded",
        "charge.captured",
        "charge.pending",
        "charge.updated",
        "charge.failed",
        "payment_intent.created",
        "review.opened",
        "source.failed",
        "checkout.session.async_payment_failed",
        "setup_intent.setup_failed",
        "payout.created",
        "balance.available",
    ],
)
def test_what_another_event_tells_or_no_card_is_about_says_nothing_by_itself(adapter: StripeAdapter, type: str) -> None:
    assert adapter.read_delivery(delivered(event(type, {"id": "x_1"}))) == []
