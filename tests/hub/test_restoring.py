"""A backup made while the hub works, restored after it worked on: what is missing is found, nothing charged twice."""

import asyncio
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from hub.payments.jobs import inquire_due
from hub.webhooks.catching_up import catch_up
from hub.webhooks.jobs import read_waiting
from hub.webhooks.reading import TRIES_MAX
from tests.hub.house import QUICK, House, house, serving
from tests.hub.money import rows, truths
from tests.hub.payments.faulty import hurry, shown, stop_faults
from tests.hub.webhooks.telling import make_due
from tests.servers import Postgres

REQUEST = {"amount": 1000, "currency": "EUR"}


def copied(source: str, target: Path) -> None:
    """Copy an SQLite database that is in use, as its own tool does."""
    with closing(sqlite3.connect(source)) as used, closing(sqlite3.connect(target)) as copy:
        used.backup(copy)


async def backed_up(url: str, file: Path, request: pytest.FixtureRequest) -> None:
    """Back up a database with the tools that come with it."""
    if url.startswith("sqlite"):
        await asyncio.to_thread(copied, url.removeprefix("sqlite:///"), file)
    else:
        postgres: Postgres = request.getfixturevalue("postgres")
        await asyncio.to_thread(postgres.back_up, url, file)


async def restored(url: str, file: Path, request: pytest.FixtureRequest) -> str:
    """Make a new database of a backup."""
    if url.startswith("sqlite"):
        await asyncio.to_thread(copied, str(file), file.with_suffix(".restored"))
        return f"sqlite:///{file.with_suffix('.restored')}"
    postgres: Postgres = request.getfixturevalue("postgres")
    return await postgres.restored(file)


async def charge(made: House, processor: str, reference: str) -> str:
    """Charge, by a key that is the reference, and give the payment's id."""
    wish = REQUEST | {"payment_method": made.payment_method, "merchant_account": made.accounts[f"{processor}-eu"]}
    answer = await made.hub.post("/v1/payments", wish | {"reference": reference}, key=reference)
    assert answer.status_code in {201, 202}, answer.text
    return str(answer.json()["id"])


@pytest.mark.fault_case(id="DB-09")
@pytest.mark.fault_case(id="OPS-05")
async def test_what_a_restored_backup_lacks_is_found_at_the_processors_and_nobody_is_charged_twice(
    database_url: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    file = tmp_path / "backup"
    async with house(database_url, tmp_path, with_worker=False) as made:
        for processor in ("stripe", "adyen"):
            await made.control(processor, "POST", "webhooks", {"mode": "drop"})
            await made.fault(processor, "silent_after", "purchase")
        unknown = [await charge(made, processor, f"unknown-{processor}") for processor in ("stripe", "adyen")]
        known = await charge(made, "stripe", "known")
        await backed_up(database_url, file, request)
        await stop_faults(made)
        lost = await charge(made, "stripe", "lost")

        url = await restored(database_url, file, request)

        settings, old = replace(QUICK, database_url=url), made.hub
        key = old.client.headers["Authorization"].removeprefix("Bearer ")
        async with serving(settings, key, with_worker=False) as made.hub:
            assert await charge(made, "stripe", "known") == known
            await hurry(made)
            while await inquire_due(made.hub.parts.shell):
                await hurry(made)
            assert {(await shown(made, payment))["status"] for payment in unknown} == {"captured"}
            await caught_up(made)
        made.hub = old
        assert {truth.charges for truth in (await truths(made)).values()} == {1}
        assert (await shown(made, lost))["status"] == "captured"


async def caught_up(made: House) -> None:
    """Fetch what Stripe told while the backup did not know of it: it is put before a human, with its money."""
    shell = made.hub.parts.shell
    connected = shell.directory.accounts()[made.accounts["stripe-eu"]]
    await catch_up(shell, connected, shell.clock() - timedelta(hours=1), delivered_too=True)
    for _ in range(TRIES_MAX):
        await read_waiting(shell)
        await make_due(shell.database)
    found = await rows(made, "SELECT type, amount_minor FROM exceptions WHERE status = 'open'")
    assert found == [{"type": "money_unmatched", "amount_minor": 1000}]
