"""What card is behind a PaymentMethod."""

import pytest

from adapters.abilities import CancelsByReference, DescribesTokens
from adapters.errors import OutcomeUnknownError
from adapters.stripe.adapter import StripeAdapter
from normalization.tokens import CardFacts
from tests.adapters.stripe.asking import TOKEN
from tests.adapters.stripe.pretend import Behaviour, Pretend, refuses, says

METHOD = {"id": "pm_1", "object": "payment_method", "type": "card"}


async def test_is_told_with_what_stripe_knows(adapter: StripeAdapter, stripe: Pretend) -> None:
    stripe.will(says(200, {**METHOD, "card": {"brand": "visa", "last4": "4242", "country": "DE", "exp_year": 2030}}))

    assert await adapter.describe(TOKEN) == CardFacts(brand="visa", last4="4242", country="DE", exp_year=2030)
    assert stripe.asked[0].path == "/v1/payment_methods/pm_card_visa"


@pytest.mark.parametrize(
    "behaviour", [refuses(404, "resource_missing"), says(200, {**METHOD, "type": "sepa_debit", "sepa_debit": {}})]
)
async def test_stays_unknown_where_stripe_does_not_tell(
    adapter: StripeAdapter, stripe: Pretend, behaviour: Behaviour
) -> None:
    stripe.will(behaviour)

    assert await adapter.describe(TOKEN) is None


async def test_cannot_be_told_while_stripe_cannot_be_asked(adapter: StripeAdapter, stripe: Pretend) -> None:
    stripe.will(refuses(500, type="api_error"))

    with pytest.raises(OutcomeUnknownError):
        await adapter.describe(TOKEN)


def test_the_adapter_says_what_more_it_can_do(adapter: StripeAdapter) -> None:
    assert isinstance(adapter, DescribesTokens)
    assert isinstance(adapter, CancelsByReference)
