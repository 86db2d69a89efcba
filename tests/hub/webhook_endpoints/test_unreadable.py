"""An event whose object nobody can read goes nowhere, and keeps nothing else back."""

from typing import Any

import pytest
from sqlalchemy import select
from structlog.testing import capture_logs

from hub.webhook_endpoints.fan_out import FanOut
from hub.webhook_endpoints.redelivery import READ_MAX
from hub.webhook_endpoints.tables import event_deliveries
from tests.hub.events.writing import event, write
from tests.hub.webhook_endpoints.receiving import Shop, shop


async def queued(market: Shop) -> list[str]:
    async with market.hub.parts.database.reading() as connection:
        listed = select(event_deliveries.c.event_id).order_by(event_deliveries.c.position)
        return list((await connection.execute(listed)).scalars())


@pytest.mark.parametrize("data", [{"merchant_account": 7}, [], "no object", None])
async def test_what_cannot_be_read_is_told_in_the_log_and_what_comes_after_it_is_fanned_out(
    database_url: str, data: Any
) -> None:
    async with shop(database_url, with_worker=False) as market:
        made = await market.endpoint()
        before, strange, after = event(position=1), event(position=2, data=data), event(position=3)
        await write(market.hub.parts.database, before, strange, after)

        with capture_logs() as logs:
            await FanOut(market.hub.parts.database).go_on()
        again = await market.hub.post(
            f"/v1/webhook_endpoints/{made['id']}/redeliver", {"status": "all", "from_position": 1}
        )
        by_itself = await market.hub.post(f"/v1/events/{strange['id']}/redeliver", {"endpoint": made["id"]})

        assert await queued(market) == [before["id"], after["id"]]

    told = [(one["event"], one["event_id"]) for one in logs if "event_id" in one]
    assert told == [("event_not_fanned_out", strange["id"])]
    assert again.json()["count"] == 2
    assert (by_itself.status_code, by_itself.json()["code"]) == (422, "validation_failed")


async def test_a_range_of_more_than_is_read_at_once_is_sent_whole(database_url: str) -> None:
    async with shop(database_url, with_worker=False) as market:
        most = 2 * READ_MAX + 1
        await write(market.hub.parts.database, *(event(position=number) for number in range(1, most + 1)))
        made = await market.endpoint(events=["payment.captured"])

        again = await market.hub.post(
            f"/v1/webhook_endpoints/{made['id']}/redeliver",
            {"status": "all", "from_position": 2, "to_position": most - 1},
        )

        assert again.json() == {"count": most - 2, "next_position": None}
        assert len(await queued(market)) == most - 2
