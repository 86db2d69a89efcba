"""`hub doctor` says what of the events does not arrive, since when, and the mend."""

from datetime import timedelta

from sqlalchemy import update

from hub.doctor_events import OVERDUE, look_at_events
from hub.doctor_findings import Finding
from hub.events.store import publish
from hub.webhook_endpoints.fan_out import FanOut
from hub.webhook_endpoints.tables import event_deliveries
from tests.hub.events.writing import event, write
from tests.hub.webhook_endpoints.receiving import Shop, shop


async def found(market: Shop) -> list[Finding]:
    parts = market.hub.parts
    async with parts.database.reading() as connection:
        return await look_at_events(connection, parts.clock())


async def wrong(market: Shop) -> list[Finding]:
    return [one for one in await found(market) if not one.ok]


async def died(market: Shop) -> None:
    """Let every delivery be given up."""
    async with market.hub.parts.database.transaction() as connection:
        await connection.execute(update(event_deliveries).values(status="dead", due_at=None))


async def test_events_that_wait_for_a_moment_are_in_order(database_url: str) -> None:
    async with shop(database_url, with_worker=False) as market:
        await write(market.hub.parts.database, event())

        assert [one.ok for one in await found(market)] == [True, True]


async def test_what_no_worker_puts_on_its_way_is_counted_with_its_age(database_url: str) -> None:
    async with shop(database_url, with_worker=False) as market:
        parts = market.hub.parts
        old_at, older_at = parts.clock() - OVERDUE - timedelta(hours=1), parts.clock() - timedelta(hours=7)
        await write(parts.database, event(created_at=older_at))
        await publish(parts.database, 1)
        await write(parts.database, event(created_at=old_at))

        (told,) = await wrong(market)
        await publish(parts.database, 1)
        await FanOut(parts.database).go_on()

        assert await wrong(market) == []

    assert told.told == f"2 are not on their way to endpoints, the oldest since {older_at:%Y-%m-%d %H:%M} UTC"
    assert told.mend is not None
    assert "hub worker" in told.mend


async def test_what_was_given_up_is_told_by_endpoint_until_it_is_sent_again_or_the_endpoint_is_gone(
    database_url: str,
) -> None:
    async with shop(database_url, with_worker=False) as market:
        parts = market.hub.parts
        one, other = await market.endpoint("/one"), await market.endpoint("/other", events=["refund.*"])
        await write(parts.database, event(position=1), event(position=2), event(position=3, type="refund.failed"))
        await FanOut(parts.database).go_on()
        await died(market)

        both = await wrong(market)
        await market.hub.post(f"/v1/webhook_endpoints/{one['id']}/redeliver", {"status": "dead"})
        await market.hub.client.delete(f"/v1/webhook_endpoints/{other['id']}")

        assert await wrong(market) == []

    told = {finding.check: finding for finding in both}
    assert set(told) == {f"deliveries to {one['id']}", f"deliveries to {other['id']}"}
    first = told[f"deliveries to {one['id']}"]
    assert (first.told.startswith("3 were given up, sent since 20"), first.told.endswith("/one")) == (True, True)
    assert first.mend is not None
    assert f"/v1/webhook_endpoints/{one['id']}/redeliver" in first.mend
