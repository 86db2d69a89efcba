"""Find a pretend processor by its name and serve it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import cast

from aiohttp import web

import hub.sandbox
from hub.sandbox import control, settlement_control
from hub.sandbox.book import Book
from hub.sandbox.processor import Processor, Sandbox

BODY_MAX = 16 << 20
"""Large enough for a document that answers a dispute."""


def names() -> tuple[str, ...]:
    """List the pretend processors: the folders beside this module."""
    return tuple(sorted(found.name for found in iter_modules(hub.sandbox.__path__) if found.ispkg))


def processor(name: str) -> Processor:
    """Return the pretend processor of that name, loading only that one."""
    return cast("Processor", import_module(f"hub.sandbox.{name}").PROCESSOR)


@asynccontextmanager
async def serve(
    chosen: Processor, book_path: str | Path, port: int = 0, *, host: str = "127.0.0.1"
) -> AsyncIterator[Sandbox]:
    """Run a pretend processor in this event loop; its `url` says where. Port 0 takes a free one."""
    book = Book(book_path)
    sandbox = Sandbox(chosen, book)
    app = web.Application(client_max_size=BODY_MAX)
    app.add_routes([*control.routes(sandbox), *settlement_control.routes(sandbox), *chosen.routes(sandbox)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    sandbox.url = f"http://{host}:{runner.addresses[0][1]}"
    worker = asyncio.create_task(sandbox.deliveries.run())
    try:
        yield sandbox
    finally:
        sandbox.closing.set()
        worker.cancel()
        with suppress(asyncio.CancelledError):
            await worker
        await runner.cleanup()
        book.close()
