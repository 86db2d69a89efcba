"""The pretend Stripe charges, declines, captures and refunds as Stripe documents, seen through Stripe's SDK."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import stripe

from tests.hub.sandbox.stripe_shop import Shop, challenge_url, declined, shop, statuses

DAY_S = 86_400


@pytest.fixture
async def merchant(tmp_path: Path) -> AsyncIterator[Shop]:
    async with shop(tmp_path / "book.db") as opened:
        yield opened


async def refused(merchant: Shop, method: str, *, key: str | None = None, **more: object) -> stripe.CardError:
    with pytest.raises(stripe.CardError) as caught:
        await merchant.pay(method, key=key, **more)
    return caught.value


class TestCharging:
    async def test_a_purchase_is_authorized_and_captured_once(self, merchant: Shop) -> None:
        intent = await merchant.pay(expand=["latest_charge.balance_transaction"])

        assert (intent.status, intent.amount_received, intent.amount_capturable) == ("succeeded", 1000, 0)
        assert isinstance(intent.latest_charge, stripe.Charge)
        assert isinstance(intent.latest_charge.balance_transaction, stripe.BalanceTransaction)
        assert intent.latest_charge.balance_transaction.net == 1000 - 59
        money = await merchant.money()
        assert (money["authorized"], money["captured"], money["refunded"], money["charges"]) == (1000, 1000, 0, 1)

    async def test_a_purchase_is_told_by_signed_events(self, merchant: Shop) -> None:
        intent = await merchant.pay()

        assert await merchant.types() == ["payment_intent.created", "charge.succeeded", "payment_intent.succeeded"]
        assert all(heard.genuine for heard in merchant.heard)
        last = merchant.heard[-1].event
        assert (last["object"], last["api_version"], last["livemode"]) == ("event", "2026-10-28.endive", False)
        assert last["data"]["object"]["id"] == intent.id

    @pytest.mark.parametrize(
        ("method", "code", "decline_code", "network"),
        [
            ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline", "05"),
            ("pm_card_chargeDeclined", "card_declined", "generic_decline", "05"),
            ("pm_card_visa_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds", "51"),
            ("pm_card_visa_chargeDeclinedLostCard", "card_declined", "lost_card", "41"),
            ("pm_card_chargeDeclinedExpiredCard", "expired_card", None, "54"),
            ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", None, "N7"),
            ("pm_card_chargeDeclinedProcessingError", "processing_error", None, "96"),
            ("pm_card_radarBlock", "card_declined", "fraudulent", None),
        ],
    )
    async def test_a_decline_is_a_402_with_its_codes(
        self, merchant: Shop, method: str, code: str, decline_code: str | None, network: str | None
    ) -> None:
        error = await refused(merchant, method)

        assert error.http_status == 402
        assert declined(error) == (code, decline_code)
        assert error.error is not None
        assert error.error.network_decline_code == network
        assert (await merchant.money())["charges"] == 0

    async def test_a_decline_carries_the_intent_that_waits_for_another_card(self, merchant: Shop) -> None:
        error = await refused(merchant, "pm_card_visa_chargeDeclinedInsufficientFunds")

        assert error.error is not None
        intent = error.error.payment_intent
        assert intent is not None
        assert (intent.status, intent.payment_method) == ("requires_payment_method", None)
        assert intent.last_payment_error is not None
        assert intent.last_payment_error.advice_code == "try_again_later"
        charge = await merchant.api.v1.charges.retrieve_async(str(intent.latest_charge))
        assert charge.outcome is not None
        assert (charge.status, charge.outcome.type) == ("failed", "issuer_declined")
        assert await merchant.types() == ["payment_intent.created", "charge.failed", "payment_intent.payment_failed"]

    async def test_another_card_can_be_confirmed_after_a_decline(self, merchant: Shop) -> None:
        error = await refused(merchant, "pm_card_visa_chargeDeclined")
        assert error.error is not None
        assert error.error.payment_intent is not None

        intent = await merchant.api.v1.payment_intents.confirm_async(
            error.error.payment_intent.id, {"payment_method": "pm_card_mastercard", "return_url": "https://x.example"}
        )

        assert intent.status == "succeeded"
        assert (await merchant.money())["charges"] == 1

    async def test_a_payment_method_is_used_up_without_a_customer(self, merchant: Shop) -> None:
        intent = await merchant.pay()

        with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
            await merchant.pay(str(intent.payment_method))

    async def test_a_payment_method_of_a_customer_can_be_charged_again(self, merchant: Shop) -> None:
        customer = await merchant.api.v1.customers.create_async({"name": "Ada"})
        method = await merchant.api.v1.payment_methods.attach_async("pm_card_visa", {"customer": customer.id})

        await merchant.pay(method.id, customer=customer.id)
        again = await merchant.pay(method.id, customer=customer.id, off_session=True)

        assert again.status == "succeeded"
        with pytest.raises(stripe.InvalidRequestError, match="belongs to the customer"):
            await merchant.pay(method.id)

    async def test_setup_future_usage_keeps_the_card_for_the_customer(self, merchant: Shop) -> None:
        customer = await merchant.api.v1.customers.create_async()

        intent = await merchant.pay(customer=customer.id, setup_future_usage="off_session")

        again = await merchant.pay(str(intent.payment_method), customer=customer.id)
        assert again.status == "succeeded"

    async def test_a_payment_method_belongs_to_one_account(self, merchant: Shop) -> None:
        method = await merchant.api.v1.payment_methods.create_async({"type": "card", "card": {"token": "tok_visa"}})
        other = merchant.with_key("sk_test_other")

        with pytest.raises(stripe.InvalidRequestError) as caught:
            await other.v1.payment_methods.retrieve_async(method.id)
        assert (caught.value.http_status, caught.value.code) == (404, "resource_missing")

    async def test_a_declining_card_cannot_be_kept(self, merchant: Shop) -> None:
        customer = await merchant.api.v1.customers.create_async()

        with pytest.raises(stripe.CardError):
            await merchant.api.v1.payment_methods.attach_async("pm_card_visa_chargeDeclined", {"customer": customer.id})

    async def test_a_card_can_be_kept_and_then_decline(self, merchant: Shop) -> None:
        customer = await merchant.api.v1.customers.create_async()
        method = await merchant.api.v1.payment_methods.attach_async(
            "pm_card_chargeCustomerFail", {"customer": customer.id}
        )

        assert declined(await refused(merchant, method.id, customer=customer.id))[0] == "card_declined"


class TestRefusals:
    @pytest.mark.parametrize(
        ("amount", "currency", "code"),
        [
            (49, "eur", "amount_too_small"),
            (0, "eur", "parameter_invalid_integer"),
            ("12.5", "eur", "parameter_invalid_integer"),
            (100_000_000, "eur", "amount_too_large"),
            (49, "jpy", "amount_too_small"),
            (5125, "kwd", "invalid_charge_amount"),
            (1050, "isk", "invalid_charge_amount"),
            (1000, "xyz", None),
        ],
    )
    async def test_an_amount_outside_the_documented_bounds_is_refused(
        self, merchant: Shop, amount: object, currency: str, code: str | None
    ) -> None:
        with pytest.raises(stripe.InvalidRequestError) as caught:
            await merchant.pay(amount=amount, currency=currency)
        assert (caught.value.http_status, caught.value.code) == (400, code)

    @pytest.mark.parametrize(("amount", "currency"), [(50, "jpy"), (5120, "kwd"), (1000, "isk"), (99_999_999, "usd")])
    async def test_an_amount_at_the_bounds_is_charged(self, merchant: Shop, amount: int, currency: str) -> None:
        assert (await merchant.pay(amount=amount, currency=currency)).amount_received == amount

    async def test_an_unknown_parameter_is_named(self, merchant: Shop) -> None:
        with pytest.raises(stripe.InvalidRequestError) as caught:
            await merchant.pay(colour="red")
        assert (caught.value.code, caught.value.param) == ("parameter_unknown", "colour")

    @pytest.mark.parametrize("metadata", [{"k" * 41: "v"}, {"k": "v" * 501}, {f"k{i}": "v" for i in range(51)}])
    async def test_metadata_has_limits(self, merchant: Shop, metadata: dict[str, str]) -> None:
        with pytest.raises(stripe.InvalidRequestError) as caught:
            await merchant.pay(metadata=metadata)
        assert str(caught.value.param).startswith("metadata")

    @pytest.mark.parametrize("key", ["sk_test_invalid_1", "sk_live_acme", "pk_test_acme"])
    async def test_a_wrong_key_is_a_401(self, merchant: Shop, key: str) -> None:
        with pytest.raises(stripe.AuthenticationError) as caught:
            await merchant.with_key(key).v1.payment_intents.list_async()
        assert caught.value.http_status == 401

    async def test_automatic_methods_want_a_return_url(self, merchant: Shop) -> None:
        with pytest.raises(stripe.InvalidRequestError, match="return_url"):
            await merchant.pay(payment_method_types=None, return_url=None)

        alone = {"enabled": True, "allow_redirects": "never"}
        intent = await merchant.pay(payment_method_types=None, return_url=None, automatic_payment_methods=alone)
        assert intent.status == "succeeded"

    async def test_a_refused_request_leaves_nothing_behind(self, merchant: Shop) -> None:
        with pytest.raises(stripe.InvalidRequestError):
            await merchant.pay("pm_gone")

        assert (await merchant.api.v1.payment_intents.list_async()).data == []
        assert await merchant.types() == []


class TestAuthentication:
    async def test_the_payer_completes_the_challenge_and_comes_back(self, merchant: Shop) -> None:
        intent = await merchant.pay("pm_card_authenticationRequired")
        assert intent.status == "requires_action"
        async with merchant.http.get(challenge_url(intent)) as page:
            assert page.status == 200
            assert "Complete authentication" in await page.text()

        back = await merchant.answer_challenge(challenge_url(intent), "complete")

        assert parse_qs(urlsplit(back).query) == {
            "order": ["1"],
            "payment_intent": [intent.id],
            "payment_intent_client_secret": [intent.client_secret],
            "redirect_status": ["succeeded"],
        }
        done = await merchant.api.v1.payment_intents.retrieve_async(intent.id, {"expand": ["latest_charge"]})
        assert done.status == "succeeded"
        assert "payment_intent.requires_action" in await merchant.types()

    async def test_pressing_the_button_twice_charges_once(self, merchant: Shop) -> None:
        intent = await merchant.pay("pm_card_authenticationRequired")

        for _ in range(2):
            await merchant.answer_challenge(challenge_url(intent), "complete")

        assert (await merchant.money())["captured"] == 1000

    async def test_a_failed_challenge_waits_for_another_card(self, merchant: Shop) -> None:
        intent = await merchant.pay("pm_card_authenticationRequired")

        back = await merchant.answer_challenge(challenge_url(intent), "fail")

        assert "redirect_status=failed" in back
        failed = await merchant.api.v1.payment_intents.retrieve_async(intent.id)
        assert failed.last_payment_error is not None
        assert failed.last_payment_error.code == "payment_intent_authentication_failure"
        assert (await merchant.money())["charges"] == 0

    async def test_a_card_can_decline_after_its_challenge(self, merchant: Shop) -> None:
        intent = await merchant.pay("pm_card_authenticationRequiredChargeDeclinedInsufficientFunds")

        back = await merchant.answer_challenge(challenge_url(intent), "complete")

        assert "redirect_status=failed" in back
        failed = await merchant.api.v1.payment_intents.retrieve_async(intent.id)
        assert failed.last_payment_error is not None
        assert failed.last_payment_error.decline_code == "insufficient_funds"

    async def test_without_a_return_url_only_stripes_library_could_go_on(self, merchant: Shop) -> None:
        intent = await merchant.pay("pm_card_authenticationRequired", return_url=None)

        assert intent.next_action is not None
        assert intent.next_action.type == "use_stripe_sdk"

    @pytest.mark.parametrize("asked", ["off_session", "error_on_requires_action"])
    async def test_where_no_challenge_may_be_asked_it_is_a_decline(self, merchant: Shop, asked: str) -> None:
        no_challenge: dict[str, Any] = {asked: True}

        error = await refused(merchant, "pm_card_authenticationRequired", **no_challenge)

        assert declined(error) == ("authentication_required", "authentication_required")

    async def test_a_card_that_was_set_up_needs_no_challenge(self, merchant: Shop) -> None:
        customer = await merchant.api.v1.customers.create_async()
        asked: Any = {
            "customer": customer.id, "payment_method": "pm_card_authenticationRequiredOnSetup", "confirm": True,
            "payment_method_types": ["card"], "return_url": "https://x.example",
        }  # fmt: skip
        setup = await merchant.api.v1.setup_intents.create_async(asked)
        assert setup.next_action is not None
        assert setup.next_action.redirect_to_url is not None
        await merchant.answer_challenge(str(setup.next_action.redirect_to_url.url), "complete")

        intent = await merchant.pay(str(setup.payment_method), customer=customer.id, off_session=True)

        assert intent.status == "succeeded"


class TestCaptures:
    async def test_a_partial_capture_releases_the_rest(self, merchant: Shop) -> None:
        held = await merchant.pay(capture_method="manual")
        assert (held.status, held.amount_capturable) == ("requires_capture", 1000)

        done = await merchant.api.v1.payment_intents.capture_async(
            held.id, {"amount_to_capture": 600}, {"idempotency_key": "cap_1"}
        )

        assert (done.status, done.amount_received, done.amount_capturable) == ("succeeded", 600, 0)
        money = await merchant.money()
        assert (money["authorized"], money["captured"], money["voided"]) == (1000, 600, 400)
        assert (await merchant.money("cap_1"))["captured"] == 600

    async def test_a_second_capture_is_refused(self, merchant: Shop) -> None:
        held = await merchant.pay(capture_method="manual")
        await merchant.api.v1.payment_intents.capture_async(held.id, {"amount_to_capture": 600})

        with pytest.raises(stripe.InvalidRequestError) as caught:
            await merchant.api.v1.payment_intents.capture_async(held.id, {"amount_to_capture": 400})
        assert caught.value.code == "payment_intent_unexpected_state"

    async def test_more_than_was_authorized_cannot_be_captured(self, merchant: Shop) -> None:
        held = await merchant.pay(capture_method="manual")

        with pytest.raises(stripe.InvalidRequestError) as caught:
            await merchant.api.v1.payment_intents.capture_async(held.id, {"amount_to_capture": 1001})
        assert caught.value.param == "amount_to_capture"

    async def test_several_captures_where_the_account_has_them(self, merchant: Shop) -> None:
        await merchant.control("PUT", "/accounts/acme", {"multiple_captures": True})
        asked = {"card": {"request_multicapture": "if_available"}}
        held = await merchant.pay(capture_method="manual", payment_method_options=asked)

        first = await merchant.api.v1.payment_intents.capture_async(
            held.id, {"amount_to_capture": 300, "final_capture": False}
        )
        last = await merchant.api.v1.payment_intents.capture_async(held.id, {"amount_to_capture": 500})

        assert (first.status, first.amount_capturable, first.amount_received) == ("requires_capture", 700, 300)
        assert (last.status, last.amount_received) == ("succeeded", 800)
        money = await merchant.money()
        assert (money["captured"], money["voided"], money["charges"]) == (800, 200, 1)

    async def test_an_account_without_multicapture_refuses_to_hold_the_rest(self, merchant: Shop) -> None:
        held = await merchant.pay(capture_method="manual")

        with pytest.raises(stripe.InvalidRequestError) as caught:
            await merchant.api.v1.payment_intents.capture_async(
                held.id, {"amount_to_capture": 300, "final_capture": False}
            )
        assert caught.value.param == "final_capture"

    async def test_a_cancelled_authorization_is_let_go(self, merchant: Shop) -> None:
        held = await merchant.pay(capture_method="manual")

        gone = await merchant.api.v1.payment_intents.cancel_async(held.id)

        assert (gone.status, gone.amount_capturable) == ("canceled", 0)
        assert (await merchant.money())["voided"] == 1000
        with pytest.raises(stripe.InvalidRequestError):
            await merchant.api.v1.payment_intents.capture_async(held.id)

    async def test_an_authorization_expires_after_seven_days(self, merchant: Shop) -> None:
        await merchant.pay(capture_method="manual")

        await merchant.control("POST", "/clock", {"advance_s": 7 * DAY_S + 1})

        gone = await merchant.until("payment_intent.canceled")
        assert (gone["status"], gone["cancellation_reason"]) == ("canceled", "automatic")


class TestRefunds:
    async def test_several_partial_refunds_never_exceed_the_charge(self, merchant: Shop) -> None:
        intent = await merchant.pay()
        for name, amount in (("ref_1", 600), ("ref_2", 400)):
            metadata = {"hub_operation": name}
            await merchant.api.v1.refunds.create_async(
                {"payment_intent": intent.id, "amount": amount, "metadata": metadata}
            )

        with pytest.raises(stripe.InvalidRequestError) as caught:
            await merchant.api.v1.refunds.create_async({"payment_intent": intent.id, "amount": 1})

        assert caught.value.code == "charge_already_refunded"
        found = await merchant.api.v1.refunds.list_async({"payment_intent": intent.id})
        assert [refund.amount for refund in found.data] == [400, 600]
        assert (await merchant.money())["refunded"] == 1000
        assert (await merchant.money("ref_1"))["refunded"] == 600

    async def test_concurrent_refunds_cannot_take_more_than_was_paid(self, merchant: Shop) -> None:
        intent = await merchant.pay()
        refunds = merchant.api.v1.refunds

        tries = [refunds.create_async({"payment_intent": intent.id, "amount": 600}) for _ in range(10)]
        results = await asyncio.gather(*tries, return_exceptions=True)

        assert sum(isinstance(result, stripe.Refund) for result in results) == 1

    async def test_a_refund_may_stay_pending_and_then_succeed(self, merchant: Shop) -> None:
        intent = await merchant.pay("pm_card_pendingRefund")

        refund = await merchant.api.v1.refunds.create_async({"payment_intent": intent.id})

        assert refund.status == "pending"
        assert (await merchant.money())["refunded"] == 0
        await merchant.control("POST", "/clock", {"advance_s": 60})
        assert (await merchant.until("refund.updated"))["status"] == "succeeded"
        assert (await merchant.money())["refunded"] == 1000

    async def test_a_refund_may_fail_later_and_the_money_is_back(self, merchant: Shop) -> None:
        intent = await merchant.pay("pm_card_refundFail")

        refund = await merchant.api.v1.refunds.create_async({"payment_intent": intent.id})

        assert refund.status == "succeeded"
        await merchant.control("POST", "/clock", {"advance_s": 60})
        assert (await merchant.until("refund.failed"))["status"] == "failed"
        assert (await merchant.money())["refunded"] == 0


class TestDisputes:
    async def test_a_test_card_disputes_what_it_paid(self, merchant: Shop) -> None:
        intent = await merchant.pay("pm_card_createDispute")

        dispute = await merchant.until("charge.dispute.created")

        assert (dispute["payment_intent"], dispute["reason"], dispute["amount"]) == (intent.id, "fraudulent", 1000)
        assert (await merchant.money())["disputed"] == 1000
        with pytest.raises(stripe.InvalidRequestError) as caught:
            await merchant.api.v1.refunds.create_async({"payment_intent": intent.id})
        assert caught.value.code == "charge_disputed"

    async def test_an_inquiry_moves_no_money(self, merchant: Shop) -> None:
        await merchant.pay("pm_card_createDisputeInquiry")

        assert (await merchant.until("charge.dispute.created"))["status"] == "warning_needs_response"
        assert (await merchant.money())["disputed"] == 0


class TestIdempotency:
    async def test_a_replay_answers_the_same_and_charges_once(self, merchant: Shop) -> None:
        first = await merchant.pay(key="att_1")
        again = await merchant.pay(key="att_1")

        assert first.to_dict() == again.to_dict()
        assert again.last_response is not None
        assert again.last_response.headers["Idempotent-Replayed"] == "true"
        assert (await merchant.money())["charges"] == 1

    async def test_a_decline_is_replayed_too(self, merchant: Shop) -> None:
        first = await refused(merchant, "pm_card_visa_chargeDeclined", key="att_1")
        again = await refused(merchant, "pm_card_visa_chargeDeclined", key="att_1")

        assert first.http_body == again.http_body

    async def test_other_parameters_are_refused(self, merchant: Shop) -> None:
        await merchant.pay(key="att_1")

        with pytest.raises(stripe.IdempotencyError):
            await merchant.pay(key="att_1", amount=2000)
        assert (await merchant.money())["charges"] == 1

    async def test_a_refused_request_does_not_hold_its_key(self, merchant: Shop) -> None:
        with pytest.raises(stripe.InvalidRequestError):
            await merchant.pay(key="att_1", amount=1)

        assert (await merchant.pay(key="att_1")).status == "succeeded"

    async def test_a_concurrent_request_with_the_key_is_a_409(self, merchant: Shop) -> None:
        await merchant.control("POST", "/faults", {"fault": "delay", "delay_ms": 300})
        first = asyncio.create_task(merchant.pay(key="att_1"))
        await merchant.until("payment_intent.succeeded")

        with pytest.raises(stripe.APIError) as caught:
            await merchant.pay(key="att_1")

        assert caught.value.http_status == 409
        assert caught.value.error is not None
        assert caught.value.error.code == "idempotency_key_in_use"
        assert (await first).status == "succeeded"
        assert (await merchant.money())["charges"] == 1

    async def test_a_key_is_forgotten_after_a_day(self, merchant: Shop) -> None:
        await merchant.pay(key="att_1")

        await merchant.control("POST", "/clock", {"advance_s": DAY_S + 1})
        await merchant.pay(key="att_1")

        assert (await merchant.money())["charges"] == 2

    async def test_keys_belong_to_an_account(self, merchant: Shop) -> None:
        await merchant.pay(key="att_1")
        other: Any = {"amount": 1000, "currency": "eur"}

        made = await merchant.with_key("sk_test_other").v1.payment_intents.create_async(
            other, {"idempotency_key": "att_1"}
        )

        assert made.status == "requires_payment_method"


class TestReading:
    async def test_a_list_has_what_was_just_written(self, merchant: Shop) -> None:
        made = [(await merchant.pay()).id for _ in range(3)]

        found = await merchant.api.v1.payment_intents.list_async({"created": {"gte": 0}, "limit": 2})
        rest = await merchant.api.v1.payment_intents.list_async({"starting_after": found.data[-1].id})

        assert [intent.id for intent in [*found.data, *rest.data]] == made[::-1]
        assert (found.has_more, rest.has_more) == (True, False)

    async def test_a_list_is_narrowed_by_customer_and_time(self, merchant: Shop) -> None:
        customer = await merchant.api.v1.customers.create_async()
        await merchant.pay()
        theirs = await merchant.pay(customer=customer.id)

        found = await merchant.api.v1.payment_intents.list_async({"customer": customer.id})
        later = await merchant.api.v1.payment_intents.list_async({"created": {"gte": theirs.created + 60}})

        assert [intent.id for intent in found.data] == [theirs.id]
        assert later.data == []

    async def test_another_account_sees_nothing(self, merchant: Shop) -> None:
        intent = await merchant.pay()
        other = merchant.with_key("sk_test_other")

        assert (await other.v1.payment_intents.list_async()).data == []
        assert (await other.v1.refunds.list_async({"payment_intent": intent.id})).data == []

    async def test_events_can_be_fetched(self, merchant: Shop) -> None:
        await merchant.pay()

        events = await merchant.api.v1.events.list_async({"type": "payment_intent.succeeded"})

        assert [event.type for event in events.data] == ["payment_intent.succeeded"]

    async def test_every_charge_stands_in_the_balance(self, merchant: Shop) -> None:
        intent = await merchant.pay()
        await merchant.api.v1.refunds.create_async({"payment_intent": intent.id, "amount": 200})

        lines = await merchant.api.v1.balance_transactions.list_async()

        assert [(line.type, line.amount) for line in lines.data] == [("refund", -200), ("charge", 1000)]
        assert statuses(lines.data) == ["available", "pending"]
