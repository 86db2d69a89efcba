"""What stands ready: a durable PostgreSQL, a Valkey, two processors, relays between, and the hub's processes.

The processors and their books are outside of all that is killed.
"""

import asyncio
import os
import secrets
import shutil
import sqlite3
import tempfile
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager, closing
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import aiohttp
import asyncpg
from msgspec import Struct

from hub.access.rules import Role
from hub.migrations import bring_up
from hub.seed import PROCESSORS, SAMPLES, seed
from tests.chaos.board import Board
from tests.chaos.relay import Relay
from tests.chaos.victims import ROOT, ProcessorLine, Victim
from tests.hub.house import make_api_key
from tests.hub.pretending import running
from tests.processes import accepts
from tests.servers import Postgres, Valkey

T = TypeVar("T")
DURABILITY: Final = ("fsync", "full_page_writes", "synchronous_commit")
DEADLINES: Final = {
    "CONNECT_MS": "1000",
    "ANSWER_MS": "3000",
    "REQUEST_MS": "4000",
    "NEXT_ATTEMPT_NEEDS_MS": "1500",
    "LEASE_MS": "6000",
    "WEBHOOK_CATCH_UP_MINUTES": "1",
    "RATE_LIMIT_PER_MINUTE": "100000000",
    "DATABASE_CONNECTIONS_MAX": "10",
    "ENDPOINT_NETWORKS": "127.0.0.0/8",
}
"""Short, so that a run of minutes sees many of them end; all else is as in production."""
STARTED_WITHIN_S: Final = 120.0


class Ground(Struct, kw_only=True):
    """A hub in processes of its own, and the processors behind it."""

    folder: Path  # With the processors' books.
    board: Board
    database_url: str  # Straight to the database, with no relay between.
    sandboxes: Mapping[str, str]  # Processor to URL, with no relay between.
    victims: list[Victim]
    api_key: str
    accounts: dict[str, str]  # Name to id.
    http: aiohttp.ClientSession

    @property
    def servers(self) -> list[Victim]:
        """The processes that serve."""
        return [victim for victim in self.victims if victim.role == "serve"]

    @property
    def headers(self) -> dict[str, str]:
        """What a caller sends."""
        return {"Authorization": f"Bearer {self.api_key}"}

    async def rows(self, sql: str) -> list[Mapping[str, Any]]:
        """Read from the hub's database."""
        if self.database_url.startswith("sqlite"):
            with closing(sqlite3.connect(self.database_url.removeprefix("sqlite:///"), timeout=10)) as opened:
                opened.row_factory = sqlite3.Row
                return [dict(row) for row in opened.execute(sql)]
        connection = await asyncpg.connect(self.database_url)
        try:
            return [dict(row) for row in await connection.fetch(sql)]
        finally:
            await connection.close()

    async def control(self, processor: str, method: str, path: str, body: object = None) -> Any:
        """Speak to a sandbox's control."""
        url = f"{self.sandboxes[processor]}/_control/{path}"
        async with self.http.request(method, url, json=body) as answer:
            assert answer.ok, await answer.text()
            return await answer.json(content_type=None)

    async def all_work(self) -> None:
        """Start what does not run, and wait until everything works."""
        for victim in self.victims:
            if not victim.is_alive():
                await victim.buried()
                await victim.start(fresh=True)
        for victim in self.victims:
            await until(victim.works, STARTED_WITHIN_S, f"{victim.name} does not start; see {victim.log}")


class Stage(Ground, kw_only=True):
    """What stands ready: besides the hub its databases, and relays between all."""

    postgres: Postgres
    valkey: Valkey
    to_database: dict[str, Relay]  # By the name of the process.
    to_processor: dict[str, Relay]  # By the name of the processor.
    front: Relay  # Where the processors' webhooks come in.
    hands: ThreadPoolExecutor  # Starts and ends servers; its threads live as long as those.

    async def by_hand(self, work: Callable[[], T]) -> T:
        """Do what blocks beside the loop."""
        return await asyncio.get_running_loop().run_in_executor(self.hands, work)


@asynccontextmanager
async def stage(board: Board) -> AsyncIterator[Stage]:
    """Start everything; at the end all of it is ended."""
    async with AsyncExitStack() as ends:
        folder = Path(tempfile.mkdtemp(prefix="hub-chaos-"))
        ends.callback(shutil.rmtree, folder, ignore_errors=True)
        hands = ends.enter_context(ThreadPoolExecutor(4))
        loop = asyncio.get_running_loop()
        postgres = await loop.run_in_executor(hands, partial(Postgres, durable=True))
        ends.callback(postgres.stop)
        valkey = await loop.run_in_executor(hands, Valkey)
        ends.callback(valkey.stop)
        url = await postgres.fresh_database()
        await bring_up(url)
        books = [ends.enter_async_context(running(name, folder / f"{name}.book")) for name in PROCESSORS]
        sandboxes = dict(zip(PROCESSORS, await asyncio.gather(*books), strict=True))
        victims = [Victim(f"{role}-{n}", role, folder, board) for role in ("serve", "worker") for n in (1, 2)]
        made = Stage(
            folder=folder,
            board=board,
            postgres=postgres,
            database_url=url,
            valkey=valkey,
            sandboxes=sandboxes,
            victims=victims,
            to_database={victim.name: victim.lies_behind(partial(_port, url)) for victim in victims},
            to_processor={
                name: Relay(partial(_port, at), partial(ProcessorLine, victims)) for name, at in sandboxes.items()
            },
            front=Relay(_front(victims)),
            api_key=await make_api_key(url, Role.ADMIN),
            accounts={},
            http=await ends.enter_async_context(new_client()),
            hands=hands,
        )
        for relay in (*made.to_database.values(), *made.to_processor.values(), made.front):
            await relay.start()
            ends.push_async_callback(relay.stop)
        _settle(made)
        for victim in victims:
            ends.push_async_callback(victim.buried)
        await made.all_work()
        await fill(made, f"http://127.0.0.1:{made.front.port}", _relayed(made))
        yield made


async def until(true: Callable[[], Awaitable[bool]], within_s: float, complaint: str) -> None:
    """Wait until *true* says so.

    Raises:
        SystemExit: with *complaint* when it does not in time.
    """
    for _ in range(int(within_s / 0.05)):
        if await true():
            return
        await asyncio.sleep(0.05)
    raise SystemExit(complaint)


async def durability(at: Stage) -> str:
    """Write the three settings that decide whether the database may forget.

    Raises:
        SystemExit: when it may.
    """
    told = {name: (await at.rows(f"SHOW {name}"))[0][name] for name in DURABILITY}
    if set(told.values()) != {"on"}:
        raise SystemExit(f"the database may forget commits, so what it lost says nothing: {told}")
    return ", ".join(f"{name}={value}" for name, value in told.items())


def new_client() -> aiohttp.ClientSession:
    """Make what everybody calls with: as many connections as there are calls."""
    return aiohttp.ClientSession(
        timeout=aiohttp.ClientTimeout(total=12, sock_connect=3), connector=aiohttp.TCPConnector(limit=0)
    )


def _port(url: str) -> int:
    port = urlsplit(url).port
    assert port is not None
    return port


def _front(victims: list[Victim]) -> Callable[[], int]:
    """Send each connection to the next server that listens, as a load balancer does."""
    turns = cycle([victim.port for victim in victims if victim.role == "serve"])
    ports = {victim.port for victim in victims if victim.role == "serve"}

    def choose() -> int:
        for _ in ports:
            port = next(turns)
            if accepts(port):
                return port
        return next(turns)

    return choose


def settings_of(victim: Victim, **own: str) -> dict[str, str]:
    """Write a process's settings, and of the environment what every process needs."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    named = {f"HUB_{name}": value for name, value in {**DEADLINES, **own, "PORT": str(victim.port)}.items()}
    return {**kept, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", **named}


def new_keys() -> str:
    """Make what seals credentials."""
    return f"chaos:{b64encode(secrets.token_bytes(32)).decode()}"


def _settle(made: Stage) -> None:
    """Write each process's settings: all are alike but for their ports and their ways to the database."""
    keys, straight = new_keys(), _port(made.database_url)
    for victim in made.victims:
        relayed = made.to_database[victim.name].port
        victim.settings = settings_of(
            victim,
            DATABASE_URL=made.database_url.replace(f":{straight}/", f":{relayed}/"),
            REDIS_URL=made.valkey.url,
            PUBLIC_URL=f"http://127.0.0.1:{made.front.port}",
            KEYS=keys,
        )


def _relayed(made: Stage) -> dict[str, str]:
    return {name: f"http://127.0.0.1:{relay.port}" for name, relay in made.to_processor.items()}


async def fill(made: Ground, url: str, processors: Mapping[str, str]) -> None:
    """Fill the hub as `hub dev` does, its processors at the URLs of *processors*; what is captured settles at once."""
    made.accounts = await seed(url, made.api_key, processors)
    for sample in SAMPLES:
        await made.control(sample.processor, "PUT", f"accounts/{sample.at_processor}", {"settlement_days": 0})
