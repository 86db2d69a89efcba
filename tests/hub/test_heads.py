import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import uvicorn

from hub.heads import Impatient
from hub.serving import server_options
from hub.settings import Settings
from tests.processes import free_port

HALF_A_HEAD = b"GET / HTTP/1.1\r\nHost: hub\r\nX-Slow: "
WHOLE = b"GET / HTTP/1.1\r\nHost: hub\r\n\r\n"
Pipe = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Sooner(Impatient):
    head_s = 0.1
    silence_s = 0.1


async def app(scope: Any, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]) -> None:
    assert scope["type"] == "http"
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@asynccontextmanager
async def connected() -> AsyncIterator[Pipe]:
    config = uvicorn.Config(app, port=free_port(), log_level="warning", lifespan="off", http=Sooner)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        assert not serving.done(), serving.exception()
        await asyncio.sleep(0.01)
    pipe = await asyncio.open_connection("127.0.0.1", config.port)
    try:
        yield pipe
    finally:
        pipe[1].close()
        server.should_exit = True
        await serving


async def test_a_connection_that_says_nothing_or_half_a_head_is_closed() -> None:
    async with connected() as (reader, _):
        assert await reader.read() == b""
    async with connected() as (reader, writer):
        writer.write(HALF_A_HEAD)
        assert await reader.read() == b""


async def test_half_a_head_after_a_whole_request_is_closed_too() -> None:
    async with connected() as (reader, writer):
        writer.write(WHOLE)
        assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200")

        writer.write(HALF_A_HEAD)

        assert await reader.read() == b""


def test_whoever_serves_waits_for_heads_no_longer_than_for_bodies() -> None:
    assert server_options(Settings())["http"] is Impatient
    assert Settings().body_read_ms / 1000 == Impatient.head_s
