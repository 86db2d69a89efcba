"""A refusal that nobody has given a meaning is answered, kept word for word, counted and listed."""

import pytest
from prometheus_client import REGISTRY

from hub.doctor import examine
from hub.ids import new_id
from tests.adapters.stripe.pretend import Pretend, refuses
from tests.hub.house import House, add_account

pytestmark = pytest.mark.asyncio(loop_scope="module")


def counted() -> float:
    return REGISTRY.get_sample_value("hub_unknown_decline_codes_total", {"processor": "stripe"}) or 0


async def test_it_is_a_generic_decline_with_its_own_words(home: House) -> None:
    stripe, before = Pretend(), counted()
    stripe.will(refuses(402, "card_declined", type="card_error", decline_code="brand_new_reason"))
    await stripe.start()
    account = await add_account(
        home, new_id("novel-"), "stripe", "novel", currencies=["SEK"], credentials={"base_url": stripe.url}
    )

    answer = await home.hub.post(
        "/v1/payments",
        {
            "amount": 4999,
            "currency": "SEK",
            "reference": new_id("invoice-"),
            "payment_method": home.payment_method,
            "merchant_account": account,
        },
    )
    await stripe.stop()

    told = answer.json()["decline"]
    assert (told["code"], told["processor_code"]) == ("generic_decline", "card_declined/brand_new_reason")
    assert counted() == before + 1
    settings = {"HUB_DATABASE_URL": home.hub.parts.settings.database_url, "HUB_DEVELOPMENT": "yes"}
    found = {finding.check: finding for finding in await examine(settings)}
    assert "stripe card_declined/brand_new_reason" in found["decline codes"].told
