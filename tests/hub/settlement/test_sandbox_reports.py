"""Reports that the pretend processors write of their own books are imported, every line of them readable."""

from pathlib import Path
from typing import Any

import pytest

from hub.sandbox.server import processor, serve
from hub.settlement.downloading import download_reports
from hub.webhooks.jobs import read_waiting
from tests.hub.house import House, add_account
from tests.hub.settlement.reports import PATH, hand_in, import_all

pytestmark = pytest.mark.asyncio(loop_scope="module")

NONE_UNREADABLE = {"known": 0, "restated": 0, "broken": 0, "skipped": 0}


async def paid_and_partly_back(made: House, account: str, payment_method: str) -> None:
    """Charge 49.99 and give 10.00 of it back at an account that settles at once."""
    await _control(made, account, "PUT", "accounts/{name}", {"settlement_days": 0})
    pinned = {"merchant_account": made.accounts[account], "payment_method": payment_method}
    paid = (await made.hub.charge(**pinned)).json()["id"]
    await _told(made, account)
    await made.hub.post(f"/v1/payments/{paid}/refunds", {"amount": 1000})
    await _told(made, account)


async def imported(made: House, account: str, **troubles: object) -> dict[str, Any]:
    """Close a batch at the account's processor, hand its report in, have it imported, and show what came of it."""
    closed = await _control(made, account, "POST", "settlements", {"account": "{name}", "troubles": troubles})
    at = made.sandboxes[made.places[made.accounts[account]][0]]
    content = (await made.controls.get(f"{at}{closed['report']}")).content
    answer = await hand_in(made.hub, made.accounts[account], content)
    assert answer.status_code == 202, answer.text
    await import_all(made.hub.parts.shell)
    body: dict[str, Any] = (await made.hub.get(f"{PATH}/{answer.json()['id']}")).json()
    paid = {one["currency"]: one["amount"] for one in closed["payouts"]}
    assert {currency: total["net"] for currency, total in body["totals"].items()} == paid
    assert body["status"] == "done"
    return body


async def test_stripes_itemized_report_is_read_and_matched(quiet: House) -> None:
    await paid_and_partly_back(quiet, "stripe-eu", quiet.payment_method)

    batch = await imported(quiet, "stripe-eu")

    assert batch["counts"] == NONE_UNREADABLE | {"added": 2, "matched": 2, "excepted": 0}


async def test_adyens_settlement_details_are_read_and_matched(quiet: House) -> None:
    await paid_and_partly_back(quiet, "adyen-eu", quiet.payment_method)

    batch = await imported(quiet, "adyen-eu")

    assert batch["counts"] == NONE_UNREADABLE | {"added": 3, "matched": 2, "excepted": 0}
    assert batch["totals"]["EUR"]["payout"] == batch["totals"]["EUR"]["net"]


async def test_checkout_coms_fee_rows_join_the_actions_that_they_are_of(quiet: House, tmp_path: Path) -> None:
    fees = [{"kind": "charge", "percent_bps": 150, "fixed_minor": 20}, {"kind": "refund"}]
    async with serve(processor("checkout_com"), tmp_path / "checkout_com.book") as sandbox:
        quiet.sandboxes["checkout_com"] = sandbox.url
        await add_account(quiet, "checkout-eu", "checkout_com", "pc_eu", currencies=["EUR"], fees=fees)
        await paid_and_partly_back(quiet, "checkout-eu", await quiet.method(checkout_com="src_visa"))

        batch = await imported(quiet, "checkout-eu", reserve=500)

    assert batch["counts"] == NONE_UNREADABLE | {"added": 6, "matched": 4, "excepted": 0}
    found = await quiet.hub.get("/v1/exceptions", merchant_account=quiet.accounts["checkout-eu"])
    assert found.json()["data"] == []
    assert batch["totals"]["EUR"]["payout"] == batch["totals"]["EUR"]["net"]


@pytest.mark.parametrize(("account", "lines"), [("stripe-too", 3), ("adyen-too", 3)])
async def test_a_report_that_a_processor_tells_of_is_fetched_by_the_hub(quiet: House, account: str, lines: int) -> None:
    if account not in quiet.accounts:
        await add_account(quiet, account, "adyen", "HubToo", currencies=["EUR"])
    await paid_and_partly_back(quiet, account, quiet.payment_method)
    await _control(quiet, account, "POST", "settlements", {"account": "{name}"})
    await _told(quiet, account)

    while await download_reports(quiet.hub.parts.shell):
        pass
    await import_all(quiet.hub.parts.shell)

    [batch] = (await quiet.hub.get(PATH, merchant_account=quiet.accounts[account])).json()["data"]
    assert (batch["source"], batch["status"], batch["error"]) == ("download", "done", None)
    assert batch["counts"] == NONE_UNREADABLE | {"added": lines, "matched": 2, "excepted": 0}
    assert batch["totals"]["EUR"]["payout"] == batch["totals"]["EUR"]["net"]


async def _told(made: House, account: str) -> None:
    """Have the processor's webhooks delivered and read."""
    await _control(made, account, "POST", "webhooks/flush", {})
    while await read_waiting(made.hub.parts.shell):
        pass


async def _control(made: House, account: str, method: str, path: str, body: dict[str, Any]) -> Any:
    """Speak to the control of the account's processor; `{name}` is the account's name there."""
    at, name = made.places[made.accounts[account]]
    body = {key: name if value == "{name}" else value for key, value in body.items()}
    return await made.control(at, method, path.format(name=name), body)
