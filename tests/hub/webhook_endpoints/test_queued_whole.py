"""What is queued for an endpoint is queued whole, and whoever claims it and dies holds it for its lease alone."""

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from hub.webhook_endpoints import queue
from hub.webhook_endpoints.fan_out import FanOut
from hub.webhook_endpoints.tables import event_deliveries, event_fan_out
from tests.hub.events.writing import event, write
from tests.hub.webhook_endpoints.receiving import shop

FULL = "CREATE TRIGGER full BEFORE INSERT ON event_deliveries BEGIN SELECT RAISE(ABORT, 'full'); END"


async def test_events_whose_deliveries_could_not_be_queued_are_fanned_out_again(sqlite_url: str) -> None:
    async with shop(sqlite_url, with_worker=False) as market:
        await market.endpoint()
        database = market.hub.parts.database
        (told,) = await write(database, event(position=1))
        async with database.transaction() as connection:
            await connection.execute(text(FULL))
        with pytest.raises(IntegrityError, match="full"):
            await FanOut(database).go_on()
        async with database.transaction() as connection:
            assert await connection.scalar(select(event_fan_out.c.position)) == 0
            await connection.execute(text("DROP TRIGGER full"))

        await FanOut(database).go_on()

        async with database.reading() as connection:
            assert list((await connection.execute(select(event_deliveries.c.event_id))).scalars()) == [told]


async def test_what_a_dead_courier_had_claimed_is_claimed_again(sqlite_url: str) -> None:
    async with shop(sqlite_url, with_worker=False) as market:
        made = await market.endpoint()
        database = market.hub.parts.database
        await write(database, event(position=1))
        await FanOut(database).go_on()
        rooms = {made["id"]: 1}
        ((first,), _) = await queue.claim(database, rooms, lease_s=0.0)

        ((again,), _) = await queue.claim(database, rooms, lease_s=60.0)
        nothing, _ = await queue.claim(database, rooms, lease_s=60.0)

    assert (again.id, again.tries) == (first.id, 2)
    assert nothing == []
