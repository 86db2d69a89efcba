"""Processes forked from one that has loaded everything, a tenth of a start: pretend processors, and see `commands`."""

import asyncio
import multiprocessing
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

import hub
from hub.sandbox.server import names, processor, serve

START_S: Final = 20.0
STOP_S: Final = 5.0
FORKS: Final = multiprocessing.get_context("forkserver")
COMMANDS: Final = [f"hub.{path.parent.name}.command" for path in Path(hub.__file__).parent.glob("*/command.py")]
"""What the hub's commands load when they run."""
FORKS.set_forkserver_preload(
    [__name__, "hub.app", "hub.doctor", *COMMANDS, *(f"hub.sandbox.{name}" for name in names())]
)


@asynccontextmanager
async def running(name: str, book_path: str | Path, port: int = 0) -> AsyncIterator[str]:
    """Run a pretend processor in a process of its own and yield its URL."""
    told, telling = FORKS.Pipe(duplex=False)
    process = FORKS.Process(target=_serve, args=(name, str(book_path), port, telling), daemon=True)
    process.start()
    telling.close()
    try:
        if not await asyncio.to_thread(told.poll, START_S):
            raise RuntimeError(f"the {name} sandbox does not listen")
        yield str(told.recv())
    finally:
        told.close()
        process.terminate()
        await asyncio.to_thread(process.join, STOP_S)
        if process.is_alive():
            process.kill()
            process.join()


def _serve(name: str, book_path: str, port: int, telling: Connection) -> None:
    asyncio.run(_until_ended(name, book_path, port, telling))


async def _until_ended(name: str, book_path: str, port: int, telling: Connection) -> None:
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    async with serve(processor(name), book_path, port) as sandbox:
        telling.send(sandbox.url)
        await ended.wait()
