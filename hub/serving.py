"""What the commands `serve`, `worker`, `migrate` and `keys create` do, once their words are read."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from math import ceil
from typing import Any, Final, TypeVar

import click
import structlog
import uvicorn
import uvloop
from litestar import Litestar
from msgspec import Struct
from prometheus_client import start_http_server

from hub import missing_database
from hub.access.rules import ROLES, Grant, Role
from hub.access.service import make_key
from hub.app import assembled, create_app
from hub.database import is_missing, open_database
from hub.heads import Impatient
from hub.migrations import migrate, standing
from hub.migrations.standing import MEND, Standing
from hub.settings import DEVELOPMENT_KEYS, InvalidSettingError, Settings, load_settings
from hub.stalls import watch_for_stalls
from hub.stopping import Draining, stopped
from hub.worker import work

T = TypeVar("T")
_log = structlog.get_logger(__name__)


class CannotServeError(click.ClickException):
    """The process must not start as it is set up; the message says why and the mend."""


class MadeKey(Struct, frozen=True):
    """A new API key with its secret."""

    id: str
    secret: str


def serve_api(workers: int) -> None:
    """Serve until SIGTERM or SIGINT, with *workers* processes.

    Raises:
        CannotServeError: for settings that cannot be used, public sealing keys, and a database that is not migrated.
    """
    settings = _settings()
    _check(settings)
    uvicorn.run(
        "hub.serving:application", factory=True, host=settings.host, port=settings.port, workers=workers,
        **server_options(settings),
    )  # fmt: skip


def serve_jobs() -> None:
    """Work until SIGTERM or SIGINT.

    Raises:
        CannotServeError: as `serve_api`.
    """
    settings = _settings()
    _check(settings)
    configure_logs()

    async def run() -> None:
        told = stop_on_signals()
        async with assembled(settings) as parts, measured(settings):
            watching = asyncio.create_task(watch_for_stalls())
            working = asyncio.create_task(work(parts.shell, parts.bell, parts.shell.stopping))
            _log.info("worker_started")
            waiting = asyncio.create_task(told.wait())
            await asyncio.wait({waiting, working}, return_when=asyncio.FIRST_COMPLETED)
            parts.shell.stopping.set()
            parts.bell.ring()
            await stopped([waiting, watching])
            await working

    run_async(run())


@asynccontextmanager
async def measured(settings: Settings) -> AsyncIterator[None]:
    """Answer Prometheus beside the work, where a port is set for it."""
    if not settings.worker_metrics_port:
        yield
        return
    server, thread = start_http_server(settings.worker_metrics_port, settings.host)
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def migrate_database() -> str:
    """Bring the database to this version's tables and say so.

    Raises:
        CannotServeError: when the database does not answer, or a newer version took away what this one needs.
    """
    settings = _settings()
    _reach(settings)
    migrate(settings.database_url)
    found = standing(settings.database_url)
    if found is Standing.BEYOND:
        raise CannotServeError(MEND[found])
    if found is Standing.AHEAD:
        return "The database has a newer version's tables, which this one can work with."
    return "The database has this version's tables."


def make_api_key(*, name: str, principal: str, role: str, livemode: bool, expires_at: datetime | None) -> MadeKey:
    """Make an API key straight in the database: the first one cannot come from the API.

    Raises:
        CannotServeError: when the database does not answer or is not migrated, or the key would be expired already.
    """
    settings = checked_settings()
    at = datetime.now(UTC)
    if expires_at is not None and expires_at <= at:
        raise CannotServeError("--expires is in the past: a key that has expired opens nothing")
    grant = Grant(principal=principal, scopes=ROLES[Role(role)], expires_at=expires_at)

    async def make() -> MadeKey:
        database = await open_database(settings.database_url)
        try:
            made = await make_key(database, grant, name=name, role=Role(role), livemode=livemode, by=None, at=at)
        finally:
            await database.close()
        return MadeKey(*made)

    return run_async(make())


def checked_settings() -> Settings:
    """Read the settings for a command that works on the database.

    Raises:
        CannotServeError: for settings that cannot be used, and a database that does not answer or is not migrated.
    """
    settings = _settings()
    _check_database(settings)
    return settings


def application() -> Litestar:
    """Make the application in a process that serves; told to stop, it says so for a while before it does."""
    configure_logs()
    settings = load_settings(os.environ)
    app = create_app(settings)
    draining: Draining = app.state.draining

    async def put_off_signals() -> None:
        draining.put_off_signals(settings.drain_ms / 1000)

    app.on_startup.append(put_off_signals)
    return app


KEEP_ALIVE_S: Final = 75
"""How long an idle connection is kept: longer than proxies do, which are so the ones to give it up.

Where the server gives it up first, a request that is on its way is lost with it.
Source: https://nginx.org/en/docs/http/ngx_http_upstream_module.html#keepalive_timeout, 60 seconds by default.
"""


def server_options(settings: Settings) -> dict[str, Any]:
    """Give what every server of ours is started with; a stopping one lets its charges finish first."""
    return {
        "loop": "uvloop",
        "http": Impatient,
        "ws": "none",
        "lifespan": "on",
        "access_log": False,
        "proxy_headers": False,  # Nobody here asks for the client's address.
        "log_level": "warning",
        "server_header": False,
        "timeout_keep_alive": KEEP_ALIVE_S,
        "timeout_graceful_shutdown": ceil(settings.shutdown_ms / 1000),
    }


# Without local variables: those hold keys, tokens and what payers send.
_TRACEBACKS = structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False))


def configure_logs(*, level: int = logging.INFO) -> None:
    """Write one JSON object a line to standard error."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            _TRACEBACKS,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def stop_on_signals() -> asyncio.Event:
    """Give an event that SIGTERM, SIGINT and a closed terminal set; under nohup a terminal may close."""
    stop = asyncio.Event()
    closed = () if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else (signal.SIGHUP,)
    for number in (signal.SIGTERM, signal.SIGINT, *closed):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


def run_async(work: Coroutine[Any, Any, T]) -> T:
    """Run *work* on uvloop."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


def _settings() -> Settings:
    try:
        return load_settings(os.environ)
    except InvalidSettingError as wrong:
        raise CannotServeError(str(wrong)) from wrong


def _check(settings: Settings) -> None:
    if settings.keys == DEVELOPMENT_KEYS and not settings.development:
        raise CannotServeError(
            "HUB_KEYS is not set: credentials would be sealed with a key that everybody knows. "
            "docs/deploy.md says how to make one; `hub dev` needs none"
        )
    _check_database(settings)


def _check_database(settings: Settings) -> None:
    if is_missing(settings.database_url):
        missing = settings.database_url.partition(":///")[2]
        raise CannotServeError(f"there is no file {missing}; {missing_database.mend()}")
    _reach(settings)
    found = standing(settings.database_url)
    if not found.serves:
        raise CannotServeError(MEND[found])


def _reach(settings: Settings) -> None:
    """Connect once, so that a wrong address is told in one sentence."""

    async def reach() -> None:
        database = await open_database(settings.database_url)
        try:
            async with database.reading():
                pass
        finally:
            await database.close()

    try:
        run_async(reach())
    except Exception as failure:
        raise CannotServeError(
            f"HUB_DATABASE_URL: the database does not answer ({type(failure).__name__}); is it running, is it the "
            "right address?"
        ) from failure
