"""Processes that are killed, callers that hang up, shutdowns: no outcome is lost, and nothing is charged again."""

import asyncio
import os
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from msgspec.structs import replace

from hub.access.rules import Role
from hub.migrations import bring_up
from hub.payments.jobs import cancel_due, inquire_due
from tests.hub.house import QUICK, House, house
from tests.hub.money import agrees, book, rows
from tests.hub.payments.faulty import Clock, eventually, shown, work
from tests.processes import Server, accepts
from tests.servers import Postgres

SOON = replace(QUICK, inquiry_first_ms=100)
PROCESSORS = ("stripe", "adyen")
ROOT = Path(__file__).resolve().parents[3]


@asynccontextmanager
async def apart(made: House) -> AsyncIterator[tuple[Server, httpx.AsyncClient]]:
    """Run a hub in a process of its own on the house's database, as `hub serve` does; leases are short."""
    settings = {
        "DATABASE_URL": made.database_url, "DEVELOPMENT": "yes", "CONNECT_MS": "500", "ANSWER_MS": "2000",
        "REQUEST_MS": "2200", "LEASE_MS": "2500", "NEXT_ATTEMPT_NEEDS_MS": "500",
    }  # fmt: skip
    given = [f"HUB_{name}={value}" for name, value in settings.items()]

    def command(port: int) -> list[str]:
        where = ["env", f"PYTHONPATH={ROOT}", *given, f"HUB_PORT={port}"]
        return [*where, sys.executable, "-m", "hub.cli", "serve"]

    server = Server(made.folder / "hub.log", command, accepts)
    server.start()
    headers = {"Authorization": f"Bearer {await made.key(Role.ADMIN)}"}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}", headers=headers, timeout=20) as client:
        try:
            yield server, client
        finally:
            server.stop(signal.SIGKILL)


def charge(made: House, client: httpx.AsyncClient, processor: str) -> "asyncio.Task[httpx.Response]":
    wish = {
        "amount": 1000, "currency": "EUR", "reference": processor, "payment_method": made.payment_method,
        "merchant_account": made.accounts[f"{processor}-eu"],
    }  # fmt: skip
    return asyncio.create_task(client.post("/v1/payments", json=wish, headers={"Idempotency-Key": processor}))


async def happens(check: Callable[[], Awaitable[Any]]) -> None:
    for _ in range(400):
        if await check():
            return
        await asyncio.sleep(0.02)
    raise AssertionError(check)


async def asked(made: House, processor: str) -> bool:
    seen = await made.control(processor, "GET", "requests")
    return "purchase" in [request["operation"] for request in seen["data"]]


@asynccontextmanager
async def commits_held_up(made: House, table: str) -> AsyncIterator[None]:
    """Keep everybody from writing to *table*; what is under way waits."""
    if made.database_url.startswith("sqlite"):
        path = made.database_url.removeprefix("sqlite:///")
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            yield
            other.execute("ROLLBACK")
        return
    connection = await asyncpg.connect(made.database_url)
    async with connection.transaction():
        await connection.execute(f"LOCK TABLE {table} IN EXCLUSIVE MODE")
        yield
    await connection.close()


async def resolved(made: House, clock: Clock) -> None:
    """Let leases run out and the job find out, also what Stripe is silent about for its grace."""
    await work(made, inquire_due, until_resolved=False, rounds=1)
    for _ in range(400):
        if not await rows(made, "SELECT id FROM operations WHERE status = 'sending'"):
            break
        await inquire_due(made.hub.parts.shell)
        await asyncio.sleep(0.02)
    clock.ahead = 2 * made.hub.parts.directory.accounts()[made.accounts["stripe-eu"]].capabilities.lookup_grace
    await work(made, inquire_due, cancel_due, until_resolved=True)
    clock.ahead *= 0


@pytest.mark.fault_case(id="CR-02")
@pytest.mark.fault_case(id="CR-04")
@pytest.mark.parametrize("moment", ["before the processor acts", "before it answers", "before the answer is kept"])
async def test_a_killed_process_loses_no_outcome_and_charges_nobody_twice(
    moment: str, database_url: str, tmp_path: Path
) -> None:
    clock = Clock()
    async with (
        house(database_url, tmp_path, settings=SOON, with_worker=False, clock=clock) as made,
        apart(made) as (server, client),
    ):
        fault = "silent_before" if moment == "before the processor acts" else "delay"
        for processor in PROCESSORS:
            await made.control(processor, "POST", "webhooks", {"mode": "drop"})
            await made.fault(processor, fault, "purchase", delay_ms=1_000)
        charges = [charge(made, client, processor) for processor in PROCESSORS]
        for processor in PROCESSORS:
            await happens(partial(asked, made, processor))
        if moment == "before the answer is kept":
            async with commits_held_up(made, "transfers"):
                await made.hub.parts.bell.wait(1.3)  # Both have answered by now.
                server.stop(signal.SIGKILL)
        else:
            server.stop(signal.SIGKILL)
        await asyncio.gather(*charges, return_exceptions=True)
        waiting = await charge(made, made.hub.client, "stripe")
        assert waiting.status_code in {201, 409}, waiting.text

        await resolved(made, clock)

        for processor in PROCESSORS:
            answer, again = [await charge(made, made.hub.client, processor) for _ in range(2)]
            assert answer.status_code in {201, 202}
            assert answer.content == again.content
            payment = await shown(made, answer.json()["id"])
            acted = fault == "delay" or processor == "adyen"  # Asking Adyen is sending again.
            assert payment["status"] == ("captured" if acted else "failed"), payment
            assert await made.charges(processor) == acted
        await agrees(made)


@pytest.mark.fault_case(id="CR-01")
async def test_a_process_killed_before_anything_was_written_has_asked_nobody(database_url: str, tmp_path: Path) -> None:
    async with house(database_url, tmp_path, settings=SOON, with_worker=False) as made, apart(made) as (server, client):
        async with commits_held_up(made, "idempotency_keys"):
            sent = charge(made, client, "stripe")
            await made.hub.parts.bell.wait(0.7)
            server.stop(signal.SIGKILL)
        await asyncio.gather(sent, return_exceptions=True)

        assert await rows(made, "SELECT id FROM payments") == []
        assert not await asked(made, "stripe")
        assert (await charge(made, made.hub.client, "stripe")).status_code == 201
        assert await made.charges("stripe") == 1
        await agrees(made)


@pytest.mark.fault_case(id="CR-06")
async def test_a_process_killed_between_the_commit_and_the_reply_has_left_the_reply(
    database_url: str, tmp_path: Path
) -> None:
    async with house(database_url, tmp_path, settings=SOON, with_worker=False) as made, apart(made) as (server, client):
        sent = charge(made, client, "stripe")
        await happens(lambda: rows(made, "SELECT id FROM payments WHERE status = 'captured'"))
        server.stop(signal.SIGKILL)
        await asyncio.gather(sent, return_exceptions=True)

        (kept,) = await rows(made, "SELECT status, answer FROM idempotency_keys WHERE key = 'stripe'")
        again = await charge(made, made.hub.client, "stripe")

        assert (again.status_code, again.content) == (kept["status"], bytes(kept["answer"]))
        assert again.headers["Idempotent-Replayed"] == "true"
        assert await made.charges("stripe") == 1


@pytest.mark.fault_case(id="API-16")
async def test_a_caller_that_hangs_up_cancels_nothing(database_url: str, tmp_path: Path) -> None:
    async with house(database_url, tmp_path, settings=SOON) as made:
        await made.control("stripe", "POST", "webhooks", {"mode": "drop"})
        await made.fault("stripe", "delay", "purchase", delay_ms=600)
        async with httpx.AsyncClient(base_url=made.hub.url, headers=made.hub.client.headers, timeout=0.3) as impatient:
            with pytest.raises(httpx.TimeoutException):
                await charge(made, impatient, "stripe")

        (payment,) = await rows(made, "SELECT id FROM payments")
        await eventually(made, payment["id"], status="captured")
        again = await charge(made, made.hub.client, "stripe")
        assert (again.status_code, again.headers["Idempotent-Replayed"]) == (201, "true")
        assert again.json()["attempts"][0]["status"] == "approved"
        await agrees(made)


@pytest.mark.fault_case(id="CR-14")
async def test_a_shutdown_waits_for_the_charge_under_way(database_url: str, tmp_path: Path) -> None:
    async with house(database_url, tmp_path, settings=SOON, with_worker=False) as made, apart(made) as (server, client):
        await made.control("adyen", "POST", "webhooks", {"mode": "drop"})
        await made.fault("adyen", "delay", "purchase", delay_ms=1_000)
        sent = charge(made, client, "adyen")
        await happens(partial(asked, made, "adyen"))

        os.kill(server.pid, signal.SIGTERM)

        answer = await sent
        assert (answer.status_code, answer.json()["status"]) == (201, "captured")
        assert book(made, "adyen", "SELECT count(DISTINCT payment) FROM money") == [(1,)]
        await agrees(made)


@pytest.mark.fault_case(id="CR-14")
async def test_a_shutdown_waits_also_where_the_caller_has_gone(database_url: str, tmp_path: Path) -> None:
    async with house(database_url, tmp_path, settings=SOON, with_worker=False) as made, apart(made) as (server, client):
        await made.control("adyen", "POST", "webhooks", {"mode": "drop"})
        await made.fault("adyen", "delay", "purchase", delay_ms=1_000)
        sent = charge(made, client, "adyen")
        await happens(partial(asked, made, "adyen"))
        sent.cancel()

        os.kill(server.pid, signal.SIGTERM)

        (payment,) = await rows(made, "SELECT id FROM payments")
        await eventually(made, payment["id"], status="captured")
        await agrees(made)


@pytest.mark.fault_case(id="DB-01")
async def test_a_database_that_crashes_and_comes_back_keeps_what_was_acknowledged(tmp_path: Path) -> None:
    durable = Postgres(durable=True)
    clock = Clock()
    try:
        settings = replace(SOON, lease_ms=3_500)
        url = await durable.fresh_database()
        await bring_up(url)
        async with house(url, tmp_path, settings=settings, with_worker=False, clock=clock) as made:
            for processor in PROCESSORS:
                await made.control(processor, "POST", "webhooks", {"mode": "drop"})
            acknowledged = await charge(made, made.hub.client, "adyen")
            await made.fault("stripe", "delay", "purchase", delay_ms=600)
            under_way = charge(made, made.hub.client, "stripe")
            await happens(partial(asked, made, "stripe"))

            durable.crash()
            durable.restart()

            assert (await under_way).status_code in {201, 202, 503}
            await resolved(made, clock)
            assert (await shown(made, acknowledged.json()["id"]))["status"] == "captured"
            again = await charge(made, made.hub.client, "stripe")
            assert again.status_code in {201, 202}
            assert (await shown(made, again.json()["id"]))["status"] == "captured"
            assert await made.charges("stripe") == 1
            await agrees(made)
    finally:
        durable.stop()
