"""A card is kept with the charge that pays with it, and later charges without its payer refer to that one."""

import asyncio
from typing import Any

import httpx
import msgspec
import pytest
from sqlalchemy import select

from adapters.contract import Authorize
from hub.ids import new_id
from hub.payment_methods.tables import payment_methods
from hub.payments.tables import operations, reports
from tests.hub.house import House, add_account
from tests.hub.payment_methods.cards import DATA, TYPED, person

pytestmark = pytest.mark.asyncio(loop_scope="module")
ONE_TIME: dict[str, Any] = {"adyen": DATA, "stripe": {"payment_method": "pm_card_mastercard"}}


async def saving(home: House, processor: str, payer: str, **changes: Any) -> httpx.Response:
    means = {"payment_method_data": {"processor": processor, "data": ONE_TIME[processor]}, "customer": payer}
    pinned = {"merchant_account": home.accounts[f"{processor}-eu"], "save_payment_method": True}
    return await home.hub.charge(**(means | pinned | changes))


async def until_saved(home: House, payment: str) -> dict[str, Any]:
    body: dict[str, Any] = {}
    for _ in range(100):
        body = (await home.hub.get(f"/v1/payments/{payment}")).json()
        if body["payment_method"]:
            return body
        await asyncio.sleep(0.1)
    raise AssertionError(body)


async def asked(home: House, payment: str) -> Authorize:
    """What the attempt of a payment was sent with."""
    async with home.hub.parts.database.reading() as connection:
        found = await connection.scalar(select(operations.c.request).where(operations.c.payment_id == payment))
    return msgspec.json.decode(found or b"", type=Authorize)


async def row_of(home: House, method: str) -> dict[str, Any]:
    async with home.hub.parts.database.reading() as connection:
        found = await connection.execute(select(payment_methods).where(payment_methods.c.id == method))
        return dict(found.mappings().one())


@pytest.mark.parametrize("processor", ["stripe", "adyen"])
async def test_a_card_saved_with_a_charge_is_charged_later_without_its_payer(home: House, processor: str) -> None:
    customer = await person(home)

    first = (await saving(home, processor, customer)).json()
    later = (
        await home.hub.charge(
            payment_method=first["payment_method"], off_session=True, merchant_account=first["merchant_account"]
        )
    ).json()

    assert (first["status"], later["status"]) == ("captured", "captured")
    listed = (await home.hub.get(f"/v1/customers/{customer}/payment_methods")).json()["data"]
    assert [(one["id"], one["reusable"]) for one in listed] == [(first["payment_method"], True)]
    assert listed[0]["card"]["last4"]
    assert listed[0]["network_transaction_id"]
    assert (await asked(home, later["id"])).network_transaction_id == listed[0]["network_transaction_id"]


async def test_a_saved_card_is_charged_elsewhere_only_where_its_account_shares_its_tokens(home: House) -> None:
    own, sharing = home.accounts["adyen-eu"], await grouped(home)

    bound = (await saving(home, "adyen", await person(home), merchant_account=own)).json()
    shared = (await saving(home, "adyen", await person(home), merchant_account=sharing)).json()
    refused = await home.hub.charge(payment_method=bound["payment_method"], off_session=True, merchant_account=sharing)
    charged = await home.hub.charge(payment_method=shared["payment_method"], off_session=True, merchant_account=own)

    assert (refused.status_code, refused.json()["code"]) == (422, "no_merchant_account")
    assert charged.json()["status"] == "captured"


async def grouped(home: House) -> str:
    """An account whose tokens Adyen shares with the company's others."""
    return await add_account(home, "adyen-group", "adyen", "HubGroup", credentials={"token_group": True})


async def test_the_same_key_saves_once_and_answers_the_same(home: House) -> None:
    customer, key = await person(home), new_id("key_")
    body = {"amount": 4999, "currency": "EUR", "reference": key, "customer": customer, "save_payment_method": True}
    body |= {"payment_method_data": {"processor": "adyen", "data": DATA}}

    first = await home.hub.post("/v1/payments", body, key=key)
    again = await home.hub.post("/v1/payments", body, key=key)

    assert first.json()["payment_method"]
    assert again.content == first.content
    assert len((await home.hub.get(f"/v1/customers/{customer}/payment_methods")).json()["data"]) == 1


async def test_a_token_told_by_webhook_only_is_named_by_the_payment_from_then_on(home: House) -> None:
    customer = await person(home)
    account = home.places[home.accounts["adyen-eu"]][1]
    await home.control("adyen", "PUT", f"accounts/{account}", {"tokens_by_webhook_only": True})
    try:
        first = (await saving(home, "adyen", customer)).json()
        told = await until_saved(home, first["id"])
    finally:
        await home.control("adyen", "PUT", f"accounts/{account}", {"tokens_by_webhook_only": False})

    later = await home.hub.charge(
        payment_method=told["payment_method"], off_session=True, merchant_account=home.accounts["adyen-eu"]
    )
    assert (first["status"], later.json()["status"]) == ("captured", "captured")


@pytest.mark.parametrize("processor", ["stripe", "adyen"])
async def test_a_webhook_that_is_faster_than_the_answer_does_not_answer_without_the_card(
    home: House, processor: str
) -> None:
    await home.fault(processor, "delay", "purchase", delay_ms=500)

    first = (await saving(home, processor, await person(home))).json()

    assert (first["status"], first["payment_method"] is None) == ("captured", False)


@pytest.mark.parametrize("processor", ["stripe", "adyen"])
async def test_a_card_whose_charge_was_not_answered_is_saved_when_its_outcome_is_known(
    home: House, processor: str
) -> None:
    await home.fault(processor, "silent_after", "purchase")

    first = (await saving(home, processor, await person(home))).json()
    told = await until_saved(home, first["id"])

    assert first["status"] in {"processing", "captured"}  # A webhook may be faster than the hub's patience.
    assert (await home.hub.until(first["id"], "captured"))["payment_method"] == told["payment_method"]


async def test_a_declined_charge_saves_nothing(home: House) -> None:
    customer = await person(home)
    data = {"paymentMethod": TYPED | {"holderName": "DECLINED"}}

    declined = await saving(home, "adyen", customer, payment_method_data={"processor": "adyen", "data": data})

    assert (declined.json()["status"], declined.json()["payment_method"]) == ("failed", None)
    assert (await home.hub.get(f"/v1/customers/{customer}/payment_methods")).json()["data"] == []


async def test_a_charge_that_saves_nothing_keeps_nothing(home: House) -> None:
    customer = await person(home)

    paid = await saving(home, "adyen", customer, save_payment_method=False)

    assert (paid.json()["status"], paid.json()["payment_method"]) == ("captured", None)
    assert (await home.hub.get(f"/v1/customers/{customer}/payment_methods")).json()["data"] == []


async def test_of_a_customer_who_was_erased_meanwhile_nothing_is_kept(home: House) -> None:
    customer = await person(home)
    await home.control("adyen", "POST", "webhooks", {"mode": "delay", "delay_s": 1.0})
    await home.fault("adyen", "silent_after", "purchase")

    first = (await saving(home, "adyen", customer)).json()
    erased = await home.hub.client.delete(f"/v1/customers/{customer}")
    await home.control("adyen", "POST", "webhooks", {"mode": "normal"})
    told = await until_saved(home, first["id"])

    assert (first["status"], erased.status_code) == ("processing", 204)
    assert (await home.hub.get(f"/v1/payment_methods/{told['payment_method']}")).status_code == 404
    assert (await row_of(home, told["payment_method"]))["deleted_at"] is not None


async def test_no_report_holds_a_stored_token(home: House) -> None:
    first = (await saving(home, "adyen", await person(home))).json()

    async with home.hub.parts.database.reading() as connection:
        kept = (await connection.execute(select(reports.c.report).where(reports.c.payment_id == first["id"]))).scalars()
        assert all(msgspec.json.decode(report)["stored"] is None for report in kept)


@pytest.mark.parametrize(
    "changes",
    [
        {"customer": None},
        {"customer": "cus_nobody"},
        {"off_session": True},
        {"payment_method_data": None, "payment_method": "pm_x"},
    ],
)
async def test_saving_is_refused_before_anything_is_charged(home: House, changes: dict[str, Any]) -> None:
    before = await home.charges("adyen")

    refused = await saving(home, "adyen", await person(home), **changes)

    assert (refused.status_code, refused.json()["code"]) == (422, "validation_failed")
    assert await home.charges("adyen") == before


@pytest.mark.parametrize(("processor", "token"), [("stripe", "pm_card_visa"), ("adyen", "stored_visa")])
async def test_the_first_charge_of_the_payer_is_remembered_and_no_later_one(
    home: House, processor: str, token: str
) -> None:
    method = await home.method(**{processor: token})
    await home.hub.charge(payment_method=method, off_session=True)
    absent = await row_of(home, method)
    await home.hub.charge(payment_method=method)
    first = await row_of(home, method)

    await home.hub.charge(payment_method=method)
    await home.hub.charge(payment_method=method, off_session=True)

    assert absent["network_transaction_id"] is None
    assert first["network_transaction_id"]
    assert await row_of(home, method) == first
