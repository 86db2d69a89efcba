"""Processes stop in order, and loops end when they are told to, also where a cancellation gets lost on the way."""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import httpx
import pytest
from msgspec.structs import replace
from sqlalchemy import insert

from hub.database import open_database
from hub.due_rows import claim_due, give_back
from hub.payments.jobs import inquire_due
from hub.stopping import stopped
from hub.webhooks.budget import AT_ONCE_MAX
from hub.webhooks.jobs import AT_ONCE, read_waiting
from hub.webhooks.marks import catch_ups
from hub.webhooks.store import claim
from hub.worker import Bell, work
from tests.hub.commands import started
from tests.hub.house import QUICK, House, house
from tests.hub.money import agrees
from tests.hub.payments.faulty import hurry, shown
from tests.hub.webhooks.telling import Asked, Counting, arrive, delivery, inbox, with_adapters
from tests.processes import free_port


async def test_a_loop_that_takes_a_cancellation_for_a_failure_is_ended_all_the_same() -> None:
    taken = 0

    async def deaf() -> None:
        nonlocal taken
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                taken += 1
                if taken > 1:
                    raise

    loop = asyncio.create_task(deaf())
    await asyncio.sleep(0)

    async with asyncio.timeout(5):
        await stopped([loop])

    assert loop.done()
    assert taken == 2


async def test_what_has_ended_is_left_alone() -> None:
    async def fails() -> None:
        raise LookupError

    ended = asyncio.create_task(fails())
    await asyncio.wait([ended])

    await stopped([ended])

    assert isinstance(ended.exception(), LookupError)


async def until(check: Callable[[], bool | Awaitable[bool]]) -> None:
    """Wait for something that comes soon, twenty seconds at most."""
    for _ in range(1_000):
        found = check()
        if found if isinstance(found, bool) else await found:
            return
        await asyncio.sleep(0.02)
    raise AssertionError(check)


async def up(client: httpx.AsyncClient) -> bool:
    """Whether a process says that requests may be sent to it."""
    try:
        return (await client.get("/health/ready")).status_code == 200
    except httpx.TransportError:
        return False


async def down(client: httpx.AsyncClient) -> bool:
    return not await up(client)


@pytest.mark.fault_case(id="CR-14")
async def test_a_rolling_restart_under_load_fails_no_request(postgres_url: str, tmp_path: Path) -> None:
    port = free_port()
    settings = {"HUB_DATABASE_URL": postgres_url, "HUB_DEVELOPMENT": "yes", "HUB_PORT": str(port)}
    async with house(postgres_url, tmp_path) as made:
        headers = made.hub.client.headers
        with started("serve", **settings, HUB_DRAIN_MS="700") as old:
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=30) as client:
                await until(lambda: up(client))
                goes, answers = asyncio.Event(), list[httpx.Response]()
                load = [asyncio.create_task(charging(made, client, goes, answers, str(n))) for n in range(6)]
                await until(lambda: len(answers) >= 12)

                old.send_signal(signal.SIGTERM)

                await until(lambda: down(client))
                told = await client.get("/health/ready")
                goes.set()  # Who sends requests has noticed.
                served = await client.get("/v1/payments", params={"limit": 1})
                await asyncio.to_thread(old.wait, 30)
                enough = len(answers) + 6
                await until(lambda: len(answers) >= enough)
                for task in load:
                    task.cancel()
                await asyncio.gather(*load, return_exceptions=True)
        assert (told.json()["code"], told.headers["Connection"]) == ("shutting_down", "close")
        assert (served.status_code, served.headers["Connection"]) == (200, "close")
        assert {answer.status_code for answer in answers} == {201}
        await agrees(made)


async def charging(
    made: House, old: httpx.AsyncClient, goes: asyncio.Event, answers: list[httpx.Response], name: str
) -> None:
    """Charge one after the other, at the old process until that *goes*, then at the other."""
    for number in count():
        wish = {"amount": 1000, "currency": "EUR", "reference": f"{name}-{number}"}
        client = made.hub.client if goes.is_set() else old
        sent = wish | {"payment_method": made.payment_method}
        answers.append(await client.post("/v1/payments", json=sent, headers={"Idempotency-Key": f"{name}-{number}"}))


async def test_who_is_told_to_stop_gives_back_what_it_claimed_and_did_not_begin(
    database_url: str, tmp_path: Path
) -> None:
    async with house(database_url, tmp_path, with_worker=False) as made:
        account, shell = made.accounts["stripe-eu"], replace(made.hub.parts.shell, stopping=asyncio.Event())
        told = [delivery(f"pi_{n}", key=str(n)) for n in range(50)]
        await arrive(shell.database, account, *told)
        goes_on = asyncio.Event()
        adapter = Counting(goes_on)
        reading = asyncio.create_task(read_waiting(with_adapters(shell, {account: adapter}, 10_000)))
        await until(lambda: adapter.now >= AT_ONCE_MAX)

        shell.stopping.set()
        goes_on.set()

        await reading
        found = await inbox(shell.database, account)
        not_begun = [one for one in told if one.subject not in adapter.fetched]
        assert len(not_begun) >= 50 - AT_ONCE
        assert {found[one.key] for one in not_begun} == {("waiting", 0)}
        assert {one.delivery.key for one in await claim(shell.database, 96, 60.0)} >= {one.key for one in not_begun}


async def test_what_nobody_has_in_hand_is_left_to_others_by_who_is_told_to_stop(
    database_url: str, tmp_path: Path
) -> None:
    async with house(database_url, tmp_path, with_worker=False) as made:
        await made.control("stripe", "POST", "webhooks", {"mode": "drop"})
        await made.fault("stripe", "silent_after", "purchase")
        account = made.accounts["stripe-eu"]
        lost = await made.hub.charge(payment_method=made.payment_method, merchant_account=account)
        assert lost.status_code == 202
        await hurry(made)
        stopping = replace(made.hub.parts.shell, stopping=asyncio.Event())
        stopping.stopping.set()

        await inquire_due(stopping)
        assert (await shown(made, lost.json()["id"]))["status"] == "processing"
        await inquire_due(made.hub.parts.shell)

        assert (await shown(made, lost.json()["id"]))["status"] == "captured"


async def test_rows_that_were_given_back_are_claimed_at_once_and_have_lost_no_try(database_url: str) -> None:
    database = await open_database(database_url)
    at = datetime.now(UTC)
    row = {"livemode": False, "listed_ends_at": at, "tries": 0, "due_at": at - timedelta(hours=1)}
    async with database.transaction() as connection:
        await connection.execute(insert(catch_ups), [row | {"id": f"ma_{n}"} for n in range(2)])
    first = await claim_due(database, catch_ups, 2, 60.0)

    await give_back(database, catch_ups, ["ma_1"])

    assert [(r["id"], r["tries"]) for r in await claim_due(database, catch_ups, 2, 60.0)] == [("ma_1", 1)]
    assert {r["tries"] for r in first} == {1}
    await database.close()


async def test_a_worker_whose_job_does_not_end_gives_it_up(sqlite_url: str, tmp_path: Path) -> None:
    settings = replace(QUICK, answer_ms=50_000, request_ms=55_000, shutdown_ms=100, inquiry_first_ms=100)
    async with house(sqlite_url, tmp_path, settings=settings, with_worker=False) as made:
        shell = made.hub.parts.shell
        account = made.accounts["stripe-eu"]
        adapter = Asked(lambda _: [], lambda _: None)
        await arrive(shell.database, account, delivery("pi_1", key="1"))
        stop = asyncio.Event()
        working = asyncio.create_task(work(with_adapters(shell, {account: adapter}, 1_000), Bell(), stop))
        await until(lambda: bool(adapter.fetched))

        stop.set()

        async with asyncio.timeout(20):
            await working
        assert await inbox(shell.database, account) == {"1": ("waiting", 1)}


async def test_a_worker_whose_job_breaks_ends_and_says_why(sqlite_url: str, tmp_path: Path) -> None:
    async with house(sqlite_url, tmp_path, with_worker=False) as made:

        class Broken(Bell):
            async def wait(self, seconds: float) -> None:
                raise RuntimeError(f"cannot wait {seconds} s")

        with pytest.raises(RuntimeError, match="cannot wait"):
            async with asyncio.timeout(20):
                await work(made.hub.parts.shell, Broken(), asyncio.Event())
