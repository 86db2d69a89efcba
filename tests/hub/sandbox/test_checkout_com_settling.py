"""The pretend Checkout.com settles: a row for each kind of money in an action, and a payout that is whole."""

from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest

from tests.hub.sandbox.checkout_com_shop import CHANNEL, Json, Shop, shop
from tests.hub.sandbox.settled import close, report, total

DAYS_2 = {"advance_s": 2 * 86_400}
HELD = "Holding Currency Amount"


@pytest.fixture
async def merchant(tmp_path: Path) -> AsyncIterator[Shop]:
    async with shop(tmp_path / "book.db") as opened:
        yield opened


async def settled(merchant: Shop, **troubles: object) -> Json:
    """Let the settlement days pass, and close a batch."""
    await merchant.settled()
    await merchant.control("POST", "/clock", DAYS_2)
    return await close(merchant, CHANNEL, **troubles)


async def test_every_action_is_told_once_in_parts_that_come_to_the_payout(merchant: Shop) -> None:
    paid = await merchant.stored("visa", reference="att_1", amount=4999)
    await merchant.settled()
    await merchant.refund(paid["id"], amount=1000)
    disputed = await merchant.stored("visa", reference="att_2", amount=5000)
    await merchant.settled()
    await merchant.control("POST", "/dashboard", {"do": "dispute", "processor_reference": disputed["id"]})

    batch = await settled(merchant)
    again = await settled(merchant)

    lines = await report(merchant, batch)
    assert [(line["Action Type"], line["Breakdown Type"], line["Reference"]) for line in lines] == [
        ("Capture", "Capture", "att_1"), ("Capture", "Interchange Fee", "att_1"),
        ("Capture", "Premium Variable Fee", "att_1"), ("Refund", "Refund", "ref_1"), ("Capture", "Capture", "att_2"),
        ("Capture", "Interchange Fee", "att_2"), ("Capture", "Premium Variable Fee", "att_2"),
        ("Chargeback", "Chargeback (ADJM)", "att_2"), ("Chargeback", "Chargeback Fixed Fee", "att_2"),
        ("Payout", "Payout", ""),
    ]  # fmt: skip
    assert lines[1][HELD] == "-0.15496900"
    assert total(lines, HELD) == 0
    assert -Decimal(lines[-1][HELD]) * 100 == batch["payouts"][0]["amount"]
    assert again == {"error": "there is nothing to pay out: nothing has settled"}


async def test_another_holding_currency_is_converted(merchant: Shop) -> None:
    terms = {"settlement_currency": "GBP", "rates": {"EUR": "0.85"}, "fees": {"pricing": "blended"}}
    await merchant.control("PUT", f"/accounts/{CHANNEL}", terms)
    await merchant.stored("visa", reference="att_1", amount=1000)

    captured, fee, _ = await report(merchant, await settled(merchant))

    assert (captured["Processing Currency"], captured["Holding Currency"]) == ("EUR", "GBP")
    assert (captured[HELD], captured["FX Rate Applied"], fee[HELD]) == ("8.50000000", "0.85", "-0.33000000")


async def test_what_is_wrong_with_a_batch_is_as_it_was_asked_for(merchant: Shop) -> None:
    await merchant.stored("visa", reference="att_1", amount=1000)

    batch = await settled(
        merchant, short_payout=5, unknown_charge=700, unknown_refund=200, reserve=100, raw_type="Gift"
    )

    lines = await report(merchant, batch)
    assert [line["Breakdown Type"] for line in lines if "Fee" not in line["Breakdown Type"]] == [
        "Capture", "Capture", "Refund", "Security Deposit Reservation", "Gift", "Payout",
    ]  # fmt: skip
    assert total(lines, HELD) * 100 == 5


@pytest.mark.parametrize(
    ("asked", "status", "told"),
    [
        ("1/report?format=weather", 400, "format: one of financial_actions"),
        ("7/report", 404, "no batch 7"),
        ("x/report", 404, "no batch x"),
    ],
)
async def test_a_report_that_there_is_not_is_refused(merchant: Shop, asked: str, status: int, told: str) -> None:
    await merchant.stored("visa", reference="att_1", amount=1000)
    await settled(merchant)

    async with merchant.http.get(f"{merchant.sandbox.url}/_control/settlements/{asked}") as answer:
        assert (answer.status, await answer.json()) == (status, {"error": told})


async def test_settings_that_say_nothing_are_refused(merchant: Shop) -> None:
    await merchant.control("PUT", f"/accounts/{CHANNEL}", {"time_zone": "Europe/Atlantis"})

    told = await close(merchant, CHANNEL)

    assert told["error"].startswith("the account's settings: ")
