"""The fan-out: each published event, in the order of the positions, gets a delivery for every endpoint that wants it.

One row says how far it has come. Whoever fans out holds it until the commit, so that several workers skip nothing and
queue nothing twice, and a worker that dies has queued nothing.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any, Final

import msgspec
import structlog
from msgspec import Struct
from sqlalchemy import RowMapping, exists, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.database import Database
from hub.events.tables import events
from hub.webhook_endpoints import queue, store
from hub.webhook_endpoints.rules import Matcher, Subscription
from hub.webhook_endpoints.tables import event_fan_out

EVENTS_MAX: Final = 500
ROWS_MAX: Final = 2_000
"""Deliveries queued in one commit, beyond those of its first event: other writers of SQLite wait for it."""
_log = structlog.get_logger(__name__)
_behind = exists().where(events.c.position > event_fan_out.c.position)


class _Account(Struct):
    """What the fan-out reads of an event's object."""

    merchant_account: str | None = None


_read_account: Final = msgspec.json.Decoder(_Account).decode


class UnreadableEventError(Exception):
    """An event's data is no object, or its `merchant_account` no string: nobody can tell who may have it."""


def account_of(event: RowMapping) -> str | None:
    """Read the account that an event's object had when the event was written.

    Raises:
        UnreadableEventError: where it cannot be told.
    """
    try:
        return _read_account(event["data"]).merchant_account
    except (msgspec.MsgspecError, UnicodeDecodeError) as unreadable:
        raise UnreadableEventError(f"{event['id']}: {unreadable}") from unreadable


def takes(subscription: Subscription, event: RowMapping) -> bool:
    """Whether an endpoint takes an event; one that cannot be read goes nowhere."""
    try:
        return subscription.takes(event["type"], account_of(event))
    except UnreadableEventError:
        return False


class FanOut:
    """Fans out for one worker; remembers what endpoints want until one of them changes."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._version: int | None = None
        self._matcher = Matcher(())

    async def go_on(self) -> tuple[bool, Collection[str]]:
        """Fan out one batch; says whether there was one, and which endpoints have something due now."""
        async with self._database.reading() as connection:
            if await connection.scalar(select(event_fan_out.c.id).where(_behind)) is None:
                return False, ()
        async with self._database.transaction() as connection:
            held = select(event_fan_out.c.position, event_fan_out.c.version).with_for_update()
            position, version = (await connection.execute(held)).one()
            if version != self._version:
                self._matcher, self._version = Matcher(await store.subscriptions(connection)), version
            following = select(events).where(events.c.position > position).order_by(events.c.position).limit(EVENTS_MAX)
            published = (await connection.execute(following)).mappings().all()
            if not published:
                return False, ()  # Another worker was first.
            rows, upto = self._rows(published, await queue.now(connection))
            await queue.put(connection, rows)
            await connection.execute(update(event_fan_out).values(position=upto))
        return True, {row["endpoint_id"] for row in rows if row["due_at"] is not None}

    def _rows(self, published: Collection[RowMapping], at: Any) -> tuple[list[dict[str, Any]], int]:  # noqa: ANN401 - as the database gives it
        rows: list[dict[str, Any]] = []
        upto = 0
        for event in published:
            rows += (queue.delivery_row(event, one.endpoint, at, enabled=one.enabled) for one in self._wanting(event))
            upto = event["position"]
            if len(rows) >= ROWS_MAX:
                break
        return rows, upto

    def _wanting(self, event: RowMapping) -> Collection[Subscription]:
        try:
            account = account_of(event)
        except UnreadableEventError as unreadable:  # It must not keep all that come after it from everybody.
            _log.error("event_not_fanned_out", event_id=event["id"], failure=str(unreadable))
            return ()
        return self._matcher.wanting(
            event["type"], account, livemode=bool(event["livemode"]), position=event["position"]
        )


async def behind(connection: AsyncConnection) -> tuple[int, datetime | None]:
    """Count the events that are not fanned out, published or not; gives also when the oldest was written."""
    at = select(event_fan_out.c.position).scalar_subquery()
    count, oldest_at = 0, None
    for waits in (events.c.position > at, events.c.position.is_(None)):  # Each by an index of its own.
        counted = select(func.count(), func.min(events.c.created_at)).where(waits)
        more, since_at = (await connection.execute(counted)).one()
        count += more
        oldest_at = min((one for one in (oldest_at, since_at) if one is not None), default=None)
    return count, oldest_at
