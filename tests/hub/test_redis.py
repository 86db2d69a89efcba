"""What is shared through Redis stays apart: nobody gets the answer to another's question."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest

from hub.redis import SharedMemory


class Slow:
    """Stands between the hub and Redis, and keeps answers back while it is told to."""

    def __init__(self, url: str) -> None:
        self.there = urlsplit(url)
        self.asked = asyncio.Event()
        self.lets_through = asyncio.Event()
        self.lets_through.set()
        self._pumps: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        theirs, ours = await asyncio.open_connection(self.there.hostname, self.there.port)
        for pump in (self._ask(reader, ours), self._answer(theirs, writer)):
            task = asyncio.create_task(pump)
            self._pumps.add(task)
            task.add_done_callback(self._pumps.discard)

    async def _ask(self, client: asyncio.StreamReader, redis: asyncio.StreamWriter) -> None:
        while said := await client.read(65_536):
            redis.write(said)
            self.asked.set()
        redis.close()

    async def _answer(self, redis: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        while said := await redis.read(65_536):
            await self.lets_through.wait()
            client.write(said)
        client.close()


@asynccontextmanager
async def slow(url: str) -> AsyncIterator[tuple[SharedMemory, Slow]]:
    between = Slow(url)
    async with await asyncio.start_server(between.serve, "127.0.0.1") as server:
        port = server.sockets[0].getsockname()[1]
        shared = SharedMemory(f"redis://127.0.0.1:{port}/0")
        yield shared, between
        await shared.close()


@pytest.mark.fault_case(id="RD-04")
async def test_whoever_asks_after_somebody_gave_up_gets_his_own_answer(redis_url: str) -> None:
    async with slow(redis_url) as (shared, between):
        await shared.ask(lambda client: client.mset({"mine": "mine", "yours": "yours"}))
        for _ in range(5):
            between.lets_through.clear()
            between.asked.clear()
            given_up = asyncio.create_task(shared.ask(lambda client: client.get("yours")))
            await between.asked.wait()
            given_up.cancel()
            await asyncio.wait([given_up])
            between.lets_through.set()

            assert await shared.ask(lambda client: client.get("mine")) == "mine"
