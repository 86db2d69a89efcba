"""The composition root: everything is made here, once, and handed to whoever needs it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Final

import structlog
from litestar import Litestar, Router
from litestar.datastructures import State
from litestar.di import Provide
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme
from litestar.types import Message, Scope
from msgspec import Struct

from adapters.contract import Registration
from adapters.registry import registrations
from adapters.transport import Deadlines, Transport
from hub import health
from hub.access import routes as access_routes
from hub.access.guards import provide_caller
from hub.access.service import Keys
from hub.approvals import routes as approval_routes
from hub.audit import routes as audit_routes
from hub.backtests import routes as backtest_routes
from hub.banking import routes as banking_routes
from hub.collecting import leave_alone_what_stays
from hub.database import Database, open_database
from hub.decoding import StrictRequest
from hub.disputes import routes as dispute_routes
from hub.disputes.uploads import Uploads
from hub.errors import HANDLERS as EXCEPTION_HANDLERS
from hub.events import routes as event_routes
from hub.exceptions import routes as exception_routes
from hub.figures import routes as figure_routes
from hub.figures.board import FigureBoard
from hub.ledger import routes as ledger_routes
from hub.limits import RateLimiter
from hub.merchants import routes as merchant_routes
from hub.merchants.editing import AccountEditor
from hub.merchants.health import HealthBoard
from hub.merchants.service import Directory
from hub.openapi import ClosedObjects
from hub.payment_methods import routes as payment_method_routes
from hub.payment_methods import verification_routes
from hub.payment_methods.describing import TokenDesk
from hub.payment_methods.remembered import Remembered
from hub.payment_methods.service import Wallet
from hub.payment_sessions import routes as payment_session_routes
from hub.payments import refund_routes, return_routes
from hub.payments import routes as payment_routes
from hub.payments.shell import Shell
from hub.redis import SharedMemory
from hub.reference import routes as reference_routes
from hub.reporting import routes as report_routes
from hub.rulesets import review_routes, simulation_routes, standing_routes
from hub.rulesets import routes as ruleset_routes
from hub.rulesets.shadowing import ShadowDesk
from hub.sealing import Sealer
from hub.settings import Settings
from hub.settlement import owed_routes
from hub.settlement import routes as settlement_routes
from hub.stalls import watch_for_stalls
from hub.stopping import Draining, stopped
from hub.webhook_endpoints import delivery_routes as endpoint_delivery_routes
from hub.webhook_endpoints import routes as webhook_endpoint_routes
from hub.webhooks import delivery_routes
from hub.webhooks import routes as webhook_routes
from hub.webhooks.budget import ReadBudgets
from hub.worker import Bell, work

HANDLERS: Final = [
    *payment_routes.HANDLERS,
    *refund_routes.HANDLERS,
    *dispute_routes.HANDLERS,
    *return_routes.HANDLERS,
    *payment_method_routes.HANDLERS,
    *verification_routes.HANDLERS,
    *payment_session_routes.HANDLERS,
    *merchant_routes.HANDLERS,
    *ruleset_routes.HANDLERS,
    *review_routes.HANDLERS,
    *standing_routes.HANDLERS,
    *simulation_routes.HANDLERS,
    *backtest_routes.HANDLERS,
    *figure_routes.HANDLERS,
    *exception_routes.HANDLERS,
    *approval_routes.HANDLERS,
    *banking_routes.HANDLERS,
    *ledger_routes.HANDLERS,
    *settlement_routes.HANDLERS,
    *owed_routes.HANDLERS,
    *report_routes.HANDLERS,
    *access_routes.HANDLERS,
    *audit_routes.HANDLERS,
    *delivery_routes.HANDLERS,
    *event_routes.HANDLERS,
    *webhook_endpoint_routes.HANDLERS,
    *endpoint_delivery_routes.HANDLERS,
    *health.HANDLERS,
    *reference_routes.HANDLERS,
]
_log = structlog.get_logger(__name__)


class Parts(Struct, frozen=True, kw_only=True):
    """What one process of the hub is made of."""

    settings: Settings
    database: Database
    shared: SharedMemory
    transport: Transport
    directory: Directory
    registrations: Mapping[str, Registration[Any]]
    sealer: Sealer
    editor: AccountEditor
    wallet: Wallet
    clock: Callable[[], datetime]
    shell: Shell
    bell: Bell


def utc_now() -> datetime:
    """Read the process's clock."""
    return datetime.now(UTC)


def known_adapters() -> Mapping[str, Registration[Any]]:
    """List every adapter by its processor's name, without opening anything."""
    return registrations()


@asynccontextmanager
async def assembled(settings: Settings, clock: Callable[[], datetime] = utc_now) -> AsyncIterator[Parts]:
    """Open everything that a hub process works with; at the end what is under way is finished, then all is closed."""
    database = await open_database(settings.database_url, connections_max=settings.database_connections_max)
    shared = SharedMemory(settings.redis_url)
    transport = Transport(_deadlines(settings))
    sealer = Sealer(settings.keys)
    known = known_adapters()
    directory = Directory(database, sealer, known, transport, shared, poll_ms=settings.snapshot_poll_ms, clock=clock)
    health_board = HealthBoard(shared, clock, poll_ms=settings.snapshot_poll_ms)
    figures = FigureBoard(database, shared, directory, clock, poll_ms=settings.snapshot_poll_ms)
    shadows = ShadowDesk(database, figures.seen_later)
    bell = Bell()
    shell = Shell(
        database=database,
        directory=directory,
        settings=settings,
        sealer=sealer,
        health=health_board,
        figures=figures,
        shadows=shadows,
        remembered=Remembered(settings.payment_methods_remembered_max),
        clock=clock,
        wake=bell.ring,
        running=set(),
        reads=ReadBudgets(settings.webhook_reads_per_second),
    )
    try:
        await directory.start()
        await health_board.start()
        await figures.start()
        await shadows.start()
        yield Parts(
            settings=settings,
            database=database,
            shared=shared,
            transport=transport,
            directory=directory,
            registrations=known,
            sealer=sealer,
            editor=AccountEditor(
                database=database, sealer=sealer, registrations=known, directory=directory, clock=clock
            ),
            wallet=_wallet(shell, TokenDesk(registrations=known, directory=directory)),
            clock=clock,
            shell=shell,
            bell=bell,
        )
        await _finish(shell)
    finally:
        await shadows.stop()
        await figures.stop()
        await health_board.stop()
        await directory.stop()
        await transport.close()
        await shared.close()
        await database.close()


def _deadlines(settings: Settings) -> Deadlines:
    return Deadlines(
        connect=settings.connect_ms / 1000, answer=settings.answer_ms / 1000, total=settings.request_ms / 1000
    )


def _wallet(shell: Shell, desk: TokenDesk) -> Wallet:
    return Wallet(database=shell.database, desk=desk, remembered=shell.remembered, clock=shell.clock)


async def _finish(shell: Shell) -> None:
    """Wait for the charges under way; what is not done in time is left to its lease."""
    if shell.running:
        _, left = await asyncio.wait(shell.running, timeout=shell.settings.shutdown_ms / 1000)
        if left:
            _log.warning("shutdown_left_work", operations=len(left))


def create_app(settings: Settings, *, with_worker: bool = False, clock: Callable[[], datetime] = utc_now) -> Litestar:
    """Make the application of one process; *with_worker* runs the worker's jobs in it too."""
    return Litestar(
        route_handlers=[*HANDLERS, _inbox(settings)],
        lifespan=[_lifespan],
        request_class=StrictRequest,
        exception_handlers=EXCEPTION_HANDLERS,
        request_max_body_size=settings.body_max_bytes,
        dependencies=_dependencies(),
        state=state_before_start(settings, with_worker=with_worker, clock=clock),
        before_send=[_close_when_draining],
        openapi_config=_openapi(),
        plugins=[ClosedObjects()],
        logging_config=None,
    )


def state_before_start(settings: Settings, *, with_worker: bool, clock: Callable[[], datetime]) -> State:
    """Make what tells an application that has not started from another with the same routes and bounds of bodies."""
    return State({"settings": settings, "with_worker": with_worker, "clock": clock, "draining": Draining()})


@asynccontextmanager
async def _lifespan(app: Litestar) -> AsyncIterator[None]:
    state = app.state
    settings: Settings = state.settings
    async with assembled(settings, state.clock) as parts:
        state.parts = parts
        state.api_keys = Keys(parts.database, cache_ms=settings.api_key_cache_ms)
        state.uploads = Uploads()
        state.limiter = RateLimiter(parts.shared, settings.rate_limit_per_minute)
        leave_alone_what_stays()
        watching = asyncio.create_task(watch_for_stalls())
        stop = parts.shell.stopping
        worker = asyncio.create_task(work(parts.shell, parts.bell, stop)) if state.with_worker else None
        try:
            yield
        finally:
            stop.set()
            parts.bell.ring()
            if worker is not None:
                await worker
            await stopped([watching])


async def _close_when_draining(message: Message, scope: Scope) -> None:
    """Keep no connection open that would be cut when the process stops: its next request goes elsewhere."""
    if message["type"] == "http.response.start" and scope["litestar_app"].state.draining.has_begun:
        message["headers"] = [*message["headers"], (b"connection", b"close")]


def _inbox(settings: Settings) -> Router:
    """Make the addresses of webhooks, which take bodies of a size of their own."""
    return Router("/", route_handlers=webhook_routes.HANDLERS, request_max_body_size=settings.webhook_body_max_bytes)


def _part(name: str) -> Provide:
    def provide(state: State) -> Any:  # noqa: ANN401 - one of the parts
        return getattr(state.parts, name)

    return Provide(provide, sync_to_thread=False)


def _provide_draining(state: State) -> Draining:
    draining: Draining = state.draining
    return draining


def _provide_uploads(state: State) -> Uploads:
    uploads: Uploads = state.uploads
    return uploads


def _provide_api_keys(state: State) -> Keys:
    keys: Keys = state.api_keys
    return keys


def _dependencies() -> dict[str, Provide]:
    names = ("settings", "database", "directory", "registrations", "sealer", "editor", "wallet", "clock", "shell")
    return {name: _part(name) for name in names} | {
        "caller": Provide(provide_caller, sync_to_thread=False),
        "api_keys": Provide(_provide_api_keys, sync_to_thread=False),
        "draining": Provide(_provide_draining, sync_to_thread=False),
        "uploads": Provide(_provide_uploads, sync_to_thread=False),
    }


def _openapi() -> OpenAPIConfig:
    return OpenAPIConfig(
        title="Payment hub",
        version="1",
        use_handler_docstrings=True,
        path="/schema",
        render_plugins=[JsonRenderPlugin()],
        components=Components(security_schemes={"key": SecurityScheme(type="http", scheme="bearer")}),
        security=[{"key": []}],
    )
