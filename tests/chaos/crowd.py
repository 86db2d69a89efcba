"""Too many at once: thousands of connections that say half a request, slow callers, and a pool with nothing to give."""

import asyncio
import contextlib
import time
from typing import Final

from tests.chaos.board import spread
from tests.chaos.shop import Shop
from tests.chaos.stage import Stage
from tests.chaos.victims import Victim

CONNECTIONS: Final = 2_000
STAND_S: Final = 15.0
"""Longer than the hub waits for a body."""
OPENED_AT_ONCE: Final = 50
CHARGES_AT_ONCE: Final = 60
DATABASE_SILENT_S: Final = 6.0
CHARGED_WITHIN_S: Final = 60.0
_HALF: Final = (
    b"POST /v1/payments HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer %s\r\nIdempotency-Key: half\r\n"
    b'Content-Type: application/json\r\nContent-Length: 400\r\n\r\n{"amount": 1'
)
_SLOW: Final = b"GET /v1/events HTTP/1.1\r\nHost: hub\r\nX-Slow: "
_TIMED_OUT: Final = b" 408 "

Pipe = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def crowd(at: Stage, shop: Shop) -> list[str]:
    """Crowd the servers while the payers go on; give what was seen."""
    opened = [pipe for victim in at.servers for pipe in await _opened(at, victim, CONNECTIONS // len(at.servers))]
    began, before = time.monotonic(), len(shop.acknowledged)
    waits = []
    while time.monotonic() - began < STAND_S:
        asked = time.monotonic()
        with contextlib.suppress(TimeoutError):  # As long as it then took stands among the figures.
            async with asyncio.timeout(CHARGED_WITHIN_S):
                await shop.next_charge()
        waits.append(time.monotonic() - asked)
    told = [await _said(reader) for reader, _ in opened[: len(opened) : 20]]
    for _, writer in opened:
        writer.transport.abort()
    timed_out = sum(_TIMED_OUT in said for said in told)
    stood = (
        f"{len(opened)} connections with half a request: {len(shop.acknowledged) - before} requests acknowledged "
        f"meanwhile, next charge within {spread(waits)}; of {len(told)} looked at {timed_out} were told 408"
    )
    return [stood, await _starved(at, shop)]


async def _opened(at: Stage, victim: Victim, count: int) -> list[Pipe]:
    """Open connections: two thirds send half a body, one third half a head."""
    opened: list[Pipe] = []
    for n in range(count):
        with contextlib.suppress(OSError):
            pipe = await asyncio.open_connection("127.0.0.1", victim.port)
            pipe[1].write(_SLOW if n % 3 == 0 else _HALF % at.api_key.encode())
            opened.append(pipe)
        if n % OPENED_AT_ONCE == 0:
            await asyncio.sleep(0.01)
    return opened


async def _said(reader: asyncio.StreamReader) -> bytes:
    try:
        async with asyncio.timeout(0.2):
            return await reader.read(64)
    except (TimeoutError, OSError):
        return b""


async def _starved(at: Stage, shop: Shop) -> str:
    """Charge far more at once than there are connections to a database that says nothing for a while."""
    for relay in at.to_database.values():
        relay.hush(silent=True)
    began = time.monotonic()
    paying = asyncio.gather(*(shop.pay_once() for _ in range(CHARGES_AT_ONCE)))
    await asyncio.sleep(DATABASE_SILENT_S)
    for relay in at.to_database.values():
        relay.hush(silent=False)
    await paying
    return (
        f"{CHARGES_AT_ONCE} charges at once while the database was silent for {DATABASE_SILENT_S:.0f} s: all answered "
        f"after {time.monotonic() - began:.1f} s"
    )
