"""The floor: the least that charging once and for all can cost in Python, written by hand.

Raw ASGI, asyncpg, aiohttp. One prepared statement commits key, payment and attempt; one call; one prepared statement
commits what became of them with two transfers and an event.

`python -m benchmarks.floor PORT DATABASE_URL PROCESSOR_URL`
"""

import asyncio
import sys
import time
from hashlib import sha256
from itertools import count
from typing import Any, Final

import aiohttp
import asyncpg
import msgspec
import uvicorn
from msgspec import Struct

CONNECTIONS: Final = 20
TABLES: Final = """
CREATE TABLE keys (key text PRIMARY KEY, fingerprint bytea NOT NULL, status int, answer bytea);
CREATE TABLE payments (
    id text PRIMARY KEY, reference text NOT NULL, amount_minor bigint NOT NULL, currency text NOT NULL,
    payment_method text NOT NULL, status text NOT NULL, created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE attempts (
    id text PRIMARY KEY, payment_id text NOT NULL REFERENCES payments, status text NOT NULL, processor_reference text,
    lease_until timestamptz NOT NULL DEFAULT now() + interval '60 s'
);
CREATE TABLE transfers (
    id text PRIMARY KEY, payment_id text NOT NULL REFERENCES payments, debit text NOT NULL, credit text NOT NULL,
    amount_minor bigint NOT NULL, currency text NOT NULL, created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE events (
    id text PRIMARY KEY, payment_id text NOT NULL, type text NOT NULL, data bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
"""
OPEN: Final = """
WITH k AS (INSERT INTO keys (key, fingerprint) VALUES ($1, $2)),
p AS (
    INSERT INTO payments (id, reference, amount_minor, currency, payment_method, status)
    VALUES ($3, $4, $5, $6, $7, 'processing')
)
INSERT INTO attempts (id, payment_id, status) VALUES ($8, $3, 'sending')
"""
CLOSE: Final = """
WITH k AS (UPDATE keys SET status = 201, answer = $2 WHERE key = $1),
p AS (UPDATE payments SET status = 'captured' WHERE id = $3),
a AS (UPDATE attempts SET status = 'approved', processor_reference = $5 WHERE id = $4),
t AS (
    INSERT INTO transfers (id, payment_id, debit, credit, amount_minor, currency)
    VALUES ($6, $3, 'authorized', 'receivable', $8, $9), ($7, $3, 'receivable', 'sales', $8, $9)
)
INSERT INTO events (id, payment_id, type, data) VALUES ($10, $3, 'payment.captured', $2)
"""


class Asked(Struct, frozen=True):
    """A request to charge."""

    amount: int
    currency: str
    reference: str
    payment_method: str


class Intent(Struct, frozen=True):
    """What is read of the processor's answer."""

    id: str
    status: str
    amount: int
    currency: str


_asked: Final = msgspec.json.Decoder(Asked)
_intent: Final = msgspec.json.Decoder(Intent)
_encode: Final = msgspec.json.Encoder().encode


class Floor:
    """The ASGI application."""

    def __init__(self, database_url: str, processor_url: str) -> None:
        self._database_url = database_url
        self._processor_url = f"{processor_url}/v1/payment_intents"
        self._numbers = count()
        # Taken from the end, so that few connections do most of the work.
        self._free: asyncio.LifoQueue[tuple[Any, Any]] = asyncio.LifoQueue()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI's own shapes
        """Serve one request."""
        if scope["type"] == "lifespan":
            return await self._live(receive, send)
        parts = [await receive()]
        while parts[-1].get("more_body"):
            parts.append(await receive())
        status, answer = await self._charge(dict(scope["headers"]), b"".join(part["body"] for part in parts))
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(answer))]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": answer})
        return None

    async def _live(self, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI's own shapes
        await receive()
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=200))
        connections = [await asyncpg.connect(self._database_url) for _ in range(CONNECTIONS)]
        await connections[0].execute(TABLES)
        for connection in connections:
            self._free.put_nowait((await connection.prepare(OPEN), await connection.prepare(CLOSE)))
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._session.close()
        for connection in connections:
            await connection.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def _charge(self, headers: dict[bytes, bytes], body: bytes) -> tuple[int, bytes]:
        asked = _asked.decode(body)
        key, fingerprint = headers[b"idempotency-key"].decode(), sha256(body).digest()
        number = f"{time.time_ns():016x}{next(self._numbers):08x}"
        payment, attempt = f"pay_{number}", f"att_{number}"
        row = (payment, asked.reference, asked.amount, asked.currency, asked.payment_method, attempt)
        try:
            await self._commit(0, key, fingerprint, *row)
        except asyncpg.UniqueViolationError:
            return 409, b'{"code":"idempotency_in_progress"}'
        intent = await self._call(asked, attempt)
        if (intent.status, intent.amount) != ("succeeded", asked.amount):
            return 202, b'{"status":"processing"}'
        answer = _encode({"id": payment, "status": "captured", "amount": asked.amount, "currency": asked.currency})
        transfers = (f"tr1_{number}", f"tr2_{number}", asked.amount, asked.currency)
        await self._commit(1, key, answer, payment, attempt, intent.id, *transfers, f"evt_{number}")
        return 201, answer

    async def _call(self, asked: Asked, attempt: str) -> Intent:
        form = (
            f"amount={asked.amount}&currency={asked.currency.lower()}&confirm=true&payment_method={asked.payment_method}"
            f"&metadata[hub_operation]={attempt}"
        )
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Idempotency-Key": attempt}
        async with self._session.post(self._processor_url, data=form.encode(), headers=headers) as answer:
            return _intent.decode(await answer.read())

    async def _commit(self, statement: int, *row: object) -> None:
        prepared = await self._free.get()
        try:
            await prepared[statement].fetchval(*row)
        finally:
            self._free.put_nowait(prepared)


if __name__ == "__main__":
    uvicorn.run(
        Floor(sys.argv[2], sys.argv[3]),
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        ws="none",
        access_log=False,
        log_level="warning",
        server_header=False,
    )
