"""The pretend Stripe keeps cards, lets them go and lets browsers in as Stripe documents, seen through Stripe's SDK."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import stripe

from tests.hub.sandbox.stripe_shop import ACCOUNT, Shop, declined, shop


@pytest.fixture
async def merchant(tmp_path: Path) -> AsyncIterator[Shop]:
    async with shop(tmp_path / "book.db") as opened:
        yield opened


async def kept(merchant: Shop, card: str = "tok_visa") -> tuple[str, str]:
    """Attach a fresh card to a fresh customer."""
    method = await merchant.api.v1.payment_methods.create_async({"type": "card", "card": {"token": card}})
    customer = await merchant.api.v1.customers.create_async()
    await merchant.api.v1.payment_methods.attach_async(method.id, {"customer": customer.id})
    return method.id, customer.id


class TestKeeping:
    async def test_an_attached_card_is_charged_again_and_again_for_its_customer(self, merchant: Shop) -> None:
        method, customer = await kept(merchant)

        for tag in ("att_1", "att_2"):
            paid = await merchant.pay(method, customer=customer, off_session=True, metadata={"hub_operation": tag})
            assert paid.status == "succeeded"

    async def test_a_card_that_is_refused_cannot_be_attached(self, merchant: Shop) -> None:
        with pytest.raises(stripe.CardError) as caught:
            await kept(merchant, "tok_visa_chargeDeclinedLostCard")

        assert declined(caught.value) == ("card_declined", "lost_card")

    async def test_a_detached_card_is_used_up(self, merchant: Shop) -> None:
        method, customer = await kept(merchant)

        detached = await merchant.api.v1.payment_methods.detach_async(method)

        assert detached.customer is None
        with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
            await merchant.pay(method, customer=customer)
        with pytest.raises(stripe.InvalidRequestError, match="detachment is impossible"):
            await merchant.api.v1.payment_methods.detach_async(method)

    async def test_a_card_kept_with_a_charge_belongs_to_its_customer(self, merchant: Shop) -> None:
        customer = await merchant.api.v1.customers.create_async()

        paid = await merchant.pay(customer=customer.id, setup_future_usage="off_session")

        method = await merchant.api.v1.payment_methods.retrieve_async(str(paid.payment_method))
        assert method.customer == customer.id


class TestBrowsers:
    async def test_confirm_what_they_know_the_secret_of(self, merchant: Shop) -> None:
        customer = await merchant.api.v1.customers.create_async()
        setup = await merchant.api.v1.setup_intents.create_async(
            {"customer": customer.id, "allowed_payment_method_types": ["card"]}
        )
        browser = merchant.with_key(f"pk_test_{ACCOUNT}")
        told: Any = {"client_secret": setup.client_secret, "payment_method": "pm_card_visa"}

        confirmed = await browser.v1.setup_intents.confirm_async(setup.id, told)

        assert confirmed.status == "succeeded"
        seen = await browser.v1.setup_intents.retrieve_async(setup.id, {"client_secret": str(setup.client_secret)})
        assert seen.payment_method == confirmed.payment_method

    async def test_are_refused_everything_else(self, merchant: Shop) -> None:
        setup = await merchant.api.v1.setup_intents.create_async({"allowed_payment_method_types": ["card"]})
        browser = merchant.with_key(f"pk_test_{ACCOUNT}").v1

        for asked in (
            browser.customers.create_async(),
            browser.setup_intents.list_async(),
            browser.setup_intents.cancel_async(setup.id),
            browser.setup_intents.retrieve_async(setup.id),
            browser.setup_intents.retrieve_async(setup.id, {"client_secret": "guessed"}),
        ):
            with pytest.raises(stripe.AuthenticationError):
                await asked


class TestGoingBad:
    async def test_a_kept_card_behaves_as_another_test_card_from_then_on(self, merchant: Shop) -> None:
        method, customer = await kept(merchant)
        lost = {"behaves_like": "visa_chargeDeclinedLostCard"}

        assert await merchant.control("PUT", f"/tokens/{method}", lost) == {"id": method, **lost}

        with pytest.raises(stripe.CardError) as caught:
            await merchant.pay(method, customer=customer)
        assert declined(caught.value) == ("card_declined", "lost_card")
        seen = await merchant.api.v1.payment_methods.retrieve_async(method)
        assert seen.card is not None
        assert seen.card.last4 == "4242"

    @pytest.mark.parametrize(
        ("named", "order"), [("pm_nobody", {}), ("", {"behaves_like": "no_such_card"}), ("", {"odd": 1})]
    )
    async def test_a_wrong_order_is_refused(self, merchant: Shop, named: str, order: dict[str, Any]) -> None:
        method, _ = await kept(merchant)

        assert "error" in await merchant.control("PUT", f"/tokens/{named or method}", order)
