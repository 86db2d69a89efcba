"""One payment to which everything happened, told in order; on both databases."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any, get_args

import msgspec
import pytest
from sqlalchemy import insert, select

from hub.access.store import AUDIT, audit_row
from hub.approvals.tables import approvals
from hub.database import Database, open_database
from hub.disputes.tables import dispute_reports, disputes
from hub.exceptions.opening import Opening
from hub.exceptions.store import close, open_exceptions
from hub.ids import new_id
from hub.payments.states import Payment
from hub.payments.timeline_sources import Kind
from hub.payments.timelines import timeline_of
from hub.settlement.tables import settlement_lines
from hub.webhooks.tables import webhook_deliveries
from normalization.settlements import LineType
from tests.hub.reporting.facts import MARCH, Shop, line, open_shop
from tests.hub.settlement.books import Held

HOUR = timedelta(hours=1)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = await open_database(database_url)
    yield opened
    await opened.close()


async def told_by_the_processor(shop: Shop, sold: Held) -> None:
    """A webhook, and a dispute."""
    of = {"livemode": False, "payment_id": sold.payment.id, "merchant_account": shop.account}
    delivery = {
        "id": new_id("wd_"),
        "delivery_key": "evt_1",
        "subject": "pi_1",
        "body": b"",
        "status": "done",
        "tries": 1,
        "received_at": MARCH + 2 * HOUR,
    }
    dispute = {
        "id": new_id("dp_"), "operation_id": sold.operation.id, "processor": "stripe", "processor_reference": "du_1",
        "stage": "chargeback", "status": "needs_response", "reason": "fraudulent", "amount_minor": 1_000,
        "currency": "EUR", "accepted": False, "contested_minor": 0, "concerns": "", "version": 1,
        "created_at": MARCH + 3 * HOUR, "updated_at": MARCH,
    }  # fmt: skip
    said = {"stage": "chargeback", "status": "needs_response", "movements": []}
    report = {
        "id": new_id("dpr_"), "dispute_id": dispute["id"], "payment_id": sold.payment.id, "fingerprint": "f",
        "source": "webhook", "report": msgspec.json.encode(said), "recorded_at": MARCH + 3 * HOUR,
    }  # fmt: skip
    async with shop.database.transaction() as connection:
        await connection.execute(insert(webhook_deliveries), of | delivery)
        await connection.execute(insert(disputes), of | dispute)
        await connection.execute(insert(dispute_reports), report)


async def settled_by_people(shop: Shop, sold: Held) -> None:
    """An exception about a line, an approval of what was to be done about it, and what is in the audit log."""
    async with shop.database.transaction() as connection:
        last = select(settlement_lines.c.id).where(settlement_lines.c.merchant_account == shop.account)
        line_id = (await connection.execute(last.order_by(settlement_lines.c.id.desc()))).scalars().first()
        opening = Opening(
            type="fee_unexpected", livemode=False, merchant_account=shop.account, amount_minor=15, currency="EUR",
            detail="a fee", payment_id=sold.payment.id, line_id=line_id, id=new_id("exc_"),
        )  # fmt: skip
        await open_exceptions(connection, [opening], MARCH + 6 * HOUR)
        asked = {
            "id": new_id("apr_"), "livemode": False, "kind": "exception", "status": "carried_out",
            "object_id": opening.id, "summary": "book 15 EUR", "request": b"", "requested_by": "ada",
            "decided_by": "bea", "tries": 0, "expires_at": MARCH, "created_at": MARCH + 7 * HOUR,
        }  # fmt: skip
        await connection.execute(insert(approvals), asked)
        told = audit_row(None, "approval.approved", str(asked["id"]), {}, livemode=False, at=MARCH + 8 * HOUR)
        await connection.execute(AUDIT, told)
        await close(connection, [str(opening.id)], "settled_later", MARCH + 9 * HOUR, reason="it was ours")


async def everything(shop: Shop) -> Payment:
    """A payment that was charged, refunded, disputed, settled, doubted and settled by people."""
    sold = await shop.charged(MARCH, 10_000)
    await shop.books(MARCH + HOUR).refunded(sold, 500)
    await shop.told(sold, MARCH + HOUR, "payment.captured", 10_000)
    await told_by_the_processor(shop, sold)
    await shop.settled(MARCH + 4 * HOUR, line(LineType.CHARGE, 10_000, 320, on=MARCH.date(), of=sold))
    await shop.settled(MARCH + 5 * HOUR, line(LineType.FEE, -15, on=MARCH.date()))
    await settled_by_people(shop, sold)
    return sold.payment


async def test_everything_that_happened_to_a_payment_is_told_in_order(database: Database) -> None:
    shop = await open_shop(database)
    payment = await everything(shop)
    await everything(await open_shop(database))  # Another's, none of which is told.

    told = (await timeline_of(database, payment)).entries

    assert {entry.kind for entry in told} == {*get_args(Kind)}
    assert [entry.at for entry in told] == sorted(entry.at for entry in told)
    ids = [(entry.kind, entry.id) for entry in told]
    assert len(ids) == len(set(ids))
    summaries = "\n".join(entry.summary for entry in told)
    for words in (
        "purchase of 100.00 EUR",
        "refund of 5.00 EUR",
        "chargeback needs_response",
        "charge of 100.00 EUR, fee 3.20, row 0 of set_",
        "fee of -0.15 EUR",
        "is settled by sln_",
        "fee_unexpected: a fee",
        "resolved by hub",
        "book 15 EUR, asked for by ada: carried_out",
        "approval.approved by hub",
    ):
        assert words in summaries, words


async def test_a_settlement_line_is_told_with_its_batch_and_row_and_what_it_moved(database: Database) -> None:
    shop = await open_shop(database)
    sold = await shop.charged(MARCH, 10_000)
    await shop.settled(MARCH + HOUR, line(LineType.CHARGE, 10_000, 320, on=MARCH.date(), of=sold))

    told = (await timeline_of(database, sold.payment)).entries

    (settled,) = [entry for entry in told if entry.kind == "settlement_line"]
    wanted: dict[str, Any] = {"gross_minor": 10_000, "fee_minor": 320, "status": "matched", "number": 0}
    assert {name: settled.data[name] for name in wanted} == wanted
    assert settled.data["batch_id"].startswith("set_")
    moved = {entry.data["code"] for entry in told if entry.kind == "transfer"}
    assert moved == {"capture", "settled", "settled_fee"}
