"""Is the process alive, can it serve, and what has it counted."""

from litestar import Response, get
from litestar.di import NamedDependency
from msgspec import Struct
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy.exc import SQLAlchemyError

from hub.access.guards import PUBLIC
from hub.database import Database, is_missing
from hub.errors import ProblemError, problems
from hub.migrations.standing import MEND, judge, look
from hub.settings import Settings
from hub.stopping import Draining


class Health(Struct, frozen=True):
    """How the process is."""

    status: str


@get("/health/live", security=PUBLIC, tags=["health"])
async def live() -> Health:
    """Say that the process runs."""
    return Health("alive")


@get("/health/ready", responses=problems(503, anywhere=()), security=PUBLIC, tags=["health"])
async def ready(
    database: NamedDependency[Database], settings: NamedDependency[Settings], draining: NamedDependency[Draining]
) -> Health:
    """Say whether requests should be sent here: it is not about to stop, and its database answers and fits."""
    if draining.has_begun:
        raise ProblemError("shutting_down", "this process is about to stop; send requests to another", retry_after=1)
    if is_missing(settings.database_url):
        raise ProblemError("database_unavailable", "the database's file is gone", retry_after=1)
    try:
        async with database.reading() as connection:
            standing = judge(await look(connection))
    except (SQLAlchemyError, OSError) as failure:
        raise ProblemError("database_unavailable", "the database does not answer", retry_after=1) from failure
    if not standing.serves:
        raise ProblemError("database_unavailable", MEND[standing], retry_after=1)
    return Health("ready")


@get("/metrics", media_type="text/plain", security=PUBLIC, tags=["health"])
async def metrics() -> Response[bytes]:
    """Give Prometheus what was counted."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


HANDLERS = [live, ready, metrics]
