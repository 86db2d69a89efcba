"""What waits for an endpoint that failed, and works again, is sent soon instead of when its time would come."""

from collections.abc import Collection
from typing import Final

from sqlalchemy import ColumnElement, Float, cast, exists, literal_column, or_, select, update

from hub.database import Database, in_seconds
from hub.webhook_endpoints.tables import event_deliveries, event_delivery_tries

SPREAD_S: Final = 5
"""What is brought forward becomes due over so many seconds, by its position."""
AT_ONCE_MAX: Final = 1_000
"""Deliveries that are brought forward in one commit."""
ASKED_TO_WAIT: Final = 429
_step: Final = event_deliveries.c.tries - event_deliveries.c.tries_before
_last_try: Final = (
    event_delivery_tries.c.delivery_id == event_deliveries.c.id,
    event_delivery_tries.c.number == event_deliveries.c.tries,
)
_waits: Final = event_deliveries.c.due_at.is_not(None)


def rests() -> ColumnElement[bool]:
    """Tell deliveries that wait and are not under way: how their last try ended is written down."""
    return _waits & or_(event_deliveries.c.tries == 0, exists().where(*_last_try))


async def bring_forward(database: Database, endpoint_ids: Collection[str]) -> int:
    """Make due soon what waits for these endpoints; gives how many that were.

    Each once for each of its waits, so that an endpoint which takes some events and never others is asked twice as
    often for those at most; it counts for no try of the schedule, so nothing is dead sooner. What was answered with
    429 waits as long as it was asked to.
    """
    number = await _bring_some(database, endpoint_ids)
    total = number
    while number == AT_ONCE_MAX:
        number = await _bring_some(database, endpoint_ids)
        total += number
    return total


async def _bring_some(database: Database, endpoint_ids: Collection[str]) -> int:
    code = event_delivery_tries.c.response_code
    failed = exists().where(*_last_try, or_(code.is_(None), code != ASKED_TO_WAIT))
    soon = select(in_seconds(literal_column(str(SPREAD_S)))).scalar_subquery()
    meant = (
        select(event_deliveries.c.id)
        .where(
            event_deliveries.c.endpoint_id.in_(sorted(endpoint_ids)),
            event_deliveries.c.due_at > soon,
            _step > event_deliveries.c.hurried,
            failed,
        )
        .order_by(event_deliveries.c.position)
        .limit(AT_ONCE_MAX)
        .with_for_update(skip_locked=True, of=event_deliveries)
    )
    brought = (
        update(event_deliveries)
        .where(event_deliveries.c.id.in_(meant))
        .values(
            due_at=in_seconds(cast(event_deliveries.c.position % SPREAD_S, Float)),
            tries_before=event_deliveries.c.tries_before + 1,
            hurried=_step,
        )
    )
    async with database.transaction() as connection:
        return int((await connection.execute(brought)).rowcount)
