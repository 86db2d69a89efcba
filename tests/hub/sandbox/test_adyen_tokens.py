"""What becomes of stored cards at the pretend Adyen is told where an account wants to hear it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from Adyen.util import is_valid_hmac_payload

from tests.hub.sandbox.adyen_shop import ACCOUNT, KEY, Json, Shop, shop, stored, told

STORES = {"storePaymentMethod": True, "shopperReference": "shopper_1", "recurringProcessingModel": "CardOnFile"}


@pytest.fixture
async def merchant(tmp_path: Path) -> AsyncIterator[Shop]:
    async with shop(tmp_path / "book.db") as opened:
        await opened.settings(token_webhooks=True)
        yield opened


async def kept(merchant: Shop) -> str:
    """Store a card with a payment; return its token."""
    wanted: Json = STORES
    return str((await merchant.pay(**wanted))["additionalData"]["recurring.recurringDetailReference"])


async def listed(merchant: Shop) -> Json:
    query = {"merchantAccount": ACCOUNT, "shopperReference": "shopper_1"}
    tokens = merchant.api.recurring_api
    found = await told(lambda **_: tokens.get_tokens_for_stored_payment_details(query_parameters=query))
    return {one["id"]: one for one in found["storedPaymentMethods"]}


class TestEnvelope:
    async def test_is_its_own_and_signed_as_a_whole(self, merchant: Shop) -> None:
        token = await kept(merchant)

        (heard,) = await merchant.token_events()

        headers = {name.lower(): value for name, value in heard["_headers"].items()}
        assert is_valid_hmac_payload(headers["hmacsignature"], KEY, heard["_raw"])
        assert headers["protocol"] == "HmacSHA256"
        assert (heard["type"], heard["environment"]) == ("recurring.token.created", "test")
        assert len(heard["eventId"]) == len(token)
        assert heard["data"] == {
            "merchantAccount": ACCOUNT,
            "storedPaymentMethodId": token,
            "shopperReference": "shopper_1",
            "type": "visastandardcredit",
            "operation": "created",
        }

    async def test_comes_beside_the_standard_webhook(self, merchant: Shop) -> None:
        await kept(merchant)

        assert {item["eventCode"] for item in await merchant.events()} == {"AUTHORISATION", "RECURRING_CONTRACT"}

    async def test_is_sent_to_nobody_who_has_not_asked(self, merchant: Shop) -> None:
        await merchant.settings(token_webhooks=False)
        await kept(merchant)

        assert await merchant.token_events() == []


class TestUpdate:
    async def test_gives_the_card_another_expiry_which_the_webhook_does_not_tell(self, merchant: Shop) -> None:
        token = await kept(merchant)

        made = await merchant.order("token_update", token, expiry="11/2033")

        assert (made["event"], made["told"]) == ("recurring.token.updated", [ACCOUNT])
        heard = (await merchant.token_events())[-1]
        assert (heard["type"], heard["data"]["operation"]) == ("recurring.token.updated", "updated")
        assert "11/2033" not in heard["_raw"].decode()
        found = (await listed(merchant))[token]
        assert (found["expiryMonth"], found["expiryYear"]) == ("11", "33")

    async def test_shows_in_the_next_payment(self, merchant: Shop) -> None:
        token = await kept(merchant)
        await merchant.order("token_update", token, expiry="11/2033")
        fields: Json = stored(token)

        paid = await merchant.pay(reference="att_2", **fields)

        assert paid["additionalData"]["expiryDate"] == "11/2033"

    @pytest.mark.parametrize("expiry", ["", "13/2033", "1/33"])
    async def test_needs_month_and_year(self, merchant: Shop, expiry: str) -> None:
        refused = await merchant.order("token_update", await kept(merchant), expiry=expiry)

        assert refused == {"error": "options.expiry: the new one, as MM/YYYY"}

    async def test_of_anybodys_card_needs_to_know_whose(self, merchant: Shop) -> None:
        refused = await merchant.order("token_update", "stored_visa", expiry="11/2033")
        made = await merchant.order("token_update", "stored_visa", expiry="11/2033", shopper_reference="shopper_9")

        assert refused == {"error": "options.shopper_reference: the card is anybody's, say whose is meant"}
        assert made["id"] == "stored_visa"
        assert (await merchant.token_events())[-1]["data"]["shopperReference"] == "shopper_9"

    async def test_of_a_card_nobody_knows(self, merchant: Shop) -> None:
        refused = await merchant.order("token_update", "NONE", expiry="11/2033")

        assert refused == {"error": "processor_reference: no stored card NONE"}

    async def test_with_an_option_nobody_knows(self, merchant: Shop) -> None:
        refused = await merchant.order("token_update", await kept(merchant), expires="11/2033")

        assert refused == {"error": "options: Object contains unknown field `expires`"}


class TestDisabling:
    async def test_is_told_without_an_operation_and_the_card_is_gone(self, merchant: Shop) -> None:
        token = await kept(merchant)

        await merchant.order("token_disable", token)

        heard = (await merchant.token_events())[-1]
        assert heard["type"] == "recurring.token.disabled"
        assert "operation" not in heard["data"]
        assert token not in await listed(merchant)

    async def test_is_told_of_what_the_merchant_deletes_too(self, merchant: Shop) -> None:
        token = await kept(merchant)
        query = {"merchantAccount": ACCOUNT, "shopperReference": "shopper_1"}

        tokens = merchant.api.recurring_api
        await told(lambda **_: tokens.delete_token_for_stored_payment_details(token, query_parameters=query))

        assert (await merchant.token_events())[-1]["type"] == "recurring.token.disabled"

    async def test_may_be_told_to_one_account_alone(self, merchant: Shop) -> None:
        token = await kept(merchant)

        made = await merchant.order("token_disable", token, merchant_account="Other")

        assert made["told"] == ["Other"]
        assert len(await merchant.token_events()) == 1
