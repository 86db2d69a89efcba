"""An application that receives deliveries: a real server that answers as it is told, and keeps what it got."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from ipaddress import ip_network
from typing import Any

import msgspec
from aiohttp import web
from msgspec import Struct, field
from msgspec.structs import replace
from standardwebhooks import Webhook

from hub.access.rules import Role
from hub.settings import Settings
from tests.hub.house import Hub, make_api_key, serving

Answer = Callable[["Got"], Awaitable[web.StreamResponse]]
LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
QUICK = Settings(delivery_ms=1_000, endpoint_networks=LOOPBACK, database_connections_max=4)
"""A second to answer, and endpoints on this machine."""


class Got(Struct, frozen=True, kw_only=True):
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def event_id(self) -> str:
        return self.headers["webhook-id"]

    def verified(self, secret: str) -> dict[str, Any]:
        """Check the signature as an application does, with a library that is not ours."""
        told: dict[str, Any] = Webhook(secret).verify(self.body, self.headers)
        return told


class Receiver(Struct, kw_only=True):
    """What came, and how each path answers; 204 where nothing is said."""

    url: str = ""
    got: list[Got] = field(default_factory=list)
    answers: dict[str, Answer] = field(default_factory=dict)

    def at(self, path: str) -> list[Got]:
        """What came to one path, in order."""
        return [one for one in self.got if one.path == path]

    async def until(self, count: int, path: str | None = None, seconds: float = 20.0) -> list[Got]:
        """Wait until so many requests came."""
        async with asyncio.timeout(seconds):
            while len(self.got if path is None else self.at(path)) < count:  # noqa: ASYNC110 - what came is looked at
                await asyncio.sleep(0.02)
        return self.got if path is None else self.at(path)

    def say(self, path: str, *codes: int, headers: dict[str, str] | None = None) -> None:
        """Answer with these statuses, one after the other, and with 204 from then on."""
        left = list(codes)

        async def answer(_: Got) -> web.StreamResponse:
            return web.Response(status=left.pop(0) if left else 204, headers=headers)

        self.answers[path] = answer


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """Run a receiver in this loop."""
    receiver = Receiver()

    async def take(request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        got = Got(path=request.path, headers=headers, body=await request.read())
        receiver.got.append(got)
        answer = receiver.answers.get(request.path)
        return await answer(got) if answer else web.Response(status=204)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield receiver
    finally:
        await runner.cleanup()


class Shop(Struct):
    """A hub and an application that is told of its events."""

    hub: Hub
    receiver: Receiver
    database_url: str

    async def endpoint(self, path: str = "/hook", **changes: Any) -> dict[str, Any]:
        """Make an endpoint of the receiver's; what the API answered."""
        body = {"url": self.receiver.url + path, "events": ["*"]} | changes
        made = await self.hub.post("/v1/webhook_endpoints", body)
        assert made.status_code == 201, made.text
        told: dict[str, Any] = made.json()
        return told

    async def deliveries(self, endpoint: str, **query: Any) -> list[dict[str, Any]]:
        """The log of an endpoint."""
        answer = await self.hub.get(f"/v1/webhook_endpoints/{endpoint}/deliveries", **query)
        assert answer.status_code == 200, answer.text
        told: list[dict[str, Any]] = answer.json()["data"]
        return told

    async def settled(
        self, endpoint: str, *statuses: str, count: int = 1, seconds: float = 20.0
    ) -> list[dict[str, Any]]:
        """Read the log until so many deliveries stand at one of *statuses*."""
        return await self._until(endpoint, lambda one: one["status"] in statuses, count, seconds)

    async def tried(self, endpoint: str, count: int = 1, seconds: float = 20.0) -> list[dict[str, Any]]:
        """Read the log until so many deliveries were tried."""
        return await self._until(endpoint, lambda one: bool(one["tries"]), count, seconds)

    async def _until(
        self, endpoint: str, wanted: Callable[[dict[str, Any]], bool], count: int, seconds: float
    ) -> list[dict[str, Any]]:
        async with asyncio.timeout(seconds):
            found: list[dict[str, Any]] = []
            while len(found) < count:
                await asyncio.sleep(0.05)
                found = [one for one in await self.deliveries(endpoint, limit=100) if wanted(one)]
        return found


@asynccontextmanager
async def shop(database_url: str, *, settings: Settings = QUICK, with_worker: bool = True) -> AsyncIterator[Shop]:
    """Run a hub without processors, and a receiver."""
    admin = await make_api_key(database_url, Role.ADMIN)
    async with (
        receiving() as receiver,
        serving(replace(settings, database_url=database_url), admin, with_worker=with_worker) as hub,
    ):
        yield Shop(hub, receiver, database_url)


def read(body: bytes) -> dict[str, Any]:
    """What a body says."""
    told: dict[str, Any] = msgspec.json.decode(body)
    return told
