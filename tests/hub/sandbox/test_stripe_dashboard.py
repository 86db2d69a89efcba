"""What happens at the pretend Stripe without any request: cards are renewed or let go, balances are paid out."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import stripe

from tests.hub.sandbox.stripe_shop import Json, Shop, shop


@pytest.fixture
async def merchant(tmp_path: Path) -> AsyncIterator[Shop]:
    async with shop(tmp_path / "book.db") as opened:
        yield opened


async def order(merchant: Shop, do: str, reference: str, *, amount: int | None = None, **options: object) -> Json:
    asked = {"do": do, "processor_reference": reference, "amount": amount, "options": options}
    return await merchant.control("POST", "/dashboard", asked)


async def kept_card(merchant: Shop) -> stripe.PaymentMethod:
    customer = await merchant.api.v1.customers.create_async({})
    asked: Any = {"customer": customer.id}
    return await merchant.api.v1.payment_methods.attach_async("pm_card_visa", asked)


async def event(merchant: Shop, type: str) -> Json:
    await merchant.until(type)
    return next(heard.event for heard in merchant.heard if heard.type == type)


class TestCards:
    async def test_a_renewed_card_tells_what_was_before(self, merchant: Shop) -> None:
        card = await kept_card(merchant)

        await order(merchant, "card_update", card.id, exp_month=1, exp_year=2040)

        told = await event(merchant, "payment_method.automatically_updated")
        assert told["data"]["previous_attributes"] == {"card": {"exp_month": 12, "exp_year": 2034}}
        assert told["request"] == {"id": None, "idempotency_key": None}
        found = (await merchant.api.v1.payment_methods.retrieve_async(card.id)).to_dict()["card"]
        assert (found["exp_month"], found["exp_year"], found["last4"]) == (1, 2040, "4242")

    async def test_another_number_has_another_fingerprint_and_is_charged(self, merchant: Shop) -> None:
        card = await kept_card(merchant)
        before = card.to_dict()["card"]["fingerprint"]

        await order(merchant, "card_update", card.id, last4="0001")

        intent = await merchant.pay(card.id, customer=card.customer)
        charge = (await merchant.api.v1.charges.retrieve_async(str(intent.latest_charge))).to_dict()
        charged = charge["payment_method_details"]["card"]
        assert charged["last4"] == "0001"
        assert charged["fingerprint"] != before
        told = await event(merchant, "payment_method.automatically_updated")
        assert told["data"]["previous_attributes"]["card"] == {"last4": "4242", "fingerprint": before}

    async def test_a_detached_card_can_be_charged_no_more(self, merchant: Shop) -> None:
        card = await kept_card(merchant)

        gone = await order(merchant, "card_detach", card.id)

        told = await event(merchant, "payment_method.detached")
        assert gone["customer"] is None
        assert told["data"]["previous_attributes"] == {"customer": card.customer}
        with pytest.raises(stripe.InvalidRequestError):
            await merchant.pay(card.id, customer=card.customer)

    @pytest.mark.parametrize(
        ("do", "reference", "options", "told"),
        [
            ("card_update", "pm_none", {"exp_year": 2040}, "no PaymentMethod pm_none"),
            ("card_update", "", {}, "options: one of exp_month, exp_year, last4"),
            ("card_update", "", {"exp_year": "soon"}, "options: Expected `int | null`, got `str` - at `$.exp_year`"),
            ("payout", "po_none", {}, "no payout po_none"),
            ("payout", "acme", {"currency": "jpy"}, "there is nothing to pay out in jpy: the balance is 0"),
        ],
    )
    async def test_what_cannot_be_done_is_said(
        self, merchant: Shop, do: str, reference: str, options: Json, told: str
    ) -> None:
        card = await kept_card(merchant)

        assert await order(merchant, do, reference or card.id, **options) == {"error": told}


class TestPayouts:
    async def test_everything_in_a_currency_is_paid_out(self, merchant: Shop) -> None:
        await merchant.pay()

        made = await order(merchant, "payout", "acme")

        assert (made["amount"], made["currency"], made["status"]) == (941, "eur", "paid")
        assert (await merchant.types())[-2:] == ["payout.created", "payout.paid"]
        assert "error" in await order(merchant, "payout", "acme")

    async def test_a_payout_is_reconciled_later(self, merchant: Shop) -> None:
        made = await order(merchant, "payout", "acme", amount=500, status="pending")
        assert (made["status"], made["reconciliation_status"]) == ("in_transit", "in_progress")

        done = await order(merchant, "payout", made["id"], status="reconciliation_completed")

        assert (done["id"], done["status"], done["reconciliation_status"]) == (made["id"], "paid", "completed")
        assert await merchant.types() == ["payout.created", "payout.paid", "payout.reconciliation_completed"]

    async def test_a_payout_that_fails_brings_the_money_back(self, merchant: Shop) -> None:
        await merchant.pay()

        made = await order(merchant, "payout", "acme", status="failed")

        assert (made["status"], made["failure_code"]) == ("failed", "account_closed")
        assert (await event(merchant, "payout.failed"))["data"]["object"]["id"] == made["id"]
        kept = await merchant.api.v1.payouts.retrieve_async(made["id"])
        assert kept.status == "failed"
        assert (await order(merchant, "payout", "acme"))["amount"] == 941
        assert await order(merchant, "payout", made["id"]) == {"error": "the payout has failed"}
