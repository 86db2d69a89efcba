"""A reference that an open or successful payment has is not charged a second time, whoever holds it and however."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from hub.webhooks.jobs import read_waiting
from tests.hub.house import QUICK, House, add_account, house
from tests.hub.payments.faulty import shown, work
from tests.hub.payments.test_unknown_late import charge_at, flush
from tests.processes import free_port

ONE_TIME: dict[str, Any] = {"payment_method_data": {"processor": "stripe", "data": {"payment_method": "pm_card_visa"}}}


@pytest.fixture
async def made(database_url: str, tmp_path: Path) -> AsyncIterator[House]:
    async with house(database_url, tmp_path, settings=QUICK) as opened:
        yield opened


@pytest.fixture(params=["remembered", "one-time data"])
async def means(request: pytest.FixtureRequest, made: House) -> dict[str, Any]:
    """What a charge pays with that reads nothing before its first commit."""
    if request.param == "one-time data":
        return ONE_TIME
    assert (await made.hub.charge(payment_method=made.payment_method)).status_code == 201
    return {"payment_method": made.payment_method}


async def test_a_payment_that_was_allowed_to_repeat_a_reference_has_it_all_the_same(
    made: House, means: dict[str, Any]
) -> None:
    paid = await made.hub.charge(**means, reference="once", allow_duplicate_reference=True)
    before = await made.charges("stripe") + await made.charges("adyen")

    refused = await made.hub.charge(**means, reference="once")
    wanted = await made.hub.charge(**means, reference="once", allow_duplicate_reference=True)

    assert paid.json()["status"] == "captured"
    assert (refused.status_code, refused.json()["code"]) == (409, "duplicate_reference")
    assert refused.json()["payment"] == paid.json()["id"]
    assert wanted.json()["status"] == "captured"
    assert await made.charges("stripe") + await made.charges("adyen") == before + 1


async def test_a_payment_that_had_failed_and_turned_out_paid_has_its_reference_again(
    made: House, means: dict[str, Any]
) -> None:
    dead = {"base_url": f"http://127.0.0.1:{free_port()}"}
    await add_account(made, "dead", "stripe", "dead", credentials=dead, brands=["dead"])
    for name in ("stripe-eu", "adyen-eu"):
        await made.hub.client.patch(f"/v1/merchant_accounts/{made.accounts[name]}", json={"status": "paused"})
    failed = (await made.hub.charge(**means, reference="late", amount=1000, brand="dead")).json()
    assert failed["status"] == "failed"
    await charge_at(made, "stripe", failed["attempts"][0]["id"], "dead")
    await flush(made)
    await work(made, read_waiting, until_resolved=False)
    assert (await shown(made, failed["id"]))["status"] == "captured"
    for name in ("stripe-eu", "adyen-eu"):
        await made.hub.client.patch(f"/v1/merchant_accounts/{made.accounts[name]}", json={"status": "active"})
    before = await made.charges("stripe") + await made.charges("adyen")

    refused = await made.hub.charge(**means, reference="late", amount=1000)

    assert (refused.status_code, refused.json()["code"]) == (409, "duplicate_reference")
    assert refused.json()["payment"] == failed["id"]
    assert await made.charges("stripe") + await made.charges("adyen") == before
