"""After an outage nobody waits out the schedule: what waits is sent soon by itself, or at once when asked for."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web
from sqlalchemy import insert, update

from hub.events.store import publish
from hub.webhook_endpoints.hurrying import SPREAD_S, bring_forward
from hub.webhook_endpoints.tables import event_deliveries, event_delivery_tries
from tests.hub.events.writing import event, write
from tests.hub.webhook_endpoints.receiving import Got, Shop, shop

HOUR = timedelta(hours=1)


@pytest.fixture
async def still(database_url: str) -> AsyncIterator[Shop]:
    """A hub whose worker stands still."""
    async with shop(database_url, with_worker=False) as made:
        yield made


async def changed(at: Shop, **values: Any) -> None:
    """Change every delivery."""
    async with at.hub.parts.database.transaction() as connection:
        await connection.execute(update(event_deliveries).values(**values))


async def waiting(still: Shop, *codes: int | None) -> dict[str, Any]:
    """Make an endpoint where a delivery failed with each of *codes*, None: with no answer; each waits for an hour."""
    made = await still.endpoint()
    database = still.hub.parts.database
    await write(database, *(event() for _ in codes))
    await publish(database, len(codes))
    await still.hub.post(f"/v1/webhook_endpoints/{made['id']}/redeliver", {"status": "all", "from_position": 1})
    listed = await still.deliveries(made["id"])
    for one, code in zip(reversed(listed), codes, strict=True):
        await failed(still, one["id"], 1, code)
    await changed(still, tries=1, tries_before=0, due_at=datetime.now(UTC) + HOUR)
    return made


async def failed(still: Shop, delivery_id: str, number: int, code: int | None) -> None:
    """Note a try that failed."""
    row = {
        "delivery_id": delivery_id,
        "number": number,
        "url": "http://shop.invalid/",
        "at": datetime.now(UTC),
        "response_code": code,
        "failure": "status" if code else "not_reached",
        "latency_ms": 1,
        "response": "",
    }
    async with still.hub.parts.database.transaction() as connection:
        await connection.execute(insert(event_delivery_tries).values(row))


def left(delivery: dict[str, Any]) -> timedelta:
    """How long a delivery still waits."""
    return datetime.fromisoformat(delivery["due_at"]) - datetime.now(UTC)


async def test_what_waits_is_sent_soon_once_its_endpoint_works_again(market: Shop) -> None:
    outage = {"on": True}

    async def answer(_: Got) -> web.StreamResponse:
        return web.Response(status=500 if outage["on"] else 204)

    made = await market.endpoint()
    market.receiver.answers["/hook"] = answer
    await write(market.hub.parts.database, event(), event())
    await market.tried(made["id"], count=2)
    await changed(market, due_at=datetime.now(UTC) + HOUR)

    outage["on"] = False
    await write(market.hub.parts.database, event())

    assert len(await market.settled(made["id"], "delivered", count=3)) == 3


@pytest.mark.fault_case(id="OPS-03")
async def test_what_waits_becomes_due_over_a_few_seconds(still: Shop) -> None:
    made = await waiting(still, 500, None, 503)

    count = await bring_forward(still.hub.parts.database, [made["id"]])

    waits = sorted(left(one) for one in await still.deliveries(made["id"]))
    assert count == 3
    assert waits[-1] < timedelta(seconds=SPREAD_S)
    assert len({round(wait.total_seconds()) for wait in waits}) == 3


async def test_who_asked_to_be_left_alone_is(still: Shop) -> None:
    made = await waiting(still, 429, 500)

    assert await bring_forward(still.hub.parts.database, [made["id"]]) == 1

    limited = (await still.deliveries(made["id"]))[-1]
    assert left(limited) > timedelta(minutes=59)


async def test_what_fails_again_waits_for_its_turn_and_loses_no_try(still: Shop) -> None:
    made = await waiting(still, 500)
    await bring_forward(still.hub.parts.database, [made["id"]])
    (one,) = await still.deliveries(made["id"])
    await failed(still, one["id"], 2, 500)
    await changed(still, tries=2, due_at=datetime.now(UTC) + HOUR)

    again = await bring_forward(still.hub.parts.database, [made["id"]])
    await failed(still, one["id"], 3, 500)
    await changed(still, tries=3, due_at=datetime.now(UTC) + HOUR)
    after_its_turn = await bring_forward(still.hub.parts.database, [made["id"]])

    assert (again, after_its_turn) == (0, 1)


async def test_other_endpoints_and_what_is_under_way_are_left_alone(still: Shop) -> None:
    made = await waiting(still, 500)
    await changed(still, tries=2)

    assert await bring_forward(still.hub.parts.database, [made["id"], "we_other"]) == 0


async def test_pending_deliveries_are_due_at_once_when_asked_for(still: Shop) -> None:
    made = await waiting(still, 429, 500)
    path = f"/v1/webhook_endpoints/{made['id']}/redeliver"

    one = await still.hub.post(path, {"status": "pending", "from_position": 2})
    rest = await still.hub.post(path, {"status": "pending", "to_position": 1})

    assert (one.json(), rest.json()) == ({"count": 1, "next_position": None}, {"count": 1, "next_position": None})
    assert all(left(one) < timedelta(seconds=1) for one in await still.deliveries(made["id"]))


async def test_what_is_under_way_is_not_sent_beside_itself(still: Shop) -> None:
    made = await waiting(still, 500)
    await changed(still, tries=2)

    answer = await still.hub.post(f"/v1/webhook_endpoints/{made['id']}/redeliver", {"status": "pending"})

    assert answer.json()["count"] == 0
