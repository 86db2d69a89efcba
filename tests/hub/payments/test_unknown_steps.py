"""A purchase in two requests, and challenges nobody ends: what fails between the steps leaves nothing half done."""

import asyncio
from pathlib import Path

import pytest
from msgspec.structs import replace

from hub.payments.jobs import inquire_due
from hub.webhooks.jobs import read_waiting
from tests.hub.house import QUICK, House, add_account, house
from tests.hub.money import Truth, agrees, rows, truths
from tests.hub.payments.faulty import (
    ACTED,
    ANSWER_MS,
    CHALLENGED,
    FAULTS,
    TOKENS,
    Clock,
    pass_challenge,
    shown,
    stop_faults,
    work,
)

SOON = replace(QUICK, answer_ms=ANSWER_MS, request_ms=5_000, inquiry_first_ms=100)
BOTH = pytest.mark.parametrize("processor", ["stripe", "adyen"])


async def buy(made: House, fault: str) -> tuple[str, str]:
    """Purchase on an Adyen account that we capture on, with *fault* at the capture; gives fault and payment."""
    name = f"manual{fault.replace('_', '')}"
    account = await add_account(made, name, "adyen", name, credentials={"capture": "manual"})
    await made.control("adyen", "PUT", f"accounts/{name}", {"capture": "manual"})
    match = {"operation": "capture", "account": name}
    await made.control("adyen", "POST", "faults", {
        "match": match, "fault": fault, "count": None if fault == "rate_limited" else 1, "delay_ms": 2 * ANSWER_MS,
    })  # fmt: skip
    answer = await made.hub.charge(
        payment_method=made.payment_method, merchant_account=account, amount=1000, reference=name
    )
    assert answer.status_code == 202, (fault, answer.text)  # Adyen tells of a capture later, at best.
    return fault, answer.json()["id"]


@pytest.mark.parametrize("net", ["webhooks alone", "inquiries first"])
async def test_a_purchase_that_fails_between_authorization_and_capture_is_captured_once_or_not_at_all(
    net: str, database_url: str, tmp_path: Path
) -> None:
    async with house(database_url, tmp_path, settings=SOON, with_worker=False) as made:
        if net == "inquiries first":
            await made.control("adyen", "POST", "webhooks", {"mode": "delay", "delay_s": 3600.0})
        bought = await asyncio.gather(*(buy(made, fault) for fault in FAULTS))
        await stop_faults(made)
        await made.hub.parts.bell.wait(2 * ANSWER_MS / 1000)  # What arrives late is there now.
        if net == "inquiries first":
            await work(made, inquire_due, until_resolved=True)
            await made.control("adyen", "POST", "clock", {"advance_s": 3601.0})
        await made.control("adyen", "POST", "webhooks/flush", {})
        await work(made, read_waiting, until_resolved=False)

        found = await truths(made)
        for fault, payment in bought:
            body, truth = await shown(made, payment), found.get(payment, Truth())
            assert (body["amount_captured"], truth.charges) == (truth.captured, 1), (fault, body, truth)
            if fault in ACTED or net == "inquiries first":
                assert truth.captured == 1000, (fault, body, truth)
            assert body["status"] == ("captured" if truth.captured else "processing"), (fault, body, truth)
        await agrees(made)


@BOTH
async def test_a_challenge_nobody_answers_ends_at_the_processor_and_then_here(
    processor: str, database_url: str, tmp_path: Path
) -> None:
    settings = replace(SOON, challenge_minutes=0)
    async with house(database_url, tmp_path, settings=settings, with_worker=False) as made:
        token = await made.method(**{processor: CHALLENGED[processor]})
        waiting = await made.hub.charge(payment_method=token, return_url="https://shop.example/", reference="r")
        assert waiting.json()["status"] == "requires_action"

        for _ in range(20):
            await inquire_due(made.hub.parts.shell)
            if (await shown(made, waiting.json()["id"]))["status"] == "failed":
                break
            await made.hub.parts.bell.wait(0.1)

        body = await shown(made, waiting.json()["id"])
        assert (body["status"], body["decline"]["code"]) == ("failed", "customer_cancelled")
        again = await made.hub.charge(payment_method=made.payment_method, reference="r")
        assert again.json()["status"] == "captured"
        assert len(await rows(made, "SELECT id FROM payments WHERE holds_reference")) == 1
        await agrees(made)


async def test_a_challenge_passed_in_the_last_moment_counts(database_url: str, tmp_path: Path) -> None:
    settings = replace(SOON, challenge_minutes=0)
    async with house(database_url, tmp_path, settings=settings, with_worker=False) as made:
        await made.control("stripe", "POST", "webhooks", {"mode": "drop"})
        token = await made.method(stripe=CHALLENGED["stripe"])
        waiting = await made.hub.charge(payment_method=token, return_url="https://shop.example/")
        await pass_challenge(made, waiting.json()["next_action"]["url"])

        await inquire_due(made.hub.parts.shell)

        assert (await shown(made, waiting.json()["id"]))["status"] == "captured"
        await agrees(made)


@BOTH
async def test_a_return_brought_ten_times_at_once_completes_once(
    processor: str, database_url: str, tmp_path: Path
) -> None:
    async with house(database_url, tmp_path, settings=SOON, second=True) as made:
        assert made.second is not None
        token = await made.method(**{processor: CHALLENGED[processor]})
        waiting = await made.hub.charge(payment_method=token, return_url="https://shop.example/", amount=1000)
        back = await pass_challenge(made, waiting.json()["next_action"]["url"])

        answers = await asyncio.gather(*(hub.client.get(back) for hub in (made.hub, made.second) * 5))

        assert {answer.status_code for answer in answers} == {303}
        assert (await made.hub.until(waiting.json()["id"], "captured"))["amount_captured"] == 1000
        assert await made.charges(processor) == 1
        await agrees(made)


async def test_an_absent_payer_is_never_sent_again_after_the_window(database_url: str, tmp_path: Path) -> None:
    clock = Clock()
    async with house(database_url, tmp_path, settings=SOON, with_worker=False, clock=clock) as made:
        await made.control("adyen", "POST", "webhooks", {"mode": "drop"})
        await made.fault("adyen", "silent_before", "purchase")
        lost = await made.hub.charge(payment_method=await made.method(adyen=TOKENS["adyen"]))
        assert lost.status_code == 202

        clock.ahead = 2 * made.hub.parts.settings.replay_present
        for _ in range(10):
            await inquire_due(made.hub.parts.shell)
            await made.hub.parts.bell.wait(0.1)

        sent = [r["operation"] for r in (await made.control("adyen", "GET", "requests"))["data"]]
        assert sent.count("purchase") == 1
        assert "void" in sent  # What might still arrive is cancelled by our reference.
        assert await made.charges("adyen") == 0
