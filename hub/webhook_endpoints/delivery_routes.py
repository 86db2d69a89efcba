"""What became of events at endpoints: the log with every try, and sending again."""

from typing import Annotated, Any

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import Meta, Struct

from hub.access.guards import requires
from hub.access.rules import Caller
from hub.errors import ProblemError, problems, request_id_of
from hub.events.store import Wanted, published_event
from hub.pages import LIMIT_DEFAULT, Cursor, Limit, page, read_cursor, read_position, write_position
from hub.payments.shell import Shell
from hub.webhook_endpoints import listing, service
from hub.webhook_endpoints.redelivery import Range, Which, redeliver_event, redeliver_range
from hub.webhook_endpoints.routes import ONE, READ, TAGS, WRITE
from hub.webhook_endpoints.rules import DeliveryStatus
from hub.webhook_endpoints.showing import EventDelivery, delivery_shown

Status = Annotated[DeliveryStatus | None, QueryParameter(description="Only deliveries that stand so.")]
Position = Annotated[int, Meta(ge=0, le=10**15)]


class EventDeliveries(Struct, frozen=True):
    """A page of deliveries with every try, the newest first."""

    data: list[EventDelivery]
    next_cursor: str | None


class RedeliverEvent(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where an event goes again; without `endpoint` to every enabled one it went to."""

    endpoint: Annotated[str, Meta(min_length=1, max_length=40)] | None = None


class RedeliverRange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What goes to an endpoint again; `all` with `from_position` also what never went there."""

    status: Which
    from_position: Position | None = None
    to_position: Position | None = None


class Redelivery(Struct, frozen=True, kw_only=True):
    """How many deliveries were queued again."""

    count: int


class RangeRedelivery(Redelivery, frozen=True, kw_only=True):
    """How many were queued again; where `next_position` is given, ask again from there for the rest."""

    next_position: int | None


@get(ONE + "/deliveries", guards=READ, tags=TAGS, responses=problems(404, 422))
async def list_endpoint_deliveries(
    endpoint_id: FromPath[str],
    caller: NamedDependency[Caller],
    shell: NamedDependency[Shell],
    status: Status = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> EventDeliveries:
    """List what went to an endpoint, a deleted one too, the event published last first, with every try."""
    below = read_position(cursor) if cursor is not None else None
    await service.find(shell, caller, endpoint_id, deleted_too=True)
    rows, tries = await listing.of_endpoint(shell.database, endpoint_id, status=status, below=below, limit=limit + 1)
    following = write_position(rows[limit - 1]["position"]) if len(rows) > limit else None
    return EventDeliveries([delivery_shown(row, tries.get(row["id"], ())) for row in rows[:limit]], following)


@get("/v1/events/{event_id:str}/deliveries", guards=READ, tags=["events"], responses=problems(404, 422))
async def list_event_deliveries(
    event_id: FromPath[str],
    caller: NamedDependency[Caller],
    shell: NamedDependency[Shell],
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> EventDeliveries:
    """List where an event went, with every try."""
    before = read_cursor(cursor)
    wanted = Wanted(livemode=caller.livemode, merchant_accounts=caller.merchant_accounts)
    if await published_event(shell.database, wanted, event_id) is None:
        raise ProblemError("not_found", "there is no such event in this mode, or it is not published yet")
    rows, tries = await listing.of_event(shell.database, caller, event_id, before=before, limit=limit + 1)
    listed, following = page(rows, limit)
    return EventDeliveries([delivery_shown(row, tries.get(row["id"], ())) for row in listed], following)


@post(
    "/v1/events/{event_id:str}/redeliver",
    status_code=202,
    guards=[requires("events:write")],
    tags=["events"],
    responses=problems(400, 404, 413, 415, 422),
)
async def redeliver_one_event(
    request: Request[Any, Any, Any],
    event_id: FromPath[str],
    caller: NamedDependency[Caller],
    shell: NamedDependency[Shell],
    data: JSONBody[RedeliverEvent] = RedeliverEvent(),  # noqa: B008 - a frozen value
) -> Redelivery:
    """Send an event again: where it went, or to one endpoint; its `webhook-id` stays the same."""
    count = await redeliver_event(shell, caller, request_id_of(request), event_id, data.endpoint)
    return Redelivery(count=count)


@post(ONE + "/redeliver", status_code=202, guards=WRITE, tags=TAGS, responses=problems(400, 404, 413, 415, 422))
async def redeliver_to_endpoint(
    request: Request[Any, Any, Any],
    endpoint_id: FromPath[str],
    data: JSONBody[RedeliverRange],
    caller: NamedDependency[Caller],
    shell: NamedDependency[Shell],
) -> RangeRedelivery:
    """Send an endpoint's events again, within a range of positions where given: those that wait, now; or all."""
    asked = Range(status=data.status, from_position=data.from_position, to_position=data.to_position)
    count, following = await redeliver_range(shell, caller, request_id_of(request), endpoint_id, asked)
    return RangeRedelivery(count=count, next_position=following)


HANDLERS = [list_endpoint_deliveries, list_event_deliveries, redeliver_one_event, redeliver_to_endpoint]
