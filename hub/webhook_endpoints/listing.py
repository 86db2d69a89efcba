"""Deliveries read for the log, by endpoint and by event."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from sqlalchemy import RowMapping, select

from hub.access.rules import Caller
from hub.database import Database
from hub.webhook_endpoints import service, store
from hub.webhook_endpoints.rules import DeliveryStatus
from hub.webhook_endpoints.tables import event_deliveries, event_delivery_tries

Tries = Mapping[str, Sequence[RowMapping]]


async def of_endpoint(
    database: Database, endpoint_id: str, *, status: DeliveryStatus | None, below: int | None, limit: int
) -> tuple[Sequence[RowMapping], Tries]:
    """Read an endpoint's deliveries with their tries, the event published last first, those *below* a position."""
    wanted = select(event_deliveries).where(event_deliveries.c.endpoint_id == endpoint_id)
    if below is not None:
        wanted = wanted.where(event_deliveries.c.position < below)
    if status is not None:
        wanted = wanted.where(event_deliveries.c.status == status)
    async with database.reading() as connection:
        listed = await connection.execute(wanted.order_by(event_deliveries.c.position.desc()).limit(limit))
        rows = listed.mappings().all()
    return rows, await _tries(database, rows)


async def of_event(
    database: Database, caller: Caller, event_id: str, *, before: str | None, limit: int
) -> tuple[Sequence[RowMapping], Tries]:
    """Read an event's deliveries with their tries, newest first, at endpoints that the key reaches."""
    wanted = select(event_deliveries).where(event_deliveries.c.event_id == event_id)
    if before is not None:
        wanted = wanted.where(event_deliveries.c.id < before)
    async with database.reading() as connection:
        if caller.merchant_accounts is not None:
            gone_to = select(event_deliveries.c.endpoint_id).where(event_deliveries.c.event_id == event_id)
            endpoints = await store.endpoints_of(connection, (await connection.execute(gone_to)).scalars().all())
            reached = [one for one, row in endpoints.items() if service.reaches(caller, row)]
            wanted = wanted.where(event_deliveries.c.endpoint_id.in_(reached))
        listed = await connection.execute(wanted.order_by(event_deliveries.c.id.desc()).limit(limit))
        rows = listed.mappings().all()
    return rows, await _tries(database, rows)


async def _tries(database: Database, rows: Sequence[RowMapping]) -> Tries:
    found: dict[str, list[RowMapping]] = defaultdict(list)
    wanted = select(event_delivery_tries).where(event_delivery_tries.c.delivery_id.in_([row["id"] for row in rows]))
    async with database.reading() as connection:
        for one in (await connection.execute(wanted.order_by(event_delivery_tries.c.number))).mappings():
            found[one["delivery_id"]].append(one)
    return found
