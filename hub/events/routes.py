"""`/v1/events`: what happened, in the order in which it was published."""

from collections.abc import Sequence
from typing import Annotated

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from msgspec import Struct

from hub.access.guards import requires
from hub.access.rules import Caller
from hub.database import Database
from hub.errors import FieldError, ProblemError, problems
from hub.events import store
from hub.events.cursors import Place, of_another_history, read_place, write_place
from hub.events.showing import EventShown, shown
from hub.events.store import Wanted
from hub.events.types import ANY, TYPES, meant_by, nearest
from hub.pages import LIMIT_DEFAULT, Cursor, Limit

READ = [requires("events:read")]
Type = Annotated[
    str | None,
    QueryParameter(
        description=f"`*`, a family such as `refund.*`, or one of {', '.join(f'`{one}`' for one in TYPES)}."
    ),
]
Object = Annotated[str | None, QueryParameter(description="The id of a payment, a refund or a dispute.")]


class Events(Struct, frozen=True):
    """A page of events, ascending; `next_cursor` always leads on: where none is left, to those still to come."""

    data: list[EventShown]
    next_cursor: str


@get("/v1/events", guards=READ, tags=["events"], responses=problems(422))
async def list_events(
    caller: NamedDependency[Caller],
    database: NamedDependency[Database],
    type: Type = None,
    object: Object = None,  # noqa: A002 - the parameter's name in the API
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> Events:
    """List events, oldest first; keeping `next_cursor` and asking again with it misses none."""
    after = read_place(cursor)
    if not await store.stands(database, after):
        raise of_another_history()  # What was published since then under these positions would be missed in silence.
    wanted = Wanted(
        livemode=caller.livemode,
        after=after.position,
        types=_types(type),
        object_id=object,
        merchant_accounts=caller.merchant_accounts,
    )
    rows, newest = await store.published(database, wanted, limit)
    last = Place(rows[-1]["position"], rows[-1]["id"]) if len(rows) == limit else newest
    return Events([shown(row) for row in rows], write_place(last))


@get("/v1/events/{event_id:str}", guards=READ, tags=["events"], responses=problems(404))
async def get_event(
    event_id: FromPath[str], caller: NamedDependency[Caller], database: NamedDependency[Database]
) -> EventShown:
    """Show one event."""
    wanted = Wanted(livemode=caller.livemode, merchant_accounts=caller.merchant_accounts)
    row = await store.published_event(database, wanted, event_id)
    if row is None:
        raise ProblemError("not_found", "there is no such event in this mode, or it is not published yet")
    return shown(row)


def _types(pattern: str | None) -> Sequence[str] | None:
    """Read the parameter; a misspelt type is refused, since its cursor would lead past what was meant."""
    if pattern is None or pattern == ANY:
        return None
    meant = nearest(pattern)
    if meant is not None:
        error = FieldError("type", f"is no type of an event; the nearest is {meant}")
        raise ProblemError("validation_failed", "there are no such events", errors=[error])
    return meant_by(pattern)


HANDLERS = [list_events, get_event]
