"""Slow processors, few connections, full disks, wrong clocks and forgotten keys: nothing is charged twice or lost."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from msgspec.structs import replace
from sqlalchemy import text

from hub.idempotency.jobs import prune_keys
from hub.payments.jobs import inquire_due
from hub.settings import Settings
from tests.hub.house import QUICK, House, add_account, house
from tests.hub.money import agrees, rows
from tests.hub.payments.faulty import Clock, eventually, shown, work
from tests.hub.payments.gates import Gate, gate

PATIENT = replace(QUICK, connect_ms=10_000, answer_ms=40_000, request_ms=45_000)
MANY = 25
DAY_US = 86_400_000_000
"""A day as SQLite keeps it."""


@asynccontextmanager
async def slow(
    database_url: str, folder: Path, settings: Settings = PATIENT, clock: Clock | None = None
) -> AsyncIterator[tuple[House, Gate]]:
    """Run a hub with an account "slow" whose processor answers when the gate is opened."""
    async with (
        house(database_url, folder, settings=settings, with_worker=False, clock=clock or Clock()) as made,
        gate(made.sandboxes["stripe"]) as before,
    ):
        await made.control("stripe", "POST", "webhooks", {"mode": "drop"})
        await add_account(made, "slow", "stripe", "slow", credentials={"base_url": before.url})
        yield made, before


def charge(made: House, account: str, **changes: Any) -> "asyncio.Task[httpx.Response]":
    """Begin to charge."""
    wish = {"payment_method": made.payment_method, "merchant_account": made.accounts[account], "amount": 1000}
    return asyncio.create_task(made.hub.charge(**wish | changes))


@pytest.mark.fault_case(id="DB-04")
@pytest.mark.fault_case(id="OPS-02")
async def test_charges_that_wait_for_a_slow_processor_hold_no_connection_and_nobody_up(
    database_url: str, tmp_path: Path
) -> None:
    settings = replace(PATIENT, database_connections_max=2)
    async with slow(database_url, tmp_path, settings) as (made, before):
        waiting = [charge(made, "slow") for _ in range(MANY)]
        await before.until(MANY)  # All at once, over two connections.

        others = await asyncio.gather(*(charge(made, "adyen-eu") for _ in range(5)))
        read = await made.hub.get("/v1/payments", limit=100)

        assert [answer.status_code for answer in others] == [201] * 5
        assert read.status_code == 200
        assert not any(task.done() for task in waiting)
        before.open()
        assert {answer.json()["status"] for answer in await asyncio.gather(*waiting)} == {"captured"}
        await agrees(made)


@pytest.mark.fault_case(id="UNK-17")
async def test_an_answer_that_comes_when_the_job_has_given_its_request_up_counts_once(
    database_url: str, tmp_path: Path
) -> None:
    async with slow(database_url, tmp_path) as (made, before):
        sent = charge(made, "slow")
        await before.until(1)
        async with made.hub.parts.database.transaction() as connection:
            await connection.execute(text("UPDATE operations SET lease_until = started_at, due_at = started_at"))
        assert await inquire_due(made.hub.parts.shell) == 1
        (lost,) = await rows(made, "SELECT payment_id, status FROM operations")
        assert lost["status"] == "unknown"

        before.open()

        answer = await sent
        assert (answer.status_code, answer.json()["status"]) == (202, "processing")  # What its key answers ever after.
        assert (await shown(made, lost["payment_id"]))["status"] == "captured"
        assert await rows(made, "SELECT count(*) AS n FROM transfers") == [{"n": 1}]
        await agrees(made)


@pytest.mark.fault_case(id="OPS-01")
@pytest.mark.parametrize("jump", [timedelta(minutes=10), timedelta(minutes=-10), timedelta(hours=-1)], ids=str)
async def test_a_clock_that_jumps_takes_a_charge_under_way_from_nobody(
    jump: timedelta, database_url: str, tmp_path: Path
) -> None:
    clock = Clock()
    async with slow(database_url, tmp_path, clock=clock) as (made, before):
        sent = charge(made, "slow")
        await before.until(1)

        clock.ahead = jump

        assert await inquire_due(made.hub.parts.shell) == 0
        before.open()
        answer = await sent
        assert (answer.status_code, answer.json()["status"]) == (201, "captured"), answer.text
        assert answer.json()["attempts"][0]["latency_ms"] >= 0
        assert (await charge(made, "adyen-eu")).json()["status"] == "captured"
        await agrees(made)


@pytest.mark.fault_case(id="OPS-01")
@pytest.mark.parametrize("off", [timedelta(minutes=10), timedelta(minutes=-20)], ids=str)
async def test_what_was_charged_by_a_wrong_clock_is_found_and_not_charged_again(
    off: timedelta, sqlite_url: str, tmp_path: Path
) -> None:
    clock = Clock()
    clock.ahead = off
    async with house(sqlite_url, tmp_path, with_worker=False, clock=clock) as made:
        await made.control("stripe", "POST", "webhooks", {"mode": "drop"})
        await made.fault("stripe", "silent_after", "purchase")
        lost = await charge(made, "stripe-eu", reference="once")
        assert lost.status_code == 202
        async with made.hub.parts.database.transaction() as connection:
            await connection.execute(text("UPDATE operations SET due_at = started_at - :day"), {"day": DAY_US})

        clock.ahead = off + timedelta(minutes=6)  # By now "not found" would be the word that it never arrived.
        assert await inquire_due(made.hub.parts.shell) == 1

        again = await charge(made, "stripe-eu", reference="once")
        assert (again.status_code, again.json()["code"]) == (409, "duplicate_reference")
        assert (await shown(made, lost.json()["id"]))["status"] == "captured"
        assert await made.charges("stripe") == 1
        await agrees(made)


@pytest.mark.fault_case(id="UNK-11")
async def test_another_key_for_a_payment_whose_outcome_is_unknown_charges_nothing(
    database_url: str, tmp_path: Path
) -> None:
    async with house(database_url, tmp_path, with_worker=False) as made:
        await made.control("stripe", "POST", "webhooks", {"mode": "drop"})
        await made.fault("stripe", "silent_after", "purchase")
        lost = await charge(made, "stripe-eu", reference="once")
        assert lost.status_code == 202

        again = await charge(made, "adyen-eu", reference="once")

        assert (again.status_code, again.json()["code"]) == (409, "duplicate_reference")
        assert again.json()["payment"] == lost.json()["id"]
        assert await made.charges("stripe") + await made.charges("adyen") == 1


@pytest.mark.fault_case(id="IDE-11")
async def test_a_key_that_was_forgotten_charges_nothing_while_its_payment_holds_the_reference(
    database_url: str, tmp_path: Path
) -> None:
    async with house(database_url, tmp_path, with_worker=False) as made:
        wish = {"amount": 1000, "currency": "EUR", "reference": "once", "payment_method": made.payment_method}
        paid = await made.hub.post("/v1/payments", wish, key="one")
        shell = made.hub.parts.shell

        await prune_keys(replace(shell, clock=lambda: made.hub.parts.clock() + timedelta(days=8)))
        again = await made.hub.post("/v1/payments", wish, key="one")

        assert (again.status_code, again.json()["code"]) == (409, "duplicate_reference")
        assert again.json()["payment"] == paid.json()["id"]
        assert await made.charges("stripe") + await made.charges("adyen") == 1


async def pages(made: House, most: int | None) -> None:
    """Let the database's file grow to so many pages; with None, as it is and no further."""
    async with made.hub.parts.database.writer.connect() as connection:
        now = (await connection.execute(text("PRAGMA page_count"))).scalar()
        await connection.execute(text(f"PRAGMA max_page_count = {most or now}"))


@pytest.mark.fault_case(id="CR-16")
async def test_on_a_full_disk_charges_are_refused_as_a_whole_and_go_on_when_there_is_room(
    sqlite_url: str, tmp_path: Path
) -> None:
    clock = Clock()
    async with house(sqlite_url, tmp_path, with_worker=False, clock=clock) as made:
        for processor in ("stripe", "adyen"):
            await made.control(processor, "POST", "webhooks", {"mode": "drop"})
        await pages(made, None)
        full = [await charge(made, "stripe-eu", reference=f"full-{n}") for n in range(25)]
        reading = await made.hub.get("/v1/payments")
        await pages(made, 2**30)
        after = await charge(made, "stripe-eu", reference="room")
        shell = made.hub.parts.shell
        async with shell.database.transaction() as connection:
            late = "UPDATE operations SET lease_until = started_at, due_at = started_at WHERE status = 'sending'"
            await connection.execute(text(late))
        await inquire_due(shell)
        clock.ahead = 2 * made.hub.parts.directory.accounts()[made.accounts["stripe-eu"]].capabilities.lookup_grace
        await work(made, inquire_due, until_resolved=True)
        clock.ahead *= 0

        assert {answer.status_code for answer in full} <= {201, 503}
        refused = [answer for answer in full if answer.status_code == 503]
        assert refused
        assert {answer.json()["code"] for answer in refused} == {"database_unavailable"}
        assert all("Retry-After" in answer.headers for answer in refused)
        assert (reading.status_code, after.json()["status"]) == (200, "captured")
        for answer in full:
            if answer.status_code == 201:
                await eventually(made, answer.json()["id"], status="captured")
        await agrees(made)
