"""`hub webhooks` as an operator uses it: the command as a process of its own, on a database that is there."""

import asyncio
import subprocess
from pathlib import Path
from typing import get_args

import msgspec
import pytest
from sqlalchemy import delete

from hub.cli import DELIVERY_STATUSES
from hub.database import open_database
from hub.webhooks.delivery_routes import ReplayWanted, WebhookDeliveryStatus
from hub.webhooks.tables import webhook_deliveries
from tests.hub.commands import hub
from tests.hub.house import House, house
from tests.hub.money import rows
from tests.hub.webhooks.kept import audited, delivery, write


async def kept(url: str, *changes: dict[str, object]) -> list[str]:
    """Migrate a database and write a delivery for each of *changes*."""
    database = await open_database(url)
    ids = await write(database, *(delivery(**one) for one in changes))
    await database.close()
    return ids


async def run(*words: str, url: str) -> "subprocess.CompletedProcess[str]":
    return await asyncio.to_thread(hub, "webhooks", *words, HUB_DATABASE_URL=url)


def test_the_commands_statuses_are_those_of_the_api() -> None:
    assert list(DELIVERY_STATUSES) == [status.value for status in WebhookDeliveryStatus]
    assert set(DELIVERY_STATUSES[1:]) == set(get_args(ReplayWanted.__annotations__["status"]))


async def test_deliveries_are_listed_as_lines_and_as_json(sqlite_url: str) -> None:
    parked, _ = await kept(sqlite_url, {"status": "parked", "error": "ValueError"}, {"livemode": True})

    lines = await run("list", "--status", "parked", url=sqlite_url)
    listed = await run("list", "--mode", "test", "--json", url=sqlite_url)
    nothing = await run("list", "--merchant-account", "ma_2", url=sqlite_url)

    told = lines.stdout.split("\t")
    assert (told[0], told[2], told[4]) == (parked, "parked", "ValueError"), lines.stderr
    assert [one["id"] for one in msgspec.json.decode(listed.stdout)] == [parked]
    assert nothing.stdout == "No such delivery.\n"


async def test_one_is_shown_with_what_the_processor_wrote(sqlite_url: str) -> None:
    body = {"id": "evt_1", "client_secret": "pi_1_secret"}
    (one,) = await kept(sqlite_url, {"body": body, "delivery_key": "evt_" + "1" * 250})

    text = await run("show", one, url=sqlite_url)
    json = msgspec.json.decode((await run("show", one, "--json", url=sqlite_url)).stdout)

    assert all(part in text.stdout for part in (one, "ma_1", "evt_" + "1" * 250, '"evt_1"', "(hidden)")), text.stderr
    assert "pi_1_secret" not in text.stdout
    assert (json["id"], json["body"]) == (one, {"id": "evt_1", "client_secret": "(hidden)"})


async def test_one_or_all_of_a_status_are_replayed(sqlite_url: str) -> None:
    done, parked, live = await kept(
        sqlite_url, {}, {"status": "parked"}, {"status": "parked", "livemode": True}
    )  # fmt: skip

    by_id = await run("replay", done, url=sqlite_url)
    by_status = await run("replay", "--status", "parked", "--mode", "test", url=sqlite_url)

    assert (by_id.returncode, by_status.returncode) == (0, 0), by_id.stderr + by_status.stderr
    assert by_status.stdout.startswith("1 delivery is read anew")
    database = await open_database(sqlite_url)
    entries = await audited(database, done) + await audited(database, "webhook_deliveries")
    await database.close()
    assert [(entry["action"], entry["principal"]) for entry in entries] == [("webhook_delivery.replayed", "hub")] * 2
    listed = msgspec.json.decode((await run("list", "--json", url=sqlite_url)).stdout)
    assert {one["id"]: one["status"] for one in listed} == {done: "waiting", parked: "waiting", live: "parked"}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("show", "wd_nothing"), "there is no delivery wd_nothing"),
        (("replay", "wd_nothing"), "there is no delivery wd_nothing"),
        (("replay",), "name deliveries, or give --status"),
        (("replay", "wd_1", "--status", "parked"), "name deliveries, or give --status"),
        (("replay", "wd_1", "--mode", "live"), "go with --status only"),
        (("catch-up", "--merchant-account", "ma_nothing"), "there is no merchant account ma_nothing"),
    ],
)
async def test_what_cannot_be_done_is_said(sqlite_url: str, words: tuple[str, ...], told: str) -> None:
    refused = await run(*words, url=sqlite_url)

    assert refused.returncode != 0
    assert told in " ".join(refused.stderr.replace("│", " ").split())


async def test_catching_up_by_hand_keeps_what_never_came(database_url: str, tmp_path: Path) -> None:
    async with house(database_url, tmp_path, with_worker=False) as made:
        await made.control("stripe", "POST", "webhooks", {"mode": "drop"})
        await made.hub.charge(payment_method=made.payment_method, merchant_account=made.accounts["stripe-eu"])
        await made.control("stripe", "POST", "webhooks/flush", {})
        assert await inbox(made) == 0

        done = await run("catch-up", url=database_url)
        adyen = await run("catch-up", "--merchant-account", made.accounts["adyen-eu"], url=database_url)

        assert (done.returncode, "stripe-eu" in done.stdout) == (0, True), done.stderr
        assert "what went wrong" in done.stdout
        assert await inbox(made) > 0
        assert (adyen.returncode, "keeps no list" in adyen.stderr) == (1, True)


async def test_what_was_acknowledged_and_is_kept_no_more_is_fetched_with_all(database_url: str, tmp_path: Path) -> None:
    async with house(database_url, tmp_path, with_worker=False) as made:
        await made.hub.charge(payment_method=made.payment_method, merchant_account=made.accounts["stripe-eu"])
        await made.control("stripe", "POST", "webhooks/flush", {})
        acknowledged = await inbox(made)
        async with made.hub.parts.database.transaction() as connection:  # A backup of before is restored.
            await connection.execute(delete(webhook_deliveries))

        undelivered = await run("catch-up", url=database_url)
        left = await inbox(made)
        everything = await run("catch-up", "--all", url=database_url)

        assert (undelivered.returncode, everything.returncode) == (0, 0), everything.stderr
        assert (left, await inbox(made)) == (0, acknowledged)
        assert acknowledged > 0


async def inbox(made: House) -> int:
    return len(await rows(made, "SELECT id FROM webhook_deliveries"))
