"""Another account is tried where no money can have moved, and nowhere else."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from msgspec.structs import replace

from hub.webhooks.jobs import read_waiting
from tests.hub.house import QUICK, House, add_account, house
from tests.hub.money import agrees, rows
from tests.hub.payments.faulty import CHALLENGED, OTHER, shown
from tests.processes import free_port

ROOMY = replace(QUICK, request_ms=6_000, connect_ms=2_000)
SOFT = {"stripe": "pm_card_chargeDeclinedProcessingError", "adyen": "stored_unavailable"}
FUNDS = {"stripe": "pm_card_chargeDeclinedInsufficientFunds", "adyen": "stored_insufficient_funds"}
FINAL = {
    "stripe": ("pm_card_chargeDeclinedStolenCard", "pm_card_chargeDeclinedFraudulent",
               "pm_card_chargeDeclinedExpiredCard", CHALLENGED["stripe"]),
    "adyen": ("stored_stolen", "stored_fraud", "stored_expired", CHALLENGED["adyen"]),
}  # fmt: skip
GOOD = {"stripe": "pm_card_visa", "adyen": "stored_visa"}
CARDS = {
    "stripe": ("pm_card_visa", "pm_card_visa_debit", "pm_card_mastercard", "pm_card_amex"),
    "adyen": (GOOD["adyen"],) * 4,
}
FIRST = pytest.mark.parametrize("first", ["stripe", "adyen"])


async def pair(made: House, first: str, *, dead: tuple[str, ...] = (), api_key: str | None = None) -> None:
    """Open an account at *first* and then one at the other processor, which only payments of brand "two" reach.

    Nobody listens where the *dead* processors' accounts send to; *api_key* is the first account's.
    """
    for processor in (first, OTHER[first]):
        own: dict[str, str] = {"api_key": api_key} if api_key and processor == first else {}
        if processor in dead:
            own["base_url"] = f"http://127.0.0.1:{free_port()}"
        await add_account(made, f"{processor}-two", processor, f"{processor}two", brands=["two"], credentials=own)
    for name in ("stripe-eu", "adyen-eu"):
        changed = {"brands": ["else"]}
        await made.hub.client.patch(f"/v1/merchant_accounts/{made.accounts[name]}", json=changed)
    for processor in GOOD:  # A webhook that overtakes the answer would end the payment before it could go on.
        await made.control(processor, "POST", "webhooks", {"mode": "delay", "delay_s": 3600.0})


async def charge(made: House, tokens: dict[str, str], **changes: Any) -> httpx.Response:
    return await made.hub.charge(payment_method=await made.method(**tokens), brand="two", **changes)


def attempts(answer: httpx.Response) -> list[tuple[str, str]]:
    return [(attempt["processor"], attempt["status"]) for attempt in answer.json()["attempts"]]


async def late_webhooks(made: House) -> None:
    """Deliver everything that was held back, and have it read."""
    for processor in GOOD:
        await made.control(processor, "POST", "clock", {"advance_s": 3601.0})
        await made.control(processor, "POST", "webhooks/flush", {})
    for _ in range(200):
        if not await rows(made, "SELECT id FROM webhook_deliveries WHERE due_at IS NOT NULL"):
            return
        await asyncio.sleep(0.05)
    raise AssertionError("deliveries are left unread")


@FIRST
async def test_a_refused_connection_is_taken_by_the_other_processor(
    first: str, database_url: str, tmp_path: Path
) -> None:
    async with house(database_url, tmp_path, settings=ROOMY) as made:
        await pair(made, first, dead=(first,))

        answer = await charge(made, GOOD)

        assert (answer.status_code, answer.json()["status"]) == (201, "captured")
        assert attempts(answer) == [(first, "not_sent"), (OTHER[first], "approved")]
        assert (await made.charges(first), await made.charges(OTHER[first])) == (0, 1)
        await agrees(made)


async def test_where_nobody_can_be_reached_the_reference_is_free_again(database_url: str, tmp_path: Path) -> None:
    async with house(database_url, tmp_path, settings=ROOMY) as made:
        await pair(made, "stripe", dead=("stripe", "adyen"))

        answer = await charge(made, GOOD, reference="invoice-1")

        assert (answer.status_code, answer.json()["status"]) == (201, "failed")
        assert answer.json()["decline"]["code"] == "processor_error"
        assert attempts(answer) == [("stripe", "not_sent"), ("adyen", "not_sent")]
        again = await made.hub.charge(payment_method=made.payment_method, brand="else", reference="invoice-1")
        assert again.json()["status"] == "captured", again.text
        await agrees(made)


@FIRST
async def test_refused_credentials_cost_the_payer_nothing(first: str, database_url: str, tmp_path: Path) -> None:
    async with house(database_url, tmp_path, settings=ROOMY) as made:
        await pair(made, first, api_key="sk_test_invalid" if first == "stripe" else "invalid")

        answer = await charge(made, GOOD)

        assert answer.json()["status"] == "captured", answer.text
        assert answer.json()["attempts"][0]["decline"]["category"] == "configuration"
        await agrees(made)


@pytest.mark.fault_case(id="FO-01")
@FIRST
async def test_a_decline_another_processor_may_see_otherwise_goes_there_once(
    first: str, database_url: str, tmp_path: Path
) -> None:
    async with house(database_url, tmp_path, settings=ROOMY) as made:
        await pair(made, first)
        fees = {"fees": [{"kind": "decline", "fixed_minor": 10}]}
        await made.hub.client.patch(f"/v1/merchant_accounts/{made.accounts[f'{first}-two']}", json=fees)

        taken = await charge(made, {first: SOFT[first], OTHER[first]: GOOD[OTHER[first]]})
        refused = await charge(made, SOFT)
        await late_webhooks(made)

        assert attempts(taken) == [(first, "declined"), (OTHER[first], "approved")]
        assert attempts(refused) == [(first, "declined"), (OTHER[first], "declined")]
        assert (await shown(made, taken.json()["id"]))["status"] == "captured"
        assert (await shown(made, refused.json()["id"]))["status"] == "failed"
        billed = await rows(made, "SELECT gross_minor FROM expected_settlements WHERE type = 'fee'")
        assert [one["gross_minor"] for one in billed] == [-10, -10]
        await agrees(made)


@pytest.mark.fault_case(id="FO-02")
@FIRST
async def test_hard_fraud_and_authentication_declines_end_the_payment(
    first: str, database_url: str, tmp_path: Path
) -> None:
    async with house(database_url, tmp_path, settings=ROOMY) as made:
        await pair(made, first)

        # Each another card: what one of them was told would count for all that share a fingerprint with it.
        pairs = zip(FINAL[first], CARDS[OTHER[first]], strict=True)
        answers = [await charge(made, {first: token, OTHER[first]: good}) for token, good in pairs]

        assert [attempts(answer) for answer in answers] == [[(first, "declined")]] * 4
        told = {answer.json()["decline"]["category"] for answer in answers}
        assert told == {"hard", "fraud", "authentication"}, told
        assert await made.charges(OTHER[first]) == 0
        await agrees(made)


async def test_insufficient_funds_go_elsewhere_only_where_it_is_set(database_url: str, tmp_path: Path) -> None:
    tokens = {"stripe": FUNDS["stripe"], "adyen": GOOD["adyen"]}
    async with house(database_url, tmp_path, settings=ROOMY) as made:
        await pair(made, "stripe")
        assert attempts(await charge(made, tokens)) == [("stripe", "declined")]
        await agrees(made)


@FIRST
async def test_a_challenge_that_was_not_passed_goes_nowhere_else(first: str, database_url: str, tmp_path: Path) -> None:
    async with house(database_url, tmp_path, settings=ROOMY) as made:
        await pair(made, first)
        tokens = {first: CHALLENGED[first], OTHER[first]: GOOD[OTHER[first]]}
        answer = await charge(made, tokens, return_url="https://shop.example/done")
        page = answer.json()["next_action"]["url"]
        failed = (
            await made.controls.post(page, data={"outcome": "fail"})
            if first == "stripe"
            else await made.controls.post(f"{page}/fail")
        )

        await made.hub.client.get(failed.headers["Location"])

        body = await shown(made, answer.json()["id"])
        assert (body["status"], body["decline"]["category"]) == ("failed", "authentication")
        assert [a["processor"] for a in body["attempts"]] == [first]
        assert await made.charges("stripe") + await made.charges("adyen") == 0
        await agrees(made)


async def test_no_attempt_begins_without_time_left_for_it(database_url: str, tmp_path: Path) -> None:
    settings = replace(ROOMY, request_ms=6_000, next_attempt_needs_ms=5_990)
    async with house(database_url, tmp_path, settings=settings) as made:
        await pair(made, "stripe")
        await made.fault("stripe", "rate_limited", count=None)

        answer = await charge(made, GOOD)

        assert (answer.json()["status"], attempts(answer)) == ("failed", [("stripe", "not_sent")])
        await agrees(made)


@FIRST
async def test_silence_goes_nowhere_else(first: str, database_url: str, tmp_path: Path) -> None:
    async with house(database_url, tmp_path, settings=ROOMY, with_worker=False) as made:
        await pair(made, first)
        await made.fault(first, "silent_before", "purchase")

        answer = await charge(made, GOOD)

        assert (answer.status_code, attempts(answer)) == (202, [(first, "unknown")])
        assert "purchase" not in [r["operation"] for r in (await made.control(OTHER[first], "GET", "requests"))["data"]]
        again = await charge(made, GOOD, reference=answer.json()["reference"])
        assert (again.status_code, again.json()["code"]) == (409, "duplicate_reference")
        await agrees(made)


async def test_the_end_of_an_attempt_passed_over_does_not_answer_for_the_one_that_stands(
    database_url: str, tmp_path: Path
) -> None:
    async with house(database_url, tmp_path, settings=ROOMY, with_worker=False) as made:
        await pair(made, "stripe")
        held = await charge(made, {"stripe": SOFT["stripe"], "adyen": GOOD["adyen"]}, capture="manual")
        assert attempts(held) == [("stripe", "declined"), ("adyen", "approved")]
        await made.fault("adyen", "silent_before", "void")
        assert (await made.hub.post(f"/v1/payments/{held.json()['id']}/cancel", {})).status_code == 202
        (declined,) = [a for a in held.json()["attempts"] if a["processor"] == "stripe"]

        async def cancelled_there() -> bool:
            told = await made.control("stripe", "GET", "webhooks")
            return "payment_intent.canceled" in [delivery["label"] for delivery in told["data"]]

        if not await cancelled_there():  # Where the hub did not give it up by itself, the processor does one day.
            order = {"do": "cancel", "processor_reference": declined["processor_reference"]}
            await made.control("stripe", "POST", "dashboard", order)
        await made.control("stripe", "POST", "clock", {"advance_s": 3601.0})
        await made.control("stripe", "POST", "webhooks/flush", {})
        while await read_waiting(made.hub.parts.shell):
            pass

        body = await shown(made, held.json()["id"])
        assert (body["status"], body["canceling"]) == ("authorized", True)
        await agrees(made)


async def test_an_account_paused_while_another_was_asked_is_not_tried_any_more(
    database_url: str, tmp_path: Path
) -> None:
    async with house(database_url, tmp_path, settings=replace(ROOMY, answer_ms=3_000)) as made:
        await pair(made, "stripe")
        await made.fault("stripe", "delay_before", "purchase", delay_ms=1_500)
        asked = asyncio.create_task(charge(made, GOOD | {"stripe": SOFT["stripe"]}))
        for _ in range(60):
            if await rows(made, "SELECT id FROM operations"):
                break
            await asyncio.sleep(0.02)
        path = f"/v1/merchant_accounts/{made.accounts['adyen-two']}"

        assert (await made.hub.client.patch(path, json={"status": "paused"})).status_code == 200

        assert not asked.done()
        assert attempts(await asked) == [("stripe", "declined")]
        await agrees(made)
