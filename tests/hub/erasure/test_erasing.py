"""An erased person is found nowhere any more, and the books are what they were, on both databases."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import LargeBinary, Table, Text, literal_column, select, update
from sqlalchemy.exc import DBAPIError

from hub.database import in_seconds
from hub.disputes.tables import dispute_files, dispute_submissions, disputes
from hub.doctor_erasures import look_at_erasures
from hub.erasure.rules import ERASED
from hub.erasure.tables import erasures
from hub.events.tables import events
from hub.idempotency.tables import idempotency_keys
from hub.ids import new_id
from hub.ledger.checks import verify
from hub.migrations.tables import metadata
from hub.payment_methods.tables import verifications
from hub.payment_sessions.tables import payment_sessions
from hub.payments.tables import reports
from hub.settlement.tables import broken_rows, exceptions, settlement_lines
from hub.webhooks.tables import webhook_deliveries
from tests.hub.disputes.courts import about, tell
from tests.hub.house import House
from tests.hub.planting import AT, plant

pytestmark = pytest.mark.asyncio(loop_scope="module")
CANARY = "canary-lovelace"
PERSON = {"name": f"Ada {CANARY}", "email": f"{CANARY}@example.com", "reference": f"ref-{CANARY}"}
SAID = f'{{"billing_details": {{"email": "{PERSON["email"]}"}}}}'.encode()


async def places(home: House) -> set[str]:
    """Name every column of every table that the canary is in."""
    found = set()
    async with home.hub.parts.database.reading() as connection:
        for table in metadata.tables.values():
            columns = [column for column in table.columns if isinstance(column.type, (Text, LargeBinary))]
            for row in await connection.execute(select(*columns) if columns else select(literal_column("1"))):
                for column, value in zip(columns, row, strict=False):
                    said = value if isinstance(value, bytes) else str(value).encode()
                    if CANARY.encode() in said:
                        found.add(f"{table.name}.{column.name}")
    return found


async def customer_with_card(home: House) -> tuple[str, str]:
    """A person with a card to charge and another that only a processor knows."""
    customer = (await home.hub.post("/v1/customers", PERSON | {"metadata": {"note": CANARY}})).json()["id"]
    token = {"processor": "adyen", "token": f"token-{CANARY}", "customer_reference": f"shopper-{CANARY}"}
    cards = [{"processor": "stripe", "token": "pm_card_visa"}], [token]
    made = [
        await home.hub.post("/v1/payment_methods", {"type": "card", "customer": customer, "processor_tokens": card})
        for card in cards
    ]
    return customer, made[0].json()["id"]


async def paid_and_refunded(home: House, customer: str, method: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """A payment about which everybody has said too much, and how it was asked for."""
    body: dict[str, Any] = {"payment_method": method, "customer": customer, "metadata": {"note": CANARY}}
    body |= {"risk": {"device_id": CANARY}, "return_url": f"https://shop.example/{CANARY}"}
    body |= {"amount": 4999, "currency": "EUR", "reference": new_id("invoice-")}
    body |= {"merchant_account": home.accounts["stripe-eu"]}
    made = await home.hub.post("/v1/payments", body, key=body["reference"])
    assert made.status_code == 201, made.text
    payment = made.json()
    refunded = await home.hub.post(f"/v1/payments/{payment['id']}/refunds", {"amount": 999, "reason": f"for {CANARY}"})
    assert refunded.status_code == 201, refunded.text
    await tell(home, payment, about(payment))
    return payment, body


async def told_by_others(home: House, customer: str, method: str, payment: str) -> None:
    """Rows as processors' messages and reports leave them."""
    database = home.hub.parts.database
    async with database.transaction() as connection:
        dispute = await connection.scalar(select(disputes.c.id).where(disputes.c.payment_id == payment))
        line = await plant(connection, settlement_lines, id=new_id("sl_"), raw=f'["{CANARY}"]', status="matched",
                           facts=f'{{"description":"{CANARY}","fee_parts":{{"interchange":3}}}}')  # fmt: skip
        await plant(connection, exceptions, payment_id=payment, line_id=line, type="fee_variance", status="resolved")
        sent = await plant(connection, dispute_submissions, dispute_id=dispute, status="done")
        await plant(connection, dispute_files, submission_id=sent, name=f"{CANARY}.pdf")
        await plant(connection, verifications, payment_method=method, request=SAID, finished_at=AT)
        await plant(connection, payment_sessions, customer=customer, customer_reference=CANARY)
        batch = await connection.scalar(select(settlement_lines.c.batch_id).where(settlement_lines.c.id == line))
        await plant(connection, broken_rows, batch_id=batch, raw=SAID.decode())
        wished = {"location": f"/v1/payments/{payment}", "answer": f'{{"metadata": {{"note": "{CANARY}"}}}}'.encode()}
        await plant(connection, idempotency_keys, **wished)
        await said(connection, "read", payment_id=payment)
        await said(connection, "of nobody's payment", status="ignored")


async def said(connection: Any, key: str, **values: Any) -> str:
    row = {"id": new_id("whd_"), "delivery_key": key, "status": "done", "body": SAID}
    return await plant(connection, webhook_deliveries, **row | values)


async def gone_through(home: House, customer: str, times: int) -> None:
    """Wait until the worker has gone through everything so often."""
    database = home.hub.parts.database
    for _ in range(200):
        async with database.reading() as connection:
            if await connection.scalar(select(erasures.c.passes).where(erasures.c.customer == customer)) == times:
                return
        await asyncio.sleep(0.05)
    raise AssertionError(f"{customer} was not gone through {times} times")


async def test_nothing_of_an_erased_person_is_left_and_the_books_stay(home: House) -> None:
    hub, database = home.hub, home.hub.parts.database
    customer, method = await customer_with_card(home)
    payment, asked = await paid_and_refunded(home, customer, method)
    await told_by_others(home, customer, method, payment["id"])
    before, books = (await hub.get(f"/v1/payments/{payment['id']}")).json(), await verify(database)
    assert await places(home) >= {
        "customers.person", "processor_tokens.token", "processor_tokens.customer_reference", "payments.metadata",
        "payments.facts", "payments.return_url", "events.data", "idempotency_keys.answer", "operations.reason",
        "operations.request", "settlement_lines.raw", "settlement_lines.facts", "dispute_files.name",
        "verifications.request", "payment_sessions.customer_reference", "broken_rows.raw", "webhook_deliveries.body",
    }  # fmt: skip

    erased = await hub.client.delete(f"/v1/customers/{customer}")
    await gone_through(home, customer, 1)

    assert erased.status_code == 204
    assert await places(home) - {"detachments.token", "detachments.customer_reference"} == set()
    after = (await hub.get(f"/v1/payments/{payment['id']}")).json()
    assert after == before | {"metadata": {}, "updated_at": after["updated_at"]}
    assert (await hub.client.delete(f"/v1/customers/{customer}")).status_code == 404
    assert await verify(database) == books
    again = await hub.post("/v1/payments", asked, key=asked["reference"])
    assert (again.status_code, again.json()["id"], again.json()["metadata"]) == (201, payment["id"], {})
    assert again.headers["idempotent-replayed"] == "true"
    published = (await hub.get("/v1/events", object=payment["id"])).json()["data"]
    assert {(one["data"]["erased"], one["data"]["id"]) for one in published} == {(True, payment["id"])}


async def test_what_is_told_later_goes_too_and_at_last_nothing_is_looked_for_any_more(home: House) -> None:
    database = home.hub.parts.database
    customer, method = await customer_with_card(home)
    payment, _ = await paid_and_refunded(home, customer, method)
    await home.hub.client.delete(f"/v1/customers/{customer}")
    await gone_through(home, customer, 1)

    async with database.transaction() as connection:
        kept = await said(connection, "later", payment_id=payment["id"])
        parked = await said(connection, "parked", payment_id=payment["id"], status="parked")
        now = {"due_at": in_seconds(literal_column("0"))}
        await connection.execute(update(erasures).where(erasures.c.customer == customer).values(**now))
    await gone_through(home, customer, 2)
    bodies = [await body_of(home, kept), await body_of(home, parked)]
    async with database.transaction() as connection:
        last = {"passes": 5, "due_at": in_seconds(literal_column("0"))}
        await connection.execute(update(erasures).where(erasures.c.customer == customer).values(**last))
    await gone_through(home, customer, 6)

    assert bodies == [ERASED, SAID]
    assert await body_of(home, parked) == ERASED
    async with database.reading() as connection:
        row = (await connection.execute(select(erasures).where(erasures.c.customer == customer))).mappings().one()
    assert (row["due_at"], row["needles"]) == (None, None)


async def body_of(home: House, delivery: str) -> bytes:
    async with home.hub.parts.database.reading() as connection:
        body = await connection.scalar(select(webhook_deliveries.c.body).where(webhook_deliveries.c.id == delivery))
    return bytes(body or b"")


async def test_an_erased_delivery_that_is_read_anew_is_ignored(home: House) -> None:
    database = home.hub.parts.database
    async with database.transaction() as connection:
        delivery = await said(connection, "emptied", body=ERASED, merchant_account=home.accounts["stripe-eu"])

    await home.hub.post(f"/v1/webhook_deliveries/{delivery}/replay", {})

    status = ""
    for _ in range(100):
        status = (await home.hub.get(f"/v1/webhook_deliveries/{delivery}")).json()["status"]
        if status == "ignored":
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"it is {status}")


async def test_one_that_fails_keeps_no_other_waiting_and_the_doctor_tells(home: House) -> None:
    database = home.hub.parts.database
    customer, _ = await customer_with_card(home)
    async with database.transaction() as connection:
        now = in_seconds(literal_column("0"))
        broken = await plant(connection, erasures, id="era_0", customer="cus_0", needles=b"nonsense", due_at=now)
    await home.hub.client.delete(f"/v1/customers/{customer}")

    await gone_through(home, customer, 1)

    async with database.transaction() as connection:
        assert await connection.scalar(select(erasures.c.passes).where(erasures.c.id == broken)) == 0
        await connection.execute(update(erasures).where(erasures.c.id == broken).values(due_at=AT))
        late = await look_at_erasures(connection, AT + timedelta(hours=2))
        await connection.execute(update(erasures).where(erasures.c.id == broken).values(due_at=None))
        soon = await look_at_erasures(connection, AT + timedelta(hours=2))
    assert (late.ok, soon.ok) == (False, True)
    assert late.told == "1 wait to be taken out of what was kept, the first erased 2026-11-22 09:00 UTC"


@pytest.mark.parametrize(
    ("table", "column", "other"), [(reports, "report", "source"), (events, "data", "type")], ids=["reports", "events"]
)
async def test_an_append_only_row_changes_by_an_erasure_alone_and_once(
    home: House, table: Table, column: str, other: str
) -> None:
    database, id_ = home.hub.parts.database, new_id("row_")
    async with database.transaction() as connection:
        await plant(connection, table, id=id_)

    async def changed(**values: Any) -> None:
        async with database.transaction() as connection:
            await connection.execute(update(table).where(table.c.id == id_).values(values))

    for refused in ({column: b"[]"}, {column: ERASED, other: "another"}):
        with pytest.raises(DBAPIError, match="append-only"):
            await changed(**refused)
    await changed(**{column: ERASED})
    for refused in ({column: b"[]"}, {column: ERASED + b" "}):
        with pytest.raises(DBAPIError, match="append-only"):
            await changed(**refused)
