"""Sending again what was asked for: one event, or a range of an endpoint's."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Final

from msgspec import Struct
from sqlalchemy import ColumnElement, and_, literal_column, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.access.rules import Caller
from hub.access.store import audit
from hub.database import in_seconds
from hub.errors import FieldError, ProblemError
from hub.events.store import Wanted, published_event
from hub.events.tables import events
from hub.payments.shell import Shell
from hub.webhook_endpoints import queue, service, store
from hub.webhook_endpoints.fan_out import takes
from hub.webhook_endpoints.hurrying import rests
from hub.webhook_endpoints.rules import DeliveryStatus, EndpointStatus, Subscription
from hub.webhook_endpoints.tables import event_deliveries

AT_ONCE_MAX: Final = 10_000
"""Deliveries, or positions of a range, that one request sends again."""
READ_MAX: Final = 500
"""Events that are in memory at once while it is found out which of them never went there."""


class Which(StrEnum):
    """Which of an endpoint's deliveries are sent again."""

    PENDING = "pending"
    DEAD = "dead"
    SKIPPED = "skipped"
    ALL = "all"


class Range(Struct, frozen=True, kw_only=True):
    """What of an endpoint's is sent again; both ends belong to it."""

    status: Which
    from_position: int | None = None
    to_position: int | None = None


async def redeliver_event(shell: Shell, caller: Caller, request_id: str, event_id: str, endpoint_id: str | None) -> int:
    """Queue an event again where it went, or at one endpoint that takes it; gives how many deliveries that are.

    Raises:
        ProblemError: not_found for the event; validation_failed for an endpoint that is not there, is disabled, or
            does not take such events.
    """
    wanted = Wanted(livemode=caller.livemode, merchant_accounts=caller.merchant_accounts)
    event = await published_event(shell.database, wanted, event_id)
    if event is None:
        raise ProblemError("not_found", "there is no such event in this mode, or it is not published yet")
    async with shell.database.transaction() as connection:
        if endpoint_id is not None:
            row = await store.endpoint(connection, livemode=caller.livemode, endpoint_id=endpoint_id, to_change=True)
            if row is None or not service.reaches(caller, row):
                raise _refused("is no webhook endpoint of this mode")
            _check_enabled(row["status"])
            if not takes(store.subscription(row), event):
                raise _refused("does not take such events; change its events or merchant_accounts first")
            at = await queue.now(connection)
            await queue.put(connection, [queue.delivery_row(event, endpoint_id, at, enabled=True)])
            reached = [endpoint_id]
        else:
            reached = await _went_to(connection, caller, event_id)
        meant = and_(event_deliveries.c.event_id == event_id, event_deliveries.c.endpoint_id.in_(reached))
        count = await _again(connection, meant)
        told = {"endpoint": endpoint_id, "count": count}
        await audit(connection, caller, "event.redelivered", event_id, told, request_id=request_id)
    shell.wake()
    return count


async def redeliver_range(
    shell: Shell, caller: Caller, request_id: str, endpoint_id: str, asked: Range
) -> tuple[int, int | None]:
    """Queue deliveries of one endpoint again; gives how many, and the position to go on from where there are more.

    `pending` means what waits to be sent; what is under way is left alone. With `all` and `from_position` also events
    that never went there, such as those from before it was made.

    Raises:
        ProblemError: not_found; validation_failed where it is disabled.
    """
    async with shell.database.transaction() as connection:
        row = await store.endpoint(connection, livemode=caller.livemode, endpoint_id=endpoint_id, to_change=True)
        if row is None or not service.reaches(caller, row):
            raise ProblemError("not_found", "there is no such webhook endpoint in this mode")
        _check_enabled(row["status"])
        newest = await store.newest_position(connection)
        first = asked.from_position or 0
        last = newest if asked.to_position is None else min(asked.to_position, newest)
        if asked.status is Which.ALL and asked.from_position is not None:
            end = min(last, first + AT_ONCE_MAX - 1)
            await _add_missing(connection, store.subscription(row), first, end)
        else:
            end = await _enough(connection, endpoint_id, asked.status, first, last)
        count = await _again(connection, _between(endpoint_id, asked.status, first, end))
        told: dict[str, Any] = {"status": asked.status, "from_position": first, "to_position": end, "count": count}
        await audit(connection, caller, "webhook_endpoint.redelivered", endpoint_id, told, request_id=request_id)
    shell.wake()
    return count, end + 1 if end < last else None


async def _went_to(connection: AsyncConnection, caller: Caller, event_id: str) -> list[str]:
    """List the enabled endpoints that an event has a delivery for, and that the key reaches."""
    listed = select(event_deliveries.c.endpoint_id).where(event_deliveries.c.event_id == event_id)
    ids = (await connection.execute(listed)).scalars().all()
    endpoints = await store.endpoints_of(connection, ids)
    return [
        one
        for one, row in endpoints.items()
        if row["status"] == EndpointStatus.ENABLED and service.reaches(caller, row)
    ]


async def _add_missing(connection: AsyncConnection, wants: Subscription, first: int, last: int) -> None:
    at = await queue.now(connection)
    for begin in range(first, last + 1, READ_MAX):  # Positions have no gaps, and events may be large.
        end = min(begin + READ_MAX - 1, last)
        listed = select(events).where(
            events.c.position >= begin, events.c.position <= end, events.c.livemode == wants.livemode
        )
        rows = (await connection.execute(listed.order_by(events.c.position))).mappings()
        taken = [queue.delivery_row(event, wants.endpoint, at, enabled=True) for event in rows if takes(wants, event)]
        await queue.put(connection, taken)


async def _enough(connection: AsyncConnection, endpoint_id: str, which: Which, first: int, last: int) -> int:
    """Find the position up to which there are no more than one request sends again."""
    beyond = (
        select(event_deliveries.c.position)
        .where(_between(endpoint_id, which, first, last))
        .order_by(event_deliveries.c.position)
        .offset(AT_ONCE_MAX)
        .limit(1)
    )
    following = await connection.scalar(beyond)
    return last if following is None else int(following) - 1


def _between(endpoint_id: str, which: Which, first: int, last: int) -> ColumnElement[bool]:
    meant = and_(
        event_deliveries.c.endpoint_id == endpoint_id,
        event_deliveries.c.position >= first,
        event_deliveries.c.position <= last,
    )
    if which is Which.ALL:
        return meant
    stands = and_(meant, event_deliveries.c.status == which)
    return and_(stands, rests()) if which is Which.PENDING else stands


async def _again(connection: AsyncConnection, meant: ColumnElement[bool]) -> int:
    """Begin the schedule anew."""
    now = in_seconds(literal_column("0"))
    values = {
        "status": DeliveryStatus.PENDING,
        "due_at": now,
        "queued_at": now,
        "tries_before": event_deliveries.c.tries,
        "hurried": 0,
    }
    return int((await connection.execute(update(event_deliveries).where(meant).values(values))).rowcount)


def _check_enabled(status: str) -> None:
    if status != EndpointStatus.ENABLED:
        raise _refused("is disabled; enable it first")


def _refused(message: str) -> ProblemError:
    errors: Sequence[FieldError] = [FieldError("endpoint", message)]
    return ProblemError("validation_failed", "nothing can be sent there", errors=errors)
