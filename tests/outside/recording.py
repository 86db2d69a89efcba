"""A proxy that changes nothing and keeps what went by."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import ClientSession, web
from msgspec import Struct


class Exchange(Struct, frozen=True):
    method: str
    path: str
    query: str
    sent: bytes
    status: int
    reply: bytes


class Recording:
    def __init__(self, url: str) -> None:
        self.url = url
        self.exchanges: list[Exchange] = []

    def taken(self) -> list[Exchange]:
        """What went by since it was last asked."""
        found, self.exchanges = self.exchanges, []
        return found


@asynccontextmanager
async def recording(upstream: str) -> AsyncIterator[Recording]:
    async with ClientSession(auto_decompress=True) as session:
        kept = Recording("")

        async def forward(request: web.Request) -> web.Response:
            sent = await request.read()
            headers = {name: value for name, value in request.headers.items() if name.lower() != "host"}
            async with session.request(request.method, upstream + request.raw_path, data=sent, headers=headers) as got:
                reply = await got.read()
            kept.exchanges.append(Exchange(request.method, request.path, request.query_string, sent, got.status, reply))
            return web.Response(status=got.status, body=reply, content_type="application/json")

        app = web.Application()
        app.router.add_route("*", "/{rest:.*}", forward)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        kept.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield kept
        finally:
            await runner.cleanup()
