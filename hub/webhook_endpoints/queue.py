"""All SQL of what goes to endpoints: queued by the fan-out, claimed endpoint by endpoint, finished in batches."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from msgspec import Struct
from sqlalchemy import (
    ColumnElement,
    Float,
    Insert,
    RowMapping,
    ScalarSelect,
    Select,
    and_,
    bindparam,
    case,
    exists,
    func,
    literal_column,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.database import Database, in_seconds
from hub.ids import new_id
from hub.webhook_endpoints.rules import AT_ONCE_MAX, DeliveryStatus
from hub.webhook_endpoints.tables import event_deliveries, event_delivery_tries, webhook_endpoints

# As a subquery, the clock is read once and the index ends the search.
_NOW: Final[ScalarSelect[datetime]] = select(in_seconds(literal_column("0"))).scalar_subquery()
_LOOKED_AT: Final = 4 * AT_ONCE_MAX
"""How many due deliveries of one endpoint are looked at in one claim, of those that wait for earlier ones too."""
_waits: Final = event_deliveries.c.due_at.is_not(None)


class Claimed(Struct, frozen=True, kw_only=True):
    """One delivery to be sent now, by whoever claimed it."""

    id: str
    endpoint_id: str
    event_id: str
    object_id: str
    tries: int  # This one too.
    tries_before: int

    @property
    def step(self) -> int:
        """Which try of its present schedule this is, from 1 on."""
        return self.tries - self.tries_before


class Tried(Struct, frozen=True, kw_only=True):
    """How one try ended; `again_s` None: by itself it is not sent again."""

    claimed: Claimed
    status: DeliveryStatus
    again_s: float | None
    ordered: bool
    url: str
    at: datetime
    response_code: int | None
    failure: str | None
    latency_ms: int
    response: str
    recovered: bool = False  # A success where the one before was none, or is not known.


def delivery_row(
    event: RowMapping | Mapping[str, Any], endpoint_id: str, at: datetime, *, enabled: bool
) -> dict[str, Any]:
    """Make the row of an event at an endpoint; a disabled one is not sent to."""
    return {
        "id": new_id("ed_"),
        "livemode": event["livemode"],
        "endpoint_id": endpoint_id,
        "event_id": event["id"],
        "object_id": event["object_id"],
        "position": event["position"],
        "status": DeliveryStatus.PENDING if enabled else DeliveryStatus.SKIPPED,
        "tries": 0,
        "tries_before": 0,
        "hurried": 0,
        "due_at": at if enabled else None,
        "queued_at": at,
        "created_at": at,
    }


async def put(connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert deliveries; those that are there stay as they are."""
    if not rows:
        return
    insert_here = insert_postgresql if connection.dialect.name == "postgresql" else insert_sqlite
    statement: Insert = insert_here(event_deliveries).on_conflict_do_nothing(index_elements=["event_id", "endpoint_id"])
    await connection.execute(statement, [dict(row) for row in rows])


async def now(connection: AsyncConnection) -> datetime:
    """Read the database's clock."""
    at: datetime = (await connection.execute(select(in_seconds(literal_column("0"))))).scalar_one()
    return at


async def waited_for(database: Database) -> list[str]:
    """List the endpoints that have a delivery due; costs a look at each endpoint that has any waiting, not at each."""
    first = select(func.min(event_deliveries.c.endpoint_id).label("endpoint_id")).where(_waits)
    found = first.cte("found", recursive=True)
    following = select(func.min(event_deliveries.c.endpoint_id)).where(
        _waits, event_deliveries.c.endpoint_id > found.c.endpoint_id
    )
    found = found.union_all(select(following.scalar_subquery()).where(found.c.endpoint_id.is_not(None)))
    due = exists().where(event_deliveries.c.endpoint_id == found.c.endpoint_id, event_deliveries.c.due_at <= _NOW)
    async with database.reading() as connection:
        listed = await connection.execute(select(found.c.endpoint_id).where(found.c.endpoint_id.is_not(None), due))
        return list(listed.scalars())


async def claim(database: Database, rooms: Mapping[str, int], lease_s: float) -> tuple[list[Claimed], set[str]]:
    """Take what is due of each endpoint, as many as there is room for; nobody else gets it for *lease_s*.

    Also tells which endpoints have more that was not looked at. At an ordered endpoint a delivery waits for the ones
    before it of the same object: it is looked at again when those are due, or finished.
    """
    async with database.transaction() as connection:
        looked_at = await _due(connection, sorted(rooms), lock=database.is_postgresql)
        counts = Counter(row["endpoint_id"] for row in looked_at)
        left, taken, held = dict(rooms), [], []
        for row in looked_at:
            if row["held_until"] is not None:
                held.append({"held_id": row["id"], "held_until": row["held_until"]})
            elif left[row["endpoint_id"]] > 0:
                left[row["endpoint_id"]] -= 1
                taken.append(row)
        if held:
            later = update(event_deliveries).where(event_deliveries.c.id == bindparam("held_id"))
            await connection.execute(later.values(due_at=bindparam("held_until")), held)
        if taken:
            await connection.execute(
                update(event_deliveries)
                .where(event_deliveries.c.id.in_([row["id"] for row in taken]))
                .values(
                    due_at=in_seconds(bindparam("lease_s", lease_s, type_=Float)), tries=event_deliveries.c.tries + 1
                )
            )
    more = {
        endpoint_id for endpoint_id, looked in counts.items() if looked == _LOOKED_AT or looked > rooms[endpoint_id]
    }
    return [_claimed(row) for row in taken], more


def _claimed(row: RowMapping) -> Claimed:
    return Claimed(
        id=row["id"],
        endpoint_id=row["endpoint_id"],
        event_id=row["event_id"],
        object_id=row["object_id"],
        tries=row["tries"] + 1,
        tries_before=row["tries_before"],
    )


async def _due(connection: AsyncConnection, endpoint_ids: Sequence[str], *, lock: bool) -> Sequence[RowMapping]:
    endpoint_id = webhook_endpoints.c.id
    if lock:
        each = _due_of(endpoint_id).with_for_update(of=event_deliveries, skip_locked=True).lateral("due")
        listed = select(each).select_from(webhook_endpoints.join(each, true())).where(endpoint_id.in_(endpoint_ids))
        return (await connection.execute(listed)).mappings().all()
    rows: list[RowMapping] = []
    for one in endpoint_ids:  # SQLite has no lateral join, and nobody else writes meanwhile.
        rows += (await connection.execute(_due_of(bindparam("endpoint", one)))).mappings()
    return rows


def _due_of(endpoint_id: ColumnElement[str]) -> Select[Any]:
    """What is due at one endpoint, the longest due first; `held_until` where it waits for one before it."""
    before = event_deliveries.alias("before")
    first_due_at = (
        select(func.max(before.c.due_at))
        .where(
            before.c.endpoint_id == event_deliveries.c.endpoint_id,
            before.c.object_id == event_deliveries.c.object_id,
            before.c.position < event_deliveries.c.position,
            before.c.due_at.is_not(None),
        )
        .correlate(event_deliveries)
        .scalar_subquery()
    )
    ordered = (
        select(webhook_endpoints.c.ordered)
        .where(webhook_endpoints.c.id == event_deliveries.c.endpoint_id)
        .correlate(event_deliveries)
        .scalar_subquery()
    )
    held_until = case((ordered, first_due_at)).label("held_until")
    names = ("id", "endpoint_id", "event_id", "object_id", "tries", "tries_before")
    return (
        select(*(event_deliveries.c[name] for name in names), held_until)
        .where(event_deliveries.c.endpoint_id == endpoint_id, event_deliveries.c.due_at <= _NOW)
        .order_by(event_deliveries.c.due_at, event_deliveries.c.position)
        .limit(_LOOKED_AT)
    )


async def finish(database: Database, ended: Sequence[Tried]) -> None:
    """Write down how tries ended, in one commit.

    A success counts however late it comes; a failure only while nobody has claimed the delivery anew.
    """
    by_id = sorted(ended, key=lambda one: one.claimed.id)  # Two batches wait for each other in one order.
    async with database.transaction() as connection:
        await _log_tries(connection, by_id)
        for statement, rows in (
            (_DELIVERED, [one for one in by_id if one.status is DeliveryStatus.DELIVERED]),
            (_AGAIN, [one for one in by_id if one.again_s is not None]),
            (_OVER, [one for one in by_id if one.again_s is None and one.status is not DeliveryStatus.DELIVERED]),
        ):
            if rows:
                await connection.execute(statement, [_binds(one) for one in rows])
        following = [one for one in by_id if one.ordered and one.again_s is None]
        if following:
            await connection.execute(
                _FOLLOWING, [{"b_endpoint": o.claimed.endpoint_id, "b_object": o.claimed.object_id} for o in following]
            )


def _binds(one: Tried) -> dict[str, Any]:
    told: dict[str, Any] = {"b_id": one.claimed.id}
    if one.status is DeliveryStatus.DELIVERED:
        return told
    told |= {"b_tries": one.claimed.tries}
    return told | ({"b_status": one.status} if one.again_s is None else {"b_again_s": one.again_s})


async def _log_tries(connection: AsyncConnection, ended: Sequence[Tried]) -> None:
    insert_here = insert_postgresql if connection.dialect.name == "postgresql" else insert_sqlite
    rows = [
        {
            "delivery_id": one.claimed.id,
            "number": one.claimed.tries,
            **{
                name: getattr(one, name) for name in ("url", "at", "response_code", "failure", "latency_ms", "response")
            },
        }
        for one in ended
    ]
    # Where a commit's answer was lost it is made again.
    await connection.execute(insert_here(event_delivery_tries).on_conflict_do_nothing(), rows)


_one: Final = event_deliveries.c.id == bindparam("b_id")
_still_ours: Final = and_(_one, event_deliveries.c.tries == bindparam("b_tries"), _waits)
_DELIVERED: Final = update(event_deliveries).where(_one).values(status=DeliveryStatus.DELIVERED, due_at=None)
_AGAIN: Final = (
    update(event_deliveries).where(_still_ours).values(due_at=in_seconds(bindparam("b_again_s", type_=Float)))
)
_OVER: Final = update(event_deliveries).where(_still_ours).values(status=bindparam("b_status"), due_at=None)
_later: Final = event_deliveries.alias("later")
_FOLLOWING: Final = (
    update(event_deliveries)
    .where(
        event_deliveries.c.endpoint_id == bindparam("b_endpoint"),
        event_deliveries.c.object_id == bindparam("b_object"),
        _waits,
        event_deliveries.c.position
        == select(func.min(_later.c.position))
        .where(
            _later.c.endpoint_id == bindparam("b_endpoint"),
            _later.c.object_id == bindparam("b_object"),
            _later.c.due_at.is_not(None),
        )
        .scalar_subquery(),
    )
    .values(due_at=in_seconds(literal_column("0")))
)
"""The next one of an object need not wait until its turn would come by the clock."""


async def bury(database: Database, older_than_s: float) -> int:
    """Give up what has waited for longer than *older_than_s*; gives how many that were."""
    queued_before = in_seconds(bindparam("ago_s", -older_than_s, type_=Float))
    dead = (
        update(event_deliveries)
        .where(_waits, event_deliveries.c.queued_at < select(queued_before).scalar_subquery())
        .values(status=DeliveryStatus.DEAD, due_at=None)
    )
    async with database.transaction() as connection:
        return int((await connection.execute(dead)).rowcount)
