"""All SQL of the inbox."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from msgspec import Struct
from sqlalchemy import Float, Insert, RowMapping, bindparam, insert, literal_column, update
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite

from adapters.contract import Delivery
from hub import metrics
from hub.database import Database, in_seconds
from hub.due_rows import claim_due
from hub.ids import new_id
from hub.pan import mask
from hub.settlement.tables import exceptions
from hub.webhooks.tables import webhook_deliveries

LEASE_S: Final = 60.0


class Waiting(Struct, frozen=True, kw_only=True):
    """One kept delivery that has to be read."""

    id: str
    merchant_account: str
    livemode: bool
    tries: int
    delivery: Delivery


async def keep(
    database: Database, merchant_account: str, deliveries: Sequence[Delivery], received_at: datetime
) -> None:
    """Keep verified *deliveries* in one commit; those that are kept already change nothing."""
    due_now = in_seconds(literal_column("0"))
    insert_here = insert_postgresql if database.is_postgresql else insert_sqlite
    async with database.transaction() as connection:
        for delivery in deliveries:
            row = {
                "id": new_id("wd_"),
                "livemode": delivery.livemode,
                "merchant_account": merchant_account,
                "delivery_key": delivery.key,
                "subject": delivery.subject,
                "body": _masked(delivery.body),
                "status": "waiting",
                "tries": 0,
                "due_at": due_now,
                "received_at": received_at,
            }
            statement: Insert = (
                insert_here(webhook_deliveries)
                .values(row)
                .on_conflict_do_nothing(index_elements=["merchant_account", "delivery_key"])
            )
            await connection.execute(statement)


def _masked(body: bytes) -> bytes:
    """Keep no card number, should a processor ever send one; what was verified are the bytes before."""
    text, found = mask(body.decode("utf-8", "replace"))
    if not found:
        return body
    metrics.MASKED.inc(found)
    return text.encode()


async def claim(database: Database, most: int) -> list[Waiting]:
    """Take at most *most* deliveries that are due, the oldest first; nobody else gets them for `LEASE_S`."""
    rows = await claim_due(database, webhook_deliveries, most, LEASE_S)
    return sorted((_waiting(row) for row in rows), key=lambda waiting: waiting.id)


def _waiting(row: RowMapping) -> Waiting:
    return Waiting(
        id=row["id"],
        merchant_account=row["merchant_account"],
        livemode=row["livemode"],
        tries=row["tries"],
        delivery=Delivery(
            key=row["delivery_key"],
            subject=row["subject"],
            account=None,
            livemode=row["livemode"],
            body=row["body"],
        ),
    )


async def finish(
    database: Database,
    waiting: Waiting,
    status: str,
    at: datetime,
    *,
    payment_id: str | None = None,
    error: str | None = None,
) -> None:
    """Say what became of a delivery; it is not looked at again. A parked one becomes an exception for a human."""
    done = update(webhook_deliveries).where(webhook_deliveries.c.id == waiting.id)
    async with database.transaction() as connection:
        await connection.execute(done.values(status=status, due_at=None, payment_id=payment_id, error=error))
        if status == "parked":
            await connection.execute(insert(exceptions).values(_parked(waiting, error or "", at)))


async def put_off(database: Database, waiting: Waiting, status: str, seconds: float, error: str) -> None:
    """Look at a delivery again after *seconds*."""
    later = update(webhook_deliveries).where(webhook_deliveries.c.id == waiting.id)
    due_at = in_seconds(bindparam("after_s", seconds, type_=Float))
    async with database.transaction() as connection:
        await connection.execute(later.values(status=status, due_at=due_at, error=error))


def _parked(waiting: Waiting, error: str, at: datetime) -> dict[str, Any]:
    return {
        "id": new_id("exc_"),
        "livemode": waiting.livemode,
        "type": "delivery_parked",
        "status": "open",
        "merchant_account": waiting.merchant_account,
        "amount_minor": 0,
        "currency": "",
        "detail": f"{waiting.id} could not be read: {error}",
        "created_at": at,
    }
