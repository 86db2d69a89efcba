"""What became of a request whose answer was lost."""

from datetime import timedelta

import pytest

from adapters.errors import OutcomeUnknownError
from adapters.stripe.account import StripeCredentials
from adapters.stripe.adapter import StripeAdapter
from adapters.stripe.inquiry import PAGES_MAX
from adapters.transport import Transport
from normalization.declines import DeclineCode
from normalization.outcome import Approved, Declined, Operation
from tests.adapters.stripe.asking import AT, authorization, capture, purchase, refund, void
from tests.adapters.stripe.pretend import Behaviour, Pretend, intent, is_silent, listing, refuses, resets, says
from tests.adapters.stripe.pretend import refund as stripe_refund

OTHER = intent(id="pi_0", metadata={"hub_operation": "att_0"})


class TestOfAnOpening:
    async def test_is_by_stripes_id_where_that_is_known(self, adapter: StripeAdapter, stripe: Pretend) -> None:
        stripe.will(says(200, intent()))

        report = await adapter.inquire(purchase(processor_reference="pi_1"))

        assert report
        assert report.outcome == Approved()
        assert stripe.asked[0].path == "/v1/payment_intents/pi_1"
        assert stripe.asked[0].query == {"expand[0]": "latest_charge"}

    async def test_else_looks_for_our_tag_around_the_time_and_customer(
        self, adapter: StripeAdapter, stripe: Pretend
    ) -> None:
        stripe.will(says(200, listing(OTHER, intent())))

        report = await adapter.inquire(purchase())

        assert report
        assert (report.outcome, report.processor_reference, report.tag) == (Approved(), "pi_1", "att_1")
        at = int(AT.timestamp())
        assert stripe.asked[0].query == {
            "created[gte]": str(at - 300),
            "created[lte]": str(at + 600),
            "limit": "100",
            "customer": "cus_1",
            "expand[0]": "data.latest_charge",
        }

    async def test_turns_the_pages(self, adapter: StripeAdapter, stripe: Pretend) -> None:
        stripe.will(says(200, listing(OTHER, more=True)), says(200, listing(intent())))

        report = await adapter.inquire(purchase())

        assert report
        assert stripe.asked[1].query["starting_after"] == "pi_0"

    async def test_of_what_never_arrived_finds_nothing(self, adapter: StripeAdapter, stripe: Pretend) -> None:
        stripe.will(says(200, listing(OTHER)))

        assert await adapter.inquire(purchase()) is None

    async def test_made_at_another_time_than_our_clock_told_is_found_by_search(
        self, adapter: StripeAdapter, stripe: Pretend
    ) -> None:
        stripe.will(says(200, listing(OTHER)), says(200, listing(intent())))

        report = await adapter.inquire(purchase())

        assert report
        assert (report.outcome, stripe.asked[-1].path) == (Approved(), "/v1/payment_intents/search")

    async def test_is_not_there_either_where_an_account_has_no_search(
        self, adapter: StripeAdapter, stripe: Pretend
    ) -> None:
        stripe.will(says(200, listing(OTHER)), refuses(400))

        assert await adapter.inquire(purchase()) is None

    async def test_is_not_known_while_search_does_not_answer(self, adapter: StripeAdapter, stripe: Pretend) -> None:
        stripe.will(says(200, listing(OTHER)), refuses(500, type="api_error"))

        with pytest.raises(OutcomeUnknownError):
            await adapter.inquire(purchase())

    async def test_with_too_many_to_look_through_asks_search(self, adapter: StripeAdapter, stripe: Pretend) -> None:
        pages = [says(200, listing(OTHER, more=True))] * PAGES_MAX
        stripe.will(*pages, says(200, listing(intent())))

        assert await adapter.inquire(purchase())

        assert stripe.asked[-1].path == "/v1/payment_intents/search"
        assert stripe.asked[-1].query["query"] == "metadata['hub_operation']:'att_1'"

    async def test_never_takes_the_silence_of_search_for_a_no(self, adapter: StripeAdapter, stripe: Pretend) -> None:
        pages = [says(200, listing(OTHER, more=True))] * PAGES_MAX
        stripe.will(*pages, says(200, listing()))

        with pytest.raises(OutcomeUnknownError):
            await adapter.inquire(purchase())

    async def test_that_was_refused_is_declined(self, adapter: StripeAdapter, stripe: Pretend) -> None:
        error = {"type": "card_error", "code": "card_declined", "decline_code": "lost_card"}
        stripe.will(says(200, listing(intent("requires_payment_method", last_payment_error=error))))

        report = await adapter.inquire(purchase())

        assert report
        assert isinstance(report.outcome, Declined)
        assert report.outcome.decline.code is DeclineCode.LOST_OR_STOLEN_CARD

    async def test_of_an_authorization_captured_since_is_approved_for_what_was_held(
        self, adapter: StripeAdapter, stripe: Pretend
    ) -> None:
        stripe.will(says(200, listing(intent(capture_method="manual", amount_received=1000))))

        report = await adapter.inquire(authorization())

        assert report
        assert (report.kind, report.outcome, report.money) == (Operation.AUTHORIZE, Approved(), purchase().money)

    async def test_that_was_cancelled_holds_nothing(self, adapter: StripeAdapter, stripe: Pretend) -> None:
        stripe.will(says(200, listing(intent("canceled", cancellation_reason="abandoned"))))

        report = await adapter.inquire(purchase())

        assert report
        assert isinstance(report.outcome, Declined)
        assert report.outcome.decline.processor_code == "canceled/abandoned"

    @pytest.mark.parametrize(
        "behaviour",
        [
            refuses(401),
            refuses(403),
            refuses(404, "resource_missing"),
            resets(),
            is_silent(),
            refuses(500, type="api_error"),
        ],
    )
    async def test_that_could_not_be_asked_says_nothing(
        self, adapter: StripeAdapter, stripe: Pretend, behaviour: Behaviour
    ) -> None:
        stripe.will(behaviour)

        with pytest.raises(OutcomeUnknownError):
            await adapter.inquire(purchase(processor_reference="pi_1"))

    async def test_that_did_not_reach_stripe_says_nothing(self, transport: Transport) -> None:
        credentials = StripeCredentials(api_key="sk_test_abc", base_url="http://stripe.invalid")
        adapter = StripeAdapter(credentials, transport, livemode=False)

        with pytest.raises(OutcomeUnknownError):
            await adapter.inquire(purchase())


class TestOfWhatWasCreatedAndNotConfirmed:
    def adapter(self, stripe: Pretend, transport: Transport, minutes: int) -> StripeAdapter:
        created = AT + timedelta(minutes=minutes)
        credentials = StripeCredentials(api_key="sk_test_abc", base_url=stripe.url)
        stripe.will(says(200, listing(intent("requires_confirmation", created=int(AT.timestamp())))))
        return StripeAdapter(credentials, transport, livemode=False, clock=lambda: created)

    async def test_is_unknown_while_our_request_may_still_run(self, stripe: Pretend, transport: Transport) -> None:
        with pytest.raises(OutcomeUnknownError):
            await self.adapter(stripe, transport, minutes=1).inquire(purchase())

    async def test_is_a_no_after_that(self, stripe: Pretend, transport: Transport) -> None:
        report = await self.adapter(stripe, transport, minutes=11).inquire(purchase())

        assert report
        assert isinstance(report.outcome, Declined)
        assert report.outcome.decline.code is DeclineCode.PROCESSOR_ERROR


class TestOfAFollowUp:
    async def test_a_capture_is_known_by_its_tag_on_the_payment(self, adapter: StripeAdapter, stripe: Pretend) -> None:
        stripe.will(says(200, intent(capture_method="manual", metadata={"hub_capture": "cap_1"})))

        report = await adapter.inquire(capture())

        assert report
        assert (report.kind, report.outcome, report.tag) == (Operation.CAPTURE, Approved(), "cap_1")

    @pytest.mark.parametrize(
        "told",
        [
            intent("requires_capture", capture_method="manual"),
            intent(capture_method="manual", metadata={"hub_capture": "cap_0"}),
            intent(capture_method="manual"),
        ],
        ids=["still held", "another capture of ours", "captured by other hands"],
    )
    async def test_a_capture_that_did_not_happen_is_not_found(
        self, adapter: StripeAdapter, stripe: Pretend, told: dict[str, object]
    ) -> None:
        stripe.will(says(200, told))

        assert await adapter.inquire(capture()) is None

    async def test_a_void_is_known_by_the_cancelled_payment(self, adapter: StripeAdapter, stripe: Pretend) -> None:
        stripe.will(says(200, intent("canceled")))

        report = await adapter.inquire(void())

        assert report
        assert (report.kind, report.outcome, report.tag) == (Operation.VOID, Approved(), "can_1")

    async def test_a_void_that_did_not_happen_is_not_found(self, adapter: StripeAdapter, stripe: Pretend) -> None:
        stripe.will(says(200, intent("requires_capture", capture_method="manual")))

        assert await adapter.inquire(void()) is None

    async def test_a_refund_is_looked_for_among_those_of_its_payment(
        self, adapter: StripeAdapter, stripe: Pretend
    ) -> None:
        stripe.will(
            says(200, listing(stripe_refund(id="re_0", metadata={}), more=True)), says(200, listing(stripe_refund()))
        )

        report = await adapter.inquire(refund())

        assert report
        assert (report.processor_reference, report.outcome) == ("re_1", Approved())
        assert stripe.asked[0].query == {"payment_intent": "pi_1", "limit": "100"}
        assert stripe.asked[1].query["starting_after"] == "re_0"

    async def test_a_refund_is_asked_for_by_its_id_where_known(self, adapter: StripeAdapter, stripe: Pretend) -> None:
        stripe.will(says(200, stripe_refund()))

        assert await adapter.inquire(refund(processor_reference="re_1"))

        assert stripe.asked[0].path == "/v1/refunds/re_1"

    async def test_a_refund_that_never_arrived_is_not_found(self, adapter: StripeAdapter, stripe: Pretend) -> None:
        stripe.will(says(200, listing()))

        assert await adapter.inquire(refund()) is None


class TestCancelByReference:
    async def test_cancels_what_the_request_made(self, adapter: StripeAdapter, stripe: Pretend) -> None:
        stripe.will(says(200, listing(intent("requires_action"))), says(200, intent("canceled")))

        await adapter.cancel_by_reference(purchase())

        assert stripe.asked[1].path == "/v1/payment_intents/pi_1/cancel"
        assert stripe.asked[1].headers["Idempotency-Key"] == "att_1:cancel"

    @pytest.mark.parametrize("found", [listing(), listing(intent()), listing(intent("canceled"))])
    async def test_leaves_alone_what_is_not_there_or_is_over(
        self, adapter: StripeAdapter, stripe: Pretend, found: dict[str, object]
    ) -> None:
        stripe.will(says(200, found))

        await adapter.cancel_by_reference(purchase())

        assert {asked.method for asked in stripe.asked} == {"GET"}
