"""Events reach the endpoints that want them, signed, and again until they are taken; on both databases."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web
from sqlalchemy import update
from standardwebhooks import Webhook, WebhookVerificationError

from hub.webhook_endpoints.jobs import bury_old
from hub.webhook_endpoints.tables import event_deliveries
from tests.hub.events.writing import event, write
from tests.hub.webhook_endpoints.receiving import Got, Shop


async def told(market: Shop, *rows: dict[str, object]) -> list[str]:
    """Write events as payments do; the worker publishes them."""
    return await write(market.hub.parts.database, *rows)


async def due_now(market: Shop) -> None:
    """Let the time pass until every retry is due."""
    async with market.hub.parts.database.transaction() as connection:
        past = update(event_deliveries).where(event_deliveries.c.due_at.is_not(None))
        await connection.execute(past.values(due_at=datetime.now(UTC) - timedelta(seconds=1)))


@pytest.mark.fault_case(id="WHO-09")
async def test_an_event_arrives_signed_and_with_the_bytes_that_the_api_shows(market: Shop) -> None:
    made = await market.endpoint()
    (event_id,) = await told(market, event(data={"merchant_account": None, "note": "ü"}))

    (got,) = await market.receiver.until(1)
    shown = await market.hub.get(f"/v1/events/{event_id}")

    assert got.verified(made["secret"]) == shown.json()
    assert (got.event_id, got.body) == (event_id, shown.content)
    assert got.headers["content-type"] == "application/json"


async def test_a_changed_byte_does_not_verify(market: Shop) -> None:
    made = await market.endpoint()
    await told(market, event())

    (got,) = await market.receiver.until(1)

    with pytest.raises(WebhookVerificationError):
        Webhook(made["secret"]).verify(got.body + b" ", got.headers)


async def test_both_secrets_sign_while_one_is_rotated(market: Shop) -> None:
    made = await market.endpoint()
    rotated = await market.hub.post(f"/v1/webhook_endpoints/{made['id']}/rotate_secret", {"previous_valid_hours": 1})
    await told(market, event())

    (got,) = await market.receiver.until(1)

    assert rotated.status_code == 200
    assert rotated.json()["secret"] != made["secret"]
    assert got.verified(made["secret"]) == got.verified(rotated.json()["secret"])
    assert len(got.headers["webhook-signature"].split(" ")) == 2


async def test_a_rotation_said_again_is_refused_and_both_secrets_go_on(market: Shop) -> None:
    made = await market.endpoint()
    path = f"/v1/webhook_endpoints/{made['id']}/rotate_secret"
    rotated = (await market.hub.post(path, {})).json()

    again = await market.hub.post(path, {})
    await told(market, event())
    (got,) = await market.receiver.until(1)

    assert (again.status_code, again.json()["code"]) == (409, "secret_being_rotated")
    assert got.verified(made["secret"]) == got.verified(rotated["secret"])


async def test_a_secret_whose_answer_was_lost_is_replaced_and_the_one_in_use_goes_on(market: Shop) -> None:
    made = await market.endpoint()
    path = f"/v1/webhook_endpoints/{made['id']}/rotate_secret"
    lost = (await market.hub.post(path, {})).json()

    another = (await market.hub.post(path, {"force": True})).json()
    await told(market, event())
    (got,) = await market.receiver.until(1)

    assert got.verified(made["secret"]) == got.verified(another["secret"])
    assert another["previous_secret_ends_at"] == lost["previous_secret_ends_at"]
    with pytest.raises(WebhookVerificationError):
        got.verified(lost["secret"])


async def test_two_secrets_that_leaked_are_replaced_at_once(market: Shop) -> None:
    made = await market.endpoint()
    path = f"/v1/webhook_endpoints/{made['id']}/rotate_secret"
    await market.hub.post(path, {})

    only = (await market.hub.post(path, {"previous_valid_hours": 0})).json()
    await told(market, event())
    (got,) = await market.receiver.until(1)

    assert got.verified(only["secret"])
    assert len(got.headers["webhook-signature"].split(" ")) == 1


async def test_a_secret_replaced_at_once_signs_no_more(market: Shop) -> None:
    made = await market.endpoint()
    await market.hub.post(f"/v1/webhook_endpoints/{made['id']}/rotate_secret", {"previous_valid_hours": 0})
    await told(market, event())

    (got,) = await market.receiver.until(1)

    with pytest.raises(WebhookVerificationError):
        got.verified(made["secret"])


async def test_each_endpoint_gets_what_it_asked_for(market: Shop) -> None:
    await market.endpoint("/captured", events=["payment.captured"])
    await market.endpoint("/refunds", events=["refund.*"])
    await market.endpoint("/all")
    one, two = await told(market, event(), event(type="refund.failed"))

    await market.receiver.until(4)

    assert [got.event_id for got in market.receiver.at("/captured")] == [one]
    assert [got.event_id for got in market.receiver.at("/refunds")] == [two]
    assert {got.event_id for got in market.receiver.at("/all")} == {one, two}


async def test_events_of_the_other_mode_do_not_arrive(market: Shop) -> None:
    made = await market.endpoint()
    _, ours = await told(market, event(livemode=True), event())

    await market.settled(made["id"], "delivered")

    assert [got.event_id for got in market.receiver.got] == [ours]


async def test_what_was_published_before_an_endpoint_was_made_does_not_arrive(market: Shop) -> None:
    first = await market.endpoint("/first")
    await told(market, event())
    await market.settled(first["id"], "delivered")
    second = await market.endpoint("/second")
    (later,) = await told(market, event())

    await market.settled(second["id"], "delivered")

    assert [got.event_id for got in market.receiver.at("/second")] == [later]


@pytest.mark.fault_case(id="WHO-01")
async def test_a_failed_delivery_comes_again_with_its_id_and_a_time_of_its_own(market: Shop) -> None:
    made = await market.endpoint()
    market.receiver.say("/hook", 500, 302)
    await told(market, event())
    for count in (1, 2, 3):
        await market.receiver.until(count)
        await market.settled(made["id"], "pending", "delivered")
        await asyncio.sleep(0.3)
        await due_now(market)

    (delivery,) = await market.settled(made["id"], "delivered")

    assert len({got.event_id for got in market.receiver.got}) == 1
    assert all(got.verified(made["secret"]) for got in market.receiver.got)
    assert [(one["number"], one["response_code"], one["failure"]) for one in delivery["tries"]] == [
        (1, 500, "status"),
        (2, 302, "status"),
        (3, 204, None),
    ]


async def test_the_second_try_comes_after_five_seconds_by_itself(market: Shop) -> None:
    made = await market.endpoint()
    market.receiver.say("/hook", 503)
    await told(market, event())

    await market.receiver.until(2)
    (delivery,) = await market.settled(made["id"], "delivered")

    first, second = (datetime.fromisoformat(one["at"]) for one in delivery["tries"])
    assert timedelta(seconds=5) <= second - first < timedelta(seconds=9)


async def test_an_endpoint_may_ask_to_be_left_alone_for_a_while(market: Shop) -> None:
    made = await market.endpoint()
    market.receiver.say("/hook", 429, headers={"Retry-After": "3600"})
    await told(market, event())
    await market.receiver.until(1)

    (delivery,) = await market.tried(made["id"])

    left = datetime.fromisoformat(delivery["due_at"]) - datetime.now(UTC)
    assert (delivery["status"], delivery["tries"][0]["response_code"]) == ("pending", 429)
    assert timedelta(minutes=59) < left < timedelta(minutes=61)


async def test_a_delivery_is_dead_after_its_schedule_and_alive_again_when_asked_for(market: Shop) -> None:
    made = await market.endpoint()
    market.receiver.say("/hook", 500, 500)
    await told(market, event())
    await market.receiver.until(1)
    await market.tried(made["id"])
    async with market.hub.parts.database.transaction() as connection:
        await connection.execute(update(event_deliveries).values(tries=9))
    await due_now(market)
    (dead,) = await market.settled(made["id"], "dead")

    again = await market.hub.post(f"/v1/webhook_endpoints/{made['id']}/redeliver", {"status": "dead"})
    (delivered,) = await market.settled(made["id"], "delivered")

    assert ([one["number"] for one in dead["tries"]], dead["due_at"]) == ([1, 10], None)
    assert (again.status_code, again.json()) == (202, {"count": 1, "next_position": None})
    assert delivered["tries"][-1]["response_code"] == 204


async def test_an_endpoint_that_moved_is_not_gone_because_its_old_address_is(market: Shop) -> None:
    moved = asyncio.Event()

    async def gone(_: Got) -> web.StreamResponse:
        await moved.wait()
        return web.Response(status=410)

    market.receiver.answers["/old"] = gone
    made = await market.endpoint("/old")
    (event_id,) = await told(market, event())
    await market.receiver.until(1)
    await market.hub.client.patch(f"/v1/webhook_endpoints/{made['id']}", json={"url": market.receiver.url + "/new"})
    moved.set()
    await market.tried(made["id"])
    await due_now(market)

    (got,) = await market.receiver.until(1, "/new")

    shown = (await market.hub.get(f"/v1/webhook_endpoints/{made['id']}")).json()
    assert (got.event_id, shown["status"]) == (event_id, "enabled")


@pytest.mark.parametrize(
    "asked", ["Mon, 01 Jan 2024 00:00:00 +99999999999999999", "Mon, 01 Jan 99999999999 00:00:00 GMT"]
)
async def test_a_try_is_noted_whatever_stands_in_its_retry_after(market: Shop, asked: str) -> None:
    market.receiver.say("/hook", 503, headers={"Retry-After": asked})
    made = await market.endpoint()
    await told(market, event())

    (delivery,) = await market.tried(made["id"])

    assert (delivery["status"], delivery["tries"][0]["response_code"]) == ("pending", 503)


@pytest.mark.fault_case(id="WHO-02")
@pytest.mark.fault_case(id="WHO-11")
async def test_an_endpoint_that_is_gone_is_disabled_and_the_others_are_told(market: Shop) -> None:
    made = await market.endpoint("/gone", events=["payment.*"])
    await market.endpoint("/watch", events=["webhook_endpoint.disabled"])
    market.receiver.say("/gone", 410, 410)
    await told(market, event())

    (notice,) = await market.receiver.until(1, "/watch")
    await told(market, event())
    skipped = await market.settled(made["id"], "skipped", count=2)
    shown = (await market.hub.get(f"/v1/webhook_endpoints/{made['id']}")).json()

    assert (shown["status"], shown["reason"]) == ("disabled", "gone")
    assert b'"webhook_endpoint.disabled"' in notice.body
    assert len(market.receiver.at("/gone")) == 1
    assert [len(one["tries"]) for one in skipped] == [0, 1]


async def test_what_was_skipped_can_be_had_once_the_endpoint_is_enabled(market: Shop) -> None:
    made = await market.endpoint()
    path = f"/v1/webhook_endpoints/{made['id']}"
    await market.hub.client.patch(path, json={"status": "disabled"})
    (missed,) = await told(market, event())
    await market.settled(made["id"], "skipped")
    refused = await market.hub.post(f"{path}/redeliver", {"status": "skipped"})

    await market.hub.client.patch(path, json={"status": "enabled"})
    await market.hub.post(f"{path}/redeliver", {"status": "skipped"})
    (got,) = await market.receiver.until(1)

    assert refused.status_code == 422
    assert got.event_id == missed


async def test_events_from_before_the_endpoint_come_when_their_range_is_asked_for(market: Shop) -> None:
    old = await market.endpoint("/old")
    ids = await told(market, *(event() for _ in range(3)), event(livemode=True))
    await market.settled(old["id"], "delivered", count=3)
    new = await market.endpoint("/new", events=["payment.*"])

    answer = await market.hub.post(
        f"/v1/webhook_endpoints/{new['id']}/redeliver", {"status": "all", "from_position": 1, "to_position": 2}
    )
    got = await market.receiver.until(2, "/new")

    assert answer.json() == {"count": 2, "next_position": None}
    assert {one.event_id for one in got} == set(ids[:2])


async def test_one_event_goes_again_where_it_went_and_to_an_endpoint_that_takes_it(market: Shop) -> None:
    first = await market.endpoint("/first")
    (event_id,) = await told(market, event())
    await market.settled(first["id"], "delivered")
    second = await market.endpoint("/second")
    picky = await market.endpoint("/picky", events=["refund.*"])
    path = f"/v1/events/{event_id}/redeliver"

    everywhere = await market.hub.post(path, {})
    there = await market.hub.post(path, {"endpoint": second["id"]})
    refused = await market.hub.post(path, {"endpoint": picky["id"]})
    await market.receiver.until(2, "/first")
    await market.receiver.until(1, "/second")

    assert [(answer.status_code, answer.json().get("count")) for answer in (everywhere, there, refused)] == [
        (202, 1), (202, 1), (422, None),
    ]  # fmt: skip
    assert {got.event_id for got in market.receiver.got} == {event_id}
    listed = (await market.hub.get(f"/v1/events/{event_id}/deliveries")).json()["data"]
    assert {one["endpoint"] for one in listed} == {first["id"], second["id"]}


@pytest.mark.fault_case(id="WHO-06")
async def test_a_slow_endpoint_is_cut_off_and_keeps_nobody_waiting(market: Shop) -> None:
    async def hang(_: Got) -> web.StreamResponse:
        await asyncio.sleep(30)
        return web.Response()

    slow = await market.endpoint("/slow")
    quick = await market.endpoint("/quick")
    market.receiver.answers["/slow"] = hang
    await told(market, *(event() for _ in range(20)))

    delivered = await market.settled(quick["id"], "delivered", count=20)
    tried = await market.tried(slow["id"])

    assert len(delivered) == 20
    assert {one["tries"][0]["failure"] for one in tried} == {"timeout"}
    assert len(market.receiver.at("/slow")) <= 2


async def test_an_ordered_endpoint_gets_the_events_of_an_object_one_after_the_other(market: Shop) -> None:
    made = await market.endpoint(ordered=True)
    failing = {"left": 1}

    async def first_fails(got: Got) -> web.StreamResponse:
        if b'"pay_1"' in got.body and failing["left"]:
            failing["left"] -= 1
            return web.Response(status=500)
        await asyncio.sleep(0.05)
        return web.Response(status=204)

    market.receiver.answers["/hook"] = first_fails
    rows = [event(object_id=f"pay_{n % 2}", data={"id": f"pay_{n % 2}"}) for n in range(8)]
    await told(market, *rows)

    await market.settled(made["id"], "delivered", count=8, seconds=40)

    for object_id in ("pay_0", "pay_1"):
        ids = [row["id"] for row in rows if row["object_id"] == object_id]
        seen = [got.event_id for got in market.receiver.got if f'"{object_id}"'.encode() in got.body]
        assert list(dict.fromkeys(seen)) == ids
    held_up = [got.event_id for got in market.receiver.got if b'"pay_1"' in got.body]
    assert held_up[:2] == [rows[1]["id"]] * 2


async def test_a_deleted_endpoint_gets_nothing_and_its_log_stays(market: Shop) -> None:
    made = await market.endpoint()
    (event_id,) = await told(market, event())
    await market.settled(made["id"], "delivered")

    gone = await market.hub.client.delete(f"/v1/webhook_endpoints/{made['id']}")
    other = await market.endpoint("/other")
    await told(market, event())
    await market.settled(other["id"], "delivered")

    log = (await market.hub.get(f"/v1/events/{event_id}/deliveries")).json()["data"]
    assert (gone.status_code, [one["endpoint"] for one in log]) == (204, [made["id"]])
    assert await market.deliveries(made["id"]) == log
    assert len(market.receiver.at("/hook")) == 1
    assert (await market.hub.get(f"/v1/webhook_endpoints/{made['id']}")).status_code == 404


async def test_how_an_answer_begins_is_kept_without_card_numbers(market: Shop) -> None:
    async def talk(_: Got) -> web.StreamResponse:
        return web.Response(status=500, text="card 4111111111111111 \0" + "x" * 5_000)

    made = await market.endpoint()
    market.receiver.answers["/hook"] = talk
    await told(market, event())
    await market.receiver.until(1)

    (delivery,) = await market.tried(made["id"])

    begins = delivery["tries"][0]["response"]
    assert begins.startswith("card 411111******1111 \N{REPLACEMENT CHARACTER}xxx")
    assert len(begins.encode()) <= 1_024


async def test_what_has_waited_for_four_days_is_given_up(market: Shop) -> None:
    made = await market.endpoint()
    market.receiver.say("/hook", *[500] * 9)
    await told(market, event(), event())
    await market.tried(made["id"])
    async with market.hub.parts.database.transaction() as connection:
        oldest = datetime.now(UTC) - timedelta(days=5)
        await connection.execute(
            update(event_deliveries).where(event_deliveries.c.position == 1).values(queued_at=oldest)
        )

    await bury_old(market.hub.parts.shell)

    second, first = await market.deliveries(made["id"])
    assert (first["status"], second["status"]) == ("dead", "pending")
