"""A proxy that keeps what went by, and changes nothing but the form fields it is told to leave out."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

from aiohttp import ClientSession, web
from msgspec import Struct

HOP = frozenset({"host", "content-length"})


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


def _without(sent: bytes, fields: Collection[str]) -> bytes:
    return b"&".join(pair for pair in sent.split(b"&") if pair.partition(b"=")[0].decode() not in fields)


@asynccontextmanager
async def recording(upstream: str, leave_out: Collection[str] = ()) -> AsyncIterator[Recording]:
    async with ClientSession(auto_decompress=True) as session:
        kept = Recording("")

        async def forward(request: web.Request) -> web.Response:
            sent = await request.read()
            headers = {name: value for name, value in request.headers.items() if name.lower() not in HOP}
            data = _without(sent, leave_out) if leave_out else sent
            async with session.request(request.method, upstream + request.raw_path, data=data, headers=headers) as got:
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
