"""What is learnt late, or otherwise than asked: recorded as it is, posted once, and shown to a human."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web
from msgspec.structs import replace

from hub.payments.jobs import cancel_due, inquire_due
from hub.webhooks.jobs import read_waiting
from tests.hub.house import QUICK, House, add_account, house
from tests.hub.money import agrees, book, rows
from tests.hub.payments.faulty import OTHER, TOKENS, Clock, eventually, shown, stop_faults, work
from tests.processes import free_port

SOON = replace(QUICK, inquiry_first_ms=100, answer_ms=500, request_ms=5_000)
BOTH = pytest.mark.parametrize("processor", ["stripe", "adyen"])


async def exceptions(made: House) -> list[str]:
    return sorted(row["type"] for row in await rows(made, "SELECT type FROM exceptions WHERE status = 'open'"))


async def webhooks(made: House, **mode: object) -> None:
    for processor in TOKENS:
        await made.control(processor, "POST", "webhooks", mode)


async def flush(made: House) -> None:
    for processor in TOKENS:
        await made.control(processor, "POST", "clock", {"advance_s": 3601.0})
        await made.control(processor, "POST", "webhooks/flush", {})


async def charge_at(
    made: House, processor: str, tag: str, account: str, *, minor: int = 1000, currency: str = "EUR", hold: bool = False
) -> str:
    """Let a request with our *tag* arrive at the processor after all; gives its reference there."""
    if processor == "stripe":
        sent = await made.controls.post(
            f"{made.sandboxes['stripe']}/v1/payment_intents",
            headers={"Authorization": f"Bearer sk_test_{account}"},
            data={
                "amount": minor, "currency": currency.lower(), "confirm": "true", "payment_method": "pm_card_visa",
                "allowed_payment_method_types[]": "card", "metadata[hub_operation]": tag,
                "capture_method": "manual" if hold else "automatic",
            },
        )  # fmt: skip
        assert sent.status_code == 200, sent.text
        return str(sent.json()["id"])
    sent = await made.controls.post(
        f"{made.sandboxes['adyen']}/v72/payments",
        headers={"x-api-key": "api-key"},
        json={
            "amount": {"value": minor, "currency": currency}, "reference": tag, "merchantAccount": account,
            "paymentMethod": {"type": "scheme", "storedPaymentMethodId": "stored_visa"},
            "shopperReference": "shopper-1", "returnUrl": "https://shop.example/", "shopperInteraction": "Ecommerce",
            "additionalData": {"manualCapture": "true"} if hold else {},
            **({} if hold else {"captureDelayHours": 0}),
        },
    )  # fmt: skip
    assert sent.json()["resultCode"] == "Authorised", sent.text
    return str(sent.json()["pspReference"])


async def unreachable(made: House, processor: str) -> str:
    """Open an account whose processor the hub cannot reach; the processor's webhooks arrive."""
    dead = {"base_url": f"http://127.0.0.1:{free_port()}"}
    return await add_account(made, "dead", processor, "dead", credentials=dead)


@pytest.mark.fault_case(id="FO-04")
@BOTH
async def test_a_late_yes_of_an_attempt_that_was_passed_over_is_a_double_charge_to_mend(
    processor: str, database_url: str, tmp_path: Path
) -> None:
    async with house(database_url, tmp_path, settings=SOON) as made:
        dead = {"base_url": f"http://127.0.0.1:{free_port()}"}
        await add_account(made, "dead", processor, "dead", credentials=dead, brands=["two"])
        await add_account(made, "alive", OTHER[processor], "alive", brands=["two"])
        for name in ("stripe-eu", "adyen-eu"):
            await made.hub.client.patch(f"/v1/merchant_accounts/{made.accounts[name]}", json={"status": "paused"})
        paid = (await made.hub.charge(payment_method=made.payment_method, brand="two", amount=1000)).json()
        assert [a["status"] for a in paid["attempts"]] == ["not_sent", "approved"]

        await charge_at(made, processor, paid["attempts"][0]["id"], "dead")
        await flush(made)
        await work(made, read_waiting, until_resolved=False)

        body = await shown(made, paid["id"])
        assert (body["status"], body["amount_captured"]) == ("captured", 1000)
        assert [a["status"] for a in body["attempts"]] == ["approved", "approved"]
        assert await exceptions(made) == ["double_charge_after_failover"]
        suspended = await rows(made, "SELECT credit, amount_minor FROM transfers WHERE code = 'surplus'")
        assert suspended == [{"credit": f"suspense:{made.accounts['dead']}", "amount_minor": 1000}]
        await agrees(made, doubled=[paid["id"]])


@BOTH
@pytest.mark.parametrize("capture", ["automatic", "manual"])
async def test_a_late_yes_of_a_failed_payment_is_taken_over_and_told(
    capture: str, processor: str, database_url: str, tmp_path: Path
) -> None:
    async with house(database_url, tmp_path, settings=SOON) as made:
        account = await unreachable(made, processor)
        failed = await made.hub.charge(
            payment_method=made.payment_method, merchant_account=account, capture=capture, amount=1000
        )
        assert failed.json()["status"] == "failed"

        await charge_at(made, processor, failed.json()["tag"], "dead", hold=capture == "manual")

        became = "authorized" if capture == "manual" else "captured"
        await eventually(made, failed.json()["id"], status=became)
        assert await exceptions(made) == ["approved_after_failure"]
        events = [row["type"] for row in await rows(made, "SELECT type FROM events ORDER BY id")]
        assert events == ["payment.failed", f"payment.{became}", "exception.opened"]
        await agrees(made)


async def test_an_approval_in_another_currency_touches_no_amount_and_stands_in_suspense(
    database_url: str, tmp_path: Path
) -> None:
    async with house(database_url, tmp_path, settings=SOON) as made:
        account = await unreachable(made, "stripe")
        failed = await made.hub.charge(payment_method=made.payment_method, merchant_account=account, amount=1000)

        await charge_at(made, "stripe", failed.json()["tag"], "dead", currency="USD")
        await flush(made)
        await work(made, read_waiting, until_resolved=False)

        body = await shown(made, failed.json()["id"])
        assert (body["amount_captured"], body["amount_authorized"]) == (0, 0)
        assert await exceptions(made) == ["currency_mismatch"]
        await agrees(made, apart=[body["id"]])


async def test_a_part_of_the_amount_approved_is_booked_as_that_part(database_url: str, tmp_path: Path) -> None:
    async with house(database_url, tmp_path, settings=SOON) as made:
        await made.control("adyen", "PUT", "tokens/half", {"card": "4111111111111111", "outcome": "PARTIALLY_APPROVED"})

        half = await made.hub.charge(payment_method=await made.method(adyen="half"), amount=1000)

        assert (half.json()["status"], half.json()["amount_captured"]) == ("captured", 500)
        assert await exceptions(made) == ["amount_mismatch"]
        await agrees(made)


@pytest.mark.parametrize(
    ("replaced", "by", "captured", "told"),
    [
        (b'"currency": "eur"', b'"currency": "usd"', 0, "currency_mismatch"),
        (b'"amount_received": 1000', b'"amount_received": 1500', 1000, "amount_mismatch"),
        (b'"amount_received": 1000', b'"amount_received": 900', 900, "amount_mismatch"),
    ],
)
async def test_an_answer_that_names_other_money_is_no_plain_yes(
    replaced: bytes, by: bytes, captured: int, told: str, database_url: str, tmp_path: Path
) -> None:
    async with (
        house(database_url, tmp_path, settings=SOON) as made,
        altering(made.sandboxes["stripe"], replaced, by) as url,
    ):
        liar = await add_account(made, "liar", "stripe", "liar", credentials={"base_url": url})
        await webhooks(made, mode="drop")

        answer = await made.hub.charge(payment_method=made.payment_method, merchant_account=liar, amount=1000)

        assert answer.json()["amount_captured"] == captured, answer.text
        assert answer.status_code == (201 if captured else 202)
        assert await exceptions(made) == [told]


@asynccontextmanager
async def altering(target: str, replaced: bytes, by: bytes) -> AsyncIterator[str]:
    """Stand before a processor and change its answers."""
    async with ClientSession() as session:

        async def forward(request: web.Request) -> web.Response:
            kept = {k: v for k, v in request.headers.items() if k.lower() not in {"host", "content-length"}}
            url = f"{target}{request.path_qs}"
            async with session.request(request.method, url, headers=kept, data=await request.read()) as answer:
                body = (await answer.read()).replace(replaced, by)
                return web.Response(status=answer.status, body=body, content_type="application/json")

        app = web.Application()
        app.router.add_route("*", "/{path:.*}", forward)
        runner = web.AppRunner(app)
        await runner.setup()
        port = free_port()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield f"http://127.0.0.1:{port}"
        await runner.cleanup()


async def lost(made: House, processor: str, fault: str, capture: str) -> dict[str, Any]:
    """Charge in silence, and keep everybody who could find out from doing so."""
    await webhooks(made, mode="delay", delay_s=3600.0)
    operation = "authorize" if capture == "manual" else "purchase"
    for silenced in (operation, "inquire"):
        await made.fault(processor, fault if silenced == operation else "silent_before", silenced, count=None)
    token = await made.method(**{processor: TOKENS[processor]})
    answer = await made.hub.charge(payment_method=token, capture=capture, amount=1000)
    assert answer.status_code == 202, answer.text
    return dict(answer.json())


@pytest.mark.fault_case(id="UNK-12")
@BOTH
async def test_an_unresolved_payment_takes_neither_capture_nor_refund(
    processor: str, database_url: str, tmp_path: Path
) -> None:
    async with house(database_url, tmp_path, settings=SOON, with_worker=False) as made:
        payment = (await lost(made, processor, "silent_after", "manual"))["id"]

        answers = [
            await made.hub.post(f"/v1/payments/{payment}/capture", {}),
            await made.hub.post(f"/v1/payments/{payment}/refunds", {}),
        ]

        assert [(a.status_code, a.json()["code"]) for a in answers] == [(409, "payment_unresolved")] * 2


@BOTH
async def test_an_unresolved_authorization_that_is_cancelled_is_given_back_once_it_is_known(
    processor: str, database_url: str, tmp_path: Path
) -> None:
    clock = Clock()
    async with house(database_url, tmp_path, settings=SOON, with_worker=False, clock=clock) as made:
        payment = (await lost(made, processor, "silent_after", "manual"))["id"]

        canceled = await made.hub.post(f"/v1/payments/{payment}/cancel", {}, key="wish")

        assert (canceled.status_code, canceled.json()["canceling"]) == (202, True), canceled.text
        await stop_faults(made)
        await made.hub.parts.bell.wait(1.0)  # Adyen holds the keys of silenced requests a moment longer.
        for _ in range(3):
            await inquire_due(made.hub.parts.shell)
            await cancel_due(made.hub.parts.shell)
            await made.hub.parts.bell.wait(0.2)
        await flush(made)
        await work(made, read_waiting, inquire_due, cancel_due, until_resolved=True)
        await flush(made)
        await work(made, read_waiting, until_resolved=False)
        body = await shown(made, payment)
        assert (body["status"], body["canceling"]) == ("canceled", False), body
        assert (await made.hub.post(f"/v1/payments/{payment}/cancel", {}, key="wish")).content == canceled.content
        assert await exceptions(made) == []
        await agrees(made)


@BOTH
async def test_a_cancelled_purchase_that_was_captured_is_shown_to_a_human(
    processor: str, database_url: str, tmp_path: Path
) -> None:
    async with house(database_url, tmp_path, settings=SOON, with_worker=False) as made:
        payment = (await lost(made, processor, "silent_after", "automatic"))["id"]
        assert (await made.hub.post(f"/v1/payments/{payment}/cancel", {})).status_code == 202

        await stop_faults(made)
        await flush(made)
        await work(made, read_waiting, inquire_due, cancel_due, until_resolved=True)

        body = await shown(made, payment)
        assert (body["status"], body["amount_captured"], body["canceling"]) == ("captured", 1000, False)
        assert await exceptions(made) == ["approved_after_cancel"]
        refunded = await made.hub.post(f"/v1/payments/{payment}/refunds", {})
        assert refunded.status_code in {201, 202}
        await flush(made)
        await work(made, read_waiting, until_resolved=False)
        await agrees(made)


@BOTH
async def test_a_cancelled_payment_that_never_arrived_is_never_sent_again(
    processor: str, database_url: str, tmp_path: Path
) -> None:
    clock = Clock()
    async with house(database_url, tmp_path, settings=SOON, with_worker=False, clock=clock) as made:
        payment = (await lost(made, processor, "silent_before", "automatic"))["id"]
        assert (await made.hub.post(f"/v1/payments/{payment}/cancel", {})).status_code == 202

        await stop_faults(made)
        clock.ahead = 2 * made.hub.parts.directory.accounts()[made.accounts["stripe-eu"]].capabilities.lookup_grace
        for _ in range(10):
            await inquire_due(made.hub.parts.shell)
            await cancel_due(made.hub.parts.shell)
            await made.hub.parts.bell.wait(0.1)
        clock.ahead *= 0
        await flush(made)
        while await read_waiting(made.hub.parts.shell):
            pass

        body = await shown(made, payment)
        assert body["status"] in ({"failed"} if processor == "stripe" else {"failed", "processing"}), body
        assert await made.charges(processor) == 0
        await agrees(made)


async def test_an_authorization_told_after_its_cancellation_does_not_stand_again(
    database_url: str, tmp_path: Path
) -> None:
    async with house(database_url, tmp_path, settings=SOON, with_worker=False) as made:
        payment = (await lost(made, "adyen", "silent_after", "manual"))["id"]
        ((reference,),) = book(made, "adyen", "SELECT DISTINCT payment FROM money")
        await webhooks(made, mode="normal")

        await made.control("adyen", "POST", "dashboard", {"do": "cancel", "processor_reference": reference})
        await made.control("adyen", "POST", "webhooks/flush", {})
        await read_waiting(made.hub.parts.shell)
        await flush(made)  # The authorization's own webhook was held back until now.
        await work(made, read_waiting, until_resolved=False)

        assert (await shown(made, payment))["status"] == "canceled"
        assert await exceptions(made) == []
        await agrees(made)


async def test_an_authorization_told_after_we_had_its_reference_cancelled_does_not_stand_again(
    database_url: str, tmp_path: Path
) -> None:
    async with house(database_url, tmp_path, settings=SOON, with_worker=False) as made:
        payment = (await lost(made, "adyen", "silent_after", "manual"))["id"]
        assert (await made.hub.post(f"/v1/payments/{payment}/cancel", {})).status_code == 202
        await webhooks(made, mode="normal")
        await stop_faults(made)

        for _ in range(200):
            await inquire_due(made.hub.parts.shell)
            if book(made, "adyen", "SELECT * FROM money WHERE kind = 'voided'"):
                break
            await made.hub.parts.bell.wait(0.05)
        await made.control("adyen", "POST", "webhooks/flush", {})
        await work(made, read_waiting, until_resolved=False)
        before = (await shown(made, payment))["status"]
        await flush(made)
        await work(made, read_waiting, until_resolved=False)

        assert (before, (await shown(made, payment))["status"]) == ("canceled", "canceled")
        assert set(await exceptions(made)) <= {"approved_after_cancel"}
        await agrees(made)
