"""Captures, voids and refunds of a PaymentIntent."""

import pytest

from adapters.errors import OutcomeUnknownError
from adapters.stripe.adapter import StripeAdapter
from normalization.declines import DeclineCode
from normalization.money import Currency, Money
from normalization.outcome import Approved, Declined, Operation, Outcome, Pending
from tests.adapters.stripe.asking import EUR_1000, EUR_4999, capture, refund, void
from tests.adapters.stripe.conftest import Connect
from tests.adapters.stripe.pretend import Pretend, intent, refuses, says
from tests.adapters.stripe.pretend import refund as stripe_refund


class TestCapture:
    async def test_says_whose_it_is_beside_the_payments_own_tag(self, adapter: StripeAdapter, stripe: Pretend) -> None:
        stripe.will(says(200, intent(capture_method="manual")))

        await adapter.follow_up(capture())

        [asked] = stripe.asked
        assert asked.path == "/v1/payment_intents/pi_1/capture"
        assert asked.form == {
            "amount_to_capture": "4999",
            "metadata[hub_capture]": "cap_1",
            "expand[0]": "latest_charge",
        }
        assert asked.headers["Idempotency-Key"] == "cap_1"

    async def test_reports_what_was_received(self, adapter: StripeAdapter, stripe: Pretend) -> None:
        stripe.will(says(200, intent(capture_method="manual", amount_received=1000)))

        report = await adapter.follow_up(capture(money=EUR_1000))

        assert (report.kind, report.outcome, report.money) == (Operation.CAPTURE, Approved(), EUR_1000)
        assert (report.tag, report.processor_reference, report.parent_reference) == ("cap_1", "pi_1", "pi_1")

    async def test_that_would_release_the_rest_against_the_callers_wish_is_declined_here(
        self, adapter: StripeAdapter, stripe: Pretend
    ) -> None:
        report = await adapter.follow_up(capture(money=EUR_1000, final=False))

        assert isinstance(report.outcome, Declined)
        assert report.outcome.decline.code is DeclineCode.UNSUPPORTED_OPERATION
        assert stripe.asked == []

    async def test_one_of_several_notes_what_it_took(self, connect: Connect, stripe: Pretend) -> None:
        metadata = {"hub_operation": "att_1", "hub_capture": "cap_2", "cap_1": "500", "cap_2": "1000"}
        held = intent("requires_capture", capture_method="manual", amount_received=1500, metadata=metadata)
        stripe.will(says(200, held))
        request = capture(operation_id="cap_2", money=EUR_1000, final=False)

        report = await connect(multicapture=True).follow_up(request)

        assert stripe.asked[0].form["metadata[cap_2]"] == "1000"
        assert stripe.asked[0].form["final_capture"] == "false"
        assert (report.outcome, report.money, report.processor_reference) == (Approved(), EUR_1000, None)

    async def test_that_left_the_payment_as_it_was_is_no_outcome(self, adapter: StripeAdapter, stripe: Pretend) -> None:
        stripe.will(says(200, intent("requires_capture", capture_method="manual")))

        with pytest.raises(OutcomeUnknownError):
            await adapter.follow_up(capture())

    async def test_refused_because_this_very_capture_was_made_is_approved(
        self, adapter: StripeAdapter, stripe: Pretend
    ) -> None:
        made = intent(metadata={"hub_operation": "att_1", "hub_capture": "cap_1"}, capture_method="manual")
        stripe.will(refuses(400, "payment_intent_unexpected_state", payment_intent=made))

        report = await adapter.follow_up(capture())

        assert (report.outcome, report.money) == (Approved(), EUR_4999)


class TestVoid:
    async def test_cancels_the_payment_intent(self, adapter: StripeAdapter, stripe: Pretend) -> None:
        stripe.will(says(200, intent("canceled", capture_method="manual", cancellation_reason="abandoned")))

        report = await adapter.follow_up(void(reason="abandoned"))

        [asked] = stripe.asked
        assert asked.path == "/v1/payment_intents/pi_1/cancel"
        assert asked.form == {"cancellation_reason": "abandoned"}
        assert (report.kind, report.outcome, report.money) == (Operation.VOID, Approved(), EUR_4999)
        assert (report.tag, report.processor_reference) == ("can_1", "pi_1")

    async def test_a_reason_stripe_does_not_know_is_left_out(self, adapter: StripeAdapter, stripe: Pretend) -> None:
        stripe.will(says(200, intent("canceled")))

        await adapter.follow_up(void(reason="changed our mind"))

        assert stripe.asked[0].form == {}

    async def test_of_a_captured_payment_is_a_decline(self, adapter: StripeAdapter, stripe: Pretend) -> None:
        stripe.will(refuses(400, "payment_intent_unexpected_state", payment_intent=intent()))

        assert isinstance((await adapter.follow_up(void())).outcome, Declined)

    async def test_an_answer_about_another_payment_is_no_outcome(self, adapter: StripeAdapter, stripe: Pretend) -> None:
        stripe.will(says(200, intent("canceled", id="pi_2")))

        with pytest.raises(OutcomeUnknownError):
            await adapter.follow_up(void())


class TestRefund:
    async def test_carries_its_own_tag(self, adapter: StripeAdapter, stripe: Pretend) -> None:
        stripe.will(says(200, stripe_refund()))

        report = await adapter.follow_up(refund(reason="requested_by_customer"))

        [asked] = stripe.asked
        assert asked.path == "/v1/refunds"
        assert asked.form == {
            "payment_intent": "pi_1",
            "amount": "1000",
            "metadata[hub_operation]": "ref_1",
            "metadata[hub_payment]": "pay_1",
            "metadata[reference]": "invoice-1",
            "reason": "requested_by_customer",
        }
        assert asked.headers["Idempotency-Key"] == "ref_1"
        assert (report.kind, report.money, report.tag) == (Operation.REFUND, EUR_1000, "ref_1")
        assert (report.processor_reference, report.parent_reference) == ("re_1", "pi_1")

    @pytest.mark.parametrize(
        ("status", "outcome"),
        [("succeeded", Approved()), ("pending", Pending()), ("requires_action", Pending())],
    )
    async def test_its_status_is_its_outcome(
        self, adapter: StripeAdapter, stripe: Pretend, status: str, outcome: Outcome
    ) -> None:
        stripe.will(says(200, stripe_refund(status)))

        assert (await adapter.follow_up(refund())).outcome == outcome

    @pytest.mark.parametrize(
        ("status", "reason", "code", "raw"),
        [
            ("failed", "expired_or_canceled_card", DeclineCode.EXPIRED_CARD, "refund_failed/expired_or_canceled_card"),
            ("failed", "lost_or_stolen_card", DeclineCode.LOST_OR_STOLEN_CARD, "refund_failed/lost_or_stolen_card"),
            ("failed", "declined", DeclineCode.GENERIC_DECLINE, "refund_failed/declined"),
            ("canceled", None, DeclineCode.GENERIC_DECLINE, "refund_canceled"),
        ],
    )
    async def test_that_failed_says_why(
        self,
        adapter: StripeAdapter,
        stripe: Pretend,
        status: str,
        reason: str | None,
        code: DeclineCode,
        raw: str,
    ) -> None:
        stripe.will(says(200, stripe_refund(status, failure_reason=reason)))

        outcome = (await adapter.follow_up(refund())).outcome

        assert isinstance(outcome, Declined)
        assert (outcome.decline.code, outcome.decline.processor_code) == (code, raw)

    @pytest.mark.parametrize("status", [None, "under_review"])
    async def test_of_a_status_we_do_not_know_is_no_outcome(
        self, adapter: StripeAdapter, stripe: Pretend, status: str | None
    ) -> None:
        stripe.will(says(200, {**stripe_refund(), "status": status}))

        with pytest.raises(OutcomeUnknownError):
            await adapter.follow_up(refund())

    async def test_of_another_amount_is_told_as_it_is(self, adapter: StripeAdapter, stripe: Pretend) -> None:
        stripe.will(says(200, stripe_refund(amount=999)))

        assert (await adapter.follow_up(refund())).money == Money(999, Currency.EUR)
