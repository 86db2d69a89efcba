"""A charge, from the request to the books, over both processors and on both databases."""

import asyncio
from pathlib import Path

from tests.hub.house import house


async def test_charges_once_and_shows_what_came_of_it(database_url: str, tmp_path: Path) -> None:
    async with house(database_url, tmp_path) as made:
        answer = await made.hub.charge(payment_method=made.payment_method)

        body = answer.json()
        assert answer.status_code == 201, body
        assert (body["status"], body["amount_captured"]) == ("captured", 4999)
        assert await made.charges("stripe") + await made.charges("adyen") == 1


async def test_silence_after_charging_is_resolved_without_a_second_charge(database_url: str, tmp_path: Path) -> None:
    async with house(database_url, tmp_path) as made:
        await made.fault("stripe", "silent_after")

        answer = await made.hub.charge(payment_method=made.payment_method, merchant_account=made.accounts["stripe-eu"])

        assert answer.status_code == 202, answer.text
        assert answer.json()["status"] == "processing"
        assert (await made.hub.until(answer.json()["id"], "captured"))["amount_captured"] == 4999
        assert (await made.charges("stripe"), await made.charges("adyen")) == (1, 0)


async def test_of_fifty_requests_with_one_key_one_charges(database_url: str, tmp_path: Path) -> None:
    async with house(database_url, tmp_path) as made:
        body = {
            "amount": 100, "currency": "EUR", "reference": "once", "payment_method": made.payment_method
        }  # fmt: skip

        answers = await asyncio.gather(*(made.hub.post("/v1/payments", body, key="one") for _ in range(50)))

        assert {a.status_code for a in answers} <= {201, 409}
        assert {a.json()["code"] for a in answers if a.status_code == 409} <= {"idempotency_in_progress"}
        assert len({a.content for a in answers if a.status_code == 201}) == 1
        assert await made.charges("stripe") + await made.charges("adyen") == 1


async def test_of_forty_refunds_of_60_on_100_one_is_accepted(database_url: str, tmp_path: Path) -> None:
    async with house(database_url, tmp_path) as made:
        paid = await made.hub.charge(
            payment_method=made.payment_method, amount=100, merchant_account=made.accounts["stripe-eu"]
        )
        path = f"/v1/payments/{paid.json()['id']}/refunds"

        answers = await asyncio.gather(*(made.hub.post(path, {"amount": 60}) for _ in range(40)))

        assert sorted(a.status_code for a in answers) == [201] + [422] * 39
        assert (await made.hub.get(f"/v1/payments/{paid.json()['id']}")).json()["amount_refunded"] == 60
