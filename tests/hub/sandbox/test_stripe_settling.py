"""The pretend Stripe settles: its balance, its payouts, and the reports of what they were made of."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import stripe

from tests.hub.sandbox.settled import close, report, rows, total
from tests.hub.sandbox.stripe_shop import ACCOUNT, Json, Shop, shop

DAYS_2 = {"advance_s": 2 * 86_400}


@pytest.fixture
async def merchant(tmp_path: Path) -> AsyncIterator[Shop]:
    async with shop(tmp_path / "book.db") as opened:
        yield opened


async def settled(merchant: Shop, **troubles: object) -> Json:
    """Let the settlement days pass, and close a batch."""
    await merchant.control("POST", "/clock", DAYS_2)
    return await close(merchant, ACCOUNT, **troubles)


async def pay(merchant: Shop, tag: str, amount: int = 1000, method: str = "pm_card_visa") -> stripe.PaymentIntent:
    return await merchant.pay(method, amount=amount, metadata={"hub_operation": tag})


async def refund(merchant: Shop, intent: stripe.PaymentIntent, tag: str, amount: int) -> None:
    asked: Any = {"payment_intent": intent.id, "amount": amount, "metadata": {"hub_operation": tag}}
    await merchant.api.v1.refunds.create_async(asked)


async def test_a_batch_has_everything_once_and_its_lines_come_to_the_payout(merchant: Shop) -> None:
    first = await pay(merchant, "att_1")
    await refund(merchant, first, "ref_1", 300)
    disputed = await pay(merchant, "att_2", 5000)
    await merchant.control("POST", "/dashboard", {"do": "dispute", "processor_reference": disputed.id})
    await pay(merchant, "att_3", 7000)

    batch = await settled(merchant)
    again = await settled(merchant)

    lines = await report(merchant, batch)
    assert [(line["reporting_category"], line["gross"], line["fee"]) for line in lines] == [
        ("charge", "10.00", "0.59"), ("refund", "-3.00", "0.00"), ("charge", "50.00", "1.75"),
        ("dispute", "-50.00", "15.00"), ("charge", "70.00", "2.33"),
    ]  # fmt: skip
    tags = [line["refund_metadata[hub_operation]"] or line["payment_metadata[hub_operation]"] for line in lines]
    assert tags == ["att_1", "ref_1", "att_2", "att_2", "att_3"]
    assert total(lines, "gross", "-fee") == total(lines, "net")
    assert total(lines, "net") * 100 == batch["payouts"][0]["amount"]
    assert again == {"error": "there is nothing to pay out: nothing has settled"}


async def test_the_api_lists_what_a_payout_was_made_of(merchant: Shop) -> None:
    intent = await pay(merchant, "att_1")
    await refund(merchant, intent, "ref_1", 300)
    api = merchant.api.v1
    waiting = (await api.balance.retrieve_async()).to_dict()
    batch = await settled(merchant)

    asked: Any = {"payout": batch["payout"], "limit": 2, "expand": ["data.source"]}
    page = await api.balance_transactions.list_async(asked)
    asked = asked | {"starting_after": page.data[-1].id}
    rest = await api.balance_transactions.list_async(asked)

    found = [*page.data, *rest.data]
    assert [(line.type, line.net, line.status) for line in found] == [
        ("payout", -641, "available"), ("refund", -300, "available"), ("charge", 941, "available"),
    ]  # fmt: skip
    assert (page.has_more, rest.has_more) == (True, False)
    assert [line.source.object for line in found if not isinstance(line.source, str) and line.source] == [
        "payout", "refund", "charge",
    ]  # fmt: skip
    charge = await api.charges.retrieve_async(str(intent.latest_charge))
    assert charge.balance_transaction == found[-1].id
    assert (waiting["pending"][0]["amount"], waiting["available"][0]["amount"]) == (941, -300)
    assert (await api.balance.retrieve_async()).to_dict()["available"][0]["amount"] == 0
    assert "payout.reconciliation_completed" in await merchant.types()


async def test_a_charge_waits_for_its_settlement_days(merchant: Shop) -> None:
    await pay(merchant, "att_1")

    assert (await close(merchant, ACCOUNT))["error"].startswith("there is nothing to pay out")
    assert (await settled(merchant))["lines"] == 1


async def test_another_settlement_currency_and_other_fees_are_as_they_were_set(merchant: Shop) -> None:
    terms = {"settlement_currency": "USD", "rates": {"EUR": "1.085"}, "fees": {"percent_bps": 100, "fixed_minor": 0}}
    await merchant.control("PUT", f"/accounts/{ACCOUNT}", terms)
    await pay(merchant, "att_1")

    [line] = await report(merchant, await settled(merchant))

    assert (line["currency"], line["gross"], line["fee"], line["net"]) == ("usd", "10.85", "0.11", "10.74")
    assert (line["customer_facing_currency"], line["customer_facing_amount"]) == ("eur", "10.00")


async def test_what_is_wrong_with_a_batch_is_as_it_was_asked_for(merchant: Shop) -> None:
    for tag in ("att_1", "att_2", "att_3"):
        await pay(merchant, tag)

    batch = await settled(
        merchant, short_payout=50, leave_out=["att_2"], unknown_refund=200, unknown_charge=700,
        fee_extra={"att_3": 9}, reserve=100, raw_type="contribution",
    )  # fmt: skip

    lines = await report(merchant, batch)
    assert [(line["reporting_category"], line["gross"], line["fee"]) for line in lines] == [
        ("charge", "10.00", "0.59"), ("charge", "10.00", "0.68"), ("charge", "7.00", "0.00"),
        ("refund", "-2.00", "0.00"), ("risk_reserved_funds", "-1.00", "0.00"), ("contribution", "1.00", "0.00"),
    ]  # fmt: skip
    assert total(lines, "net") * 100 == batch["payouts"][0]["amount"] + 50
    [late] = await report(merchant, await settled(merchant))
    assert late["payment_metadata[hub_operation]"] == "att_2"


async def test_a_batch_that_is_told_again_has_another_fee_and_the_payout_that_was_due(merchant: Shop) -> None:
    await pay(merchant, "att_1")
    await pay(merchant, "att_2")
    before = await report(merchant, first := await settled(merchant))

    batch = await close(merchant, ACCOUNT, restate=True, fee_extra={"att_2": 5})

    after = await report(merchant, batch)
    changed = [(old["fee"], new["fee"]) for old, new in zip(before, after, strict=True) if old != new]
    assert changed == [("0.59", "0.64")]
    assert (batch["batch"], batch["told"]) == (first["batch"], 2)
    assert batch["payouts"][0]["amount"] == first["payouts"][0]["amount"] - 5 == total(after, "net") * 100


async def test_a_report_run_is_made_told_and_fetched(merchant: Shop) -> None:
    await pay(merchant, "att_1")
    batch = await settled(merchant)
    parameters = {
        "payout": batch["payout"],
        "columns": ["balance_transaction_id", "net", "payment_metadata[hub_operation]"],
    }
    asked: Any = {"report_type": "payout_reconciliation.by_id.itemized.4", "parameters": parameters}

    run = await merchant.api.v1.reporting.report_runs.create_async(asked)
    await merchant.until("reporting.report_run.succeeded")

    done = (await merchant.api.v1.reporting.report_runs.retrieve_async(run.id)).to_dict()
    headers = {"Authorization": f"Bearer sk_test_{ACCOUNT}"}
    async with merchant.http.get(done["result"]["url"], headers=headers) as answer:
        [row] = rows(await answer.text())
    async with merchant.http.get(done["result"]["url"]) as refused:
        assert refused.status == 401
    assert (run.status, done["status"]) == ("pending", "succeeded")
    assert list(row) == parameters["columns"]
    assert (row["net"], row["payment_metadata[hub_operation]"]) == ("9.41", "att_1")


@pytest.mark.parametrize(
    "wrong",
    [
        {"report_type": "weather.1"},
        {"report_type": "payouts.itemized.3", "parameters": {"interval_start": 1}},
        {"report_type": "payout_reconciliation.by_id.itemized.4", "parameters": {"payout": "po_none"}},
        {"report_type": "payouts.itemized.3",
         "parameters": {"interval_start": 1, "interval_end": 2, "columns": ["payment_metadata[a]"]}},
    ],
)  # fmt: skip
async def test_a_report_run_that_cannot_be_is_refused(merchant: Shop, wrong: Any) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        await merchant.api.v1.reporting.report_runs.create_async(wrong)


async def test_the_report_of_payouts_has_one_row_each_and_another_for_what_came_back(merchant: Shop) -> None:
    await pay(merchant, "att_1")
    batch = await settled(merchant)
    [before] = await report(merchant, batch, "payouts")

    order = {"do": "payout", "processor_reference": batch["payout"], "options": {"status": "failed"}}
    await merchant.control("POST", "/dashboard", order)

    paid, back = await report(merchant, batch, "payouts")
    assert (before["payout_id"], before["payout_status"], before["net"]) == (batch["payout"], "paid", "9.41")
    assert (paid["reporting_category"], paid["payout_status"], paid["net"]) == ("payout", "failed", "9.41")
    assert (back["reporting_category"], back["net"]) == ("payout_reversal", "-9.41")


async def test_a_payout_that_came_back_is_paid_with_the_next(merchant: Shop) -> None:
    await pay(merchant, "att_1")
    await merchant.control("POST", "/clock", DAYS_2)
    order = {"do": "payout", "processor_reference": ACCOUNT, "options": {"status": "failed"}}
    failed = await merchant.control("POST", "/dashboard", order)

    [line] = await report(merchant, await settled(merchant))

    assert (line["reporting_category"], line["source_id"], line["net"]) == ("payout_reversal", failed["id"], "9.41")


async def test_what_a_payout_is_made_of_is_not_told_before_it_is_known(merchant: Shop) -> None:
    await pay(merchant, "att_1")
    order = {"do": "payout", "processor_reference": ACCOUNT, "options": {"status": "pending"}}
    made = await merchant.control("POST", "/dashboard", order)
    asked: Any = {"payout": made["id"]}

    with pytest.raises(stripe.InvalidRequestError) as refused:
        await merchant.api.v1.balance_transactions.list_async(asked)

    assert refused.value.code == "payout_reconciliation_not_ready"
