"""The pretend Adyen authorises, refuses and repeats itself as Adyen documents, seen through Adyen's SDK."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from Adyen.exceptions import (
    AdyenAPIAuthenticationError,
    AdyenAPIInvalidPermission,
    AdyenAPIUnprocessableEntity,
    AdyenAPIValidationError,
)
from Adyen.util import is_valid_hmac_notification

from tests.hub.pretending import running
from tests.hub.sandbox.adyen_shop import ACCOUNT, CARD, KEY, Json, Shop, named, payment, shop, stored, told


@pytest.fixture
async def merchant(tmp_path: Path) -> AsyncIterator[Shop]:
    async with shop(tmp_path / "book.db") as opened:
        yield opened


class TestAuthorisation:
    async def test_approves_a_test_card_and_says_so_by_signed_webhook(self, merchant: Shop) -> None:
        reply = await merchant.pay()

        item = await merchant.event("AUTHORISATION")
        assert reply["resultCode"] == "Authorised"
        assert reply["amount"] == {"currency": "EUR", "value": 1000}
        assert reply["additionalData"]["cardSummary"] == "1111"
        assert len(reply["pspReference"]) == 16
        assert (item["pspReference"], item["merchantReference"]) == (reply["pspReference"], "att_1")
        assert item["success"] == "true"
        assert item["reason"] == f"{reply['additionalData']['authCode']}:1111:03/2030"
        assert is_valid_hmac_notification(merchant.heard[0], KEY)

    async def test_counts_as_captured_on_an_automatic_account(self, merchant: Shop) -> None:
        await merchant.pay()

        money = await merchant.money("att_1")
        assert (money["authorized"], money["captured"], money["charges"]) == (1000, 1000, 1)

    async def test_only_holds_the_money_where_the_request_says_manual(self, merchant: Shop) -> None:
        await merchant.pay(additionalData={"manualCapture": "true"})

        money = await merchant.money("att_1")
        assert (money["authorized"], money["captured"]) == (1000, 0)

    async def test_captures_at_once_on_a_manual_account_where_the_request_says_so(self, merchant: Shop) -> None:
        await merchant.settings(capture="manual")

        await merchant.pay(reference="att_held")
        await merchant.pay(reference="att_taken", captureDelayHours=0)

        assert (await merchant.money("att_held"))["captured"] == 0
        assert (await merchant.money("att_taken"))["captured"] == 1000

    async def test_captures_by_itself_after_the_delay(self, merchant: Shop) -> None:
        await merchant.pay(captureDelayHours=2)
        await merchant.control("POST", "/clock", {"advance_s": 7201})
        await merchant.events()

        assert (await merchant.money("att_1"))["captured"] == 1000

    async def test_verifies_a_card_with_zero_and_moves_nothing(self, merchant: Shop) -> None:
        reply = await merchant.pay(amount={"currency": "EUR", "value": 0})

        assert reply["resultCode"] == "Authorised"
        assert (await merchant.money("att_1"))["charges"] == 0

    async def test_approves_half_where_the_holder_is_partially_approved(self, merchant: Shop) -> None:
        reply = await merchant.pay(paymentMethod=named("PARTIALLY_APPROVED"))

        assert reply["amount"]["value"] == 500
        assert (await merchant.money("att_1"))["authorized"] == 500

    async def test_answers_under_the_live_path_too(self, merchant: Shop) -> None:
        url = f"{merchant.sandbox.url}/checkout/v72/payments"
        async with merchant.http.post(url, json=payment(), headers={"x-api-key": "k"}) as answer:
            assert (await answer.json())["resultCode"] == "Authorised"

    async def test_answers_from_a_process_of_its_own(self, tmp_path: Path) -> None:
        async with (
            running("adyen", tmp_path / "book.db") as url,
            aiohttp.ClientSession(headers={"x-api-key": "k"}) as http,
            http.post(f"{url}/v72/payments", json=payment()) as answer,
        ):
            assert (await answer.json())["resultCode"] == "Authorised"


class TestRefusal:
    @pytest.mark.parametrize(
        ("trigger", "result", "code", "reason"),
        [
            ("NOT_ENOUGH_BALANCE", "Refused", "12", "Not enough balance"),
            ("CARD_EXPIRED", "Refused", "6", "Expired Card"),
            ("ERROR", "Error", "4", "Acquirer Error"),
            ("FRAUD_CANCELLED", "Cancelled", "22", "FRAUD-CANCELLED"),
            ("AUTHENTICATION_REQUIRED", "Refused", "38", "Authentication required"),
        ],
    )
    async def test_follows_the_card_holders_name(
        self, merchant: Shop, trigger: str, result: str, code: str, reason: str
    ) -> None:
        reply = await merchant.pay(paymentMethod=named(trigger))

        item = await merchant.event("AUTHORISATION")
        told_back = (reply["resultCode"], reply["refusalReasonCode"], reply["refusalReason"])
        assert told_back == (result, code, reason)
        assert (item["success"], item["reason"]) == ("false", reason)
        assert (await merchant.money("att_1"))["charges"] == 0

    async def test_follows_the_acquirer_response_code(self, merchant: Shop) -> None:
        reply = await merchant.pay(additionalData={"RequestedTestAcquirerResponseCode": "9"})

        assert reply["refusalReason"] == "Issuer Unavailable"

    async def test_carries_the_raw_code_of_the_holders_name(self, merchant: Shop) -> None:
        reply = await merchant.pay(paymentMethod=named("DECLINED : 06 : ERROR"))

        assert reply["additionalData"]["refusalReasonRaw"] == "06 : ERROR"
        assert reply["refusalReason"] == "Refused"

    async def test_carries_mastercards_advice_where_asked_for(self, merchant: Shop) -> None:
        trigger = "DECLINED : 51 : Insufficient funds : 24 : Retry after 1 hour"

        reply = await merchant.pay(paymentMethod=named(trigger, "5555444433331111"))

        assert reply["additionalData"]["merchantAdviceCode"] == "24 : Retry after 1 hour"

    @pytest.mark.parametrize("wrong", [{"encryptedSecurityCode": "test_999"}, {"encryptedExpiryYear": "test_2031"}])
    async def test_refuses_a_wrong_code_or_expiry(self, merchant: Shop, wrong: dict[str, str]) -> None:
        reply = await merchant.pay(paymentMethod=CARD | wrong)

        assert (reply["resultCode"], reply["refusalReasonCode"]) == ("Refused", "2")

    @pytest.mark.parametrize(
        ("changes", "cvc"),
        [
            ({}, "1 Matches"),
            ({"paymentMethod": named("CVC_DECLINED")}, "2 Doesn't Match"),
            (stored("stored_visa"), "6"),
        ],
    )
    async def test_says_what_the_bank_made_of_the_code(self, merchant: Shop, changes: Json, cvc: str) -> None:
        reply = await merchant.pay(**changes)

        assert reply["additionalData"]["cvcResult"].startswith(cvc)

    async def test_pending_is_received_first_and_told_later(self, merchant: Shop) -> None:
        reply = await merchant.pay(paymentMethod=named("PENDING"))

        assert reply["resultCode"] == "Received"
        assert (await merchant.event("AUTHORISATION"))["success"] == "true"


class TestRequestError:
    @pytest.mark.parametrize(
        ("changes", "code", "message"),
        [
            ({"amount": {"currency": "XXX", "value": 1}}, "138", "Unsupported currency specified"),
            ({"amount": {"currency": "EUR", "value": -1}}, "137", "Invalid amount specified"),
            ({"reference": ""}, "130", "Reference Missing"),
            ({"returnUrl": ""}, "14_030", "Return URL is missing."),
            ({"paymentMethod": named("A", "4000000000000002")}, "101", "Invalid card number"),
            ({"paymentMethod": {"type": "ideal"}}, "14_004", "Missing payment method details"),
            (stored("nowhere"), "803", "PaymentDetail not found"),
        ],
    )
    async def test_is_422_with_adyens_code(self, merchant: Shop, changes: Json, code: str, message: str) -> None:
        with pytest.raises(AdyenAPIUnprocessableEntity) as raised:
            await merchant.pay(**changes)

        assert raised.value.error_code == code
        assert raised.value.message["message"] == message

    async def test_is_400_for_a_field_nobody_knows(self, merchant: Shop) -> None:
        with pytest.raises(AdyenAPIValidationError) as raised:
            await merchant.pay(surprise=1)

        assert "unknown fields: [surprise]" in raised.value.message["message"]

    @pytest.mark.parametrize("value", ["1000", 10.5, True, None, 10**40])
    async def test_is_400_for_an_amount_that_is_no_whole_number(self, merchant: Shop, value: object) -> None:
        with pytest.raises(AdyenAPIValidationError):
            await merchant.pay(amount={"currency": "EUR", "value": value})

    async def test_is_401_for_an_invalid_key(self, merchant: Shop) -> None:
        with pytest.raises(AdyenAPIAuthenticationError):
            await told(merchant.with_key("invalid_key").payments_api.payments, payment())

    async def test_is_403_for_a_forbidden_account(self, merchant: Shop) -> None:
        with pytest.raises(AdyenAPIInvalidPermission) as raised:
            await merchant.pay(merchantAccount="ForbiddenMerchant")

        assert raised.value.error_code == "901"

    async def test_moves_no_money(self, merchant: Shop) -> None:
        with pytest.raises(AdyenAPIUnprocessableEntity):
            await merchant.pay(returnUrl="")

        assert (await merchant.money("att_1"))["charges"] == 0


class TestIdempotency:
    async def test_same_key_answers_the_same_and_charges_once(self, merchant: Shop) -> None:
        first = await merchant.pay(key="att_1")
        second = await merchant.pay(key="att_1")

        assert second == first
        assert (await merchant.money("att_1"))["charges"] == 1

    async def test_says_by_header_that_it_was_kept(self, merchant: Shop) -> None:
        url, headers = f"{merchant.sandbox.url}/v72/payments", {"x-api-key": "k", "Idempotency-Key": "att_1"}
        async with merchant.http.post(url, json=payment(), headers=headers) as answer:
            assert answer.headers["Idempotency-Key"] == "att_1"

    async def test_same_key_with_another_body_answers_the_first(self, merchant: Shop) -> None:
        first = await merchant.pay(key="att_1")
        second = await merchant.pay(key="att_1", reference="att_2")

        assert second == first
        assert (await merchant.money("att_2"))["charges"] == 0

    async def test_same_key_for_another_account_of_the_company_answers_the_first(self, merchant: Shop) -> None:
        first = await merchant.pay(key="att_1")

        assert await merchant.pay(key="att_1", merchantAccount="TestMerchantPOS") == first

    async def test_same_key_while_at_work_is_704_and_transient(self, merchant: Shop) -> None:
        await merchant.control("POST", "/faults", {"fault": "delay", "delay_ms": 300})

        both = await asyncio.gather(*(merchant.pay(key="att_1") for _ in range(2)), return_exceptions=True)

        (reply,) = [told_back for told_back in both if isinstance(told_back, dict)]
        (error,) = [told_back for told_back in both if isinstance(told_back, AdyenAPIUnprocessableEntity)]
        assert reply["resultCode"] == "Authorised"
        assert (error.error_code, error.headers["transient-error"]) == ("704", "true")

    async def test_a_refused_request_is_kept_too(self, merchant: Shop) -> None:
        for _ in range(2):
            with pytest.raises(AdyenAPIUnprocessableEntity):
                await merchant.pay(key="att_1", returnUrl="")

        with pytest.raises(AdyenAPIUnprocessableEntity):
            await merchant.pay(key="att_1")

    async def test_a_key_is_forgotten_after_a_week(self, merchant: Shop) -> None:
        first = await merchant.pay(key="att_1")
        await merchant.control("POST", "/clock", {"advance_s": 8 * 86400})

        assert (await merchant.pay(key="att_1"))["pspReference"] != first["pspReference"]
        assert (await merchant.money("att_1"))["charges"] == 2

    async def test_a_lost_answer_is_told_again(self, merchant: Shop) -> None:
        await merchant.control("POST", "/faults", {"fault": "error_500_after", "match": {"operation": "purchase"}})
        url, headers = f"{merchant.sandbox.url}/v72/payments", {"x-api-key": "k", "Idempotency-Key": "att_1"}
        async with merchant.http.post(url, json=payment(), headers=headers) as answer:
            assert (answer.status, answer.headers["transient-error"]) == (500, "true")

        assert (await merchant.pay(key="att_1"))["resultCode"] == "Authorised"
        assert (await merchant.money("att_1"))["charges"] == 1

    async def test_survives_a_restart(self, tmp_path: Path) -> None:
        async with shop(tmp_path / "kept.db") as before:
            first = await before.pay(key="att_1")
        async with shop(tmp_path / "kept.db") as after:
            assert await after.pay(key="att_1") == first
            assert (await after.money("att_1"))["charges"] == 1

    async def test_a_key_belongs_to_one_endpoint(self, merchant: Shop) -> None:
        await merchant.pay(key="att_1")

        with pytest.raises(AdyenAPIUnprocessableEntity) as raised:
            await merchant.details(key="att_1", redirectResult="x")

        assert raised.value.error_code == "704"

    async def test_a_key_has_64_characters_at_most(self, merchant: Shop) -> None:
        await merchant.pay(key="k" * 64)

        with pytest.raises(AdyenAPIUnprocessableEntity):
            await merchant.pay(key="k" * 65)


class TestStoredCards:
    async def test_those_that_are_anybodys_are_listed_for_everybody(self, merchant: Shop) -> None:
        await merchant.control("PUT", "/tokens/tok_1", {"card": "370000000000002"})
        query = {"merchantAccount": ACCOUNT, "shopperReference": "somebody"}
        tokens = merchant.api.recurring_api

        listed = await told(lambda **_: tokens.get_tokens_for_stored_payment_details(query_parameters=query))

        brands = {card["id"]: card["brand"] for card in listed["storedPaymentMethods"]}
        assert (brands["tok_1"], brands["stored_mastercard"]) == ("amex", "mc")

    async def test_a_stored_card_is_charged_by_its_token(self, merchant: Shop) -> None:
        made = await merchant.pay(storePaymentMethod=True, shopperReference="shopper_1")
        token = made["additionalData"]["tokenization.storedPaymentMethodId"]

        reply = await merchant.pay(**stored(token, reference="att_2", shopperInteraction="ContAuth"))

        assert reply["resultCode"] == "Authorised"
        assert reply["additionalData"]["recurring.recurringDetailReference"] == token

    async def test_belongs_to_its_shopper(self, merchant: Shop) -> None:
        made = await merchant.pay(storePaymentMethod=True, shopperReference="shopper_2")
        token = made["additionalData"]["tokenization.storedPaymentMethodId"]

        with pytest.raises(AdyenAPIUnprocessableEntity):
            await merchant.pay(**stored(token))

    @pytest.mark.parametrize(
        ("token", "raw"),
        [
            ("stored_insufficient_funds", "51 : Insufficient funds/over credit limit"),
            ("stored_stolen", "43 : Stolen card"),
            ("stored_do_not_honor", "05 : Do not honor"),
        ],
    )
    async def test_well_known_tokens_decline(self, merchant: Shop, token: str, raw: str) -> None:
        reply = await merchant.pay(**stored(token))

        assert (reply["resultCode"], reply["additionalData"]["refusalReasonRaw"]) == ("Refused", raw)

    async def test_a_token_can_be_made_to_decline_later(self, merchant: Shop) -> None:
        card = {"card": "5555444433331111", "shopper_reference": "shopper_1"}
        await merchant.control("PUT", "/tokens/tok_1", card)
        before = await merchant.pay(**stored("tok_1"))

        await merchant.control("PUT", "/tokens/tok_1", card | {"outcome": "CARD_EXPIRED"})
        after = await merchant.pay(**stored("tok_1", reference="att_2"))

        assert (before["resultCode"], after["refusalReason"]) == ("Authorised", "Expired Card")

    async def test_a_token_keeps_its_card_and_shopper_when_it_goes_bad(self, merchant: Shop) -> None:
        made = await merchant.pay(storePaymentMethod=True, shopperReference="shopper_1")
        token = made["additionalData"]["tokenization.storedPaymentMethodId"]

        bad = await merchant.control("PUT", f"/tokens/{token}", {"outcome": "CARD_EXPIRED"})
        after = await merchant.pay(**stored(token, reference="att_2"))

        assert bad == {"id": token, "shopper_reference": "shopper_1", "outcome": "CARD_EXPIRED"}
        assert (after["refusalReason"], after["additionalData"]["cardSummary"]) == ("Expired Card", "1111")
        assert "error" in await merchant.control("PUT", "/tokens/nowhere", {"outcome": "CARD_EXPIRED"})

    async def test_a_webhook_tells_of_a_card_that_was_stored(self, merchant: Shop) -> None:
        made = await merchant.pay(storePaymentMethod=True, shopperReference="shopper_1")
        token = made["additionalData"]["tokenization.storedPaymentMethodId"]
        await merchant.pay(**stored(token, reference="att_2"))

        item = await merchant.event("RECURRING_CONTRACT")

        assert (item["pspReference"], item["originalReference"]) == (token, made["pspReference"])
        assert (item["merchantReference"], item["additionalData"]["shopperReference"]) == ("att_1", "shopper_1")

    async def test_an_account_may_tell_tokens_by_webhook_only(self, merchant: Shop) -> None:
        settings = await merchant.control("GET", f"/accounts/{ACCOUNT}")
        await merchant.settings(**settings | {"tokens_by_webhook_only": True})

        made = await merchant.pay(storePaymentMethod=True, shopperReference="shopper_1")

        assert not [name for name in made["additionalData"] if name.startswith(("tokenization", "recurring."))]
        assert (await merchant.event("RECURRING_CONTRACT"))["success"] == "true"

    async def test_nothing_is_charged_where_a_card_is_only_checked(self, merchant: Shop) -> None:
        made = await merchant.pay(
            amount={"currency": "EUR", "value": 0}, storePaymentMethod=True, shopperReference="shopper_1"
        )

        assert (made["resultCode"], made["amount"]["value"]) == ("Authorised", 0)
        assert (await merchant.money("att_1"))["charges"] == 0

    async def test_is_listed_and_deleted(self, merchant: Shop) -> None:
        await merchant.pay(storePaymentMethod=True, shopperReference="shopper_1")
        query = {"merchantAccount": ACCOUNT, "shopperReference": "shopper_1"}
        tokens = merchant.api.recurring_api
        listed = await told(lambda **_: tokens.get_tokens_for_stored_payment_details(query_parameters=query))
        found = listed["storedPaymentMethods"][0]

        await told(lambda **_: tokens.delete_token_for_stored_payment_details(found["id"], query_parameters=query))

        assert found["lastFour"] == "1111"
        with pytest.raises(AdyenAPIUnprocessableEntity):
            await merchant.pay(**stored(found["id"]))
