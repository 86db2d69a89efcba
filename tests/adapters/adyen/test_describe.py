import pytest
from msgspec.structs import replace

from adapters.abilities import DescribesTokens
from adapters.adyen.adapter import AdyenAdapter
from normalization.tokens import CardFacts
from tests.adapters.adyen.asked import TOKEN
from tests.adapters.adyen.scripted import Answer, ScriptedAdyen, refused

CARD = {"id": "8415", "brand": "mc", "lastFour": "1142", "expiryMonth": "03", "expiryYear": "30", "type": "scheme"}


async def test_a_stored_card_is_described(adyen: ScriptedAdyen, adapter: AdyenAdapter) -> None:
    assert isinstance(adapter, DescribesTokens)
    adyen.will_answer(Answer({"storedPaymentMethods": [{**CARD, "id": "other"}, CARD]}))
    facts = await adapter.describe(replace(TOKEN, customer_reference="shopper&merchantAccount=Other"))
    assert facts == CardFacts(brand="mastercard", last4="1142", exp_month=3, exp_year=2030)
    (sent,) = adyen.sent
    assert (sent.path, sent.raw) == ("/v72/storedPaymentMethods", b"")
    assert sent.query == {"merchantAccount": "Shop", "shopperReference": "shopper&merchantAccount=Other"}


@pytest.mark.parametrize("answer", [Answer({"storedPaymentMethods": []}), Answer({}), refused(422, "800")])
async def test_what_adyen_does_not_list_stays_unknown(
    adyen: ScriptedAdyen, adapter: AdyenAdapter, answer: Answer
) -> None:
    adyen.will_answer(answer)
    assert await adapter.describe(TOKEN) is None


async def test_a_token_without_a_shopper_cannot_be_looked_up(adyen: ScriptedAdyen, adapter: AdyenAdapter) -> None:
    assert await adapter.describe(replace(TOKEN, customer_reference=None)) is None
    assert adyen.sent == []
