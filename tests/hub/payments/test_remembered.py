"""A payment method that a process has charged is not read again, and yet nothing stale is charged."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from hub.payment_methods.remembered import Remembered
from hub.payments.opening import NOTHING_STORED
from tests.hub.house import QUICK, SHOPPERS, House, Hub, house


@pytest.fixture
async def two(postgres_url: str, tmp_path: Path) -> AsyncIterator[tuple[House, Hub]]:
    """Two processes; the first has charged the payment method and remembers it."""
    async with house(postgres_url, tmp_path, settings=QUICK, second=True) as made:
        assert made.second is not None
        assert (await made.hub.charge(payment_method=made.payment_method)).status_code == 201
        yield made, made.second


async def test_what_another_process_deleted_is_not_charged(two: tuple[House, Hub]) -> None:
    made, second = two
    before = await made.charges("stripe") + await made.charges("adyen")
    gone = await second.client.delete(f"/v1/payment_methods/{made.payment_method}")

    refused = await made.hub.charge(payment_method=made.payment_method)

    assert gone.status_code in {200, 204}
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "payment_method")
    assert await made.charges("stripe") + await made.charges("adyen") == before


async def test_a_token_that_another_process_added_is_used(two: tuple[House, Hub]) -> None:
    made, second = two
    method = await made.method(stripe="pm_card_visa")
    assert (await made.hub.charge(payment_method=method)).json()["processor"] == "stripe"
    token = {"processor": "adyen", "token": "stored_visa", "customer_reference": SHOPPERS["adyen"]}
    told = await second.post(f"/v1/payment_methods/{method}/processor_tokens", token)
    assert told.status_code == 201, told.text

    paid = await made.hub.charge(payment_method=method, merchant_account=made.accounts["adyen-eu"])

    assert (paid.status_code, paid.json()["processor"]) == (201, "adyen")


async def test_a_key_is_answered_although_no_account_is_left(database_url: str, tmp_path: Path) -> None:
    async with house(database_url, tmp_path, settings=QUICK) as made:
        body = {"amount": 100, "currency": "EUR", "reference": "once", "payment_method": made.payment_method}
        first = await made.hub.post("/v1/payments", body, key="one")
        for account in made.accounts.values():
            await made.hub.client.patch(f"/v1/merchant_accounts/{account}", json={"status": "paused"})

        again = await made.hub.post("/v1/payments", body, key="one")
        other = await made.hub.post("/v1/payments", body | {"reference": "twice"}, key="other")

        assert (again.status_code, again.content) == (201, first.content)
        assert again.headers["Idempotent-Replayed"] == "true"
        assert other.status_code == 503


async def test_nobody_is_charged_with_another_customers_card(database_url: str, tmp_path: Path) -> None:
    async with house(database_url, tmp_path, settings=QUICK) as made:
        owner, other = [(await made.hub.post("/v1/customers", {})).json()["id"] for _ in range(2)]
        token = {"processor": "stripe", "token": "pm_card_visa"}
        card = {"type": "card", "customer": owner, "processor_tokens": [token]}
        kept = await made.hub.post("/v1/payment_methods", card)
        method = kept.json()["id"]

        refused = [await made.hub.charge(payment_method=method, customer=other)]
        paid = [await made.hub.charge(payment_method=method, customer=who) for who in (owner, None)]
        refused.append(await made.hub.charge(payment_method=method, customer=other))

        assert [(no.status_code, no.json()["errors"][0]["field"]) for no in refused] == [(422, "customer")] * 2
        assert [yes.json()["customer"] for yes in paid] == [owner, owner]
        assert await made.charges("stripe") == 2


async def test_a_process_that_remembers_nothing_charges_all_the_same(database_url: str, tmp_path: Path) -> None:
    settings = replace(QUICK, payment_methods_remembered_max=0)
    async with house(database_url, tmp_path, settings=settings) as made:
        paid = [await made.hub.charge(payment_method=made.payment_method) for _ in range(2)]

        assert [answer.status_code for answer in paid] == [201, 201]


def test_what_was_used_last_is_remembered_longest() -> None:
    remembered = Remembered(2)
    for name in ("pm_1", "pm_2"):
        remembered.keep((False, name), NOTHING_STORED)
    remembered.get((False, "pm_1"))

    remembered.keep((False, "pm_3"), NOTHING_STORED)

    assert [bool(remembered.get((False, name))) for name in ("pm_1", "pm_2", "pm_3")] == [True, False, True]


def test_modes_are_remembered_apart() -> None:
    remembered = Remembered(2)
    remembered.keep((False, "pm_1"), NOTHING_STORED)

    assert remembered.get((True, "pm_1")) is None
