"""What `hub doctor` says of events: what reaches no endpoint yet, and what was given up."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.doctor_findings import Finding, good, instant, wrong
from hub.webhook_endpoints.fan_out import behind
from hub.webhook_endpoints.rules import DeliveryStatus, EndpointStatus
from hub.webhook_endpoints.store import DELETED
from hub.webhook_endpoints.tables import event_deliveries, webhook_endpoints

OVERDUE: Final = timedelta(minutes=5)
"""How old an event may be that is not on its way yet before somebody has to look after the worker."""


async def look_at_events(connection: AsyncConnection, now: datetime) -> list[Finding]:
    """Look at what is on its way to endpoints, and at what never arrived there."""
    return [await _on_their_way(connection, now), *await _dead(connection), *await _disabled(connection)]


async def _on_their_way(connection: AsyncConnection, now: datetime) -> Finding:
    count, oldest_at = await behind(connection)
    if oldest_at is None or now - oldest_at < OVERDUE:
        return good("events", "what happens is on its way to its endpoints")
    told = f"{count} are not on their way to endpoints, the oldest since {instant(oldest_at)}"
    return wrong("events", told, "run `hub worker`; where one runs, look at its log")


async def _dead(connection: AsyncConnection) -> list[Finding]:
    counted = (
        select(webhook_endpoints.c.id, webhook_endpoints.c.url, func.count(), func.min(event_deliveries.c.queued_at))
        .select_from(event_deliveries.join(webhook_endpoints))
        .where(event_deliveries.c.status == DeliveryStatus.DEAD, webhook_endpoints.c.status != DELETED)
        .group_by(webhook_endpoints.c.id, webhook_endpoints.c.url)
        .order_by(webhook_endpoints.c.id)
    )
    found = [
        wrong(
            f"deliveries to {endpoint_id}",
            f"{count} were given up, sent since {instant(since_at)}: {url}",
            f"see why with GET /v1/webhook_endpoints/{endpoint_id}/deliveries?status=dead; when that is mended, "
            f'POST {{"status": "dead"}} to /v1/webhook_endpoints/{endpoint_id}/redeliver, or delete the endpoint',
        )
        for endpoint_id, url, count, since_at in await connection.execute(counted)
    ]
    return found or [good("deliveries to endpoints", "none was given up")]


async def _disabled(connection: AsyncConnection) -> list[Finding]:
    columns = webhook_endpoints.c
    wanted = select(columns.id, columns.url, columns.reason).where(columns.status == EndpointStatus.DISABLED)
    return [
        wrong(
            f"endpoint {endpoint_id}",
            f"gets nothing any more: {reason or 'somebody disabled it'}: {url}",
            f"once it takes events again, PATCH /v1/webhook_endpoints/{endpoint_id} to enabled; else delete it",
        )
        for endpoint_id, url, reason in await connection.execute(wanted.order_by(columns.id))
    ]
