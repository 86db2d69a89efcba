"""A charge, from the request to the books, over both processors and on both databases."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.hub.house import QUICK, house
from tests.hub.money import agrees, rows
from tests.hub.payments.faulty import eventually


async def test_charges_once_and_shows_what_came_of_it(database_url: str, tmp_path: Path) -> None:
    async with house(database_url, tmp_path) as made:
        answer = await made.hub.charge(payment_method=made.payment_method)

        body = answer.json()
        assert answer.status_code == 201, body
        assert (body["status"], body["amount_captured"]) == ("captured", 4999)
        assert await made.charges("stripe") + await made.charges("adyen") == 1
        await agrees(made)


@pytest.mark.fault_case(id="UNK-01")
async def test_silence_after_charging_is_resolved_without_a_second_charge(database_url: str, tmp_path: Path) -> None:
    async with house(database_url, tmp_path, settings=replace(QUICK, inquiry_first_ms=200)) as made:
        await made.control("stripe", "POST", "webhooks", {"mode": "drop"})
        await made.fault("stripe", "silent_after")

        answer = await made.hub.charge(payment_method=made.payment_method, merchant_account=made.accounts["stripe-eu"])

        assert answer.status_code == 202, answer.text
        assert answer.json()["status"] == "processing"
        assert (await made.hub.until(answer.json()["id"], "captured"))["amount_captured"] == 4999
        assert (await made.charges("stripe"), await made.charges("adyen")) == (1, 0)
        await agrees(made)


async def test_silence_is_broken_by_the_job_when_nobody_reads(database_url: str, tmp_path: Path) -> None:
    async with house(database_url, tmp_path, settings=replace(QUICK, inquiry_first_ms=200)) as made:
        await made.control("stripe", "POST", "webhooks", {"mode": "drop"})
        await made.fault("stripe", "silent_after")
        answer = await made.hub.charge(payment_method=made.payment_method, merchant_account=made.accounts["stripe-eu"])

        await eventually(made, answer.json()["id"], status="captured")


@pytest.mark.fault_case(id="UNK-16")
async def test_reading_often_asks_the_processor_seldom_and_uses_no_question_of_the_job_up(
    database_url: str, tmp_path: Path
) -> None:
    settings = replace(QUICK, inquiry_first_ms=60_000)
    async with house(database_url, tmp_path, settings=settings, with_worker=False) as made:
        await made.control("stripe", "POST", "webhooks", {"mode": "drop"})
        await made.fault("stripe", "silent_before")
        answer = await made.hub.charge(payment_method=made.payment_method, merchant_account=made.accounts["stripe-eu"])

        for _ in range(20):
            assert (await made.hub.get(f"/v1/payments/{answer.json()['id']}")).json()["status"] == "processing"

        seen = await made.control("stripe", "GET", "requests")
        asked = [s["path"].partition("?")[0] for s in seen["data"] if s["operation"] == "inquire"]
        assert asked == ["/v1/payment_intents", "/v1/payment_intents/search"]  # One question.
        assert [row["inquiries"] for row in await rows(made, "SELECT inquiries FROM operations")] == [0]


async def test_a_webhook_that_comes_before_the_answer_settles_the_charge(database_url: str, tmp_path: Path) -> None:
    patient = replace(QUICK, answer_ms=4_000, request_ms=8_000)  # The webhook comes first on a busy machine too.
    async with house(database_url, tmp_path, settings=patient) as made:
        await made.fault("stripe", "silent_after")

        answer = await made.hub.charge(payment_method=made.payment_method, merchant_account=made.accounts["stripe-eu"])

        assert (answer.status_code, answer.json()["status"]) == (201, "captured")
        assert (await made.charges("stripe"), await made.charges("adyen")) == (1, 0)
        await agrees(made)
