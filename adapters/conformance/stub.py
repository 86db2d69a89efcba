"""A server that knows no processor's format: it answers every request with one and the same thing."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import web
from msgspec import Struct

Behaviour = Callable[[web.Request, bytes], Awaitable[web.StreamResponse]]

SILENCE_S: Final = 30.0
HALF: Final = b'{"id": "half_of_a'
PROMISED: Final = 1000


class Heard(Struct, frozen=True):
    """One request as it came; header names are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class Stub:
    """Listens on a free port of this machine."""

    def __init__(self) -> None:
        """Answer nothing yet."""
        self.heard: list[Heard] = []
        self.base_url = ""
        self.behaviour: Behaviour = answers(500, b"")

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Keep what was asked and answer as told."""
        body = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.heard.append(Heard(request.method, request.path, headers, body))
        return await self.behaviour(request, body)


@asynccontextmanager
async def stub() -> AsyncIterator[Stub]:
    """Run a new one."""
    made = Stub()
    async with listening(made.handle) as url:
        made.base_url = url
        yield made


@asynccontextmanager
async def listening(handle: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> AsyncIterator[str]:
    """Hand every request to *handle*, under the URL that is yielded."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def answers(status: int, body: bytes, kind: str = "application/json") -> Behaviour:
    """Answer with *body*."""

    async def behave(_request: web.Request, _body: bytes) -> web.StreamResponse:
        return web.Response(status=status, body=body, content_type=kind)

    return behave


def echoes(status: int) -> Behaviour:
    """Answer with all that was sent, keys included, as a careless error page does."""

    async def behave(request: web.Request, body: bytes) -> web.StreamResponse:
        headers = "\n".join(f"{name}: {value}" for name, value in request.headers.items())
        return web.Response(status=status, text=f"{request.url}\n{headers}\n{body.decode('utf-8', 'replace')}")

    return behave


async def hangs_up(request: web.Request, _body: bytes) -> web.StreamResponse:
    """Close the connection instead of an answer."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


async def keeps_silent(_request: web.Request, _body: bytes) -> web.StreamResponse:
    """Let the caller wait."""
    await asyncio.sleep(SILENCE_S)
    return web.Response()


async def stops_halfway(request: web.Request, _body: bytes) -> web.StreamResponse:
    """Promise a body and send its beginning only."""
    begun = web.StreamResponse(headers={"Content-Length": str(PROMISED), "Content-Type": "application/json"})
    await begun.prepare(request)
    await begun.write(HALF)
    return await hangs_up(request, b"")
