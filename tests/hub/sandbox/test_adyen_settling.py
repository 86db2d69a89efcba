"""The pretend Adyen closes its batches: settlement details, payment accounting, and where they are fetched."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from hub.sandbox.adyen import PROCESSOR
from hub.sandbox.adyen.desk import Desk
from hub.sandbox.adyen.records import Payment
from hub.sandbox.batches import Batches
from hub.sandbox.book import Book, Entry
from hub.sandbox.closing import Close
from hub.sandbox.processor import Sandbox
from tests.hub.sandbox.adyen_shop import ACCOUNT, Json, Shop, shop
from tests.hub.sandbox.settled import Row, close, report, rows, total

DAYS_2 = {"advance_s": 2 * 86_400}
SIDES = ("Net Credit (NC)", "-Net Debit (NC)")


@pytest.fixture
async def merchant(tmp_path: Path) -> AsyncIterator[Shop]:
    async with shop(tmp_path / "book.db") as opened:
        yield opened


async def settled(merchant: Shop, **troubles: object) -> Json:
    """Let the settlement days pass, and close a batch."""
    await merchant.control("POST", "/clock", DAYS_2)
    return await close(merchant, ACCOUNT, **troubles)


async def pay(merchant: Shop, reference: str, value: int = 1000, currency: str = "EUR") -> str:
    paid = await merchant.pay(reference=reference, amount={"value": value, "currency": currency})
    return str(paid["pspReference"])


def shown(row: Row) -> tuple[str, str, str, str]:
    return (row["Type"], row["Merchant Reference"], row["Net Debit (NC)"], row["Net Credit (NC)"])


async def test_a_batch_comes_to_nought_with_its_payout_and_has_everything_once(merchant: Shop) -> None:
    first, second = await pay(merchant, "att_1"), await pay(merchant, "att_2", 5000)
    await merchant.refund(first, 300)
    await merchant.order("dispute", second)
    await merchant.order("dispute_win", second)
    await pay(merchant, "att_3", 7000, "GBP")

    batch = await settled(merchant)
    again = await settled(merchant)

    lines = await report(merchant, batch)
    assert [shown(line) for line in lines] == [
        ("Settled", "att_1", "", "9.76"), ("Settled", "att_2", "", "49.28"), ("Refunded", "att_1", "3.00", ""),
        ("Chargeback", "att_2", "57.50", ""), ("ChargebackReversed", "att_2", "", "50.00"),
        ("Settled", "att_3", "", "69.04"), ("MerchantPayout", "", "48.54", ""), ("MerchantPayout", "", "69.04", ""),
    ]  # fmt: skip
    assert total(lines, *SIDES) == 0
    assert [line["Modification Merchant Reference"] for line in lines if line["Type"] == "Refunded"] == ["ref_1"]
    assert len({(line["Type"], line["Modification Reference"]) for line in lines}) == len(lines)
    assert again == {"error": "there is nothing to pay out: nothing has settled"}


async def test_what_was_undone_is_told_beside_what_it_undoes(merchant: Shop) -> None:
    await merchant.settings(late_failure_s=0.0)
    card = {"type": "scheme", "storedPaymentMethodId": "stored_refunded_reversed"}
    paid = await merchant.pay(
        reference="att_1", paymentMethod=card, shopperReference="shopper-1", shopperInteraction="ContAuth",
        recurringProcessingModel="CardOnFile",
    )  # fmt: skip
    await merchant.refund(paid["pspReference"], 300)
    await merchant.events()

    lines = await report(merchant, await settled(merchant))

    assert [line["Type"] for line in lines] == ["Settled", "Refunded", "RefundedReversed", "MerchantPayout"]
    assert lines[1]["Modification Reference"] == lines[2]["Modification Reference"]
    assert total(lines, *SIDES) == 0


@pytest.mark.parametrize(
    ("pricing", "parts"), [("interchange", ("", "0.06", "0.01", "0.06")), ("blended", ("0.13", "", "", ""))]
)
async def test_a_payment_in_another_currency_is_converted_and_its_fee_told_in_parts(
    merchant: Shop, pricing: str, parts: tuple[str, ...]
) -> None:
    fees = {"percent_bps": 120, "fixed_minor": 2, "pricing": pricing}
    await merchant.settings(settlement_currency="EUR", rates={"USD": "0.92"}, fees=fees)
    await pay(merchant, "att_1", 1000, "USD")

    line, payout = await report(merchant, await settled(merchant), "classic")

    assert (line["Gross Currency"], line["Gross Credit (GC)"], line["Exchange Rate"]) == ("USD", "10.00", "0.92")
    assert (line["Net Currency"], line["Net Credit (NC)"], payout["Net Debit (NC)"]) == ("EUR", "9.07", "9.07")
    names = ("Commission (NC)", "Markup (NC)", "Scheme Fees (NC)", "Interchange (NC)")
    assert tuple(line[name] for name in names) == parts


async def test_what_is_wrong_with_a_batch_is_as_it_was_asked_for(merchant: Shop) -> None:
    for reference in ("att_1", "att_2", "att_3"):
        await pay(merchant, reference)

    batch = await settled(
        merchant, short_payout=50, leave_out=["att_2"], unknown_refund=200, fee_extra={"att_3": 9}, reserve=100,
        raw_type="Weather",
    )  # fmt: skip

    lines = await report(merchant, batch)
    assert [line["Type"] for line in lines] == [
        "Settled", "Settled", "Refunded", "DepositCorrection", "Weather", "MerchantPayout",
    ]  # fmt: skip
    assert [line["Net Credit (NC)"] for line in lines[:2]] == ["9.76", "9.67"]
    assert total(lines, *SIDES) * 100 == 50
    told = await close(merchant, ACCOUNT, restate=True, fee_extra={"att_1": 3})
    assert (await report(merchant, told))[0]["Net Credit (NC)"] == "9.73"
    late, _ = await report(merchant, await settled(merchant))
    assert late["Merchant Reference"] == "att_2"


async def test_a_report_is_told_and_fetched_by_its_credentials_alone(merchant: Shop) -> None:
    await pay(merchant, "att_1")
    batch = await settled(merchant)
    [item] = [item for item in await merchant.events() if item["eventCode"] == "REPORT_AVAILABLE"]
    keys = PROCESSOR.credentials(ACCOUNT, merchant.sandbox.url)

    async def fetch(url: str, **headers: str) -> tuple[int, str]:
        async with merchant.http.get(url, headers=headers) as answer:
            return answer.status, await answer.text()

    def by_password(password: str) -> Json:
        return {"Authorization": aiohttp.encode_basic_auth(keys["report_user"], password)}

    assert item["pspReference"] == f"settlement_detail_report_batch_{batch['batch']}.csv"
    status, text = await fetch(item["reason"], **by_password(keys["report_password"]))
    assert (status, rows(text)) == (200, await report(merchant, batch))
    statuses = [
        (await fetch(item["reason"]))[0],
        (await fetch(item["reason"], **by_password("another")))[0],
        (await fetch(item["reason"], **{"x-api-key": "report-key"}))[0],
        (await fetch(item["reason"].replace("batch_1", "batch_2"), **{"x-api-key": "report-key"}))[0],
        (await fetch(item["reason"].replace(ACCOUNT, "Another"), **{"x-api-key": "report-key"}))[0],
    ]
    assert statuses == [401, 401, 200, 404, 404]


async def test_the_accounting_of_a_day_has_every_step_and_agrees_with_the_details(merchant: Shop) -> None:
    await merchant.settings(settlement_days=0)
    paid = await pay(merchant, "att_1")
    await merchant.refund(paid, 300)
    details = await report(merchant, batch := await close(merchant, ACCOUNT))
    day = details[0]["Booking Date"][:10].replace("-", "_")
    url = f"{merchant.sandbox.url}/reports/download/MerchantAccount/{ACCOUNT}/payments_accounting_report_{day}.csv"

    async with merchant.http.get(url, headers={"x-api-key": "report-key"}) as answer:
        records = rows(await answer.text())

    assert [record["Record Type"] for record in records] == [
        "Received", "Authorised", "SentForSettle", "SentForRefund", "Settled", "Refunded",
    ]  # fmt: skip
    assert total(records, "Payable (SC)") == total(details[:-1], *SIDES)
    of_batch = await report(merchant, batch, "accounting")
    assert [one for one in of_batch if one["Payable (SC)"]] == records[-2:]


async def test_the_book_of_an_older_sandbox_is_settled_too(tmp_path: Path) -> None:
    older = Book(tmp_path / "book.db")
    for column in ("reference", "word", "batch"):
        older.sql.execute(f"ALTER TABLE money DROP COLUMN {column}")
    older.close()

    book = Book(tmp_path / "book.db")

    assert list(Batches(book).unsettled(ACCOUNT)) == []
    book.close()


def test_ten_thousand_lines_are_settled_and_written() -> None:
    book = Book(":memory:")
    sandbox = Sandbox(PROCESSOR, book)
    with book.transaction():
        Desk(sandbox).save(Payment(
            id="PAYMENT", account=ACCOUNT, reference="", currency="EUR", amount_minor=1000, number="4111111111111111",
        ))  # fmt: skip
        for number in range(10_000):
            book.enter(Entry(
                account=ACCOUNT, payment="PAYMENT", tag=f"att_{number}", kind="captured", amount_minor=1000,
                currency="EUR", at=0.0, reference=f"PSP{number}",
            ))  # fmt: skip
        batch = PROCESSOR.close(sandbox, Close(account=ACCOUNT))

    assert batch.lines == 10_000
    assert batch.payouts[0].amount_minor == 10_000 * (1000 - 24)
    assert PROCESSOR.report(sandbox, batch, "details").count("\n") == 10_002
    book.close()
