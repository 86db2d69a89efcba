"""The pretend Stripe charges, declines, captures and refunds as Stripe documents, seen through Stripe's SDK."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import stripe

from tests.hub.sandbox.stripe_shop import Shop, challenge_url, declined, shop


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
            await merchant.pay(allowed_payment_method_types=None, return_url=None)

        alone = {"enabled": True, "allow_redirects": "never"}
        intent = await merchant.pay(allowed_payment_method_types=None, return_url=None, automatic_payment_methods=alone)
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
            "allowed_payment_method_types": ["card"], "return_url": "https://x.example",
        }  # fmt: skip
        setup = await merchant.api.v1.setup_intents.create_async(asked)
        assert setup.next_action is not None
        assert setup.next_action.redirect_to_url is not None
        await merchant.answer_challenge(str(setup.next_action.redirect_to_url.url), "complete")

        intent = await merchant.pay(str(setup.payment_method), customer=customer.id, off_session=True)

        assert intent.status == "succeeded"
