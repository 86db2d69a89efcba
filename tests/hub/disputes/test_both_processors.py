"""Disputes at the pretend processors, told by their own webhooks and answered through their own APIs."""

import asyncio
import re
import shlex
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.hub.disputes.courts import PAID, paid, payment_of
from tests.hub.house import House
from tests.hub.money import agrees, rows

pytestmark = pytest.mark.asyncio(loop_scope="module")
PDF = ("receipt.pdf", b"%PDF-1.7 a receipt", "application/pdf")
ROOT = Path(__file__).parents[3]
EVIDENCE = re.compile(r"curl [^`]*?/evidence$", re.MULTILINE)
DEFENSES = {"stripe": {}, "adyen": {"defense": "SupplyDefenseMaterial"}}


async def order(home: House, processor: str, do: str, payment: dict[str, Any], **options: Any) -> dict[str, Any]:
    """Have the payer's bank do something, and wait for the hub to hear of it."""
    body = {"do": do, "processor_reference": payment["processor_reference"], "options": options}
    done: dict[str, Any] = await home.control(processor, "POST", "dashboard", body)
    return done


async def dispute_of(home: House, payment: dict[str, Any], like: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Read a payment's dispute until it is *like* that, for ten seconds at most."""
    found: list[dict[str, Any]] = []
    for _ in range(100):
        found = (await home.hub.get("/v1/disputes", payment=payment["id"])).json()["data"]
        if found and like(found[0]):
            return found[0]
        await asyncio.sleep(0.1)
    raise AssertionError(f"the dispute stayed {found}")


async def captured(home: House, processor: str) -> dict[str, Any]:
    return await home.hub.until((await paid(home, processor))["id"], "captured")


def standing(stage: str, status: str, withdrawn: int = PAID, back: int = 0) -> Callable[[dict[str, Any]], bool]:
    want = (stage, status, withdrawn, back)
    return lambda d: (d["stage"], d["status"], d["amount_withdrawn"], d["amount_reinstated"]) == want


async def answered(home: House, dispute: dict[str, Any], processor: str) -> dict[str, Any]:
    """Hand in a text, and a receipt of the kind that the processor asks for."""
    form = DEFENSES[processor] | ({"text": "the payer had it"} if processor == "stripe" else {})
    purpose = "receipt" if processor == "stripe" else "DefenseMaterial"
    answer = await home.hub.client.post(
        f"/v1/disputes/{dispute['id']}/evidence",
        data=form,
        files={f"file[{purpose}]": PDF},
        headers={"Idempotency-Key": f"answer-{dispute['id']}"},
    )
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def losses(home: House, payment: dict[str, Any]) -> int:
    sql = "SELECT debit, credit, amount_minor FROM transfers WHERE payment_id = :id"
    signs = [
        ((row["debit"] == "dispute_losses") - (row["credit"] == "dispute_losses"), row["amount_minor"])
        for row in await rows(home, sql, id=payment["id"])
    ]
    return sum(sign * minor for sign, minor in signs)


@pytest.mark.parametrize("processor", ["stripe", "adyen"])
async def test_a_chargeback_takes_the_money_and_is_lost_when_it_is_not_answered(home: House, processor: str) -> None:
    payment = await captured(home, processor)

    await order(home, processor, "dispute", payment)
    told = await dispute_of(home, payment, standing("chargeback", "needs_response"))
    await order(home, processor, "dispute_lose" if processor == "stripe" else "dispute_expire", payment)
    await dispute_of(home, payment, standing("chargeback", "lost"))

    assert told["payment"] == payment["id"]
    assert told["evidence_due_at"]
    assert (await payment_of(home, payment))["amount_disputed"] == PAID
    assert await losses(home, payment) == PAID
    await agrees(home)


@pytest.mark.parametrize("processor", ["stripe", "adyen"])
async def test_evidence_is_handed_in_and_the_money_comes_back(home: House, processor: str) -> None:
    payment = await captured(home, processor)
    await order(home, processor, "dispute", payment)
    dispute = await dispute_of(home, payment, standing("chargeback", "needs_response"))

    body = await answered(home, dispute, processor)
    await order(home, processor, "dispute_win", payment)
    back = await dispute_of(home, payment, lambda d: bool(d["amount_reinstated"] == PAID))

    assert [(s["kind"], s["status"]) for s in body["submissions"]] == [("evidence", "done")], body
    assert body["status"] == "under_review"
    assert body["submissions"][0]["files"][0]["name"] == "receipt.pdf"
    assert back["status"] == ("won" if processor == "stripe" else "under_review")  # Adyen's bank may still insist.
    assert await losses(home, payment) == 0
    await agrees(home)


@pytest.mark.parametrize(("example", "processor"), [(0, "stripe"), (1, "adyen")])
async def test_the_pages_examples_of_evidence_are_taken(home: House, example: int, processor: str) -> None:
    page = (ROOT / "docs/disputes.md").read_text()
    words = shlex.split(EVIDENCE.findall(page)[example])
    form = [value.split("=", 1) for flag, value in pairwise(words) if flag == "-F"]
    payment = await captured(home, processor)
    await order(home, processor, "dispute", payment)
    dispute = await dispute_of(home, payment, standing("chargeback", "needs_response"))

    answer = await home.hub.client.post(
        f"/v1/disputes/{dispute['id']}/evidence",
        data={name: value for name, value in form if not value.startswith("@")},
        files={name: PDF for name, value in form if value == "@proof.pdf;type=application/pdf"},
        headers={"Idempotency-Key": f"example-{dispute['id']}"},
    )

    assert [one["status"] for one in answer.json()["submissions"]] == ["done"], answer.text
    assert len(answer.json()["submissions"][0]["files"]) == 1


async def test_evidence_without_a_ground_is_told_those_that_apply_at_adyen(home: House) -> None:
    payment = await captured(home, "adyen")
    await order(home, "adyen", "dispute", payment)
    dispute = await dispute_of(home, payment, standing("chargeback", "needs_response"))

    answer = await home.hub.client.post(
        f"/v1/disputes/{dispute['id']}/evidence",
        files={"file[DefenseMaterial]": PDF},
        headers={"Idempotency-Key": f"groundless-{dispute['id']}"},
    )

    refusal = answer.json()["submissions"][0]["refusal"]
    assert refusal["code"] == "defense_unfit"
    assert "SupplyDefenseMaterial with " in refusal["message"]


async def test_a_dispute_at_adyen_is_won_when_the_banks_time_to_insist_is_over(home: House) -> None:
    payment = await captured(home, "adyen")
    await order(home, "adyen", "dispute", payment)
    await dispute_of(home, payment, standing("chargeback", "needs_response"))

    await order(home, "adyen", "dispute_win", payment)
    await dispute_of(home, payment, standing("chargeback", "under_review", back=PAID))
    await order(home, "adyen", "dispute_expire", payment)
    won = await dispute_of(home, payment, standing("chargeback", "won", back=PAID))

    told = [row["type"] for row in await rows(home, "SELECT type FROM events WHERE object_id = :id", id=won["id"])]
    assert told.count("dispute.won") == 1
    await agrees(home)


@pytest.mark.parametrize("processor", ["stripe", "adyen"])
async def test_a_dispute_that_is_accepted_is_lost_at_once(home: House, processor: str) -> None:
    payment = await captured(home, processor)
    await order(home, processor, "dispute", payment)
    dispute = await dispute_of(home, payment, standing("chargeback", "needs_response"))

    answer = await home.hub.post(f"/v1/disputes/{dispute['id']}/accept", {})

    assert answer.status_code == 200, answer.text
    assert (answer.json()["status"], answer.json()["accepted"]) == ("lost", True)
    assert await losses(home, payment) == PAID
    await agrees(home)


@pytest.mark.parametrize("processor", ["stripe", "adyen"])
async def test_an_inquiry_moves_no_money(home: House, processor: str) -> None:
    payment = await captured(home, processor)
    asked = {"inquiry": True} if processor == "stripe" else {"flow": "request_for_information"}

    await order(home, processor, "dispute", payment, **asked)
    dispute = await dispute_of(home, payment, lambda d: bool(d["stage"] == "inquiry"))

    assert (dispute["amount_withdrawn"], (await payment_of(home, payment))["amount_disputed"]) == (0, 0)
    await agrees(home)


async def test_an_inquiry_at_stripe_becomes_a_chargeback(home: House) -> None:
    payment = await captured(home, "stripe")
    await order(home, "stripe", "dispute", payment, inquiry=True)
    await dispute_of(home, payment, lambda d: bool(d["stage"] == "inquiry"))

    await order(home, "stripe", "dispute_escalate", payment)

    await dispute_of(home, payment, standing("chargeback", "needs_response"))
    await agrees(home)


async def test_adyens_bank_takes_again_what_it_gave_back(home: House) -> None:
    payment = await captured(home, "adyen")
    await order(home, "adyen", "dispute", payment)
    dispute = await dispute_of(home, payment, standing("chargeback", "needs_response"))
    await answered(home, dispute, "adyen")
    await order(home, "adyen", "dispute_win", payment)

    await order(home, "adyen", "dispute_second", payment)
    await dispute_of(home, payment, standing("arbitration", "lost", withdrawn=2 * PAID, back=PAID))

    assert await losses(home, payment) == PAID
    await agrees(home)


@pytest.mark.parametrize("processor", ["stripe", "adyen"])
async def test_webhooks_that_come_twice_and_in_disorder_end_in_the_same(home: House, processor: str) -> None:
    payment = await captured(home, processor)
    await home.control(processor, "POST", "webhooks", {"mode": "reorder"})
    await order(home, processor, "dispute", payment)
    await order(home, processor, "dispute_lose", payment)
    await home.control(processor, "POST", "webhooks", {"mode": "normal"})

    await dispute_of(home, payment, lambda d: bool(d["amount_withdrawn"] == PAID))

    assert (await payment_of(home, payment))["amount_disputed"] == PAID
    await agrees(home)
