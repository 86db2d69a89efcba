"""A whole hub with an account at the pretend Checkout.com, asked through its own API."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx
import pytest
from msgspec.structs import replace

from tests.hub.house import QUICK, House, add_account, house
from tests.hub.money import agrees

SHOP = "https://shop.example/thanks?order=1"
SOON = replace(QUICK, answer_ms=700)


@pytest.fixture
async def home(database_url: str, tmp_path: Path) -> AsyncIterator[House]:
    """A house with a checkout_com account besides; its books agree with the processors' at the end."""
    async with house(database_url, tmp_path, settings=SOON, besides=["checkout_com"]) as made:
        await add_account(made, "checkout-eu", "checkout_com", "pc_hub", currencies=["EUR", "KWD"])
        yield made
        await made.control("checkout_com", "POST", "webhooks/flush", {})
        await agrees(made)


async def charged(home: House, card: str = "visa", **changes: Any) -> httpx.Response:
    method = await home.method(checkout_com=f"src_{card}")
    return await home.hub.charge(payment_method=method, merchant_account=home.accounts["checkout-eu"], **changes)


async def captured(home: House) -> str:
    made = await charged(home)
    return str((await home.hub.until(made.json()["id"], "captured"))["id"])


async def refunded(home: House, payment: str, minor: int, field: str = "amount_refunded") -> bool:
    """Wait until the webhooks have told of *minor* given back."""
    for _ in range(100):
        if (await home.hub.get(f"/v1/payments/{payment}")).json()[field] == minor:
            return True
        await asyncio.sleep(0.1)
    return False


async def test_a_charge_is_accepted_and_its_webhook_tells_that_it_is_captured(home: House) -> None:
    made = await charged(home)

    assert (made.status_code, made.json()["status"]) == (202, "processing"), made.text
    told = await home.hub.until(made.json()["id"], "captured")
    assert (told["amount_captured"], told["processor"]) == (4999, "checkout_com")
    assert await home.charges("checkout_com") == 1


async def test_an_authorization_is_captured_in_part_and_the_rest_is_given_back(home: House) -> None:
    made = await charged(home, capture="manual")
    assert (made.status_code, made.json()["status"]) == (201, "authorized"), made.text

    answer = await home.hub.post(f"/v1/payments/{made.json()['id']}/capture", {"amount": 2000})

    assert answer.status_code == 202, answer.text
    assert (await home.hub.until(made.json()["id"], "captured"))["amount_captured"] == 2000


async def test_an_authorization_is_cancelled(home: House) -> None:
    made = await charged(home, capture="manual")

    answer = await home.hub.post(f"/v1/payments/{made.json()['id']}/cancel", {})

    assert answer.status_code == 202, answer.text
    assert (await home.hub.until(made.json()["id"], "canceled"))["amount_captured"] == 0


async def test_a_payment_is_refunded_in_two_parts(home: House) -> None:
    payment = await captured(home)

    for amount in (3000, 1999):
        answer = await home.hub.post(f"/v1/payments/{payment}/refunds", {"amount": amount})
        assert answer.status_code in {201, 202}, answer.text

    assert await refunded(home, payment, 4999)


async def test_a_refusal_is_told_in_the_hubs_words(home: House) -> None:
    made = await charged(home, "insufficient_funds")

    decline = made.json()["decline"]
    assert (made.status_code, made.json()["status"]) == (201, "failed"), made.text
    assert (decline["code"], decline["processor_code"], decline["network_code"]) == (
        "insufficient_funds",
        "20051",
        "51",
    )


@pytest.mark.parametrize(("button", "status"), [("complete", "captured"), ("fail", "failed")])
async def test_a_payer_comes_back_from_3d_secure(home: House, button: str, status: str) -> None:
    made = await charged(home, "challenge", return_url=SHOP)
    assert (made.status_code, made.json()["status"]) == (201, "requires_action"), made.text

    async with httpx.AsyncClient() as browser:
        out = await browser.get(made.json()["next_action"]["url"], follow_redirects=True)
        form = re.search(rf'<form id="{button}" method="post" action="([^"]+)"', out.text)
        assert form is not None, out.text
        left = await browser.post(urljoin(str(out.url), form[1]))
        back = await browser.get(left.headers["location"])

    assert back.headers["location"].startswith(SHOP)
    told = await home.hub.until(made.json()["id"], status)
    assert status == "captured" or told["decline"]["code"] == "authentication_failed"


@pytest.mark.parametrize("fault", ["silent_after", "reset_after", "error_500_after", "truncated"])
async def test_an_answer_that_got_lost_is_looked_up_and_nobody_is_charged_twice(home: House, fault: str) -> None:
    await home.control("checkout_com", "POST", "webhooks", {"mode": "drop"})
    await home.fault("checkout_com", fault, "authorize")

    made = await charged(home, capture="manual")

    assert (made.status_code, made.json()["status"]) == (202, "processing"), made.text
    assert (await home.hub.until(made.json()["id"], "authorized"))["amount_captured"] == 0
    assert await home.charges("checkout_com") == 1


@pytest.mark.parametrize("brought", [{"data": {"token": "tok_visa"}}, {"token": "tok_visa"}])
async def test_a_card_typed_into_checkout_coms_library_is_charged_later_without_its_payer(
    home: House, brought: dict[str, Any]
) -> None:
    customer = (await home.hub.post("/v1/customers", {})).json()["id"]
    asked = {"currency": "EUR", "customer": customer, "merchant_account": home.accounts["checkout-eu"]}
    opened = (await home.hub.post("/v1/payment_sessions", asked)).json()

    done = await home.hub.post(opened["complete_url"], brought)

    assert opened["client"].keys() == {"public_key", "environment"}
    assert (done.status_code, done.json()["status"]) == (200, "completed"), done.text
    method = (await home.hub.get(f"/v1/payment_methods/{done.json()['payment_method']}")).json()
    assert (method["reusable"], method["customer"], method["card"]["last4"]) == (True, customer, "4242")
    for _ in range(2):
        made = await home.hub.charge(payment_method=method["id"], off_session=True)
        assert (await home.hub.until(made.json()["id"], "captured"))["processor"] == "checkout_com"


async def test_what_checkout_com_cannot_hold_is_refused_before_it_is_sent(home: House) -> None:
    made = await charged(home, amount=1005, currency="KWD")

    assert (made.status_code, made.json()["decline"]["processor_code"]) == (201, "hub/amount"), made.text
    assert await home.charges("checkout_com") == 0


async def test_a_refund_made_in_the_dashboard_is_booked(home: House) -> None:
    payment = await captured(home)
    told = (await home.hub.get(f"/v1/payments/{payment}")).json()

    order = {"do": "refund", "processor_reference": told["processor_reference"], "amount": 999}
    await home.control("checkout_com", "POST", "dashboard", order)

    assert await refunded(home, payment, 999, "amount_refunded_externally")
