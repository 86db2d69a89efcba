"""The floor of taking webhooks: the least that verifying, keeping and acknowledging one can cost, written by hand.

Raw ASGI, one prepared insert of asyncpg a commit, Stripe's signature checked by hand.

`python -m benchmarks.webhook_floor PORT DATABASE_URL`
"""

import asyncio
import hmac
import sys
import time
from hashlib import sha256
from typing import Any, Final

import asyncpg
import msgspec
import uvicorn
from msgspec import Struct

from benchmarks.stage import WEBHOOK_SECRET

CONNECTIONS: Final = 20
TOLERANCE_S: Final = 300
TABLES: Final = """
CREATE TABLE inbox (
    id text PRIMARY KEY, subject text NOT NULL, body bytea NOT NULL, status text NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now()
);
"""
KEEP: Final = "INSERT INTO inbox (id, subject, body, status) VALUES ($1, $2, $3, 'waiting') ON CONFLICT DO NOTHING"


class About(Struct, frozen=True):
    """The object of an event."""

    id: str


class Data(Struct, frozen=True):
    """What holds the object."""

    object: About


class Event(Struct, frozen=True):
    """What is read of an event."""

    id: str
    data: Data


_event: Final = msgspec.json.Decoder(Event)
_SECRET: Final = WEBHOOK_SECRET.encode()


class Floor:
    """The ASGI application."""

    def __init__(self, database_url: str) -> None:
        self._database_url = database_url
        # Taken from the end, so that few connections do most of the work.
        self._free: asyncio.LifoQueue[Any] = asyncio.LifoQueue()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI's own shapes
        """Serve one request."""
        if scope["type"] == "lifespan":
            return await self._live(receive, send)
        parts = [await receive()]
        while parts[-1].get("more_body"):
            parts.append(await receive())
        status = await self._keep(dict(scope["headers"]), b"".join(part["body"] for part in parts))
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})
        return None

    async def _live(self, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI's own shapes
        await receive()
        connections = [await asyncpg.connect(self._database_url) for _ in range(CONNECTIONS)]
        await connections[0].execute(TABLES)
        for connection in connections:
            self._free.put_nowait(await connection.prepare(KEEP))
        await send({"type": "lifespan.startup.complete"})
        await receive()
        for connection in connections:
            await connection.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def _keep(self, headers: dict[bytes, bytes], body: bytes) -> int:
        parts = dict(part.split(b"=", 1) for part in headers[b"stripe-signature"].split(b","))
        wanted = hmac.new(_SECRET, parts[b"t"] + b"." + body, sha256).hexdigest().encode()
        if not hmac.compare_digest(wanted, parts[b"v1"]) or abs(time.time() - int(parts[b"t"])) > TOLERANCE_S:
            return 401
        event = _event.decode(body)
        prepared = await self._free.get()
        try:
            await prepared.fetchval(event.id, event.data.object.id, body)
        finally:
            self._free.put_nowait(prepared)
        return 202


if __name__ == "__main__":
    uvicorn.run(
        Floor(sys.argv[2]),
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        ws="none",
        access_log=False,
        log_level="warning",
        server_header=False,
    )
