"""A processor whose answers a test holds back for as long as it wants."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import ClientSession, web

from tests.processes import free_port

PATIENCE_S = 60.0


class Gate:
    """Stands before a processor: requests that move money get there once it is opened, and their answers with them."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.arrived = 0
        self._more = asyncio.Condition()
        self._open = asyncio.Event()

    async def until(self, count: int) -> None:
        """Wait until so many requests stand before it."""
        async with asyncio.timeout(PATIENCE_S), self._more:
            await self._more.wait_for(lambda: self.arrived >= count)

    def open(self) -> None:
        """Let everything through, now and later."""
        self._open.set()

    async def held_up(self) -> None:
        """Stand before it like everybody."""
        async with self._more:
            self.arrived += 1
            self._more.notify_all()
        await self._open.wait()


@asynccontextmanager
async def gate(target: str) -> AsyncIterator[Gate]:
    """Make a gate before the processor at *target*; what asks only goes through at once."""
    async with ClientSession() as session:

        async def forward(request: web.Request) -> web.Response:
            if request.method == "POST":
                await made.held_up()
            kept = {k: v for k, v in request.headers.items() if k.lower() not in {"host", "content-length"}}
            url = f"{target}{request.path_qs}"
            async with session.request(request.method, url, headers=kept, data=await request.read()) as answer:
                return web.Response(status=answer.status, body=await answer.read(), content_type="application/json")

        app = web.Application()
        app.router.add_route("*", "/{path:.*}", forward)
        runner = web.AppRunner(app)
        await runner.setup()
        port = free_port()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        made = Gate(f"http://127.0.0.1:{port}")
        try:
            yield made
        finally:
            made.open()
            await runner.cleanup()
