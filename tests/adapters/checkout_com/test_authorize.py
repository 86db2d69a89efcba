from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from adapters.checkout_com.adapter import CheckoutComAdapter
from adapters.contract import Authentication, Recurring
from adapters.errors import ConfigurationError, NotSentError, OutcomeUnknownError
from normalization.declines import DeclineCode
from normalization.money import Currency, Money
from normalization.outcome import ActionRequired, Approved, Declined, Pending
from normalization.tokens import CardFacts, ProcessorToken
from tests.adapters.checkout_com.asked import NOON, RETURN_URL, TOKEN, authorization, purchase
from tests.adapters.checkout_com.scripted import Answer, ScriptedCheckoutCom, challenged, paid, refused

Connect = Callable[..., CheckoutComAdapter]
FULL: dict[str, Any] = {
    "reference": "att_1",
    "amount": 1000,
    "currency": "EUR",
    "response_code": "10000",
    "scheme_id": "488341541494658",
    "source": {
        "id": "src_card",
        "type": "card",
        "scheme": "Visa",
        "last4": "4242",
        "bin": "42424242",
        "expiry_month": 12,
        "expiry_year": 2030,
        "card_type": "CREDIT",
        "issuer_country": "GB",
        "fingerprint": "F1",
        "avs_check": "S",
        "cvv_check": "Y",
    },
    "customer": {"id": "cus_1"},
}


class TestWhatIsSent:
    async def test_a_purchase_captures_and_an_authorization_does_not(
        self, adapter: CheckoutComAdapter, checkout: ScriptedCheckoutCom
    ) -> None:
        checkout.will_answer(paid(), paid())

        await adapter.authorize(purchase())
        await adapter.authorize(authorization())

        assert [sent.body["capture"] for sent in checkout.sent] == [True, False]
        assert {(sent.method, sent.path, sent.key) for sent in checkout.sent} == {("POST", "/payments", "att_1")}

    async def test_our_id_is_the_reference_and_the_callers_own_stands_in_the_metadata(
        self, adapter: CheckoutComAdapter, checkout: ScriptedCheckoutCom
    ) -> None:
        checkout.will_answer(paid())

        await adapter.authorize(purchase())

        (sent,) = checkout.sent
        assert sent.body["reference"] == "att_1"
        told = {"hub_payment": "hubpay_1", "reference": "invoice-1", "hub_operation": "purchase"}
        assert sent.body["metadata"] == told

    async def test_a_stored_card_and_its_customer(
        self, adapter: CheckoutComAdapter, checkout: ScriptedCheckoutCom
    ) -> None:
        checkout.will_answer(paid())

        await adapter.authorize(purchase())

        (sent,) = checkout.sent
        assert (sent.body["source"], sent.body["customer"]) == ({"type": "id", "id": "src_card"}, {"id": "cus_1"})

    async def test_a_one_time_token_is_kept_where_that_is_asked(
        self, adapter: CheckoutComAdapter, checkout: ScriptedCheckoutCom
    ) -> None:
        checkout.will_answer(paid())
        data = {"token": "tok_1", "billing_address": {"zip": "1"}, "amount": 1}

        await adapter.authorize(purchase(token=None, data=data, save=True))

        source = {"type": "token", "token": "tok_1", "billing_address": {"zip": "1"}, "store_for_future_use": True}
        assert checkout.sent[0].body["source"] == source

    async def test_no_card_is_kept_of_a_payer_who_is_absent(
        self, adapter: CheckoutComAdapter, checkout: ScriptedCheckoutCom
    ) -> None:
        checkout.will_answer(paid())

        await adapter.authorize(purchase(token=None, data={"token": "tok_1"}, save=True, payer_present=False))

        assert checkout.sent[0].body["source"] == {"type": "token", "token": "tok_1"}

    @pytest.mark.parametrize(
        ("facts", "kind", "initiated"),
        [
            ({}, "Regular", None),
            ({"save": True}, "Unscheduled", None),
            ({"recurring": Recurring.INITIAL}, "Recurring", None),
            ({"payer_present": False}, "Unscheduled", True),
            ({"payer_present": False, "recurring": Recurring.SUBSEQUENT}, "Recurring", True),
        ],
    )
    async def test_who_began_it_and_whether_it_recurs(
        self,
        adapter: CheckoutComAdapter,
        checkout: ScriptedCheckoutCom,
        facts: dict[str, Any],
        kind: str,
        initiated: object,
    ) -> None:
        checkout.will_answer(paid())

        await adapter.authorize(purchase(**facts))

        body = checkout.sent[0].body
        assert (body["payment_type"], body.get("merchant_initiated")) == (kind, initiated)

    async def test_the_networks_id_of_the_first_charge_goes_with_one_without_the_payer(
        self, adapter: CheckoutComAdapter, checkout: ScriptedCheckoutCom
    ) -> None:
        checkout.will_answer(paid())

        await adapter.authorize(purchase(payer_present=False, network_transaction_id="4883"))

        assert checkout.sent[0].body["previous_payment_id"] == "4883"

    @pytest.mark.parametrize(
        ("three_ds", "facts", "wanted"),
        [
            ("always", {}, {"enabled": True, "attempt_n3d": True}),
            ("on_request", {}, None),
            ("on_request", {"authentication": Authentication.REQUIRED}, (False, "mandate")),
            ("always", {"save": True}, (True, "mandate")),
            ("always", {"recurring": Recurring.INITIAL}, (True, "mandate")),
            ("always", {"authentication": Authentication.AVOID}, {"enabled": False}),
            ("always", {"return_url": None}, {"enabled": False}),
            ("always", {"payer_present": False}, {"enabled": False}),
        ],
    )
    async def test_3d_secure_is_asked_for_where_the_payer_can_come_back(
        self, connect: Connect, checkout: ScriptedCheckoutCom, three_ds: str, facts: dict[str, Any], wanted: object
    ) -> None:
        checkout.will_answer(paid())

        await connect(three_ds=three_ds).authorize(purchase(**facts))

        body = checkout.sent[0].body
        if isinstance(wanted, tuple):
            mandate = "challenge_requested_mandate"
            wanted = {"enabled": True, "attempt_n3d": wanted[0], "challenge_indicator": mandate}
        assert body.get("3ds") == wanted

    @pytest.mark.parametrize("three_ds", ["always", "on_request"])
    async def test_the_payer_can_come_back_also_where_the_bank_insists_by_itself(
        self, connect: Connect, checkout: ScriptedCheckoutCom, three_ds: str
    ) -> None:
        checkout.will_answer(paid(), paid())

        await connect(three_ds=three_ds).authorize(purchase())
        await connect(three_ds=three_ds).authorize(purchase(payer_present=False))

        present, absent = (sent.body for sent in checkout.sent)
        assert present["success_url"] == present["failure_url"] == RETURN_URL
        assert "success_url" not in absent

    async def test_a_descriptor_goes_only_with_its_city(self, connect: Connect, checkout: ScriptedCheckoutCom) -> None:
        checkout.will_answer(paid(), paid())

        await connect().authorize(purchase(statement_descriptor="SHOP"))
        await connect(descriptor_city="Leiden").authorize(purchase(statement_descriptor="SHOP"))

        without, beside = (sent.body.get("billing_descriptor") for sent in checkout.sent)
        assert (without, beside) == (None, {"name": "SHOP", "city": "Leiden"})

    async def test_the_same_request_is_the_same_bytes(
        self, adapter: CheckoutComAdapter, checkout: ScriptedCheckoutCom
    ) -> None:
        checkout.will_answer(paid(), paid())

        await adapter.authorize(purchase())
        await adapter.authorize(purchase())

        assert len({sent.raw for sent in checkout.sent}) == 1


class TestWhatIsNotSent:
    @pytest.mark.parametrize(
        ("facts", "code"),
        [
            ({"money": Money(1005, Currency.KWD)}, "hub/amount"),
            ({"money": Money(1_000_000_000, Currency.EUR)}, "hub/amount"),
            ({"money": Money(10_000, Currency.CLF)}, "hub/currency"),
            ({"token": None}, "hub/payment_method_data"),
            ({"token": None, "data": {"token": 5}}, "hub/payment_method_data"),
        ],
    )
    async def test_is_declined(
        self, adapter: CheckoutComAdapter, checkout: ScriptedCheckoutCom, facts: dict[str, Any], code: str
    ) -> None:
        report = await adapter.authorize(purchase(**facts))

        assert isinstance(report.outcome, Declined)
        assert report.outcome.decline.processor_code == code
        assert checkout.sent == []


class TestTheAnswer:
    async def test_an_authorization_is_approved_with_all_that_is_known(
        self, adapter: CheckoutComAdapter, checkout: ScriptedCheckoutCom
    ) -> None:
        checkout.will_answer(paid(**FULL))

        report = await adapter.authorize(authorization())

        assert (report.outcome, report.processor_reference, report.tag) == (Approved(), "pay_1", "att_1")
        assert report.money == Money(1000, Currency.EUR)
        assert (report.avs, report.cvc, report.network_transaction_id) == ("S", "Y", "488341541494658")
        assert report.card == CardFacts(
            brand="visa", last4="4242", bin="42424242", exp_month=12, exp_year=2030, funding="credit", country="GB",
            fingerprint="F1",
        )  # fmt: skip

    async def test_a_purchase_is_pending_until_it_is_captured(
        self, adapter: CheckoutComAdapter, checkout: ScriptedCheckoutCom
    ) -> None:
        checkout.will_answer(paid(), paid("Captured"))

        outcomes = [(await adapter.authorize(purchase())).outcome for _ in range(2)]

        assert outcomes == [Pending(), Approved()]

    async def test_the_stored_card_comes_back_where_it_was_to_be_kept(
        self, adapter: CheckoutComAdapter, checkout: ScriptedCheckoutCom
    ) -> None:
        checkout.will_answer(paid(**FULL), paid(**FULL))

        kept = await adapter.authorize(authorization(token=None, data={"token": "tok_1"}, save=True))
        passing = await adapter.authorize(authorization())

        assert (kept.stored, passing.stored) == (TOKEN, None)

    async def test_a_refusal_is_decided_from_all_codes(
        self, adapter: CheckoutComAdapter, checkout: ScriptedCheckoutCom
    ) -> None:
        said = {
            "partner_response_code": "51", "partner_merchant_advice_code": "24", "recommendation_code": "02",
        }  # fmt: skip
        source = {"scheme": "Mastercard"}
        checkout.will_answer(paid("Declined", response_code="20005", processing=said, source=source))

        report = await adapter.authorize(purchase())

        assert isinstance(report.outcome, Declined)
        decline = report.outcome.decline
        assert (decline.code, decline.processor_code) == (DeclineCode.INSUFFICIENT_FUNDS, "20005")
        told = (decline.network_code, decline.network_advice_code, decline.processor_advice, decline.network)
        assert told == ("51", "24", "02", "mastercard")

    async def test_a_challenge_sends_the_payer_away_for_a_quarter_of_an_hour(
        self, adapter: CheckoutComAdapter, checkout: ScriptedCheckoutCom
    ) -> None:
        checkout.will_answer(challenged())

        report = await adapter.authorize(purchase())

        assert report.outcome == ActionRequired(
            method="GET",
            url="https://bank.example/3ds",
            continuation="pay_1",
            expires_at=NOON + timedelta(minutes=15),
        )

    async def test_what_waits_for_nobody_is_no_refusal_although_no_challenge_may_be(
        self, adapter: CheckoutComAdapter, checkout: ScriptedCheckoutCom
    ) -> None:
        checkout.will_answer(paid("Pending"))

        assert (await adapter.authorize(purchase(return_url=None))).outcome == Pending()

    async def test_a_challenge_that_may_not_be_is_a_refusal(
        self, adapter: CheckoutComAdapter, checkout: ScriptedCheckoutCom
    ) -> None:
        checkout.will_answer(challenged())

        report = await adapter.authorize(purchase(return_url=None))

        assert isinstance(report.outcome, Declined)
        assert report.outcome.decline.code is DeclineCode.AUTHENTICATION_REQUIRED

    @pytest.mark.parametrize(
        "answer",
        [
            paid("Sleeping"),
            paid(reference="att_2"),
            paid(currency="ZZZ", amount=1),
            Answer({"id": "pay_1", "status": "Authorized"}, status=201),
            Answer({"id": "pay_1", "status": "Authorized", "approved": True, "response_code": "20005"}, status=201),
            Answer({"id": "pay_1", "status": "Captured", "approved": False}, status=201),
            Answer(b"", status=409),
            refused("amount_invalid", status=409),
            refused("amount_invalid", status=502),
            *(refused(one) for one in ("processing_error", "service_unavailable", "issuer_network_unavailable")),
            refused("amount_invalid", "processing_error"),
            Answer(b"", status=404),
            Answer(b"<p>nothing here", status=404, headers={"Cko-Request-Id": "1"}),
        ],
        ids=lambda answer: str(answer.body)[:40],
    )
    async def test_what_is_neither_yes_nor_no_is_unknown(
        self, adapter: CheckoutComAdapter, checkout: ScriptedCheckoutCom, answer: Answer
    ) -> None:
        checkout.will_answer(answer)

        with pytest.raises(OutcomeUnknownError):
            await adapter.authorize(purchase())

        assert len(checkout.sent) == 1

    @pytest.mark.parametrize(
        ("codes", "code"),
        [
            (["token_expired"], DeclineCode.TOKEN_INVALID),
            (["card_expired", "cvv_invalid"], DeclineCode.EXPIRED_CARD),
            (["currency_invalid"], DeclineCode.CURRENCY_NOT_SUPPORTED),
            (["processing_channel_id_required"], DeclineCode.MERCHANT_CONFIGURATION_ERROR),
            (["never_heard_of"], DeclineCode.INVALID_REQUEST),
        ],
    )
    async def test_a_refused_request_is_a_decline(
        self, adapter: CheckoutComAdapter, checkout: ScriptedCheckoutCom, codes: list[str], code: DeclineCode
    ) -> None:
        checkout.will_answer(refused(*codes))

        report = await adapter.authorize(purchase())

        assert isinstance(report.outcome, Declined)
        assert (report.outcome.decline.code, report.outcome.decline.processor_code) == (code, codes[0])

    @pytest.mark.parametrize("status", [401, 403])
    async def test_a_refused_key_is_our_configuration(
        self, adapter: CheckoutComAdapter, checkout: ScriptedCheckoutCom, status: int
    ) -> None:
        checkout.will_answer(Answer(b"", status=status))

        with pytest.raises(ConfigurationError):
            await adapter.authorize(purchase())

    async def test_too_many_requests_is_tried_twice_more_and_then_not_sent(
        self, adapter: CheckoutComAdapter, checkout: ScriptedCheckoutCom
    ) -> None:
        checkout.will_answer(Answer(status=429), Answer(status=429), Answer(status=429))

        with pytest.raises(NotSentError):
            await adapter.authorize(purchase())

        assert len(checkout.sent) == 3

    async def test_a_token_of_the_browser_may_stand_as_a_token(
        self, adapter: CheckoutComAdapter, checkout: ScriptedCheckoutCom
    ) -> None:
        checkout.will_answer(paid())

        await adapter.authorize(purchase(token=ProcessorToken(processor="checkout_com", token="tok_9")))

        assert checkout.sent[0].body["source"] == {"type": "token", "token": "tok_9"}
