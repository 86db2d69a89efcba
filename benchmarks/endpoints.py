"""How soon events reach the endpoints that answer, while others hang: one worker, PostgreSQL, real HTTP."""

import asyncio
import os
import secrets
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct
from sqlalchemy import func, insert, select

from benchmarks.receiver import Arrived
from hub.database import Database, open_database
from hub.events.tables import events
from hub.ids import new_id
from hub.migrations import bring_up
from hub.sealing import Sealer
from hub.webhook_endpoints import store
from hub.webhook_endpoints.secrets import seal_secret
from hub.webhook_endpoints.signing import new_secret
from hub.webhook_endpoints.tables import event_deliveries
from tests.processes import Server, accepts, free_port

P99_MAX_S: Final = 2.0
EACH: Final = 10
"""Endpoints that one event goes to; one in ten of all endpoints hangs, and so one of these."""
LOOK_S: Final = 0.02
WAIT_S: Final = 30.0


class Scale(Struct, frozen=True, kw_only=True):
    """How large a measurement is."""

    endpoints: int = 1_000
    hanging: int = 100
    a_second: int = 50
    seconds: int = 120


class Delivered(Struct, frozen=True, kw_only=True):
    """What was measured: seconds from publishing, and from writing, to the answer; ascending."""

    scale: Scale
    events: int
    published: list[float]
    written: list[float]
    tried_hanging: int
    queued: int
    worker_cpu: float

    @property
    def missing(self) -> int:
        """Deliveries to endpoints that answer that did not arrive."""
        return self.events * (EACH - EACH * self.scale.hanging // self.scale.endpoints) - len(self.published)


def measure(database_url: str, folder: Path, scale: Scale) -> Delivered:
    """Write events at a steady pace and see when they arrive; *database_url* is an empty database."""
    return asyncio.run(measured(database_url, folder, scale))


async def measured(database_url: str, folder: Path, scale: Scale) -> Delivered:
    """Measure inside a running event loop."""
    key = secrets.token_bytes(32)
    await bring_up(database_url)
    database = await open_database(database_url)
    port = free_port()
    try:
        with _receiver(port, scale.hanging) as receiver, _worker(database_url, key, folder) as worker:
            await _make_endpoints(database, Sealer({"bench": key}), port, scale)
            burned = _cpu_s(worker.pid)
            written, published = await _drive(database, scale)
            arrived = await _collect(receiver, scale, len(written))
            cpu = _cpu_s(worker.pid) - burned
        return await _told(database, scale, written, published, arrived, cpu)
    finally:
        await database.close()


def table(told: Delivered) -> str:
    """Write what was measured."""
    scale, took = told.scale, told.scale.seconds
    hanging = EACH * scale.hanging // scale.endpoints
    rows = [
        f"{scale.endpoints} endpoints, {scale.hanging} of them hang; {scale.a_second} events a second for {took} s,",
        f"each for {EACH} endpoints, {hanging} of them hanging: {told.queued} deliveries",
        "",
        "| to endpoints that answer | deliveries a second | p50 | p99 | longest |",
        "|---|---|---|---|---|",
        _row("from publishing", told.published, took),
        _row("from the commit of the change", told.written, took),
        "",
        f"to endpoints that hang: {told.tried_hanging} tries; the worker used {told.worker_cpu / took:.0%} of one core",
    ]
    return "\n".join(rows)


def _row(name: str, lags: list[float], took: int) -> str:
    return f"| {name} | {len(lags) / took:.0f} | {at(lags, 0.5):.2f} s | {at(lags, 0.99):.2f} s | {at(lags, 1):.2f} s |"


def failures(told: Delivered, p99_max_s: float = P99_MAX_S) -> list[str]:
    """Name the bars that were missed; *p99_max_s* is another for a machine that has other work."""
    wrong = [f"{told.missing} deliveries did not arrive"] if told.missing else []
    if at(told.published, 0.99) >= p99_max_s:
        wrong.append(f"p99 of delivery is {at(told.published, 0.99):.2f} s, not under {p99_max_s} s")
    return wrong


def at(lags: list[float], share: float) -> float:
    """Give a percentile; none of nothing."""
    if not lags:
        return float("nan")
    return lags[min(int(len(lags) * share), len(lags) - 1)]


async def _make_endpoints(database: Database, sealer: Sealer, port: int, scale: Scale) -> None:
    moment = datetime.now(UTC)
    async with database.transaction() as connection:
        await store.hold(connection)
        for number in range(scale.endpoints):
            endpoint_id = new_id("we_")
            row = {
                "id": endpoint_id,
                "livemode": False,
                "url": f"http://127.0.0.1:{port}/endpoint/{number}",
                "description": "",
                "events": '["payment.*"]',
                "merchant_accounts": msgspec.json.encode([f"ma_{number % _accounts(scale)}"]).decode(),
                "ordered": False,
                "status": "enabled",
                "reason": None,
                "secret": seal_secret(sealer, endpoint_id, new_secret()),
                "secret_previous": None,
                "previous_ends_at": None,
                "after_position": 0,
                "created_at": moment,
                "updated_at": moment,
            }
            await store.add(connection, row)


def _accounts(scale: Scale) -> int:
    return scale.endpoints // EACH


def _event(number: int, scale: Scale) -> dict[str, Any]:
    payment = {
        "id": new_id("pay_"), "object": "payment", "amount": 4999, "currency": "EUR", "status": "captured",
        "merchant_account": f"ma_{number % _accounts(scale)}", "metadata": {"order": "bench", "note": "x" * 1_000},
    }  # fmt: skip
    return {
        "id": new_id("evt_"), "livemode": False, "type": "payment.captured", "object_id": payment["id"],
        "data": msgspec.json.encode(payment), "position": None, "created_at": datetime.now(UTC),
    }  # fmt: skip


async def _drive(database: Database, scale: Scale) -> tuple[dict[str, float], dict[str, float]]:
    """Write events at their pace; tells when each was committed, and when it was not seen published yet."""
    written: dict[str, float] = {}
    published: dict[str, float] = {}
    over = asyncio.Event()
    watching = asyncio.create_task(_watch(database, published, over))
    began = time.monotonic()
    for number in range(scale.a_second * scale.seconds):
        await asyncio.sleep(max(0.0, began + number / scale.a_second - time.monotonic()))
        row = _event(number, scale)
        async with database.transaction() as connection:
            await connection.execute(insert(events), row)
        written[row["id"]] = time.time()
    async with asyncio.timeout(WAIT_S):
        while len(published) < len(written):  # noqa: ASYNC110 - what is published is looked at
            await asyncio.sleep(LOOK_S)
    over.set()
    await watching
    return written, published


async def _watch(database: Database, published: dict[str, float], over: asyncio.Event) -> None:
    """Note of each event when it was looked for last before it had its position: no later than it was published."""
    position, looked_at = 0, time.time()
    while not over.is_set():
        moment = time.time()
        async with database.reading() as connection:
            found = (
                await connection.execute(select(events.c.id, events.c.position).where(events.c.position > position))
            ).all()
        for event_id, given in found:
            published[event_id], position = looked_at, max(position, given)
        looked_at = moment
        await asyncio.sleep(LOOK_S)


async def _collect(receiver: subprocess.Popen[bytes], scale: Scale, count: int) -> list[Arrived]:
    """Wait until every endpoint that answers has everything, for `WAIT_S` at most."""
    healthy = count * (EACH - EACH * scale.hanging // scale.endpoints)
    arrived: list[Arrived] = []
    until = time.monotonic() + WAIT_S
    while time.monotonic() < until and sum(one.endpoint >= scale.hanging for one in arrived) < healthy:
        await asyncio.sleep(0.5)
        arrived += await asyncio.to_thread(_ask, receiver)
    return arrived


def _ask(receiver: subprocess.Popen[bytes]) -> list[Arrived]:
    assert receiver.stdin is not None
    assert receiver.stdout is not None
    receiver.stdin.write(b"\n")
    receiver.stdin.flush()
    return msgspec.json.decode(receiver.stdout.readline(), type=list[Arrived])


async def _told(
    database: Database,
    scale: Scale,
    written: dict[str, float],
    published: dict[str, float],
    arrived: list[Arrived],
    cpu: float,
) -> Delivered:
    first: dict[tuple[int, str], float] = {}
    for one in arrived:
        first.setdefault((one.endpoint, one.event), one.at)
    healthy = {key: moment for key, moment in first.items() if key[0] >= scale.hanging}
    async with database.reading() as connection:
        queued = int(await connection.scalar(select(func.count()).select_from(event_deliveries)) or 0)
    return Delivered(
        scale=scale,
        events=len(written),
        published=sorted(moment - published[event] for (_, event), moment in healthy.items()),
        written=sorted(moment - written[event] for (_, event), moment in healthy.items()),
        tried_hanging=len(arrived) - sum(one.endpoint >= scale.hanging for one in arrived),
        queued=queued,
        worker_cpu=cpu,
    )


@contextmanager
def _receiver(port: int, hanging: int) -> Iterator[subprocess.Popen[bytes]]:
    command = (sys.executable, "-m", "benchmarks.receiver", str(port), str(hanging))
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        while not accepts(port):
            time.sleep(LOOK_S)
        yield process
    finally:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        process.stdout.close()
        process.wait()


@contextmanager
def _worker(database_url: str, key: bytes, folder: Path) -> Iterator[Server]:
    settings = {
        "HUB_DATABASE_URL": database_url,
        "HUB_KEYS": f"bench:{b64encode(key).decode()}",
        "HUB_ENDPOINT_NETWORKS": "127.0.0.0/8",
    }
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH") if name in os.environ}
    environment = (f"{name}={value}" for name, value in {**kept, **settings}.items())
    command = ("env", "-i", *environment, sys.executable, "-m", "hub.cli", "worker")
    server = Server(folder / "endpoints-worker.log", lambda _: command, lambda _: True)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def _cpu_s(pid: int) -> float:
    """Tell what CPU time a process has used; 0 where the system does not say."""
    stat = Path(f"/proc/{pid}/stat")
    if not stat.exists():
        return 0.0
    used = stat.read_text().rpartition(")")[2].split()
    return (int(used[11]) + int(used[12])) / os.sysconf("SC_CLK_TCK")
