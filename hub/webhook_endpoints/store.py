"""All SQL of endpoints; the caller owns the transaction.

Whoever changes an endpoint takes the fan-out's row first: changes and fan-outs happen one after the other.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy import RowMapping, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.access.store import names_only
from hub.events.tables import events
from hub.webhook_endpoints.rules import DeliveryStatus, EndpointStatus, Subscription
from hub.webhook_endpoints.tables import event_deliveries, event_fan_out, webhook_endpoints

DELETED: Final = "deleted"
_STANDS: Final = webhook_endpoints.c.status != DELETED


async def hold(connection: AsyncConnection) -> int:
    """Keep the fan-out waiting until this transaction ends, and tell it to read endpoints anew; gives its position."""
    raised = update(event_fan_out).values(version=event_fan_out.c.version + 1).returning(event_fan_out.c.position)
    return int((await connection.execute(raised)).scalar_one())


async def newest_position(connection: AsyncConnection) -> int:
    """Read the position of the event published last."""
    newest = select(func.coalesce(func.max(events.c.position), 0)).where(events.c.position.is_not(None))
    return int(await connection.scalar(newest) or 0)


async def add(connection: AsyncConnection, row: Mapping[str, Any]) -> None:
    """Insert an endpoint."""
    await connection.execute(insert(webhook_endpoints), dict(row))


async def endpoint(
    connection: AsyncConnection, *, livemode: bool, endpoint_id: str, to_change: bool = False, deleted_too: bool = False
) -> RowMapping | None:
    """Read one endpoint, unless it was deleted and is not wanted then."""
    wanted = select(webhook_endpoints).where(
        webhook_endpoints.c.livemode == livemode, webhook_endpoints.c.id == endpoint_id
    )
    if not deleted_too:
        wanted = wanted.where(_STANDS)
    return (await connection.execute(wanted.with_for_update() if to_change else wanted)).mappings().one_or_none()


async def endpoints_of(connection: AsyncConnection, ids: Collection[str]) -> Mapping[str, RowMapping]:
    """Read endpoints of either mode by their ids, deleted ones too."""
    rows = await connection.execute(select(webhook_endpoints).where(webhook_endpoints.c.id.in_(ids)))
    return {row["id"]: row for row in rows.mappings()}


async def endpoints_before(
    connection: AsyncConnection, *, livemode: bool, before: str | None, only: Collection[str] | None, limit: int
) -> list[RowMapping]:
    """Read endpoints, newest first, from the one before *before* on; *only* leaves out those of further accounts."""
    wanted = select(webhook_endpoints).where(webhook_endpoints.c.livemode == livemode, _STANDS)
    if before is not None:
        wanted = wanted.where(webhook_endpoints.c.id < before)
    if only is not None:
        wanted = wanted.where(names_only(connection, webhook_endpoints.c.merchant_accounts, only))
    return list((await connection.execute(wanted.order_by(webhook_endpoints.c.id.desc()).limit(limit))).mappings())


async def change(connection: AsyncConnection, endpoint_id: str, values: Mapping[str, Any]) -> None:
    """Change an endpoint."""
    await connection.execute(
        update(webhook_endpoints).where(webhook_endpoints.c.id == endpoint_id).values(dict(values))
    )


async def skip_waiting(connection: AsyncConnection, endpoint_id: str) -> int:
    """Skip whatever waits for an endpoint; gives how many that were."""
    waiting = (event_deliveries.c.endpoint_id == endpoint_id, event_deliveries.c.due_at.is_not(None))
    skipped = update(event_deliveries).where(*waiting).values(status=DeliveryStatus.SKIPPED, due_at=None)
    return int((await connection.execute(skipped)).rowcount)


async def disable(connection: AsyncConnection, endpoint_id: str, reason: str, at: datetime) -> bool:
    """Disable an endpoint that is enabled; the caller holds the fan-out."""
    done = (
        update(webhook_endpoints)
        .where(webhook_endpoints.c.id == endpoint_id, webhook_endpoints.c.status == EndpointStatus.ENABLED)
        .values(status=EndpointStatus.DISABLED, reason=reason, updated_at=at)
    )
    return bool((await connection.execute(done)).rowcount)


async def subscriptions(connection: AsyncConnection) -> list[Subscription]:
    """Read what every endpoint of both modes wants."""
    rows = (await connection.execute(select(webhook_endpoints).where(_STANDS))).mappings()
    return [subscription(row) for row in rows]


def subscription(row: RowMapping) -> Subscription:
    """Read an endpoint's row as what it wants."""
    accounts = row["merchant_accounts"]
    return Subscription(
        endpoint=row["id"],
        livemode=bool(row["livemode"]),
        enabled=row["status"] == EndpointStatus.ENABLED,
        patterns=tuple(msgspec.json.decode(row["events"], type=list[str])),
        merchant_accounts=None if accounts is None else frozenset(msgspec.json.decode(accounts, type=list[str])),
        after_position=row["after_position"],
    )
