"""Every event is delivered, pending or dead at every endpoint that wants it, whatever dies meanwhile."""

import asyncio
import signal
import sys
from collections import Counter
from random import Random
from typing import Any

import pytest
from aiohttp import web
from sqlalchemy import func, select

from benchmarks.endpoints import Scale, failures, measured
from hub.database import Database, open_database
from hub.events.tables import events
from hub.settings import Settings
from hub.webhook_endpoints.fan_out import FanOut, behind
from hub.webhook_endpoints.rules import Matcher
from hub.webhook_endpoints.store import subscriptions
from hub.webhook_endpoints.tables import event_deliveries
from tests.hub.events.writing import event, write
from tests.hub.webhook_endpoints.receiving import QUICK, Got, Shop, shop

WRITERS, EACH = 8, 12
TYPES = ("payment.captured", "payment.failed", "refund.succeeded", "refund.failed")
WORKS = """
import asyncio, sys
from msgspec.structs import replace
from hub.app import assembled
from hub.worker import work
from tests.hub.webhook_endpoints.receiving import QUICK

async def run():
    async with assembled(replace(QUICK, database_url=sys.argv[1])) as parts:
        print("works", flush=True)
        await work(parts.shell, parts.bell, asyncio.Event())

asyncio.run(run())
"""


async def worker(database_url: str) -> asyncio.subprocess.Process:
    """A worker in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WORKS, database_url, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    async with asyncio.timeout(60):
        assert await process.stdout.readline() == b"works\n"
    return process


async def killed(process: asyncio.subprocess.Process) -> None:
    process.send_signal(signal.SIGKILL)
    await process.wait()


async def write_slowly(database: Database, random: Random) -> list[str]:
    ids = []
    for number in range(EACH):
        row = event(type=random.choice(TYPES), object_id=f"pay_{number % 3}")
        await asyncio.sleep(random.random() * 0.1)
        ids += await write(database, row)
    return ids


async def expected(database: Database) -> Counter[tuple[str, str]]:
    """Which event every endpoint wants, from the events alone."""
    async with database.reading() as connection:
        matcher = Matcher(await subscriptions(connection))
        rows = (await connection.execute(select(events))).mappings().all()
    return Counter(
        (row["id"], one.endpoint)
        for row in rows
        for one in matcher.wanting(row["type"], "ma_1", livemode=False, position=row["position"])
    )


async def queued(database: Database) -> dict[tuple[str, str], str]:
    async with database.reading() as connection:
        rows = await connection.execute(
            select(event_deliveries.c.event_id, event_deliveries.c.endpoint_id, event_deliveries.c.status)
        )
        return {(row.event_id, row.endpoint_id): row.status for row in rows}


@pytest.mark.fault_case(id="CR-07")
async def test_with_eight_writers_two_workers_and_one_of_them_killed(database_url: str) -> None:
    async with shop(database_url, with_worker=False) as market:
        database = market.hub.parts.database
        made = [
            await market.endpoint("/all"),
            await market.endpoint("/refunds", events=["refund.*"], ordered=True),
            await market.endpoint("/dead", events=["payment.failed"]),
        ]
        market.receiver.say("/dead", *[500] * 1_000)
        workers = [await worker(database_url), await worker(database_url)]
        writing = asyncio.gather(*(write_slowly(database, Random(n)) for n in range(WRITERS)))  # noqa: S311 - no secret
        await market.receiver.until(20, seconds=60)
        await killed(workers[0])
        ids = {one for written in await writing for one in written}
        workers[0] = await worker(database_url)
        await all_told(market, made, len(ids))
        for process in workers:
            await killed(process)
        stands, wanted = await queued(database), await expected(database)

    assert set(stands) == set(wanted)
    assert max(wanted.values()) == 1
    assert {got.event_id for got in market.receiver.at("/all")} == ids
    refunds = [key for key in stands if key[1] == made[1]["id"]]
    assert {got.event_id for got in market.receiver.at("/refunds")} == {event_id for event_id, _ in refunds}
    assert {status for (_, endpoint), status in stands.items() if endpoint == made[2]["id"]} <= {"pending", "dead"}
    assert len(market.receiver.at("/all")) <= len(ids) + 8  # What was under way in the crash came twice.


async def left_behind(database: Database) -> int:
    """Count the events that are not fanned out."""
    async with database.reading() as connection:
        count, _ = await behind(connection)
    return count


async def all_told(market: Shop, made: list[dict[str, Any]], count: int) -> None:
    """Wait until the endpoints that answer have everything; what a killed worker held is due after its lease."""
    database = market.hub.parts.database
    healthy = [one["id"] for one in made[:2]]
    left = select(func.count()).where(
        event_deliveries.c.endpoint_id.in_(healthy), event_deliveries.c.status != "delivered"
    )
    async with asyncio.timeout(120):
        while True:
            await asyncio.sleep(0.2)
            async with database.reading() as connection:
                published = await connection.scalar(select(func.count()).where(events.c.position.is_not(None)))
                waiting = await connection.scalar(left)
            if published == count and not waiting and not await left_behind(database):
                return


@pytest.mark.fault_case(id="CR-07")
async def test_a_delivery_whose_worker_is_killed_before_it_could_write_it_down_comes_again(database_url: str) -> None:
    async with shop(database_url, with_worker=False, settings=QUICK) as market:
        process = await worker(database_url)
        held = asyncio.Event()

        async def kill_first(_: Got) -> web.StreamResponse:
            if not held.is_set():
                held.set()
                await killed(process)
            return web.Response(status=204)

        made = await market.endpoint()
        market.receiver.answers["/hook"] = kill_first
        (event_id,) = await write(market.hub.parts.database, event())
        await held.wait()
        second = await worker(database_url)
        (delivery,) = await market.settled(made["id"], "delivered", seconds=60)
        await killed(second)

    assert [got.event_id for got in market.receiver.got] == [event_id] * 2
    assert [one["number"] for one in delivery["tries"]] == [2]


async def test_two_fan_outs_at_once_queue_everything_once(database_url: str) -> None:
    async with shop(database_url, with_worker=False) as market:
        for number in range(5):
            await market.endpoint(f"/{number}", events=["payment.*"])
        database = market.hub.parts.database
        other = await open_database(database_url)
        rows = [event(position=number) for number in range(1, 301)]
        await write(database, *rows)

        async def go(through: Database) -> None:
            fan_out = FanOut(through)
            while await left_behind(through):
                await fan_out.go_on()

        await asyncio.gather(go(database), go(other), go(database))
        await other.close()
        stands = await queued(database)

    assert len(stands) == 5 * 300
    assert set(stands.values()) == {"pending"}


HANGS_S = Settings().delivery_ms / 1000
"""What one that hangs would cost whoever waits for it; `make bench` has a bar of seconds, where nothing else runs."""


@pytest.mark.fault_case(id="WHO-06")
async def test_hanging_endpoints_delay_no_other(postgres_url: str, tmp_path: Any) -> None:
    scale = Scale(endpoints=200, hanging=20, a_second=20, seconds=5)

    told = await measured(postgres_url, tmp_path, scale)

    assert failures(told, HANGS_S / 3) == []
    assert told.tried_hanging > 0
