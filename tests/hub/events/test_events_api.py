"""`/v1/events` as applications read it, on both databases."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import httpx
import pytest

from hub.access.rules import Role
from hub.events.cursors import Place, write_place
from hub.events.store import publish
from hub.ids import new_id
from hub.pages import write_cursor
from tests.hub.events.writing import event, write
from tests.hub.periphery_app import Periphery, periphery

PATH = "/v1/events"


@pytest.fixture
async def hub(database_url: str) -> AsyncIterator[Periphery]:
    async with periphery(database_url) as running:
        yield running


@pytest.fixture
async def shop(hub: Periphery) -> dict[str, str]:
    return await hub.key(Role.SERVICE)


async def published(hub: Periphery, *rows: dict[str, Any]) -> list[str]:
    ids = await write(hub.database, *rows)
    await publish(hub.database, len(rows))
    return ids


async def listed(hub: Periphery, headers: dict[str, str], **query: Any) -> dict[str, Any]:
    answer = await hub.client.get(PATH, params=query, headers=headers)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def ids_of(page: dict[str, Any]) -> list[str]:
    return [one["id"] for one in page["data"]]


def told_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


@pytest.mark.fault_case(id="WHO-12")
async def test_an_event_is_shown_with_its_position_and_the_object_as_it_was_then(
    hub: Periphery, shop: dict[str, str]
) -> None:
    data = {"id": "pay_1", "object": "payment", "amount": 4999, "metadata": {"order": "ü"}}
    row = event(data=data, type="payment.failed")
    await published(hub, row)

    page = await listed(hub, shop)
    one = (await hub.client.get(f"{PATH}/{row['id']}", headers=shop)).json()

    written_at = datetime.fromisoformat(one.pop("created_at"))
    assert page["data"][0].pop("created_at") is not None
    assert page["data"] == [one]
    assert one == {"id": row["id"], "type": "payment.failed", "position": 1, "data": data}
    assert written_at == row["created_at"]


async def test_an_event_without_a_position_is_not_shown(hub: Periphery, shop: dict[str, str]) -> None:
    (waiting,) = await write(hub.database, event())

    page = await listed(hub, shop)
    one = await hub.client.get(f"{PATH}/{waiting}", headers=shop)

    assert (page["data"], told_of(one)) == ([], (404, "not_found"))


async def test_pages_ascend_and_the_last_one_leads_on_to_what_comes_later(hub: Periphery, shop: dict[str, str]) -> None:
    before = await published(hub, *(event() for _ in range(3)))
    first = await listed(hub, shop, limit=2)
    second = await listed(hub, shop, limit=2, cursor=first["next_cursor"])
    nothing = await listed(hub, shop, limit=2, cursor=second["next_cursor"])
    later = await published(hub, event())

    third = await listed(hub, shop, limit=2, cursor=nothing["next_cursor"])

    assert ids_of(first) + ids_of(second) == before
    assert (ids_of(nothing), ids_of(third)) == ([], later)
    assert [one["position"] for one in first["data"] + second["data"] + third["data"]] == [1, 2, 3, 4]


async def test_a_full_last_page_is_followed_by_an_empty_one(hub: Periphery, shop: dict[str, str]) -> None:
    await published(hub, event(), event())
    full = await listed(hub, shop, limit=2)

    assert ids_of(await listed(hub, shop, limit=2, cursor=full["next_cursor"])) == []


async def test_who_begins_before_anything_happened_misses_nothing(hub: Periphery, shop: dict[str, str]) -> None:
    beginning = (await listed(hub, shop))["next_cursor"]
    ids = await published(hub, event())

    assert ids_of(await listed(hub, shop, cursor=beginning)) == ids


async def test_events_of_one_type_and_of_one_object(hub: Periphery, shop: dict[str, str]) -> None:
    ids = await published(
        hub,
        event(object_id="pay_1"),
        event(object_id="pay_2"),
        event(object_id="pay_1", type="payment.failed"),
    )

    assert ids_of(await listed(hub, shop, type="payment.captured")) == ids[:2]
    assert ids_of(await listed(hub, shop, object="pay_1")) == [ids[0], ids[2]]
    assert ids_of(await listed(hub, shop, object="pay_1", type="payment.failed")) == [ids[2]]
    assert ids_of(await listed(hub, shop, type="payment.canceled")) == []


async def test_all_types_of_a_family_come_in_one_order(hub: Periphery, shop: dict[str, str]) -> None:
    types = ["dispute.lost", "payment.captured", "dispute.created", "refund.failed", "dispute.lost"]
    ids = await published(hub, *(event(type=type_) for type_ in types))

    first = await listed(hub, shop, type="dispute.*", limit=2)
    second = await listed(hub, shop, type="dispute.*", limit=2, cursor=first["next_cursor"])

    assert ids_of(first) + ids_of(second) == [ids[0], ids[2], ids[4]]
    assert ids_of(await listed(hub, shop, type="*")) == ids


@pytest.mark.parametrize(
    ("misspelt", "meant"),
    [
        ("payment.capturd", "payment.captured"),
        ("payment.cancelled", "payment.canceled"),
        ("disputes.*", "dispute.*"),
        ("payment", "payment.*"),
    ],
)
async def test_a_misspelt_type_is_refused_and_no_cursor_leads_past_it(
    hub: Periphery, shop: dict[str, str], misspelt: str, meant: str
) -> None:
    answer = await hub.client.get(PATH, params={"type": misspelt}, headers=shop)

    assert told_of(answer) == (422, "validation_failed")
    assert answer.json()["errors"] == [{"field": "type", "message": f"is no type of an event; the nearest is {meant}"}]


async def test_a_filtered_page_goes_on_behind_what_did_not_match(hub: Periphery, shop: dict[str, str]) -> None:
    await published(hub, event(type="payment.failed"), event(), event())
    first = await listed(hub, shop, type="payment.failed")

    everything = await listed(hub, shop, cursor=first["next_cursor"])

    assert everything["data"] == []


async def test_the_other_mode_sees_none_of_it(hub: Periphery, shop: dict[str, str]) -> None:
    test, live = await published(hub, event(), event(livemode=True))
    elsewhere = await hub.key(Role.SERVICE, livemode=True)

    hidden = await hub.client.get(f"{PATH}/{test}", headers=elsewhere)

    assert ids_of(await listed(hub, elsewhere)) == [live]
    assert ids_of(await listed(hub, shop)) == [test]
    assert told_of(hidden) == (404, "not_found")


async def test_a_key_for_one_account_sees_the_events_of_that_account_only(hub: Periphery) -> None:
    ours, others, nobodys = await published(
        hub,
        event(data={"merchant_account": "ma_1"}),
        event(data={"merchant_account": "ma_2"}),
        event(data={}),
    )
    narrow = await hub.key(Role.SERVICE, merchant_accounts=frozenset({"ma_1"}))

    hidden = [await hub.client.get(f"{PATH}/{one}", headers=narrow) for one in (others, nobodys)]

    assert ids_of(await listed(hub, narrow)) == [ours]
    assert (await hub.client.get(f"{PATH}/{ours}", headers=narrow)).status_code == 200
    assert [answer.status_code for answer in hidden] == [404, 404]


@pytest.mark.parametrize("role", sorted(Role))
async def test_every_role_reads_events(hub: Periphery, role: Role) -> None:
    ids = await published(hub, event())

    assert ids_of(await listed(hub, await hub.key(role))) == ids


async def test_a_key_without_the_scope_sees_nothing(hub: Periphery) -> None:
    (one,) = await published(hub, event())
    admin = await hub.key(Role.ADMIN)
    made = {"name": "narrow", "principal": "ada", "scopes": ["payments:read"]}
    secret = (await hub.client.post("/v1/api_keys", json=made, headers=admin)).json()["key"]
    narrow = {"authorization": f"Bearer {secret}"}

    answers = [await hub.client.get(path, headers=narrow) for path in (PATH, f"{PATH}/{one}")]

    assert [told_of(answer) for answer in answers] == [(403, "forbidden")] * 2


async def test_an_id_of_nothing_is_not_found(hub: Periphery, shop: dict[str, str]) -> None:
    assert told_of(await hub.client.get(f"{PATH}/evt_nothing", headers=shop)) == (404, "not_found")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("cursor", "nonsense!"),
        ("cursor", write_cursor("pay_01jd0000000000000000000000")),
        ("cursor", write_cursor("1")),
        ("cursor", write_cursor("1.")),
        ("cursor", write_cursor("0.evt_1")),
        ("cursor", write_cursor("-1.evt_1")),
        ("cursor", write_cursor("01.evt_1")),
        ("cursor", write_cursor("9" * 19 + ".evt_1")),
        ("cursor", ""),
        ("limit", "0"),
        ("limit", "101"),
        ("object_id", "pay_1"),
    ],
)
async def test_what_no_parameter_takes_is_named(hub: Periphery, shop: dict[str, str], field: str, value: str) -> None:
    answer = await hub.client.get(PATH, params={field: value}, headers=shop)

    assert told_of(answer) == (422, "validation_failed")
    assert answer.json()["errors"][0]["field"] == field


async def test_a_cursor_beyond_the_newest_event_is_refused(hub: Periphery, shop: dict[str, str]) -> None:
    await published(hub, event())

    answer = await hub.client.get(PATH, params={"cursor": write_cursor("2.evt_1")}, headers=shop)

    assert (*told_of(answer), answer.json()["errors"][0]["field"]) == (422, "validation_failed", "cursor")


async def test_a_cursor_from_before_a_backup_was_restored_is_refused_for_good(
    hub: Periphery, shop: dict[str, str]
) -> None:
    kept = await published(hub, event(), event())
    shared = (await listed(hub, shop))["next_cursor"]
    lost = write_place(Place(3, new_id("evt_")))  # Of what was published after the backup was made.

    before = await hub.client.get(PATH, params={"cursor": lost}, headers=shop)
    anew = await published(hub, *(event() for _ in range(3)))
    after = await hub.client.get(PATH, params={"cursor": lost}, headers=shop)

    assert told_of(before) == told_of(after) == (422, "validation_failed")
    assert "restored" in after.json()["errors"][0]["message"]
    assert ids_of(await listed(hub, shop, cursor=shared)) == anew, "what both histories share leads on"
    assert ids_of(await listed(hub, shop)) == kept + anew
