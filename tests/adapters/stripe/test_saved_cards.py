"""Cards that are kept: with a charge, in a session of the payer's browser, after a check; and let go again."""

from typing import Any

import pytest
from msgspec.structs import replace

from adapters.abilities import (
    CompleteVerification,
    DetachesTokens,
    OpensTokenSessions,
    OpenTokenSession,
    TokenSession,
    VerifiesTokens,
    Verify,
)
from adapters.contract import Authorize, Recurring
from adapters.errors import ConfigurationError, NotSentError, OutcomeUnknownError
from adapters.stripe.adapter import StripeAdapter
from normalization.declines import DeclineCode
from normalization.money import Currency
from normalization.outcome import ActionRequired, Approved, Declined, Outcome, Pending
from normalization.tokens import CardFacts, ProcessorToken
from tests.adapters.stripe.asking import AT, TOKEN, purchase
from tests.adapters.stripe.conftest import Connect
from tests.adapters.stripe.pretend import Pretend, charge, intent, refuses, resets, says

CUSTOMER = {"id": "cus_9", "object": "customer"}
CARD = {
    "brand": "visa", "last4": "4242", "fingerprint": "fp_1",
    "checks": {"address_line1_check": "pass", "address_postal_code_check": "fail", "cvc_check": "pass"},
}  # fmt: skip
KEPT = ProcessorToken(processor="stripe", token="pm_9", customer_reference="cus_9")


def setup(status: str = "succeeded", **fields: Any) -> dict[str, object]:
    """Make a SetupIntent that check ver_1 created."""
    return {
        "id": "seti_1", "object": "setup_intent", "status": status, "livemode": False,
        "client_secret": "seti_1_secret_x",
        "payment_method": {"id": "pm_9", "object": "payment_method", "card": CARD}, "customer": "cus_9",
        "metadata": {"hub_operation": "ver_1"}, "last_setup_error": None, "next_action": None, **fields,
    }  # fmt: skip


def check(**changes: Any) -> Verify:
    request = Verify(operation_id="ver_1", currency=Currency.EUR, requested_at=AT, data={"payment_method": "pm_9"})
    return replace(request, **changes)


def fresh(**changes: Any) -> Authorize:
    """A charge of a card that the payer has just typed in, to be kept."""
    return purchase(token=None, data={"payment_method": "pm_9"}, save=True, customer_id="cus_of_hub", **changes)


def code_of(outcome: Outcome) -> DeclineCode:
    assert isinstance(outcome, Declined)
    return outcome.decline.code


def test_the_adapter_says_what_it_can_do_with_cards(adapter: StripeAdapter) -> None:
    for ability in (OpensTokenSessions, VerifiesTokens, DetachesTokens):
        assert isinstance(adapter, ability)


class TestKeptWithACharge:
    async def test_a_customer_is_made_first_and_the_card_is_kept_for_charges_without_the_payer(
        self, adapter: StripeAdapter, stripe: Pretend
    ) -> None:
        kept = {"payment_method": "pm_9", "customer": "cus_9", "setup_future_usage": "off_session"}
        stripe.will(says(200, CUSTOMER), says(200, intent(**kept)))

        report = await adapter.authorize(fresh())

        made, charged = stripe.asked
        assert (made.path, made.headers["Idempotency-Key"]) == ("/v1/customers", "att_1:customer")
        assert made.form == {"metadata[hub_customer]": "cus_of_hub"}
        assert (charged.form["customer"], charged.form["setup_future_usage"]) == ("cus_9", "off_session")
        assert report.stored == KEPT

    async def test_a_customer_that_is_known_is_not_made_again(self, adapter: StripeAdapter, stripe: Pretend) -> None:
        stripe.will(says(200, intent()))

        await adapter.authorize(fresh(customer_reference="cus_7"))

        [asked] = stripe.asked
        assert asked.form["customer"] == "cus_7"

    async def test_a_charge_without_the_wish_keeps_nothing(self, adapter: StripeAdapter, stripe: Pretend) -> None:
        stripe.will(says(200, intent(payment_method="pm_9")))

        report = await adapter.authorize(replace(fresh(customer_reference="cus_7"), save=False))

        assert not {"customer", "setup_future_usage"} & stripe.asked[0].form.keys()
        assert report.stored is None

    async def test_a_payer_who_is_absent_agrees_to_nothing(self, adapter: StripeAdapter, stripe: Pretend) -> None:
        stripe.will(says(200, intent()))

        await adapter.authorize(purchase(save=True, payer_present=False))

        assert "setup_future_usage" not in stripe.asked[0].form

    async def test_a_refused_charge_keeps_nothing(self, adapter: StripeAdapter, stripe: Pretend) -> None:
        asked = {"payment_method": "pm_9", "customer": "cus_9", "setup_future_usage": "off_session"}
        stripe.will(says(200, CUSTOMER), says(200, intent("requires_payment_method", **asked)))

        assert (await adapter.authorize(fresh())).stored is None

    @pytest.mark.parametrize("failure", [resets(), refuses(500, type="api_error"), says(200, [])])
    async def test_no_charge_is_sent_while_it_is_not_known_whose_card_it_will_be(
        self, adapter: StripeAdapter, stripe: Pretend, failure: Any
    ) -> None:
        stripe.will(failure)

        with pytest.raises(NotSentError):
            await adapter.authorize(fresh())
        assert {asked.path for asked in stripe.asked} == {"/v1/customers"}

    async def test_a_customer_that_stripe_refuses_is_a_decline(self, adapter: StripeAdapter, stripe: Pretend) -> None:
        stripe.will(refuses(400, "parameter_invalid_empty"))

        assert code_of((await adapter.authorize(fresh())).outcome) is DeclineCode.INVALID_REQUEST


class TestChargedWithoutThePayer:
    async def test_the_networks_id_of_a_charge_is_reported(self, adapter: StripeAdapter, stripe: Pretend) -> None:
        charged: Any = charge()
        charged["payment_method_details"]["card"]["network_transaction_id"] = "ntx_1"
        stripe.will(says(200, intent(latest_charge=charged)))

        assert (await adapter.authorize(purchase())).network_transaction_id == "ntx_1"

    @pytest.mark.parametrize(
        ("credentials", "asked", "sent"),
        [
            ({"mit_exemption": True}, {"payer_present": False}, "ntx_1"),
            ({"mit_exemption": True}, {"payer_present": True}, None),
            ({}, {"payer_present": False}, None),
        ],
    )
    async def test_it_goes_out_with_a_later_charge_only_where_stripe_granted_that(
        self, connect: Connect, stripe: Pretend, credentials: dict[str, bool], asked: dict[str, bool], sent: str | None
    ) -> None:
        stripe.will(says(200, intent()))

        request = purchase(recurring=Recurring.SUBSEQUENT, network_transaction_id="ntx_1", **asked)
        await connect(**credentials).authorize(request)

        field = "payment_method_options[card][mit_exemption][network_transaction_id]"
        assert stripe.asked[0].form.get(field) == sent


class TestSession:
    async def test_gives_the_browser_what_it_needs_and_no_secret_key(self, connect: Connect, stripe: Pretend) -> None:
        stripe.will(says(200, CUSTOMER), says(200, setup("requires_payment_method", payment_method=None)))

        session = await connect(publishable_key="pk_test_abc").open_token_session(
            OpenTokenSession(session_id="ps_1", customer_id="cus_of_hub")
        )

        assert isinstance(session, TokenSession)
        assert session.client == {
            "publishable_key": "pk_test_abc",
            "client_secret": "seti_1_secret_x",
            "setup_intent": "seti_1",
            "customer": "cus_9",
        }
        assert (session.customer_reference, session.processor_reference) == ("cus_9", "seti_1")
        made, opened = stripe.asked
        assert (made.headers["Idempotency-Key"], opened.headers["Idempotency-Key"]) == ("ps_1:customer", "ps_1")
        assert opened.form == {
            "allowed_payment_method_types[0]": "card",
            "usage": "off_session",
            "customer": "cus_9",
            "metadata[hub_operation]": "ps_1",
            "metadata[hub_customer]": "cus_of_hub",
        }

    async def test_prints_no_client_secret(self, connect: Connect, stripe: Pretend) -> None:
        stripe.will(says(200, setup("requires_payment_method", payment_method=None)))

        session = await connect(publishable_key="pk_test_abc").open_token_session(
            OpenTokenSession(session_id="ps_1", customer_reference="cus_9")
        )

        assert "secret" not in repr(session)

    async def test_needs_the_key_that_is_for_browsers(self, adapter: StripeAdapter, stripe: Pretend) -> None:
        with pytest.raises(ConfigurationError, match="publishable_key"):
            await adapter.open_token_session(OpenTokenSession(session_id="ps_1"))
        assert stripe.asked == []

    async def test_for_a_customer_that_stripe_does_not_know_is_refused(self, connect: Connect, stripe: Pretend) -> None:
        stripe.will(refuses(400, "resource_missing", param="customer"))

        refused = await connect(publishable_key="pk_test_abc").open_token_session(
            OpenTokenSession(session_id="ps_1", customer_reference="cus_gone")
        )

        assert not isinstance(refused, TokenSession)
        assert refused.code is DeclineCode.TOKEN_INVALID

    async def test_without_a_secret_in_the_answer_is_none(self, connect: Connect, stripe: Pretend) -> None:
        stripe.will(says(200, setup(client_secret=None)))

        with pytest.raises(OutcomeUnknownError):
            await connect(publishable_key="pk_test_abc").open_token_session(
                OpenTokenSession(session_id="ps_1", customer_reference="cus_9")
            )


class TestCheck:
    async def test_asks_the_bank_and_keeps_the_card(self, adapter: StripeAdapter, stripe: Pretend) -> None:
        stripe.will(says(200, CUSTOMER), says(200, setup()))

        told = await adapter.verify(check())

        assert (told.tag, told.processor_reference, told.outcome) == ("ver_1", "seti_1", Approved())
        assert (told.avs, told.cvc, told.stored) == ("pass/fail", "pass", KEPT)
        assert told.card == CardFacts(brand="visa", last4="4242", fingerprint="fp_1")
        assert stripe.asked[1].headers["Idempotency-Key"] == "ver_1"
        assert stripe.asked[1].form == {
            "allowed_payment_method_types[0]": "card",
            "usage": "off_session",
            "metadata[hub_operation]": "ver_1",
            "payment_method": "pm_9",
            "customer": "cus_9",
            "confirm": "true",
            "expand[0]": "payment_method",
        }

    async def test_of_a_kept_card_goes_to_its_customer(self, adapter: StripeAdapter, stripe: Pretend) -> None:
        stripe.will(says(200, setup(customer="cus_1")))

        await adapter.verify(check(token=TOKEN, data=None))

        [asked] = stripe.asked
        assert (asked.form["payment_method"], asked.form["customer"]) == ("pm_card_visa", "cus_1")

    async def test_that_is_to_keep_nothing_makes_no_customer(self, adapter: StripeAdapter, stripe: Pretend) -> None:
        stripe.will(says(200, setup(customer=None)))

        told = await adapter.verify(check(save=False))

        [asked] = stripe.asked
        assert "customer" not in asked.form
        assert (told.outcome, told.stored) == (Approved(), None)

    async def test_that_the_bank_refuses_is_a_decline_with_its_reasons(
        self, adapter: StripeAdapter, stripe: Pretend
    ) -> None:
        method = {"id": "pm_9", "card": {**CARD, "checks": {"cvc_check": "fail"}}}
        failed = setup("requires_payment_method", payment_method=None)
        refusal = {"decline_code": "insufficient_funds", "payment_method": method, "setup_intent": failed}
        stripe.will(refuses(402, "card_declined", type="card_error", **refusal))

        told = await adapter.verify(check(customer_reference="cus_9"))

        assert code_of(told.outcome) is DeclineCode.INSUFFICIENT_FUNDS
        assert (told.processor_reference, told.cvc, told.stored) == ("seti_1", "fail", None)

    async def test_of_what_stripe_does_not_make_is_not_sent(self, adapter: StripeAdapter, stripe: Pretend) -> None:
        told = await adapter.verify(check(data={"number": "none of ours"}))

        assert code_of(told.outcome) is DeclineCode.INVALID_REQUEST
        assert stripe.asked == []

    async def test_that_needs_a_challenge_is_a_decline_without_a_return_address(
        self, adapter: StripeAdapter, stripe: Pretend
    ) -> None:
        stripe.will(says(200, setup("requires_action", next_action={"type": "use_stripe_sdk"})))

        told = await adapter.verify(check(customer_reference="cus_9"))

        assert "return_url" not in stripe.asked[0].form
        assert code_of(told.outcome) is DeclineCode.AUTHENTICATION_REQUIRED
        assert told.stored is None

    async def test_goes_on_after_a_challenge_with_stripes_word_not_the_browsers(
        self, adapter: StripeAdapter, stripe: Pretend
    ) -> None:
        step = {"type": "redirect_to_url", "redirect_to_url": {"url": "https://hooks.stripe.com/3ds"}}
        stripe.will(says(200, setup("requires_action", next_action=step)), says(200, setup()))
        request = check(customer_reference="cus_9", return_url="https://hub.example/return/1")

        begun = await adapter.verify(request)
        assert begun.outcome == ActionRequired(method="GET", url="https://hooks.stripe.com/3ds", continuation="seti_1")
        returned = {"setup_intent": "seti_1", "redirect_status": "failed"}
        ended = await adapter.complete_verification(
            CompleteVerification(request=request, continuation="seti_1", returned=returned)
        )

        assert (ended.outcome, ended.stored) == (Approved(), KEPT)
        assert (stripe.asked[1].method, stripe.asked[1].path) == ("GET", "/v1/setup_intents/seti_1")

    @pytest.mark.parametrize(("continuation", "returned"), [("seti_1", {"setup_intent": "seti_other"}), ("", {})])
    async def test_believes_no_browser_with_another_checks_id(
        self, adapter: StripeAdapter, stripe: Pretend, continuation: str, returned: dict[str, str]
    ) -> None:
        completion = CompleteVerification(request=check(), continuation=continuation, returned=returned)

        with pytest.raises(OutcomeUnknownError):
            await adapter.complete_verification(completion)
        assert stripe.asked == []

    @pytest.mark.parametrize("answer", [setup(metadata={"hub_operation": "ver_2"}), setup("odd"), [], refuses])
    async def test_with_an_answer_that_is_not_understood_is_unknown(
        self, adapter: StripeAdapter, stripe: Pretend, answer: Any
    ) -> None:
        stripe.will(refuses(500, type="api_error") if answer is refuses else says(200, answer))

        with pytest.raises(OutcomeUnknownError):
            await adapter.verify(check(customer_reference="cus_9"))

    @pytest.mark.parametrize(
        ("told", "outcome"),
        [
            (setup("processing"), Pending),
            (setup("canceled"), Declined),
            (setup("requires_payment_method"), Declined),
            (
                setup("requires_payment_method", last_setup_error={"type": "card_error", "code": "expired_card"}),
                Declined,
            ),
        ],
    )
    async def test_ends_as_its_status_says(
        self, adapter: StripeAdapter, stripe: Pretend, told: dict[str, object], outcome: type
    ) -> None:
        stripe.will(says(200, told))

        ended = await adapter.verify(check(customer_reference="cus_9"))

        assert isinstance(ended.outcome, outcome)
        assert ended.stored is None


class TestDetached:
    async def test_at_stripe_it_is_gone(self, adapter: StripeAdapter, stripe: Pretend) -> None:
        stripe.will(says(200, {"id": "pm_9", "customer": None}))

        assert await adapter.detach(KEPT) is None
        [asked] = stripe.asked
        assert (asked.path, asked.headers["Idempotency-Key"]) == ("/v1/payment_methods/pm_9/detach", "pm_9:detach")

    async def test_what_stripe_does_not_know_any_more_is_gone(self, adapter: StripeAdapter, stripe: Pretend) -> None:
        stripe.will(refuses(404, "resource_missing"))

        assert await adapter.detach(KEPT) is None

    async def test_what_was_detached_before_is_gone(self, adapter: StripeAdapter, stripe: Pretend) -> None:
        stripe.will(refuses(400), says(200, {"id": "pm_9", "customer": None}))

        assert await adapter.detach(KEPT) is None

    async def test_what_stripe_will_not_let_go_stays_with_a_reason(
        self, adapter: StripeAdapter, stripe: Pretend
    ) -> None:
        stripe.will(refuses(400, "payment_method_unexpected_state"), says(200, {"id": "pm_9", "customer": "cus_9"}))

        refused = await adapter.detach(KEPT)

        assert refused is not None
        assert refused.processor_code == "payment_method_unexpected_state"

    async def test_is_unknown_while_nobody_answers(self, adapter: StripeAdapter, stripe: Pretend) -> None:
        stripe.will(resets())

        with pytest.raises(OutcomeUnknownError):
            await adapter.detach(KEPT)
