"""What processors tell by themselves: believed only where it verifies, taken once, and none of it lost."""

import asyncio
import hashlib
import hmac
import json
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from msgspec.structs import replace
from sqlalchemy import text

from hub.payments.jobs import inquire_due
from hub.sandbox.adyen.notices import signature
from hub.webhooks.jobs import read_waiting
from hub.webhooks.reading import TRIES_MAX
from tests.hub.house import ADYEN_SECRET, QUICK, STRIPE_SECRET, House, add_account, house
from tests.hub.money import agrees, book, rows
from tests.hub.payments.faulty import TOKENS, Clock, eventually, shown, work

SOON = replace(QUICK, inquiry_first_ms=100)
BOTH = pytest.mark.parametrize("processor", ["stripe", "adyen"])
EVENT: dict[str, Any] = {
    "id": "evt_1", "object": "event", "type": "payment_intent.succeeded", "livemode": False, "created": 1,
    "api_version": "2026-07-29.dahlia", "pending_webhooks": 1, "request": None,
    "data": {"object": {"id": "pi_1", "object": "payment_intent"}},
}  # fmt: skip
ITEM: dict[str, Any] = {
    "amount": {"value": 1000, "currency": "EUR"}, "eventCode": "AUTHORISATION", "pspReference": "PSPUNKNOWN000001",
    "eventDate": "2026-11-21T09:00:00Z", "merchantAccountCode": "HubEU", "merchantReference": "att_unknown",
    "success": "true",
}  # fmt: skip


async def send_stripe(
    made: House, event: dict[str, Any], *, secret: str = STRIPE_SECRET, age_s: int = 0, account: str = "stripe-eu"
) -> httpx.Response:
    body = json.dumps(event).encode()
    at = int(time.time()) - age_s
    signed = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    headers = {"Stripe-Signature": f"t={at},v1={signed}", "Content-Type": "application/json"}
    return await made.controls.post(f"{made.hub.url}/webhooks/{made.accounts[account]}", content=body, headers=headers)


async def send_adyen(
    made: House, *items: dict[str, Any], secret: str = ADYEN_SECRET, live: str = "false", account: str = "adyen-eu"
) -> httpx.Response:
    signed = [
        {"NotificationRequestItem": item | {"additionalData": {"hmacSignature": signature(item, secret)}}}
        for item in items
    ]
    envelope = {"live": live, "notificationItems": signed}
    return await made.controls.post(f"{made.hub.url}/webhooks/{made.accounts[account]}", json=envelope)


async def inbox(made: House) -> list[dict[str, Any]]:
    return await rows(made, "SELECT status, tries, error FROM webhook_deliveries ORDER BY id")


async def set_mode(made: House, **mode: object) -> None:
    for processor in TOKENS:
        await made.control(processor, "POST", "webhooks", mode)


async def told_everything(made: House) -> None:
    """Wait until every webhook was delivered and read."""
    for processor in TOKENS:
        await made.control(processor, "POST", "webhooks/flush", {})
    for _ in range(400):
        if not await rows(made, "SELECT id FROM webhook_deliveries WHERE due_at IS NOT NULL"):
            return
        await asyncio.sleep(0.05)
    raise AssertionError(await inbox(made))


async def test_what_does_not_verify_is_refused_and_nothing_of_it_kept(database_url: str, tmp_path: Path) -> None:
    async with house(database_url, tmp_path, with_worker=False) as made:
        await add_account(made, "stripe-2", "stripe", "second", credentials={"webhook_secret": "whsec_another"})
        good = dict(ITEM)
        refused = [
            await send_stripe(made, EVENT, secret="whsec_forged"),
            await send_stripe(made, EVENT, account="stripe-2"),
            await send_stripe(made, EVENT, age_s=400),
            await send_stripe(made, EVENT, age_s=-400),
            await send_stripe(made, EVENT | {"livemode": True}),
            await send_adyen(made, good, secret="00" * 32),
            await send_adyen(made, good, live="true"),
            await send_adyen(made, good | {"merchantAccountCode": "Other"}),
            await send_adyen(made, good, good | {"merchantAccountCode": "Other"}),
            await made.controls.post(f"{made.hub.url}/webhooks/{made.accounts['stripe-eu']}", content=b"{}"),
            await made.controls.post(f"{made.hub.url}/webhooks/{made.accounts['adyen-eu']}", content=b"\xff"),
        ]
        nowhere = await made.controls.post(f"{made.hub.url}/webhooks/ma_nobody", content=b"{}")

        assert [answer.status_code for answer in refused] == [401] * len(refused)
        assert nowhere.status_code == 404
        assert await inbox(made) == []


@pytest.mark.fault_case(id="WHI-04")
@pytest.mark.fault_case(id="SIG-06")
async def test_a_delivery_is_kept_once_however_often_it_comes(database_url: str, tmp_path: Path) -> None:
    async with house(database_url, tmp_path, with_worker=False, second=True) as made:
        answers = await asyncio.gather(
            *(send_stripe(made, EVENT) for _ in range(10)), *(send_adyen(made, ITEM) for _ in range(10))
        )

        assert {answer.status_code for answer in answers} == {202}
        assert len(await inbox(made)) == 2


@pytest.mark.fault_case(id="WHI-07")
async def test_what_speaks_of_no_payment_of_ours_is_kept_as_unmatched(database_url: str, tmp_path: Path) -> None:
    async with house(database_url, tmp_path, with_worker=False) as made:
        assert (await send_adyen(made, ITEM)).status_code == 202

        await read_waiting(made.hub.parts.shell)

        assert [row["status"] for row in await inbox(made)] == ["unmatched"]
        await give_up(made)
        assert [(row["status"], row["tries"]) for row in await inbox(made)] == [("unmatched", TRIES_MAX)]
        await agrees(made)


async def give_up(made: House) -> None:
    """Let every delivery that waits for a further try have it, until none waits."""
    for _ in range(TRIES_MAX + 1):
        async with made.hub.parts.database.transaction() as connection:
            await connection.execute(
                text("UPDATE webhook_deliveries SET due_at = received_at WHERE due_at IS NOT NULL")
            )
        if not await read_waiting(made.hub.parts.shell):
            return


async def test_a_poisoned_delivery_is_parked_while_the_others_go_on(database_url: str, tmp_path: Path) -> None:
    async with house(database_url, tmp_path, with_worker=False) as made:
        poison = ITEM | {"amount": {"value": 1000, "currency": "XXQ"}}
        assert (await send_adyen(made, poison)).status_code == 202
        paid = await made.hub.charge(payment_method=made.payment_method, merchant_account=made.accounts["adyen-eu"])
        await made.control("adyen", "POST", "webhooks/flush", {})

        await read_waiting(made.hub.parts.shell)
        assert [row["status"] for row in await inbox(made)] == ["waiting", "done"]
        await give_up(made)

        parked = (await inbox(made))[0]
        assert (parked["status"], parked["tries"]) == ("parked", TRIES_MAX)
        assert parked["error"]
        assert (await shown(made, paid.json()["id"]))["status"] == "captured"
        await agrees(made)


@pytest.mark.fault_case(id="AMT-09")
async def test_what_is_done_in_the_dashboard_is_taken_over_once(database_url: str, tmp_path: Path) -> None:
    async with house(database_url, tmp_path, settings=SOON) as made:
        await set_mode(made, mode="duplicate")
        await asyncio.gather(*(done_by_hand(made, processor) for processor in TOKENS))
        await agrees(made)


async def done_by_hand(made: House, processor: str) -> None:
    """Refund, capture and cancel at the processor, and look at what the hub made of it."""
    account = made.accounts[f"{processor}-eu"]
    wish = {"payment_method": made.payment_method, "merchant_account": account, "amount": 1000}
    bought = (await made.hub.charge(**wish)).json()
    held = [(await made.hub.charge(**wish, capture="manual")).json() for _ in range(2)]

    async def by_hand(do: str, payment: dict[str, Any], **more: object) -> None:
        order = {"do": do, "processor_reference": payment["processor_reference"]} | more
        await made.control(processor, "POST", "dashboard", order)

    await by_hand("refund", bought, amount=300)
    await by_hand("refund", bought, amount=200)
    await by_hand("capture", held[0])
    await by_hand("cancel", held[1])
    await told_everything(made)

    refunded = await shown(made, bought["id"])
    assert (refunded["amount_refunded"], refunded["amount_refunded_externally"]) == (0, 500), await inbox(made)
    assert (await shown(made, held[0]["id"]))["amount_captured"] == 1000
    assert (await shown(made, held[1]["id"]))["status"] == "canceled"
    more = await made.hub.post(f"/v1/payments/{bought['id']}/refunds", {"amount": 501})
    assert more.json()["code"] == "amount_exceeds_captured"
    made_outside = "SELECT kind FROM operations WHERE external AND processor = :name ORDER BY kind"
    outside = await rows(made, made_outside, name=processor)
    assert [row["kind"] for row in outside] == ["capture", "refund", "refund", "void"]


async def test_a_refund_by_hand_of_what_was_spoken_for_is_told_and_was_no_more_than_was_left_if_ours_never_arrived(
    database_url: str, tmp_path: Path
) -> None:
    clock = Clock()
    async with house(database_url, tmp_path, settings=SOON, with_worker=False, clock=clock) as made:
        account = made.accounts["stripe-eu"]
        bought = (
            await made.hub.charge(payment_method=made.payment_method, merchant_account=account, amount=1000)
        ).json()
        await made.fault("stripe", "silent_before", "refund")
        ours = await made.hub.post(f"/v1/payments/{bought['id']}/refunds", {"amount": 600})
        assert ours.status_code == 202

        order = {"do": "refund", "processor_reference": bought["processor_reference"], "amount": 1000}
        await made.control("stripe", "POST", "dashboard", order)
        await made.control("stripe", "POST", "webhooks/flush", {})
        await work(made, read_waiting, until_resolved=False)

        body = await shown(made, bought["id"])
        assert (body["amount_refunding"], body["amount_refunded_externally"]) == (600, 1000)
        assert [r["type"] for r in await rows(made, "SELECT type FROM exceptions")] == ["over_refund"]
        clock.ahead = 2 * made.hub.parts.directory.accounts()[account].capabilities.lookup_grace
        await work(made, inquire_due, until_resolved=True)
        assert (await shown(made, bought["id"]))["amount_refunding"] == 0
        given_back = await rows(made, "SELECT debit, amount_minor FROM transfers WHERE code <> 'capture'")
        assert given_back == [{"debit": "sales", "amount_minor": 1000}]
        await agrees(made)


@pytest.mark.parametrize("mode", [{"mode": "reorder"}, {"mode": "storm", "copies": 5}, {"mode": "forge"}])
async def test_order_and_repetition_of_webhooks_change_nothing(
    mode: dict[str, Any], database_url: str, tmp_path: Path
) -> None:
    async with house(database_url, tmp_path, settings=SOON) as made:
        await set_mode(made, **mode)
        await asyncio.gather(*(bought_and_refunded(made, processor) for processor in TOKENS))
        assert await rows(made, "SELECT type, detail FROM exceptions") == []
        await agrees(made)


async def bought_and_refunded(made: House, processor: str) -> None:
    """Charge and refund a part, authorize and capture a part, and look at the end of it."""
    account = made.accounts[f"{processor}-eu"]
    wish = {"payment_method": made.payment_method, "merchant_account": account, "amount": 1000}
    bought = (await made.hub.charge(**wish)).json()["id"]
    held = (await made.hub.charge(**wish, capture="manual")).json()["id"]

    assert (await made.hub.post(f"/v1/payments/{bought}/refunds", {"amount": 400})).status_code in {201, 202}
    assert (await made.hub.post(f"/v1/payments/{held}/capture", {"amount": 700})).status_code in {200, 202}
    await told_everything(made)

    await eventually(made, bought, amount_refunded=400, amount_refunding=0, amount_captured=1000)
    await eventually(made, held, amount_captured=700, amount_capturing=0, status="captured")


@pytest.mark.fault_case(id="WHI-01")
@BOTH
async def test_webhooks_that_overtake_the_answer_find_their_payment(
    processor: str, database_url: str, tmp_path: Path
) -> None:
    async with house(database_url, tmp_path, settings=SOON) as made:
        await made.fault(processor, "delay", "purchase", delay_ms=600)

        answer = await made.hub.charge(
            payment_method=made.payment_method, merchant_account=made.accounts[f"{processor}-eu"]
        )

        assert (answer.status_code, answer.json()["status"]) == (201, "captured")
        await told_everything(made)
        assert {row["status"] for row in await inbox(made)} <= {"done", "ignored"}
        booked = await rows(made, "SELECT count(*) AS n FROM transfers")
        assert booked == [{"n": 1}]
        await agrees(made)


async def test_every_delivery_is_done_parked_or_waiting(database_url: str, tmp_path: Path) -> None:
    async with house(database_url, tmp_path, settings=SOON, second=True) as made:
        assert made.second is not None
        accounts = [made.accounts["stripe-eu"], made.accounts["adyen-eu"]] * 5
        paid = await asyncio.gather(*(
            hub.charge(payment_method=made.payment_method, merchant_account=account)
            for account in accounts for hub in (made.hub, made.second)
        ))  # fmt: skip
        assert {answer.json()["status"] for answer in paid} == {"captured"}

        await told_everything(made)

        delivered = sum(
            book(made, processor, "SELECT count(*) FROM deliveries WHERE state = 'delivered'")[0][0]
            for processor in TOKENS
        )
        found = await inbox(made)
        assert len(found) == delivered
        assert {row["status"] for row in found} <= {"done", "ignored"}
        await agrees(made)


async def test_a_capture_that_adyen_made_by_itself_is_the_purchase_s_own(database_url: str, tmp_path: Path) -> None:
    async with house(database_url, tmp_path) as made:
        account = made.accounts["adyen-eu"]
        paid = await made.hub.charge(payment_method=made.payment_method, merchant_account=account, amount=1000)
        body = paid.json()
        item = {
            "amount": {"value": 1000, "currency": "EUR"},
            "eventCode": "CAPTURE",
            "eventDate": "2026-11-22T09:00:00+01:00",
            "merchantAccountCode": "HubEU",
            "merchantReference": body["tag"],
            "originalReference": body["processor_reference"],
            "pspReference": "CAPTUREDBYADYEN1",
            "reason": "",
            "success": "true",
        }

        assert (await send_adyen(made, item)).is_success

        await told_everything(made)
        assert {row["status"] for row in await inbox(made)} == {"done"}
        assert await rows(made, "SELECT type FROM exceptions") == []
        assert (await shown(made, body["id"]))["amount_captured"] == 1000
        await agrees(made)
