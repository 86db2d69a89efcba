"""Cards without a charge: what the browser starts with, checks, telling and letting go."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from adapters.abilities import CompleteVerification, OpenTokenSession, TokenSession, Verify
from adapters.checkout_com import REGISTRATION
from adapters.checkout_com.adapter import CheckoutComAdapter
from adapters.errors import ConfigurationError, OutcomeUnknownError
from normalization.declines import DeclineCode
from normalization.money import Currency
from normalization.outcome import ActionRequired, Approved, Declined
from normalization.tokens import CardFacts, ProcessorToken
from tests.adapters.checkout_com.asked import NOON, RETURN_URL, TOKEN
from tests.adapters.checkout_com.scripted import Answer, ScriptedCheckoutCom, challenged, paid, refused

Connect = Callable[..., CheckoutComAdapter]
CHECK = Verify(operation_id="ver_1", currency=Currency.EUR, requested_at=NOON, data={"token": "tok_1"})
GONE = Answer(b"", status=404, headers={"Cko-Request-Id": "1"})


async def test_a_session_is_the_public_key_and_nothing_is_asked(
    connect: Connect, checkout: ScriptedCheckoutCom
) -> None:
    public = "pk_sbox_shopshopshopshopshopshop2ab"

    session = await connect(public_key=public).open_token_session(OpenTokenSession(session_id="ps_1", locale="nl-NL"))

    assert isinstance(session, TokenSession)
    assert session.client == {"public_key": public, "environment": "sandbox", "locale": "nl-NL"}
    assert checkout.sent == []


async def test_a_session_needs_the_public_key(adapter: CheckoutComAdapter) -> None:
    with pytest.raises(ConfigurationError, match="public_key"):
        await adapter.open_token_session(OpenTokenSession(session_id="ps_1"))


class TestAVerification:
    async def test_is_a_payment_of_nothing_that_keeps_the_card(
        self, adapter: CheckoutComAdapter, checkout: ScriptedCheckoutCom
    ) -> None:
        checkout.will_answer(paid("Card Verified", source={"id": "src_card"}, customer={"id": "cus_1"}))

        told = await adapter.verify(CHECK)

        (sent,) = checkout.sent
        assert (sent.body["amount"], sent.body["capture"], sent.key) == (0, False, "ver_1")
        assert sent.body["source"] == {"type": "token", "token": "tok_1", "store_for_future_use": True}
        assert (told.outcome, told.stored) == (Approved(), TOKEN)

    async def test_of_a_stored_card_gives_that_card_back(
        self, adapter: CheckoutComAdapter, checkout: ScriptedCheckoutCom
    ) -> None:
        checkout.will_answer(paid("Card Verified"))

        told = await adapter.verify(replace(CHECK, data=None, token=TOKEN, save=False))

        assert told.stored == TOKEN

    async def test_that_is_refused_keeps_nothing(
        self, adapter: CheckoutComAdapter, checkout: ScriptedCheckoutCom
    ) -> None:
        checkout.will_answer(paid("Declined", response_code="20054", source={"id": "src_card"}))

        told = await adapter.verify(CHECK)

        assert isinstance(told.outcome, Declined)
        assert (told.outcome.decline.code, told.stored) == (DeclineCode.EXPIRED_CARD, None)

    async def test_goes_through_a_challenge_where_the_payer_can_come_back(
        self, adapter: CheckoutComAdapter, checkout: ScriptedCheckoutCom
    ) -> None:
        checkout.will_answer(challenged(), paid("Card Verified", reference="ver_1"))
        request = replace(CHECK, return_url=RETURN_URL)

        told = await adapter.verify(request)
        assert isinstance(told.outcome, ActionRequired)
        completion = CompleteVerification(request=request, continuation=told.outcome.continuation, returned={})
        done = await adapter.complete_verification(completion)

        mandate = "challenge_requested_mandate"
        wanted = {"enabled": True, "attempt_n3d": True, "challenge_indicator": mandate}
        assert checkout.sent[0].body["3ds"] == wanted
        assert done.outcome == Approved()

    async def test_that_needs_a_challenge_without_a_way_back_is_refused(
        self, adapter: CheckoutComAdapter, checkout: ScriptedCheckoutCom
    ) -> None:
        checkout.will_answer(challenged())

        told = await adapter.verify(CHECK)

        assert isinstance(told.outcome, Declined)
        assert told.outcome.decline.code is DeclineCode.AUTHENTICATION_REQUIRED

    @pytest.mark.parametrize(
        ("facts", "code"), [({"data": {}}, "hub/payment_method_data"), ({"currency": Currency.CLF}, "hub/currency")]
    )
    async def test_of_nothing_is_not_sent(
        self, adapter: CheckoutComAdapter, checkout: ScriptedCheckoutCom, facts: dict[str, Any], code: str
    ) -> None:
        told = await adapter.verify(replace(CHECK, **facts))

        assert isinstance(told.outcome, Declined)
        assert (told.outcome.decline.processor_code, checkout.sent) == (code, [])

    async def test_with_a_token_that_is_gone_is_refused(
        self, adapter: CheckoutComAdapter, checkout: ScriptedCheckoutCom
    ) -> None:
        checkout.will_answer(refused("token_used"))

        told = await adapter.verify(CHECK)

        assert isinstance(told.outcome, Declined)
        assert told.outcome.decline.code is DeclineCode.TOKEN_INVALID

    @pytest.mark.parametrize("answer", [paid("Authorized"), paid("Card Verified", approved=False)])
    async def test_answered_like_a_payment_or_without_approval_is_unknown(
        self, adapter: CheckoutComAdapter, checkout: ScriptedCheckoutCom, answer: Answer
    ) -> None:
        checkout.will_answer(answer)

        with pytest.raises(OutcomeUnknownError):
            await adapter.verify(CHECK)


@pytest.mark.parametrize(("token", "again"), [("src_card", True), ("tok_1", False)])
def test_only_a_stored_card_can_be_charged_again(token: str, again: object) -> None:
    assert REGISTRATION.reusable(ProcessorToken(processor="checkout_com", token=token)) is again


class TestAStoredCard:
    async def test_is_described(self, adapter: CheckoutComAdapter, checkout: ScriptedCheckoutCom) -> None:
        facts = {"id": "src_card", "type": "card", "scheme": "Mastercard", "last4": "6378", "expiry_year": 2030}
        checkout.will_answer(Answer(facts))

        assert await adapter.describe(TOKEN) == CardFacts(brand="mastercard", last4="6378", exp_year=2030)
        assert checkout.sent[0].path == "/instruments/src_card"

    async def test_that_is_not_there_tells_nothing(
        self, adapter: CheckoutComAdapter, checkout: ScriptedCheckoutCom
    ) -> None:
        checkout.will_answer(GONE)

        assert await adapter.describe(TOKEN) is None

    @pytest.mark.parametrize("answer", [Answer(b"", status=204), GONE])
    async def test_is_let_go_also_where_it_was_gone(
        self, adapter: CheckoutComAdapter, checkout: ScriptedCheckoutCom, answer: Answer
    ) -> None:
        checkout.will_answer(answer)

        assert await adapter.detach(TOKEN) is None
        assert (checkout.sent[0].method, checkout.sent[0].path) == ("DELETE", "/instruments/src_card")

    async def test_that_may_not_go_says_why(self, adapter: CheckoutComAdapter, checkout: ScriptedCheckoutCom) -> None:
        checkout.will_answer(refused("request_invalid"))

        decline = await adapter.detach(TOKEN)

        assert decline is not None
        assert decline.processor_code == "request_invalid"

    async def test_a_token_of_the_browser_is_neither_told_nor_let_go(
        self, adapter: CheckoutComAdapter, checkout: ScriptedCheckoutCom
    ) -> None:
        passing = ProcessorToken(processor="checkout_com", token="tok_1")

        assert (await adapter.describe(passing), await adapter.detach(passing)) == (None, None)
        assert checkout.sent == []
