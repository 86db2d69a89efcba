"""`hub dev`: hub and worker in this process, both pretend processors beside it, seeded and ready to charge."""

import asyncio
import logging
import os
import sys
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Final

import aiohttp
import msgspec
import uvicorn
from msgspec import Struct
from msgspec.structs import replace
from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from hub.access.rules import ROLES, Grant, Role
from hub.access.service import Keys, make_key
from hub.app import create_app, utc_now
from hub.database import open_database
from hub.dev_processes import CannotStartError, Folder, claimed, listen, sandboxes
from hub.errors import ProblemError
from hub.migrations import migrate
from hub.seed import SeedError, seed
from hub.serving import configure_logs, run_async, server_options, stop_on_signals
from hub.settings import InvalidSettingError, Settings, load_settings

POLL_SECONDS: Final = 0.02
DAY_S: Final = 86_400
LOOPBACK: Final = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
"""Where an application under development listens."""

__all__ = ["CannotStartError", "Options", "Ready", "run"]


class Options(Struct, frozen=True, kw_only=True):
    """What the command line asks for."""

    folder: Path
    port: int
    database: str | None
    redis: str | None
    fresh: bool
    advance_days: int
    as_json: bool
    with_stdin: bool


class Ready(Struct, frozen=True, kw_only=True):
    """Where everything is, once it can be charged; what `--json` prints."""

    url: str
    api_key: str
    merchant_accounts: Mapping[str, str]
    sandbox: Mapping[str, str]


class _Server(uvicorn.Server):
    """uvicorn without signal handlers of its own: here one signal ends the hub, the worker and the sandboxes."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone."""
        yield


def run(options: Options) -> None:
    """Run until SIGTERM or SIGINT.

    Raises:
        CannotStartError: when a port or the folder is in use, or something does not start.
    """
    with claimed(options.folder) as folder:
        folder.read()
        configure_logs(level=logging.WARNING)
        run_async(_run(options, folder))


async def _run(options: Options, folder: Folder) -> None:
    stop = stop_on_signals()
    if options.with_stdin:
        asyncio.get_running_loop().add_reader(sys.stdin, stop.set)
    async with AsyncExitStack() as open_:
        door = listen(options.port)
        open_.callback(door.close)
        url = f"http://127.0.0.1:{door.getsockname()[1]}"
        settings = _settings(options, folder, url)
        running = await open_.enter_async_context(sandboxes(folder, fresh=options.fresh))
        await asyncio.to_thread(migrate, settings.database_url)
        api_key = await _api_key(settings, folder)
        urls = {processor: told[0] for processor, told in running.items()}
        await _advance(folder, urls, options.advance_days)
        app = create_app(settings, with_worker=True, clock=_clock(folder.kept.ahead_days))
        server = _Server(uvicorn.Config(app, **server_options(settings)))
        serving = asyncio.create_task(server.serve([door]))
        try:
            await _listening(server, serving)
            try:
                ids = await seed(url, api_key, urls)
            except SeedError as refused:
                raise CannotStartError(f"seeding failed: {refused}") from refused
            _show(Ready(url=url, api_key=api_key, merchant_accounts=ids, sandbox=urls), options)
            ends = {name: told[1].wait() for name, told in running.items()}
            await _until_something_ends(stop, serving, ends)
        finally:
            server.should_exit = True
            await asyncio.gather(serving, return_exceptions=True)


def _settings(options: Options, folder: Folder, url: str) -> Settings:
    try:
        told = load_settings(os.environ)
    except InvalidSettingError as wrong:
        raise CannotStartError(str(wrong)) from wrong
    return replace(
        told,
        database_url=options.database or folder.database_url,
        redis_url=options.redis or told.redis_url,
        host="127.0.0.1",
        port=int(url.rpartition(":")[2]),
        public_url=url,
        development=True,
        endpoint_networks=told.endpoint_networks or LOOPBACK,
    )


async def _advance(folder: Folder, sandboxes: Mapping[str, str], days: int) -> None:
    """Put the processors' clocks and the hub's forward alike; each keeps that from one start to the next."""
    if days == 0:
        return
    async with aiohttp.ClientSession(raise_for_status=True) as session:
        for url in sandboxes.values():
            async with session.post(f"{url}/_control/clock", json={"advance_s": days * DAY_S}):
                pass
    folder.kept.ahead_days += days
    folder.write()


def _clock(ahead_days: int) -> Callable[[], datetime]:
    ahead = timedelta(days=ahead_days)
    return lambda: utc_now() + ahead


async def _api_key(settings: Settings, folder: Folder) -> str:
    """Give the key of the last start, or a new one where this database does not know it."""
    database = await open_database(settings.database_url)
    try:
        if folder.kept.api_key is not None:
            with suppress(ProblemError):
                await Keys(database).authenticate(f"Bearer {folder.kept.api_key}")
                return folder.kept.api_key
        grant = Grant(principal="developer", scopes=ROLES[Role.ADMIN])
        at = datetime.now(UTC)
        made = await make_key(database, grant, name="hub dev", role=Role.ADMIN, livemode=False, by=None, at=at)
    finally:
        await database.close()
    folder.kept.api_key = made[1]
    folder.write()
    return made[1]


async def _listening(server: uvicorn.Server, serving: asyncio.Task[None]) -> None:
    while not server.started:
        if serving.done():
            await serving
            raise CannotStartError("the hub did not start; what it wrote stands above")
        await asyncio.sleep(POLL_SECONDS)


async def _until_something_ends(
    stop: asyncio.Event, serving: asyncio.Task[None], sandboxes: Mapping[str, Coroutine[Any, Any, int]]
) -> None:
    """Wait for a signal.

    Raises:
        CannotStartError: when a part ends by itself: without it nothing here would be as it says.
    """
    watched: dict[asyncio.Future[Any], str] = {
        asyncio.ensure_future(stop.wait()): "",
        serving: "the hub",
        **{asyncio.ensure_future(ended): f"the {name} sandbox" for name, ended in sandboxes.items()},
    }
    done, _ = await asyncio.wait(watched, return_when=asyncio.FIRST_COMPLETED)
    for future in watched.keys() - {serving}:
        future.cancel()
    if stop.is_set():
        return
    ended = next(iter(done))
    if not ended.cancelled() and (failure := ended.exception()) is not None:
        raise CannotStartError(f"{watched[ended]} failed: {failure!r}") from failure
    raise CannotStartError(f"{watched[ended]} ended by itself; what it wrote stands above")


def _show(ready: Ready, options: Options) -> None:
    if options.as_json:
        sys.stdout.write(msgspec.json.encode(ready).decode() + "\n")
        sys.stdout.flush()
        return
    told = Text.assemble(
        ("The hub    ", "dim"), (ready.url, "bold"), "\n",
        ("OpenAPI    ", "dim"), f"{ready.url}/docs\n",
        ("API key    ", "dim"), (ready.api_key, "bold"), "\n",
        *(part for name, url in ready.sandbox.items() for part in ((f"{name:<11}", "dim"), f"{url}\n")),
        ("kept in    ", "dim"), f"{options.folder}\n",
        ("accounts   ", "dim"), ", ".join(ready.merchant_accounts),
    )  # fmt: skip
    console = Console()
    console.print(Panel(told, title="hub dev", title_align="left", expand=False))
    console.print("A first charge, to paste:\n", style="dim")
    console.print(first_charge(ready), soft_wrap=True, highlight=False, markup=False)
    console.print("\nCtrl-C ends it; the next start goes on where this one stopped.", style="dim")


def first_charge(ready: Ready) -> str:
    """Write the commands of a first charge: they work in any POSIX shell that has curl."""
    return (
        f"KEY={ready.api_key}\n"
        f'METHOD=$(curl -s {ready.url}/v1/payment_methods -H "Authorization: Bearer $KEY" \\\n'
        "  -H 'Content-Type: application/json' \\\n"
        '  -d \'{"type": "card", "processor_tokens": [{"processor": "stripe", "token": "pm_card_visa"}]}\' \\\n'
        "  | grep -o 'pm_[0-9a-z]*' | head -1)\n"
        f'curl -s {ready.url}/v1/payments -H "Authorization: Bearer $KEY" \\\n'
        "  -H 'Content-Type: application/json' -H \"Idempotency-Key: first-charge-$METHOD\" \\\n"
        '  -d "{\\"amount\\": 4999, \\"currency\\": \\"EUR\\", \\"country\\": \\"DE\\", '
        '\\"reference\\": \\"invoice-$METHOD\\", \\"payment_method\\": \\"$METHOD\\"}"'
    )
