"""Who pages through the events while they are written skips none and sees none twice, on both databases."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random
from typing import Any

import httpx
from sqlalchemy import insert

from hub.access.rules import Role
from hub.database import Database, open_database
from hub.events.jobs import publish_events
from hub.events.store import publish
from hub.events.tables import events
from tests.hub.events.writing import event, positions
from tests.hub.house import House, house
from tests.hub.periphery_app import periphery

WRITERS, EACH = 8, 25
Get = Callable[[dict[str, Any]], Awaitable[httpx.Response]]


def chance(seed: int) -> Random:
    return Random(seed)  # noqa: S311 - hesitation, no secret


class Consumer:
    """Pages on and on, and keeps what it was shown."""

    def __init__(self, get: Get) -> None:
        self.seen: list[dict[str, Any]] = []
        self.cursor: str | None = None
        self._get = get

    async def page(self) -> None:
        """Read one page more."""
        query: dict[str, Any] = {"limit": 7} | ({"cursor": self.cursor} if self.cursor else {})
        answer = await self._get(query)
        assert answer.status_code == 200, answer.text
        self.seen += answer.json()["data"]
        self.cursor = answer.json()["next_cursor"]

    async def read_until(self, over: Callable[[], bool], expected: Callable[[], int]) -> None:
        """Page while others write; stop, after a minute at the latest, when as many came as were *expected*."""
        async with asyncio.timeout(60):
            while not over() or len(self.seen) < expected():
                await self.page()
                await asyncio.sleep(0.002)


async def write_slowly(database: Database, random: Random) -> list[str]:
    """Commit events some time after their ids were made, so that commits and ids come in different orders."""
    ids = []
    for _ in range(EACH):
        row = event()
        await asyncio.sleep(random.random() * 0.01)
        async with database.transaction() as connection:
            await connection.execute(insert(events).values(row))
            await asyncio.sleep(random.random() * 0.004)
        ids.append(row["id"])
    return ids


async def relay_until(database: Database, over: asyncio.Event, random: Random) -> None:
    while not over.is_set():
        await publish(database, random.randint(1, 9))
        await asyncio.sleep(random.random() * 0.005)


async def test_with_eight_writers_and_two_relays_at_once(database_url: str) -> None:
    other = await open_database(database_url)
    async with periphery(database_url) as hub:
        key = await hub.key(Role.SERVICE)
        consumer = Consumer(lambda query: hub.client.get("/v1/events", params=query, headers=key))
        databases = (hub.database, other)
        over = asyncio.Event()
        relays = [asyncio.create_task(relay_until(database, over, chance(n))) for n, database in enumerate(databases)]
        writers = asyncio.gather(*(write_slowly(databases[n % 2], chance(n)) for n in range(WRITERS)))
        await consumer.read_until(writers.done, lambda: WRITERS * EACH)
        over.set()
        await asyncio.gather(*relays)
        await consumer.page()
        written = {one for ids in await writers for one in ids}
        given = await positions(hub.database)
    await other.close()

    seen = [one["id"] for one in consumer.seen]
    assert (len(seen), set(seen)) == (WRITERS * EACH, written)
    assert [one["position"] for one in consumer.seen] == list(range(1, WRITERS * EACH + 1))
    assert seen == list(given)


async def test_with_eight_charges_at_once_through_two_processes_and_their_workers(
    database_url: str, tmp_path: Path
) -> None:
    async with house(database_url, tmp_path, second=True) as home:
        assert home.second is not None
        hubs = (home.hub, home.second)
        consumer = Consumer(lambda query: home.hub.client.get("/v1/events", params=query))
        pinned = {"merchant_account": home.accounts["stripe-eu"], "payment_method": home.payment_method}
        charging = asyncio.gather(*(hubs[n % 2].charge(**pinned) for n in range(WRITERS)))
        await consumer.read_until(charging.done, lambda: WRITERS)
        payments = [answer.json() for answer in await charging]

    captured = [one["data"] for one in consumer.seen if one["type"] == "payment.captured"]
    assert sorted(payment["id"] for payment in captured) == sorted(payment["id"] for payment in payments)
    assert {payment["id"]: payment for payment in captured} == {payment["id"]: payment for payment in payments}


async def test_what_waits_to_be_published_is_told_to_who_watches(database_url: str, tmp_path: Path) -> None:
    async with house(database_url, tmp_path, with_worker=False) as home:
        await home.hub.charge(merchant_account=home.accounts["stripe-eu"], payment_method=home.payment_method)

        found = [await publish_events(home.hub.parts.shell), await waiting_s(home)]
        left = [await publish_events(home.hub.parts.shell), await waiting_s(home)]

    assert found[0] >= 1
    assert 0 < found[1] < 60
    assert left == [0, 0]


async def waiting_s(home: House) -> float:
    """What `/metrics` says of the oldest event without a position."""
    lines = (await home.hub.get("/metrics")).text.splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("hub_events_unpublished_seconds "))
