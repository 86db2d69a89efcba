"""A word about a dispute reaches the payment, the books and the applications in one commit."""

import asyncio
from itertools import permutations
from typing import Any

import pytest

from hub.disputes.recording import record_dispute
from hub.ids import new_id
from normalization.disputes import FundsMovement
from tests.hub.disputes.courts import PAID, about, eur, paid, payment_of, tell
from tests.hub.disputes.telling import ARBITRATION, LOST, REVIEW, WON
from tests.hub.house import House
from tests.hub.money import rows

pytestmark = pytest.mark.asyncio(loop_scope="module")
TAKEN = FundsMovement(key="txn_1", money=eur(PAID))
BACK = FundsMovement(key="txn_2", money=eur(PAID), reinstated=True)


async def transfers(home: House, payment: dict[str, Any]) -> list[tuple[Any, ...]]:
    found = await rows(
        home,
        "SELECT debit, credit, amount_minor, code FROM transfers WHERE payment_id = :id AND code LIKE 'dispute%'",
        id=payment["id"],
    )
    return sorted(tuple(row.values()) for row in found)


async def events(home: House, payment: dict[str, Any]) -> list[str]:
    sql = "SELECT type FROM events WHERE object_id IN (SELECT id FROM disputes WHERE payment_id = :id)"
    return sorted(row["type"] for row in await rows(home, sql, id=payment["id"]))


async def exceptions(home: House, payment: dict[str, Any]) -> list[str]:
    found = await rows(home, "SELECT type FROM exceptions WHERE payment_id = :id", id=payment["id"])
    return sorted(row["type"] for row in found)


async def test_a_chargeback_takes_its_money_off_the_payment_and_out_of_what_the_processor_owes(home: House) -> None:
    payment = await paid(home)

    now = await tell(home, payment, about(payment, movements=(TAKEN,)))

    owed = f"settlement_receivable:{payment['merchant_account']}"
    assert now["amount_disputed"] == PAID
    assert await transfers(home, payment) == [("disputes_receivable", owed, PAID, "dispute_taken")]
    assert await events(home, payment) == ["dispute.created"]


async def test_what_must_settle_is_expected(home: House) -> None:
    payment = await paid(home)

    await tell(home, payment, about(payment, movements=(TAKEN,)), about(payment, status=WON, movements=(BACK,)))

    lines = await rows(
        home, "SELECT type, gross_minor FROM expected_settlements WHERE payment_id = :id", id=payment["id"]
    )
    assert {(line["type"], line["gross_minor"]) for line in lines} == {
        ("charge", PAID),
        ("chargeback", -PAID),
        ("chargeback_reversal", PAID),
    }


@pytest.mark.parametrize("order", list(permutations(range(3))))
async def test_whatever_order_its_words_come_in_twice_each_the_rows_are_the_same(
    home: House, order: tuple[int, ...]
) -> None:
    payment = await paid(home)
    owed = f"settlement_receivable:{payment['merchant_account']}"
    story = (
        about(payment, movements=(TAKEN,)),
        about(payment, status=REVIEW, movements=(TAKEN,)),
        about(payment, status=LOST, movements=(TAKEN,)),
    )

    now = await tell(home, payment, *(story[n] for n in order for _ in range(2)))

    assert now["amount_disputed"] == PAID
    assert await transfers(home, payment) == [
        ("dispute_losses", "disputes_receivable", PAID, "dispute_written_off"),
        ("disputes_receivable", owed, PAID, "dispute_taken"),
    ]
    assert await events(home, payment) == ["dispute.created", "dispute.lost", "dispute.updated", "dispute.updated"]
    assert await exceptions(home, payment) == []


async def test_words_that_come_at_once_are_all_kept(home: House) -> None:
    payment = await paid(home)
    account = payment["merchant_account"]
    words = [about(payment, status=status, movements=(TAKEN,)) for status in (REVIEW, LOST, WON)] * 3

    await asyncio.gather(*(record_dispute(home.hub.parts.shell, account, told, "webhook") for told in words))

    assert (await events(home, payment)).count("dispute.created") == 1
    assert len(await transfers(home, payment)) == 2
    assert await exceptions(home, payment) == ["dispute_contradicted"]


async def test_a_dispute_and_a_refund_at_once_both_count(home: House) -> None:
    payment = await paid(home)
    told = record_dispute(home.hub.parts.shell, payment["merchant_account"], about(payment), "webhook")

    refund, _ = await asyncio.gather(home.hub.post(f"/v1/payments/{payment['id']}/refunds", {"amount": 100}), told)

    now = await payment_of(home, payment)
    assert now["amount_disputed"] == PAID
    refused = (refund.status_code, now["amount_refunded"], []) == (409, 0, await exceptions(home, payment))
    both = (201, 100, ["refund_then_chargeback"])
    assert refused or (refund.status_code, now["amount_refunded"], await exceptions(home, payment)) == both


async def test_it_is_found_by_the_payments_reference_where_no_tag_came(home: House) -> None:
    payment = await paid(home)

    assert (await tell(home, payment, about(payment, tag=None)))["amount_disputed"] == PAID


async def test_it_is_found_by_its_own_reference_where_nothing_else_came(home: House) -> None:
    payment = await paid(home)
    await tell(home, payment, about(payment))

    now = await tell(home, payment, about(payment, status=WON, tag=None, parent_reference=None))

    assert now["amount_disputed"] == 0


async def test_a_word_that_names_the_payment_alone_is_its_disputes(home: House) -> None:
    payment = await paid(home)
    await tell(home, payment, about(payment))
    named = payment["processor_reference"]

    now = await tell(home, payment, about(payment, ARBITRATION, WON, processor_reference=named, parent_reference=named))

    assert now["amount_disputed"] == 0
    assert len(await rows(home, "SELECT id FROM disputes WHERE payment_id = :id", id=payment["id"])) == 1


async def test_a_word_that_names_the_payment_alone_waits_for_the_dispute(home: House) -> None:
    payment = await paid(home)
    named = payment["processor_reference"]
    alone = about(payment, ARBITRATION, WON, processor_reference=named, parent_reference=named)

    assert await record_dispute(home.hub.parts.shell, payment["merchant_account"], alone, "webhook") is None


@pytest.mark.parametrize("changes", [{"tag": None, "parent_reference": "pi_nobodys"}, {"livemode": True}])
async def test_nobodys_dispute_is_not_recorded(home: House, changes: dict[str, Any]) -> None:
    payment = await paid(home)
    told = about(payment, processor_reference=new_id("du_"), **changes)

    assert await record_dispute(home.hub.parts.shell, payment["merchant_account"], told, "webhook") is None


async def test_another_accounts_word_does_not_reach_the_payment(home: House) -> None:
    payment = await paid(home)

    assert await record_dispute(home.hub.parts.shell, home.accounts["adyen-eu"], about(payment), "webhook") is None


async def test_the_timeline_tells_of_the_dispute(home: House) -> None:
    payment = await paid(home)
    await tell(home, payment, about(payment, movements=(TAKEN,)), about(payment, status=LOST))

    entries = (await home.hub.get(f"/v1/payments/{payment['id']}/timeline")).json()["entries"]

    told = [(entry["kind"], entry["summary"]) for entry in entries]
    assert [summary.partition(": ")[2] for kind, summary in told if kind == "dispute"] == [
        f"chargeback needs_response (chargeback_needs_response), {TAKEN.money.to_decimal()} EUR taken",
        "chargeback lost (chargeback_lost)",
    ]
    assert ("event", "dispute.created") in told
    assert ("event", "dispute.lost") in told
    assert any(entry["data"].get("action") == "dispute.told" for entry in entries if entry["kind"] == "audit")


async def test_a_card_number_in_free_text_is_masked(home: House) -> None:
    payment = await paid(home)

    await tell(home, payment, about(payment, processor_reason="seen with 4242424242424242"))

    kept = await rows(home, "SELECT processor_reason FROM disputes WHERE payment_id = :id", id=payment["id"])
    assert kept[0]["processor_reason"] == "seen with 424242******4242"
