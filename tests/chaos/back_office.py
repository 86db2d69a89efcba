"""What goes on beside the payers: events are read and received, settlements closed, handed in and imported."""

import asyncio
from collections import Counter
from itertools import cycle
from typing import Any, Final

import msgspec
from aiohttp import web
from msgspec import Struct

from hub.seed import SAMPLES
from tests.chaos.shop import Shop
from tests.chaos.stage import Stage
from tests.processes import free_port

READ_EVERY_S: Final = 0.5
SETTLE_EVERY_S: Final = 1.5
PAGE: Final = 100


class HandedIn(Struct, frozen=True, kw_only=True):
    """A report that the hub acknowledged: its batch there, and its file."""

    id: str
    account: str
    report: bytes


class BackOffice:
    """Reads every event, takes every delivery of one endpoint, and hands in a report every moment."""

    def __init__(self, at: Stage, shop: Shop) -> None:
        self.read: list[str] = []  # Ids, in the order in which they were listed.
        self.received: Counter[str] = Counter()
        self.handed_in: list[HandedIn] = []
        self._at = at
        self._shop = shop
        self._cursor = ""
        self._port = free_port()
        self._runner: web.AppRunner | None = None

    async def open(self) -> None:
        """Listen for deliveries, and tell the hub where."""
        app = web.Application()
        app.add_routes([web.post("/events", self._take)])
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        told = {"url": f"http://127.0.0.1:{self._port}/events", "events": ["*"]}
        status, answer = await self._shop.send("POST", "/v1/webhook_endpoints", body=msgspec.json.encode(told))
        assert status == 201, answer

    async def close(self) -> None:
        """Listen no more."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def run(self, stop: asyncio.Event) -> None:
        """Work until *stop*."""
        await asyncio.gather(self._reading(stop), self._settling(stop))

    async def read_on(self) -> bool:
        """Read the next page of events; whether it was full."""
        query = f"?limit={PAGE}" + (f"&cursor={self._cursor}" if self._cursor else "")
        status, answer = await self._shop.send("GET", f"/v1/events{query}")
        if status != 200:
            return False
        told: dict[str, Any] = msgspec.json.decode(answer)
        self.read += [event["id"] for event in told["data"]]
        self._cursor = told["next_cursor"]
        return len(told["data"]) == PAGE

    async def read_to_the_end(self) -> None:
        """Read all that is listed by now."""
        going_on = True
        while going_on:
            going_on = await self.read_on()

    async def settle(self, account: str, processor: str, at_processor: str) -> None:
        """Close a batch at the processor, where there is something to pay out, and hand its report in."""
        url = f"{self._at.sandboxes[processor]}/_control/settlements"
        async with self._at.http.post(url, json={"account": at_processor}) as closed:
            if closed.status != 200:
                return
            batch = await closed.json()
        async with self._at.http.get(f"{self._at.sandboxes[processor]}{batch['report']}") as report:
            content = await report.read()
        path = f"/v1/settlements?merchant_account={self._at.accounts[account]}"
        while True:
            status, answer = await self._shop.send("POST", path, body=content, type_="text/csv")
            if status in {200, 202}:
                self.handed_in.append(HandedIn(id=msgspec.json.decode(answer)["id"], account=account, report=content))
                return
            if status >= 500 and status != 503:
                self._shop.faults.append(f"settlement: {status} {answer[:300]!r}")
            await asyncio.sleep(0.3)

    async def _reading(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            if not await self.read_on():
                await asyncio.sleep(READ_EVERY_S)

    async def _settling(self, stop: asyncio.Event) -> None:
        for sample in cycle(SAMPLES):
            if stop.is_set():
                return
            await self.settle(sample.name, sample.processor, sample.at_processor)
            await asyncio.sleep(SETTLE_EVERY_S)

    async def _take(self, request: web.Request) -> web.Response:
        await request.read()
        self.received[request.headers["webhook-id"]] += 1
        return web.Response(status=204)
