"""Cards that are stored: with a charge, after a check; what the payer's browser needs; and deleted again."""

from collections.abc import Callable
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
from adapters.adyen.adapter import AdyenAdapter
from adapters.contract import Authorize, Recurring
from adapters.errors import ConfigurationError, NotSentError, OutcomeUnknownError
from normalization.declines import DeclineCode
from normalization.money import Currency, Money
from normalization.outcome import ActionRequired, Approved, Declined, Outcome
from normalization.tokens import CardFacts, ProcessorToken
from tests.adapters.adyen.asked import NOON, TOKEN, purchase
from tests.adapters.adyen.scripted import HANG_UP, Answer, ScriptedAdyen, paid, refused

Connect = Callable[..., AdyenAdapter]
TYPED = {"paymentMethod": {"type": "scheme", "encryptedCardNumber": "test_4111"}, "shopperReference": "the browser's"}
MADE = {"tokenization.storedPaymentMethodId": "T1", "networkTxReference": "NTX1"}
STORED = ProcessorToken(processor="adyen", token="T1", customer_reference="cus_of_hub")
OFFERED = {"paymentMethods": [{"type": "scheme", "name": "Cards", "brands": ["visa"]}]}
REDIRECT = {"action": {"type": "redirect", "method": "GET", "url": "https://bank.example/3ds"}}


def check(**changes: Any) -> Verify:
    request = Verify(
        operation_id="ver_1", currency=Currency.EUR, requested_at=NOON, data=TYPED, customer_id="cus_of_hub"
    )
    return replace(request, **changes)


def typed_in(**changes: Any) -> Authorize:
    """A charge of a card that the payer has just typed in, to be stored."""
    return replace(purchase(token=None, data=TYPED, save=True, customer_id="cus_of_hub"), **changes)


def code_of(outcome: Outcome) -> tuple[DeclineCode, str]:
    assert isinstance(outcome, Declined)
    return outcome.decline.code, outcome.decline.processor_code


def test_the_adapter_says_what_it_can_do_with_cards(adapter: AdyenAdapter) -> None:
    for ability in (OpensTokenSessions, VerifiesTokens, DetachesTokens):
        assert isinstance(adapter, ability)


class TestStoredWithACharge:
    async def test_under_the_shopper_that_the_hub_names(self, adyen: ScriptedAdyen, adapter: AdyenAdapter) -> None:
        adyen.will_answer(paid(additionalData=MADE))

        report = await adapter.authorize(typed_in())

        body = adyen.sent[0].body
        assert (body["storePaymentMethod"], body["shopperReference"]) == (True, "cus_of_hub")
        assert (body["shopperInteraction"], body["recurringProcessingModel"]) == ("Ecommerce", "UnscheduledCardOnFile")
        assert (report.stored, report.network_transaction_id) == (STORED, "NTX1")

    @pytest.mark.parametrize(
        ("known", "shopper"),
        [({"customer_reference": "shopper-9"}, "shopper-9"), ({"customer_id": None}, "pay_1")],
    )
    async def test_under_the_one_adyen_knows_already_or_one_of_its_own(
        self, adyen: ScriptedAdyen, adapter: AdyenAdapter, known: dict[str, str | None], shopper: str
    ) -> None:
        adyen.will_answer(paid())

        await adapter.authorize(typed_in(**known))

        assert adyen.sent[0].body["shopperReference"] == shopper

    async def test_of_a_series_says_so(self, adyen: ScriptedAdyen, adapter: AdyenAdapter) -> None:
        adyen.will_answer(paid())

        await adapter.authorize(typed_in(recurring=Recurring.INITIAL))

        assert adyen.sent[0].body["recurringProcessingModel"] == "Subscription"

    async def test_is_told_under_its_older_name_too(self, adyen: ScriptedAdyen, adapter: AdyenAdapter) -> None:
        adyen.will_answer(paid(additionalData={"recurring.recurringDetailReference": "T1"}))

        assert (await adapter.authorize(typed_in())).stored == STORED

    @pytest.mark.parametrize(
        ("request_", "answer"),
        [
            (typed_in(), paid()),  # The account tells tokens by webhook only.
            (typed_in(), paid("Refused", additionalData=MADE)),
            (typed_in(save=False), paid(additionalData=MADE)),
            (purchase(save=True), paid(additionalData=MADE)),  # It was stored before.
        ],
    )
    async def test_is_nothing_where_nothing_new_was_stored(
        self, adyen: ScriptedAdyen, adapter: AdyenAdapter, request_: Authorize, answer: Answer
    ) -> None:
        adyen.will_answer(answer)

        assert (await adapter.authorize(request_)).stored is None

    async def test_is_not_asked_for_while_the_payer_is_absent(
        self, adyen: ScriptedAdyen, adapter: AdyenAdapter
    ) -> None:
        adyen.will_answer(paid())

        await adapter.authorize(typed_in(payer_present=False))

        assert "storePaymentMethod" not in adyen.sent[0].body

    async def test_is_asked_for_in_the_same_bytes_by_an_inquiry(
        self, adyen: ScriptedAdyen, adapter: AdyenAdapter
    ) -> None:
        adyen.will_answer(paid(), paid())

        await adapter.authorize(typed_in())
        await adapter.inquire(typed_in())

        first, second = adyen.sent
        assert (first.raw, first.key) == (second.raw, second.key)


class TestTheNetworksReference:
    @pytest.mark.parametrize(
        ("credentials", "present", "sent"),
        [
            ({"send_network_reference": True}, False, "NTX1"),
            ({"send_network_reference": True}, True, None),
            ({}, False, None),
        ],
    )
    async def test_goes_out_where_the_account_wants_it_and_the_payer_is_absent(
        self, adyen: ScriptedAdyen, connect: Connect, credentials: dict[str, bool], present: object, sent: str | None
    ) -> None:
        adyen.will_answer(paid())

        await connect(**credentials).authorize(purchase(payer_present=present, network_transaction_id="NTX1"))

        method = adyen.sent[0].body["paymentMethod"]
        assert isinstance(method, dict)
        assert (method["storedPaymentMethodId"], method.get("networkPaymentReference")) == ("8415", sent)


class TestSession:
    async def test_gives_the_browser_what_it_needs_and_no_api_key(self, adyen: ScriptedAdyen, connect: Connect) -> None:
        adyen.will_answer(Answer({**OFFERED, "storedPaymentMethods": [{"id": "8415"}]}))
        request = OpenTokenSession(
            session_id="ps_1",
            customer_id="cus_of_hub",
            money=Money(1000, Currency.EUR),
            country="NL",
            locale="nl-NL",
        )

        session = await connect(client_key="test_ABC").open_token_session(request)

        (sent,) = adyen.sent
        assert (sent.path, sent.key) == ("/v72/paymentMethods", "ps_1")
        assert sent.body == {
            "merchantAccount": "Shop",
            "channel": "Web",
            "shopperReference": "cus_of_hub",
            "amount": {"value": 1000, "currency": "EUR"},
            "countryCode": "NL",
            "shopperLocale": "nl-NL",
        }
        assert isinstance(session, TokenSession)
        assert session.customer_reference == "cus_of_hub"
        assert session.client == {
            "client_key": "test_ABC",
            "environment": "test",
            "payment_methods": {**OFFERED, "storedPaymentMethods": [{"id": "8415"}]},
            "shopper_reference": "cus_of_hub",
            "country_code": "NL",
            "amount": {"value": 1000, "currency": "EUR"},
        }

    async def test_for_nobody_in_particular_has_a_shopper_of_its_own(
        self, adyen: ScriptedAdyen, connect: Connect
    ) -> None:
        adyen.will_answer(Answer(OFFERED))

        session = await connect(client_key="test_ABC").open_token_session(OpenTokenSession(session_id="ps_1"))

        assert isinstance(session, TokenSession)
        assert session.customer_reference == "ps_1"

    async def test_needs_the_key_that_is_for_browsers(self, adyen: ScriptedAdyen, adapter: AdyenAdapter) -> None:
        with pytest.raises(ConfigurationError, match="client_key"):
            await adapter.open_token_session(OpenTokenSession(session_id="ps_1"))
        assert adyen.sent == []

    async def test_that_adyen_refuses_is_a_decline(self, adyen: ScriptedAdyen, connect: Connect) -> None:
        adyen.will_answer(refused(422, "138"))

        told = await connect(client_key="test_ABC").open_token_session(OpenTokenSession(session_id="ps_1"))

        assert not isinstance(told, TokenSession)
        assert told.processor_code == "138"

    async def test_of_an_amount_that_adyen_cannot_hold_is_not_asked_for(
        self, adyen: ScriptedAdyen, connect: Connect
    ) -> None:
        request = OpenTokenSession(session_id="ps_1", money=Money(1050, Currency.CVE))

        told = await connect(client_key="test_ABC").open_token_session(request)

        assert not isinstance(told, TokenSession)
        assert (told.code, adyen.sent) == (DeclineCode.INVALID_AMOUNT, [])

    @pytest.mark.parametrize("body", [b"<html>", b"", {}, {"paymentMethods": "none"}])
    async def test_with_an_answer_that_is_not_understood_is_none(
        self, adyen: ScriptedAdyen, connect: Connect, body: object
    ) -> None:
        adyen.will_answer(Answer(body))

        with pytest.raises(OutcomeUnknownError):
            await connect(client_key="test_ABC").open_token_session(OpenTokenSession(session_id="ps_1"))


class TestCheck:
    async def test_asks_for_nothing_and_stores_the_card(self, adyen: ScriptedAdyen, adapter: AdyenAdapter) -> None:
        facts = {"avsResult": "4 AVS not supported", "cvcResult": "1 Matches", "cardSummary": "1111", **MADE}
        adyen.will_answer(paid(merchantReference="ver_1", additionalData=facts))

        told = await adapter.verify(check())

        (sent,) = adyen.sent
        assert (sent.path, sent.key) == ("/v72/payments", "ver_1")
        assert sent.body == {
            "amount": {"value": 0, "currency": "EUR"},
            "merchantAccount": "Shop",
            "reference": "ver_1",
            "paymentMethod": TYPED["paymentMethod"],
            "returnUrl": "https://no-return.invalid/",
            "channel": "Web",
            "shopperInteraction": "Ecommerce",
            "recurringProcessingModel": "UnscheduledCardOnFile",
            "authenticationData": {
                "attemptAuthentication": "never",
                "threeDSRequestData": {"nativeThreeDS": "disabled"},
            },
            "storePaymentMethod": True,
            "shopperReference": "cus_of_hub",
        }
        assert (told.tag, told.processor_reference, told.outcome) == ("ver_1", "PSP1", Approved())
        assert (told.avs, told.cvc, told.card) == ("4", "1", CardFacts(last4="1111"))
        assert (told.network_transaction_id, told.stored) == ("NTX1", STORED)

    async def test_of_a_stored_card_leaves_it_as_it_is(self, adyen: ScriptedAdyen, adapter: AdyenAdapter) -> None:
        adyen.will_answer(paid(additionalData={"tokenization.storedPaymentMethodId": "other"}))

        told = await adapter.verify(check(token=TOKEN, data=None))

        body = adyen.sent[0].body
        assert (body["shopperInteraction"], body["shopperReference"]) == ("ContAuth", "shopper-1")
        assert "storePaymentMethod" not in body
        assert told.stored == TOKEN

    async def test_of_a_stored_card_by_a_payer_who_can_come_back_is_the_payers_own(
        self, adyen: ScriptedAdyen, adapter: AdyenAdapter
    ) -> None:
        adyen.will_answer(paid())

        await adapter.verify(check(token=TOKEN, data=None, return_url="https://hub.example/return"))

        assert adyen.sent[0].body["shopperInteraction"] == "Ecommerce"

    async def test_that_is_to_store_nothing_does_not(self, adyen: ScriptedAdyen, adapter: AdyenAdapter) -> None:
        adyen.will_answer(paid(additionalData=MADE))

        told = await adapter.verify(check(save=False))

        assert not {"storePaymentMethod", "recurringProcessingModel"} & adyen.sent[0].body.keys()
        assert (told.outcome, told.stored) == (Approved(), None)

    async def test_without_anything_to_check_is_not_sent(self, adyen: ScriptedAdyen, adapter: AdyenAdapter) -> None:
        told = await adapter.verify(check(data={}))

        assert code_of(told.outcome) == (DeclineCode.INVALID_REQUEST, "hub/payment_method_data")
        assert adyen.sent == []

    async def test_that_the_bank_refuses_is_a_decline(self, adyen: ScriptedAdyen, adapter: AdyenAdapter) -> None:
        adyen.will_answer(paid("Refused", refusalReasonCode="6", refusalReason="Expired Card", additionalData=MADE))

        told = await adapter.verify(check())

        assert code_of(told.outcome) == (DeclineCode.EXPIRED_CARD, "6")
        assert told.stored is None

    async def test_that_adyen_does_not_carry_out_is_a_decline(
        self, adyen: ScriptedAdyen, adapter: AdyenAdapter
    ) -> None:
        adyen.will_answer(refused(422, "803", pspReference="PSP2"))

        told = await adapter.verify(check(token=TOKEN, data=None))

        assert code_of(told.outcome) == (DeclineCode.TOKEN_INVALID, "803")
        assert told.processor_reference == "PSP2"

    @pytest.mark.parametrize("result", ["RedirectShopper", "IdentifyShopper"])
    async def test_that_needs_a_challenge_is_a_decline_without_a_return_address(
        self, adyen: ScriptedAdyen, adapter: AdyenAdapter, result: str
    ) -> None:
        adyen.will_answer(paid(result, **REDIRECT))

        told = await adapter.verify(check())

        assert code_of(told.outcome)[0] is DeclineCode.AUTHENTICATION_REQUIRED

    async def test_goes_on_after_a_challenge(self, adyen: ScriptedAdyen, adapter: AdyenAdapter) -> None:
        adyen.will_answer(paid("RedirectShopper", **REDIRECT), paid(additionalData=MADE))
        request = check(return_url="https://hub.example/return")

        begun = await adapter.verify(request)
        assert isinstance(begun.outcome, ActionRequired)
        assert begun.outcome.url == "https://bank.example/3ds"
        waiting = CompleteVerification(request=request, continuation=begun.outcome.continuation, returned={})
        assert (await adapter.complete_verification(waiting)).outcome == begun.outcome

        ended = await adapter.complete_verification(replace(waiting, returned={"redirectResult": "r"}))

        assert (ended.outcome, ended.stored) == (Approved(), STORED)
        assert [(sent.path, sent.key) for sent in adyen.sent] == [
            ("/v72/payments", "ver_1"),
            ("/v72/payments/details", "ver_1:details"),
        ]

    @pytest.mark.parametrize("answer", [HANG_UP, paid("Odd"), paid(merchantReference="ver_2"), Answer(b"<html>")])
    async def test_with_an_answer_that_is_not_understood_is_unknown(
        self, adyen: ScriptedAdyen, adapter: AdyenAdapter, answer: Any
    ) -> None:
        adyen.will_answer(answer)

        with pytest.raises(OutcomeUnknownError):
            await adapter.verify(check())

    async def test_that_adyen_had_no_time_for_was_not_sent(self, adyen: ScriptedAdyen, adapter: AdyenAdapter) -> None:
        adyen.will_answer(*[refused(429, "000")] * 3)

        with pytest.raises(NotSentError):
            await adapter.verify(check())


class TestDeleted:
    async def test_at_adyen_it_is_gone(self, adyen: ScriptedAdyen, adapter: AdyenAdapter) -> None:
        adyen.will_answer(Answer(b"", 204))
        token = replace(TOKEN, token="84/15", customer_reference="a&merchantAccount=Other")

        assert await adapter.detach(token) is None

        (sent,) = adyen.sent
        assert sent.path == "/v72/storedPaymentMethods/84/15"
        assert sent.query == {"merchantAccount": "Shop", "shopperReference": "a&merchantAccount=Other"}

    async def test_what_adyen_does_not_list_any_more_is_gone(self, adyen: ScriptedAdyen, adapter: AdyenAdapter) -> None:
        adyen.will_answer(refused(422, "803"), Answer({"storedPaymentMethods": [{"id": "other"}]}))

        assert await adapter.detach(TOKEN) is None

    @pytest.mark.parametrize("listed", [Answer({"storedPaymentMethods": [{"id": "8415"}]}), refused(422, "100")])
    async def test_what_adyen_will_not_delete_stays_with_a_reason(
        self, adyen: ScriptedAdyen, adapter: AdyenAdapter, listed: Answer
    ) -> None:
        adyen.will_answer(refused(422, "803"), listed)

        kept = await adapter.detach(TOKEN)

        assert kept is not None
        assert kept.processor_code == "803"

    async def test_a_card_of_nobody_cannot_be(self, adyen: ScriptedAdyen, adapter: AdyenAdapter) -> None:
        kept = await adapter.detach(replace(TOKEN, customer_reference=None))

        assert kept is not None
        assert (kept.processor_code, adyen.sent) == ("hub/customer_reference", [])

    @pytest.mark.parametrize("answer", [Answer(b"<html>"), Answer({}, 202), HANG_UP, Answer(b"", 500)])
    async def test_is_unknown_without_adyens_plain_word(
        self, adyen: ScriptedAdyen, adapter: AdyenAdapter, answer: Any
    ) -> None:
        adyen.will_answer(answer)

        with pytest.raises(OutcomeUnknownError):
            await adapter.detach(TOKEN)
