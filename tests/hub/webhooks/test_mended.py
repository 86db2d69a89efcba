"""A parked delivery that is replayed and read closes its exception, and one that is parked again has one."""

from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import insert, update

from hub.settlement.tables import exceptions as exceptions_table
from hub.webhooks.jobs import read_waiting
from hub.webhooks.mended import BATCH, close_mended
from hub.webhooks.reading import TRIES_MAX
from hub.webhooks.tables import webhook_deliveries
from tests.hub.house import House, house
from tests.hub.money import rows
from tests.hub.webhooks.forging import stripe_event
from tests.hub.webhooks.kept import audited, delivery, write

POISON = msgspec.json.encode(stripe_event(type="refund.created", data={"object": {"id": "re_1", "amount": "?"}}))
HARMLESS = msgspec.json.encode(stripe_event(type="customer.created", data={"object": {"id": "cus_1"}}))


async def parked(made: House) -> str:
    """Keep what cannot be read, and let it have its last try."""
    row = delivery(merchant_account=made.accounts["stripe-eu"], body=POISON)
    (one,) = await write(made.hub.parts.database, row)
    await parked_again(made, one)
    return one


async def parked_again(made: House, one: str) -> None:
    assert (await made.hub.post(f"/v1/webhook_deliveries/{one}/replay", {})).status_code == 202
    await changed(made, one, tries=TRIES_MAX - 1)
    await read_waiting(made.hub.parts.shell)
    assert await status(made, one) == "parked"


async def changed(made: House, one: str, **values: object) -> None:
    async with made.hub.parts.database.transaction() as connection:
        await connection.execute(update(webhook_deliveries).where(webhook_deliveries.c.id == one).values(**values))


async def status(made: House, one: str) -> str:
    return str((await made.hub.get(f"/v1/webhook_deliveries/{one}")).json()["status"])


async def exceptions(made: House) -> list[dict[str, Any]]:
    return await rows(made, "SELECT id, status, detail, resolution FROM exceptions ORDER BY id")


async def test_what_was_read_after_all_needs_no_human_any_more(database_url: str, tmp_path: Path) -> None:
    async with house(database_url, tmp_path, with_worker=False) as made:
        mended, broken = await parked(made), await parked(made)
        shell = made.hub.parts.shell
        assert await close_mended(shell) == 0

        await changed(made, mended, body=HARMLESS)  # As if an upgrade could read it now.
        assert (await made.hub.post(f"/v1/webhook_deliveries/{mended}/replay", {})).status_code == 202
        await read_waiting(shell)
        assert [await close_mended(shell), await close_mended(shell)] == [1, 0]

        assert (await status(made, mended), await status(made, broken)) == ("ignored", "parked")
        closed, still = await exceptions(made)
        assert (closed["status"], still["status"]) == ("resolved", "open")
        assert closed["detail"].startswith(mended)
        assert msgspec.json.decode(closed["resolution"])["how"] == "read_later"
        (entry,) = await audited(made.hub.parts.database, closed["id"])
        assert (entry["action"], entry["details"]["how"]) == ("exception.resolved", "read_later")


async def test_what_is_parked_again_has_one_open_exception(database_url: str, tmp_path: Path) -> None:
    async with house(database_url, tmp_path, with_worker=False) as made:
        one = await parked(made)
        await parked_again(made, one)

        assert await close_mended(made.hub.parts.shell) == 1

        assert [row["status"] for row in await exceptions(made)] == ["resolved", "open"]


async def test_what_was_read_after_all_is_found_behind_many_that_were_not(database_url: str, tmp_path: Path) -> None:
    async with house(database_url, tmp_path, with_worker=False) as made:
        one = await parked(made)
        await changed(made, one, status="done")
        (real,) = await rows(made, "SELECT * FROM exceptions")
        newer = [dict(real) | {"id": f"exc_z{number:04}", "delivery_id": f"wd_{number}"} for number in range(BATCH)]
        async with made.hub.parts.database.transaction() as connection:
            at = made.hub.parts.shell.clock()
            await connection.execute(insert(exceptions_table), [row | {"created_at": at} for row in newer])

        assert await close_mended(made.hub.parts.shell) == 1

        assert (await exceptions(made))[0]["status"] == "resolved"
