"""The hub's handlers of accounts, keys, tokens and rules, put together as the application does, without charging."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Final

from httpx import ASGITransport, AsyncClient
from litestar import Litestar
from litestar.di import Provide
from msgspec import Struct

from adapters.adyen import REGISTRATION as ADYEN
from adapters.contract import Registration
from adapters.stripe import REGISTRATION as STRIPE
from adapters.transport import Transport
from hub.access import routes as access
from hub.access.guards import provide_caller
from hub.access.rules import ROLES, Grant, Role
from hub.access.service import Keys, make_key
from hub.audit import routes as audit
from hub.database import Database, DatabaseClock, metadata, open_database, read_clock
from hub.decoding import StrictRequest
from hub.errors import HANDLERS
from hub.events import routes as events
from hub.figures.board import FigureBoard
from hub.ledger import routes as ledger
from hub.limits import RateLimiter
from hub.merchants import routes as merchants
from hub.merchants.editing import AccountEditor
from hub.merchants.health import HealthBoard
from hub.merchants.service import Directory
from hub.payment_methods import routes as payment_methods
from hub.payment_methods.describing import TokenDesk
from hub.payment_methods.remembered import Remembered
from hub.payment_methods.service import Wallet
from hub.payments.shell import Shell
from hub.redis import SharedMemory
from hub.rulesets import review_routes, standing_routes
from hub.rulesets import routes as rulesets
from hub.rulesets.shadowing import ShadowDesk
from hub.sealing import Sealer
from hub.settings import Settings
from hub.webhooks.budget import ReadBudgets
from tests.canaries import none_in_refusal

PROCESSORS: Mapping[str, Registration[Any]] = {"adyen": ADYEN, "stripe": STRIPE}
SERVED: Final = [
    *access.HANDLERS,
    *audit.HANDLERS,
    *merchants.HANDLERS,
    *rulesets.HANDLERS,
    *review_routes.HANDLERS,
    *standing_routes.HANDLERS,
    *payment_methods.HANDLERS,
    *events.HANDLERS,
    *ledger.HANDLERS,
]


class Periphery(Struct):
    """A running application and how to speak to it as anybody."""

    client: AsyncClient  # In the loop that the database belongs to.
    database: Database
    app: Litestar
    directory: Directory

    async def key(
        self, role: Role, *, livemode: bool = False, principal: str = "ada", **limits: object
    ) -> dict[str, str]:
        """Headers of a caller with a new key."""
        grant = Grant(principal=principal, scopes=ROLES[role], **limits)  # type: ignore[arg-type] # fields of Grant
        made = await make_key(
            self.database, grant, name="test", role=role, livemode=livemode, by=None, at=datetime.now(UTC)
        )
        return {"authorization": f"Bearer {made[1]}"}


@asynccontextmanager
async def periphery(
    database_url: str,
    *,
    settings: Settings | None = None,
    redis_url: str | None = None,
    processors: Mapping[str, Registration[Any]] = PROCESSORS,
    clock: Callable[[], datetime] | None = None,
    database_clock: DatabaseClock = read_clock,
) -> AsyncIterator[Periphery]:
    """Run the handlers over a database whose tables are made here."""
    settings = settings or Settings()
    database = await open_database(database_url, clock=database_clock)
    async with database.writer.begin() as connection:
        await connection.run_sync(metadata.create_all)
    keys, shared, transport, sealer = Keys(database), SharedMemory(redis_url), Transport(), Sealer(settings.keys)
    clock, poll_ms = clock or now, settings.snapshot_poll_ms
    directory = Directory(database, sealer, processors, transport, shared, poll_ms=poll_ms, clock=clock)
    shell = shell_of(database, shared, directory, settings, sealer, clock)
    editor = AccountEditor(database=database, sealer=sealer, registrations=processors, directory=directory, clock=now)
    desk = TokenDesk(registrations=processors, directory=directory)

    def given(value: object) -> Provide:
        return Provide(lambda: value, sync_to_thread=False)

    app = Litestar(
        SERVED,
        request_class=StrictRequest,
        exception_handlers=HANDLERS,
        dependencies={
            "caller": Provide(provide_caller, sync_to_thread=False),
            "clock": given(clock),
            "database": given(database),
            "directory": given(directory),
            "editor": given(editor),
            "shell": given(shell),
            "registrations": given(processors),
            "sealer": given(sealer),
            "api_keys": given(keys),
            "settings": given(settings),
            "wallet": given(Wallet(database=database, desk=desk, remembered=shell.remembered, clock=now)),
        },
    )
    app.state.update({"api_keys": keys, "limiter": RateLimiter(shared, settings.rate_limit_per_minute)})
    door = ASGITransport(app)  # type: ignore[arg-type] # Litestar's own names for the same ASGI types
    async with AsyncClient(
        transport=door, base_url="http://hub.test", event_hooks={"response": [none_in_refusal]}
    ) as client:
        await directory.start()
        yield Periphery(client, database, app, directory)
        await directory.stop()
    await transport.close()
    await shared.close()
    await database.close()


def now() -> datetime:
    """Read the clock."""
    return datetime.now(UTC)


def shell_of(
    database: Database,
    shared: SharedMemory,
    directory: Directory,
    settings: Settings,
    sealer: Sealer,
    clock: Callable[[], datetime],
) -> Shell:
    """Make what a charge works with; nothing of it is started."""
    figures = FigureBoard(database, shared, directory, clock)
    return Shell(
        database=database,
        directory=directory,
        settings=settings,
        sealer=sealer,
        health=HealthBoard(shared, clock),
        figures=figures,
        shadows=ShadowDesk(database, figures.seen_later),
        remembered=Remembered(8),
        clock=clock,
        wake=lambda: None,
        running=set(),
        reads=ReadBudgets(settings.webhook_reads_per_second),
    )
