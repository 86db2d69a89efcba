"""A charge goes out as Stripe wants it and comes back as a report."""

import pytest

from adapters.contract import Authentication, Complete, Recurring
from adapters.errors import OutcomeUnknownError
from adapters.stripe.adapter import StripeAdapter
from normalization.declines import DeclineCode
from normalization.money import Currency, Money
from normalization.outcome import ActionRequired, Approved, Declined, Operation, Outcome, Pending
from normalization.tokens import CardFacts
from tests.adapters.stripe.asking import EUR_4999, authorization, purchase
from tests.adapters.stripe.conftest import Connect
from tests.adapters.stripe.pretend import Pretend, charge, intent, says

REDIRECT = {"type": "redirect_to_url", "redirect_to_url": {"url": "https://hooks.stripe.com/3ds", "return_url": "x"}}


def code_of(outcome: Outcome) -> tuple[DeclineCode, str]:
    assert isinstance(outcome, Declined)
    return outcome.decline.code, outcome.decline.processor_code


class TestWhatIsSent:
    async def test_a_purchase_is_created_and_confirmed_in_one_request(
        self, adapter: StripeAdapter, stripe: Pretend
    ) -> None:
        stripe.will(says(200, intent()))

        await adapter.authorize(purchase())

        [asked] = stripe.asked
        assert (asked.method, asked.path) == ("POST", "/v1/payment_intents")
        assert asked.form == {
            "amount": "4999",
            "currency": "eur",
            "capture_method": "automatic",
            "confirm": "true",
            "allowed_payment_method_types[0]": "card",
            "payment_method": "pm_card_visa",
            "customer": "cus_1",
            "return_url": "https://hub.example/return/pay_1",
            "metadata[hub_operation]": "att_1",
            "metadata[hub_payment]": "pay_1",
            "metadata[reference]": "invoice-1",
            "expand[0]": "latest_charge",
        }

    async def test_our_operation_id_is_the_idempotency_key(self, adapter: StripeAdapter, stripe: Pretend) -> None:
        stripe.will(says(200, intent()))

        await adapter.authorize(purchase())

        assert stripe.asked[0].headers["Idempotency-Key"] == "att_1"
        assert stripe.asked[0].headers["Authorization"] == "Bearer sk_test_abc"

    async def test_nothing_about_this_machine_is_reported(self, adapter: StripeAdapter, stripe: Pretend) -> None:
        stripe.will(says(200, intent()))

        await adapter.authorize(purchase())
        await adapter.authorize(purchase())

        assert "X-Stripe-Client-Telemetry" not in stripe.asked[1].headers
        assert "platform" not in stripe.asked[1].headers["X-Stripe-Client-User-Agent"]

    async def test_an_authorization_is_captured_by_hand(self, adapter: StripeAdapter, stripe: Pretend) -> None:
        stripe.will(says(200, intent("requires_capture", capture_method="manual")))

        await adapter.authorize(authorization())

        assert stripe.asked[0].form["capture_method"] == "manual"

    async def test_an_absent_payer_is_neither_redirected_nor_challenged(
        self, adapter: StripeAdapter, stripe: Pretend
    ) -> None:
        stripe.will(says(200, intent()))

        await adapter.authorize(purchase(payer_present=False))

        form = stripe.asked[0].form
        assert (form["off_session"], form["error_on_requires_action"]) == ("true", "true")
        assert "return_url" not in form

    async def test_without_a_return_url_no_challenge_may_be_asked(
        self, adapter: StripeAdapter, stripe: Pretend
    ) -> None:
        stripe.will(says(200, intent()))

        await adapter.authorize(purchase(return_url=None))

        form = stripe.asked[0].form
        assert form["error_on_requires_action"] == "true"
        assert "off_session" not in form

    async def test_required_authentication_asks_for_3d_secure(self, adapter: StripeAdapter, stripe: Pretend) -> None:
        stripe.will(says(200, intent()))

        await adapter.authorize(purchase(authentication=Authentication.REQUIRED))

        assert stripe.asked[0].form["payment_method_options[card][request_three_d_secure]"] == "any"

    async def test_several_captures_are_asked_for_where_stripe_grants_them(
        self, connect: Connect, stripe: Pretend
    ) -> None:
        stripe.will(says(200, intent("requires_capture", capture_method="manual")))

        await connect(multicapture=True).authorize(authorization())

        assert stripe.asked[0].form["payment_method_options[card][request_multicapture]"] == "if_available"

    async def test_avoided_authentication_leaves_exemptions_to_stripe(
        self, adapter: StripeAdapter, stripe: Pretend
    ) -> None:
        stripe.will(says(200, intent()))

        await adapter.authorize(purchase(authentication=Authentication.AVOID))

        assert not any("three_d_secure" in key for key in stripe.asked[0].form)

    async def test_the_first_of_a_series_saves_the_card_for_later(
        self, adapter: StripeAdapter, stripe: Pretend
    ) -> None:
        stripe.will(says(200, intent()))

        await adapter.authorize(purchase(recurring=Recurring.INITIAL, statement_descriptor="ACME"))

        form = stripe.asked[0].form
        assert (form["setup_future_usage"], form["statement_descriptor_suffix"]) == ("off_session", "ACME")

    @pytest.mark.parametrize(
        ("data", "sent"),
        [
            ({"payment_method": "pm_1"}, {"payment_method": "pm_1"}),
            ({"confirmation_token": "ctoken_1"}, {"confirmation_token": "ctoken_1"}),
            (
                {"token": "tok_visa"},
                {"payment_method_data[type]": "card", "payment_method_data[card][token]": "tok_visa"},
            ),
        ],
    )
    async def test_one_time_data_is_what_stripes_javascript_made(
        self, adapter: StripeAdapter, stripe: Pretend, data: dict[str, object], sent: dict[str, str]
    ) -> None:
        stripe.will(says(200, intent()))

        await adapter.authorize(purchase(token=None, data=data))

        form = stripe.asked[0].form
        assert {key: value for key, value in form.items() if key in sent} == sent


class TestWhatIsNotSent:
    @pytest.mark.parametrize(
        "data",
        [
            None,
            {},
            {"payment_method": 7},
            {"payment_method": "pm_1/../x"},
            {"payment_method": "pm_1\n"},
            {"number": "x"},
            {"payment_method": "pm_1", "token": "tok_1"},
        ],
    )
    async def test_data_of_another_kind_is_declined_here(
        self, adapter: StripeAdapter, stripe: Pretend, data: dict[str, object] | None
    ) -> None:
        report = await adapter.authorize(purchase(token=None, data=data))

        assert code_of(report.outcome) == (DeclineCode.INVALID_REQUEST, "hub/payment_method_data")
        assert stripe.asked == []

    async def test_an_amount_stripe_cannot_be_sent_is_declined_here(
        self, adapter: StripeAdapter, stripe: Pretend
    ) -> None:
        report = await adapter.authorize(purchase(money=Money(5125, Currency.KWD)))

        assert code_of(report.outcome) == (DeclineCode.INVALID_AMOUNT, "hub/amount")
        assert (report.tag, report.processor_reference) == ("att_1", None)
        assert stripe.asked == []

    async def test_a_currency_stripe_does_not_take_is_declined_here(
        self, adapter: StripeAdapter, stripe: Pretend
    ) -> None:
        report = await adapter.authorize(purchase(money=Money(5000, Currency.IRR)))

        assert code_of(report.outcome) == (DeclineCode.CURRENCY_NOT_SUPPORTED, "hub/currency")
        assert stripe.asked == []


class TestWhatComesBack:
    async def test_a_succeeded_purchase_is_approved_with_what_is_known_of_the_card(
        self, adapter: StripeAdapter, stripe: Pretend
    ) -> None:
        stripe.will(says(200, intent()))

        report = await adapter.authorize(purchase())

        assert (report.kind, report.outcome, report.money) == (Operation.PURCHASE, Approved(), EUR_4999)
        assert (report.tag, report.processor_reference, report.livemode) == ("att_1", "pi_1", False)
        assert (report.avs, report.cvc, report.raw_status) == ("pass/fail", "pass", "succeeded")
        assert report.card == CardFacts(
            brand="visa", last4="4242", exp_month=8, exp_year=2030, funding="credit", country="US", fingerprint="fp_1"
        )

    async def test_a_held_authorization_is_approved(self, adapter: StripeAdapter, stripe: Pretend) -> None:
        stripe.will(says(200, intent("requires_capture", capture_method="manual")))

        report = await adapter.authorize(authorization())

        assert (report.kind, report.outcome, report.money) == (Operation.AUTHORIZE, Approved(), EUR_4999)

    async def test_less_held_than_asked_for_is_told_as_it_is(self, adapter: StripeAdapter, stripe: Pretend) -> None:
        stripe.will(says(200, intent("requires_capture", capture_method="manual", amount_capturable=3000)))

        report = await adapter.authorize(authorization())

        assert report.money == Money(3000, Currency.EUR)

    async def test_another_amount_or_currency_is_told_as_it_is(self, adapter: StripeAdapter, stripe: Pretend) -> None:
        stripe.will(says(200, intent(amount_received=5000, currency="usd")))

        report = await adapter.authorize(purchase())

        assert report.money == Money(5000, Currency.USD)

    async def test_amounts_come_back_in_iso_units(self, adapter: StripeAdapter, stripe: Pretend) -> None:
        stripe.will(says(200, intent(amount=50000, amount_received=50000, currency="isk")))

        report = await adapter.authorize(purchase(money=Money(500, Currency.ISK)))

        assert report.money == Money(500, Currency.ISK)
        assert stripe.asked[0].form["amount"] == "50000"

    async def test_processing_is_pending(self, adapter: StripeAdapter, stripe: Pretend) -> None:
        stripe.will(says(200, intent("processing")))

        assert (await adapter.authorize(purchase())).outcome == Pending()

    async def test_a_redirect_is_an_action_of_the_payer(self, adapter: StripeAdapter, stripe: Pretend) -> None:
        stripe.will(says(200, intent("requires_action", next_action=REDIRECT, latest_charge=None)))

        report = await adapter.authorize(purchase())

        assert report.outcome == ActionRequired(method="GET", url="https://hooks.stripe.com/3ds", continuation="pi_1")

    async def test_what_only_stripes_javascript_can_do_is_a_decline(
        self, adapter: StripeAdapter, stripe: Pretend
    ) -> None:
        stripe.will(says(200, intent("requires_action", next_action={"type": "use_stripe_sdk"})))

        report = await adapter.authorize(purchase())

        assert code_of(report.outcome) == (DeclineCode.AUTHENTICATION_REQUIRED, "requires_action/use_stripe_sdk")

    async def test_a_402_is_a_decline_with_every_raw_code(self, adapter: StripeAdapter, stripe: Pretend) -> None:
        error = {
            "type": "card_error", "code": "card_declined", "decline_code": "insufficient_funds", "message": "No.",
            "network_decline_code": "51", "network_advice_code": "02", "advice_code": "try_again_later",
            "payment_method": {"id": "pm_1", "card": {"brand": "mastercard", "last4": "4444"}},
            "payment_intent": intent("requires_payment_method", latest_charge="ch_9"),
        }  # fmt: skip
        stripe.will(says(402, {"error": error}))

        report = await adapter.authorize(purchase())

        assert isinstance(report.outcome, Declined)
        decline = report.outcome.decline
        assert (decline.code, decline.processor_code) == (
            DeclineCode.INSUFFICIENT_FUNDS,
            "card_declined/insufficient_funds",
        )
        assert (decline.network_code, decline.network_advice_code, decline.processor_advice) == (
            "51",
            "02",
            "try_again_later",
        )
        assert (report.processor_reference, report.tag, report.money) == ("pi_1", "att_1", EUR_4999)
        assert report.card == CardFacts(brand="mastercard", last4="4444")

    @pytest.mark.parametrize(
        "told",
        [
            intent("reticulating"),
            intent("requires_capture"),
            intent(metadata={"hub_operation": "att_2"}),
            intent(currency="xxx"),
            intent(amount_received="4999"),
            intent(amount=4999, amount_received=4950, currency="isk"),
            {"object": "list", "data": []},
            [],
        ],
        ids=["status", "held by a purchase", "another's tag", "currency", "type", "unit", "object", "array"],
    )
    async def test_an_answer_that_cannot_be_understood_is_no_outcome(
        self, adapter: StripeAdapter, stripe: Pretend, told: object
    ) -> None:
        stripe.will(says(200, told))

        with pytest.raises(OutcomeUnknownError):
            await adapter.authorize(purchase())

    async def test_a_refusal_beside_a_payment_that_went_through_is_no_outcome(
        self, adapter: StripeAdapter, stripe: Pretend
    ) -> None:
        error = {"type": "card_error", "code": "card_declined", "payment_intent": intent()}
        stripe.will(says(402, {"error": error}))

        with pytest.raises(OutcomeUnknownError):
            await adapter.authorize(purchase())


class TestCompletion:
    async def test_stripe_is_asked_how_the_challenge_ended(self, adapter: StripeAdapter, stripe: Pretend) -> None:
        stripe.will(says(200, intent(latest_charge=charge())))

        report = await adapter.complete(Complete(request=purchase(), continuation="pi_1", returned={}))

        assert (report.outcome, report.kind, report.tag) == (Approved(), Operation.PURCHASE, "att_1")
        assert (stripe.asked[0].method, stripe.asked[0].path) == ("GET", "/v1/payment_intents/pi_1")

    async def test_the_browsers_word_is_not_taken(self, adapter: StripeAdapter, stripe: Pretend) -> None:
        stripe.will(
            says(
                200,
                intent(
                    "requires_payment_method",
                    last_payment_error={"type": "card_error", "code": "payment_intent_authentication_failure"},
                ),
            )
        )
        returned = {"payment_intent": "pi_1", "redirect_status": "succeeded"}

        report = await adapter.complete(Complete(request=purchase(), continuation="pi_1", returned=returned))

        assert code_of(report.outcome)[0] is DeclineCode.AUTHENTICATION_FAILED

    async def test_a_browser_that_brings_another_payment_is_not_followed(
        self, adapter: StripeAdapter, stripe: Pretend
    ) -> None:
        with pytest.raises(OutcomeUnknownError):
            await adapter.complete(
                Complete(request=purchase(), continuation="pi_1", returned={"payment_intent": "pi_2"})
            )

        assert stripe.asked == []

    async def test_a_challenge_not_done_yet_stays_one(self, adapter: StripeAdapter, stripe: Pretend) -> None:
        stripe.will(says(200, intent("requires_action", next_action=REDIRECT)))

        report = await adapter.complete(Complete(request=purchase(), continuation="pi_1", returned={}))

        assert isinstance(report.outcome, ActionRequired)
