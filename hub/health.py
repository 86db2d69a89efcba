"""Is the process alive, can it serve, and what has it counted."""

from litestar import Response, get
from litestar.di import NamedDependency
from msgspec import Struct
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy import literal_column, select
from sqlalchemy.exc import SQLAlchemyError

from hub.access.guards import PUBLIC
from hub.database import Database
from hub.errors import ProblemError, problems


class Health(Struct, frozen=True):
    """How the process is."""

    status: str


@get("/health/live", security=PUBLIC, tags=["health"])
async def live() -> Health:
    """Say that the process runs."""
    return Health("alive")


@get("/health/ready", responses=problems(503, anywhere=()), security=PUBLIC, tags=["health"])
async def ready(database: NamedDependency[Database]) -> Health:
    """Say whether the process can serve: whether its database answers."""
    try:
        async with database.reading() as connection:
            await connection.execute(select(literal_column("1")))
    except (SQLAlchemyError, OSError) as failure:
        raise ProblemError("database_unavailable", "the database does not answer", retry_after=1) from failure
    return Health("ready")


@get("/metrics", media_type="text/plain", security=PUBLIC, tags=["health"])
async def metrics() -> Response[bytes]:
    """Give Prometheus what was counted."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


HANDLERS = [live, ready, metrics]
