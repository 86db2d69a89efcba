"""The pretend Stripe takes a list of allowed kinds of payment method, and no longer the computed list."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import stripe

from tests.hub.sandbox.stripe_shop import Shop, shop

CARDS = ["card"]
CODE = "payment_method_types_no_longer_supported"


@pytest.fixture
async def merchant(tmp_path: Path) -> AsyncIterator[Shop]:
    async with shop(tmp_path / "book.db") as opened:
        yield opened


async def refused(merchant: Shop, path: str, **asked: object) -> stripe.InvalidRequestError:
    """Ask without the SDK's types, which have no such parameter."""
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await merchant.api.raw_request_async("post", path, **asked)
    return caught.value


async def opened(merchant: Shop, **more: Any) -> stripe.PaymentIntent:
    """Create a PaymentIntent that waits for its confirmation."""
    return await merchant.pay(confirm=None, return_url=None, **more)


class TestTheComputedList:
    @pytest.mark.parametrize("path", ["/v1/payment_intents", "/v1/setup_intents"])
    async def test_cannot_be_written_when_an_intent_is_made(self, merchant: Shop, path: str) -> None:
        money = {"amount": 1000, "currency": "eur"} if "payment" in path else {}

        error = await refused(merchant, path, payment_method_types=CARDS, **money)

        assert (error.http_status, error.code, error.param) == (400, CODE, "payment_method_types")

    @pytest.mark.parametrize("verb", ["", "/confirm"])
    async def test_cannot_be_written_later(self, merchant: Shop, verb: str) -> None:
        intent = await opened(merchant)

        error = await refused(merchant, f"/v1/payment_intents/{intent.id}{verb}", payment_method_types=CARDS)

        assert (error.http_status, error.code) == (400, CODE)
        assert (await merchant.money())["charges"] == 0

    async def test_tells_what_is_allowed_and_fits(self, merchant: Shop) -> None:
        intent = await merchant.pay(allowed_payment_method_types=["ideal", "card"])

        assert intent.allowed_payment_method_types == ["ideal", "card"]
        assert (intent.payment_method_types, intent.automatic_payment_methods) == (["card"], None)

    async def test_tells_all_where_nothing_is_said(self, merchant: Shop) -> None:
        intent = await opened(merchant, allowed_payment_method_types=None)

        assert intent.allowed_payment_method_types is None
        assert intent.payment_method_types == ["card", "link"]
        assert intent.automatic_payment_methods is not None

    async def test_leaves_out_what_is_excluded(self, merchant: Shop) -> None:
        intent = await opened(merchant, allowed_payment_method_types=None, excluded_payment_method_types=["link"])

        assert (intent.payment_method_types, intent.excluded_payment_method_types) == (["card"], ["link"])


class TestTheAllowedTypes:
    @pytest.mark.parametrize(
        "beside",
        [
            {"automatic_payment_methods": {"enabled": True}},
            {"excluded_payment_method_types": ["link"]},
            {"payment_method_configuration": "pmc_1"},
        ],
        ids=lambda beside: next(iter(beside)),
    )
    async def test_stand_alone(self, merchant: Shop, beside: dict[str, Any]) -> None:
        with pytest.raises(stripe.InvalidRequestError) as caught:
            await merchant.pay(**beside)

        assert caught.value.code == "parameters_exclusive"

    async def test_refuse_another_kind(self, merchant: Shop) -> None:
        with pytest.raises(stripe.InvalidRequestError) as caught:
            await merchant.pay(allowed_payment_method_types=["link"])

        assert caught.value.code == "payment_intent_incompatible_payment_method"
        assert (await merchant.money())["charges"] == 0

    async def test_need_no_return_url_where_they_are_cards_alone(self, merchant: Shop) -> None:
        assert (await merchant.pay(return_url=None)).status == "succeeded"

    async def test_may_come_with_the_confirmation(self, merchant: Shop) -> None:
        intent = await opened(merchant, allowed_payment_method_types=None)

        done = await merchant.api.v1.payment_intents.confirm_async(
            intent.id, {"allowed_payment_method_types": ["card"]}
        )

        assert (done.status, done.payment_method_types) == ("succeeded", ["card"])


async def test_a_refusal_names_the_kind_that_was_refused(merchant: Shop) -> None:
    with pytest.raises(stripe.CardError) as caught:
        await merchant.pay("pm_card_visa_chargeDeclined")

    assert caught.value.error is not None
    shown = caught.value.error.payment_intent
    assert shown is not None
    assert shown.last_payment_error is not None
    assert shown.last_payment_error.payment_method_type == "card"
