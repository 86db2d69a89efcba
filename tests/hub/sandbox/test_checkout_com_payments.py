"""The pretend Checkout.com's payments, asked through Checkout.com's own SDK."""

import hashlib
import hmac
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.hub.sandbox.checkout_com_shop import BY_3DS, CARD, SIGNATURE_KEY, Json, Shop, payment, refused, shop, told


@pytest.fixture
async def merchant(tmp_path: Path) -> AsyncIterator[Shop]:
    async with shop(tmp_path / "book.db") as opened:
        yield opened


class TestAPayment:
    async def test_is_authorized_first_and_captured_a_little_later(self, merchant: Shop) -> None:
        made = await merchant.pay()

        assert (made["status"], made["approved"], made["response_code"]) == ("Authorized", True, "10000")
        assert (await merchant.details(made["id"]))["status"] == "Captured"
        assert [event["type"] for event in await merchant.events()] == ["payment_approved", "payment_captured"]

    async def test_without_capture_stays_authorized(self, merchant: Shop) -> None:
        made = await merchant.pay(capture=False)

        assert (await merchant.details(made["id"]))["status"] == "Authorized"
        assert (await merchant.money("att_1"))["captured"] == 0

    async def test_of_a_card_of_the_list_is_declined_with_its_code(self, merchant: Shop) -> None:
        made = await merchant.pay(source=CARD | {"number": "4544249167673670"})

        assert (made["status"], made["approved"], made["response_code"]) == ("Declined", False, "20051")
        assert made["processing"]["partner_response_code"] == "51"
        assert (await merchant.event("payment_declined"))["response_code"] == "20051"
        assert (await merchant.money("att_1"))["charges"] == 0

    async def test_names_the_networks_advice_on_mastercard_alone(self, merchant: Shop) -> None:
        stopped = await merchant.stored("stopped")
        short = await merchant.stored("insufficient_funds", reference="att_2")

        assert stopped["processing"]["partner_merchant_advice_code"] == "03"
        assert "partner_merchant_advice_code" not in short["processing"]

    async def test_is_found_by_its_reference_newest_first(self, merchant: Shop) -> None:
        first, second = await merchant.pay(), await merchant.pay()
        await merchant.pay(reference="att_2")

        assert [one["id"] for one in await merchant.listed("att_1")] == [second["id"], first["id"]]
        assert await merchant.listed("att_3") == []

    async def test_is_not_found_by_another_business(self, merchant: Shop) -> None:
        made = await merchant.pay()
        others, _, _ = merchant.with_key("sk_sbox_anothermerchantanotherme2a")

        assert await refused(others.get_payment_details, made["id"]) == (404, None)

    async def test_of_nothing_verifies_the_card(self, merchant: Shop) -> None:
        made = await merchant.pay(amount=0, reference="ver_1")

        assert made["status"] == "Card Verified"
        assert (await merchant.event("card_verified"))["reference"] == "ver_1"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"source": None}, "payment_source_required"),
        ({"amount": -1}, "amount_invalid"),
        ({"amount": 1_000_000_000}, "amount_invalid"),
        ({"amount": 1005, "currency": "KWD"}, "amount_invalid"),
        ({"amount": 150, "currency": "CLP"}, "amount_invalid"),
        ({"amount": "10"}, "amount_invalid"),
        ({"currency": "CLF"}, "currency_invalid"),
        ({"currency": ""}, "currency_required"),
        ({"processing_channel_id": ""}, "processing_channel_id_required"),
        ({"source": {"type": "id", "id": "src_nobody"}}, "source_id_unknown"),
        ({"source": {"type": "token", "token": "tok_nobody"}}, "token_invalid"),
        ({"source": {"type": "card", "number": "4000000000000000"}}, "card_number_invalid"),
        ({"3ds": {"enabled": True}}, "success_url_required"),
        ({"payment_type": "Odd"}, "payment_type_invalid"),
        ({"amuont": 1}, "amuont_invalid"),
    ],
)
async def test_a_wrong_request_is_refused_by_name(merchant: Shop, changes: dict[str, object], code: str) -> None:
    assert await refused(merchant.payments.request_payment, payment(**changes)) == (422, [code])


async def test_a_wrong_key_is_refused(merchant: Shop) -> None:
    others, _, _ = merchant.with_key("sk_sbox_invalidinvalidinvalidinv2a")

    assert await refused(others.request_payment, payment()) == (401, None)


class TestAnIdempotencyKey:
    async def test_answers_again_what_succeeded(self, merchant: Shop) -> None:
        first, again = await merchant.pay(key="att_1"), await merchant.pay(key="att_1", amount=5)

        assert again["id"] == first["id"]
        assert (await merchant.money("att_1"))["charges"] == 1

    async def test_is_attempted_again_after_an_error(self, merchant: Shop) -> None:
        wrong = payment(source={"type": "id", "id": "src_nobody"})
        assert (await refused(merchant.payments.request_payment, wrong, "att_1"))[0] == 422

        assert (await merchant.pay(key="att_1"))["approved"]

    async def test_charges_twice_where_the_error_came_after_the_payment(self, merchant: Shop) -> None:
        await merchant.control("POST", "/faults", {"fault": "error_500_after"})
        assert await refused(merchant.payments.request_payment, payment(), "att_1") == (500, None)

        await merchant.pay(key="att_1")

        assert (await merchant.money("att_1"))["charges"] == 2

    async def test_is_forgotten_after_a_day(self, merchant: Shop) -> None:
        first = await merchant.pay(key="att_1")
        await merchant.control("POST", "/clock", {"advance_s": 86_401})

        assert (await merchant.pay(key="att_1"))["id"] != first["id"]


class TestThreeDSecure:
    @pytest.mark.parametrize(("button", "status"), [("complete", "Captured"), ("fail", "Declined")])
    async def test_sends_the_payer_to_the_bank_and_goes_on_as_they_chose(
        self, merchant: Shop, button: str, status: str
    ) -> None:
        made = await merchant.pay(**BY_3DS)
        assert (made["status"], made["3ds"]["enrolled"]) == ("Pending", "Y")

        back = await merchant.challenged(made, button)

        assert "order=1&cko-session-id=sid_" in back
        assert (await merchant.details(made["id"]))["status"] == status
        by_session = await merchant.details(back.rpartition("=")[2])
        assert by_session["id"] == made["id"]

    async def test_not_finished_in_a_quarter_of_an_hour_is_declined(self, merchant: Shop) -> None:
        made = await merchant.pay(**BY_3DS)

        await merchant.control("POST", "/clock", {"advance_s": 901})

        assert (await merchant.event("payment_authentication_failed"))["response_code"] == "20152"
        assert (await merchant.details(made["id"]))["status"] == "Declined"

    async def test_is_left_out_for_a_card_that_knows_none_where_that_is_allowed(self, merchant: Shop) -> None:
        wanted: Json = BY_3DS | {"3ds": {"enabled": True, "attempt_n3d": True}}

        made = await merchant.stored("visa", **wanted)

        assert (made["approved"], made["3ds"]) == (True, {"downgraded": True, "enrolled": "N"})

    async def test_is_demanded_by_a_bank_that_was_asked_without(self, merchant: Shop) -> None:
        assert (await merchant.stored("must_challenge"))["response_code"] == "20154"
        made = await merchant.stored("must_challenge", reference="att_2", **BY_3DS)

        await merchant.challenged(made, "complete")

        assert (await merchant.details(made["id"]))["status"] == "Captured"


class TestStoredCards:
    async def test_a_token_of_the_browser_is_good_for_one_payment(self, merchant: Shop) -> None:
        token = (await told(merchant.tokens.request_card_token, CARD))["token"]
        source = {"type": "token", "token": token, "store_for_future_use": True}

        made = await merchant.pay(source=source)

        assert await refused(merchant.payments.request_payment, payment(source=source)) == (422, ["token_used"])
        kept: Json = {"source": {"type": "id", "id": made["source"]["id"]}, "reference": "att_2"}
        assert (await merchant.pay(**kept))["approved"]

    async def test_a_token_lives_a_quarter_of_an_hour(self, merchant: Shop) -> None:
        token = (await told(merchant.tokens.request_card_token, CARD))["token"]
        await merchant.control("POST", "/clock", {"advance_s": 901})

        wrong = payment(source={"type": "token", "token": token})
        assert await refused(merchant.payments.request_payment, wrong) == (422, ["token_expired"])

    async def test_a_stored_card_is_told_and_deleted(self, merchant: Shop) -> None:
        assert (await told(merchant.instruments.get, "src_mastercard"))["scheme"] == "Mastercard"

        await told(merchant.instruments.delete, "src_mastercard")

        assert await refused(merchant.instruments.get, "src_mastercard") == (404, None)


async def test_a_webhook_is_signed_over_its_whole_body(merchant: Shop) -> None:
    await merchant.pay(capture=False)
    await merchant.settled()

    ((signature, body),) = merchant.heard
    assert signature == hmac.new(SIGNATURE_KEY.encode(), body, hashlib.sha256).hexdigest()
