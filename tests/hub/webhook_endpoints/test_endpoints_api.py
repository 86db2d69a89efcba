"""`/v1/webhook_endpoints` as operators use it, on both databases."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec
import pytest
from sqlalchemy import select

from hub.access.rules import ROLES, Grant, Role
from hub.access.service import make_key
from hub.access.tables import audit_log
from hub.app import utc_now
from hub.events.store import publish
from hub.events.types import TYPES
from hub.merchants.tables import merchant_accounts
from hub.payments import rules as payment_rules
from hub.payments import undoing
from hub.webhook_endpoints.tables import webhook_endpoints
from tests.hub.events.writing import event, write
from tests.hub.webhook_endpoints.receiving import Shop, shop

PATH = "/v1/webhook_endpoints"
NEW: dict[str, Any] = {"url": "https://shop.invalid/hook", "events": ["payment.captured", "refund.*"]}


@pytest.fixture
async def still(database_url: str) -> AsyncIterator[Shop]:
    """A hub whose worker stands still."""
    async with shop(database_url, with_worker=False) as made:
        yield made


async def caller(still: Shop, role: Role, *, livemode: bool = False, **limits: Any) -> dict[str, str]:
    grant = Grant(principal="ada", scopes=ROLES[role], **limits)
    database = still.hub.parts.database
    _, secret = await make_key(database, grant, name="test", role=role, livemode=livemode, by=None, at=utc_now())
    return {"Authorization": f"Bearer {secret}"}


async def accounts(still: Shop, *ids: str) -> None:
    async with still.hub.parts.database.transaction() as connection:
        for one in ids:
            row = {
                "id": one, "livemode": False, "name": one, "processor": "stripe", "status": "active", "profile": "{}",
                "credentials": b"", "credentials_version": 1, "created_at": utc_now(), "updated_at": utc_now(),
            }  # fmt: skip
            await connection.execute(merchant_accounts.insert(), row)


def told_of(answer: httpx.Response) -> tuple[int, str, str]:
    body = answer.json()
    return answer.status_code, body["code"], body.get("errors", [{"field": ""}])[0]["field"]


async def test_a_new_endpoint_shows_its_secret_once_and_keeps_it_sealed(still: Shop) -> None:
    made = await still.hub.post(PATH, NEW | {"description": "shop"})
    shown = await still.hub.get(f"{PATH}/{made.json()['id']}")
    async with still.hub.parts.database.reading() as connection:
        row = (await connection.execute(select(webhook_endpoints))).mappings().one()

    secret = made.json()["secret"]
    assert (made.status_code, len(secret)) == (201, len("whsec_") + 44)
    assert shown.json() == {name: value for name, value in made.json().items() if name != "secret"}
    assert shown.json()["status"] == "enabled"
    assert secret.removeprefix("whsec_").encode() not in msgspec.json.encode(dict(row))


async def test_endpoints_are_listed_newest_first_in_pages(still: Shop) -> None:
    ids = [(await still.hub.post(PATH, NEW)).json()["id"] for _ in range(3)]

    first = (await still.hub.get(PATH, limit=2)).json()
    second = (await still.hub.get(PATH, limit=2, cursor=first["next_cursor"])).json()

    assert [one["id"] for one in first["data"] + second["data"]] == ids[::-1]
    assert second["next_cursor"] is None


async def test_what_is_changed_changes_and_the_rest_stays(still: Shop) -> None:
    made = (await still.hub.post(PATH, NEW)).json()
    path = f"{PATH}/{made.pop('id')}"

    changes = {"events": ["*", "*"], "ordered": True, "status": "disabled", "description": "old"}
    changed = (await still.hub.client.patch(path, json=changes)).json()
    enabled = (await still.hub.client.patch(path, json={"status": "enabled"})).json()

    assert (changed["url"], changed["events"], changed["ordered"]) == (NEW["url"], ["*"], True)
    assert (changed["status"], changed["reason"]) == ("disabled", "by_request")
    assert (enabled["status"], enabled["reason"], enabled["description"]) == ("enabled", None, "old")


async def test_what_is_done_to_an_endpoint_is_audited_without_its_secrets(still: Shop) -> None:
    made = (await still.hub.post(PATH, NEW)).json()
    path = f"{PATH}/{made['id']}"
    await still.hub.client.patch(path, json={"ordered": True})
    rotated = (await still.hub.post(f"{path}/rotate_secret", {})).json()
    await still.hub.post(f"{path}/redeliver", {"status": "dead"})
    await still.hub.client.delete(path)

    async with still.hub.parts.database.reading() as connection:
        wanted = select(audit_log).where(audit_log.c.object_id == made["id"]).order_by(audit_log.c.id)
        rows = (await connection.execute(wanted)).mappings().all()

    assert [row["action"].partition(".")[2] for row in rows] == [
        "created", "changed", "secret_rotated", "redelivered", "deleted",
    ]  # fmt: skip
    assert not any(one["secret"] in row["details"] for row in rows for one in (made, rotated))


async def test_an_endpoint_says_until_when_its_secret_of_before_signs(still: Shop) -> None:
    made = (await still.hub.post(PATH, NEW)).json()
    path = f"{PATH}/{made['id']}"
    asked_at = datetime.now(UTC)

    rotated = (await still.hub.post(f"{path}/rotate_secret", {"previous_valid_hours": 2})).json()
    ended = (await still.hub.post(f"{path}/rotate_secret", {"previous_valid_hours": 0})).json()

    ends_at = datetime.fromisoformat(rotated["previous_secret_ends_at"])
    assert abs(ends_at - asked_at - timedelta(hours=2)) < timedelta(minutes=1)
    assert (made["previous_secret_ends_at"], ended["previous_secret_ends_at"]) == (None, None)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"url": "http://127.0.0.2:22/"}, "url"),
        ({"url": "http://10.0.0.1/"}, "url"),
        ({"url": "https://ada@shop.invalid/"}, "url"),
        ({"url": "gopher://shop.invalid/"}, "url"),
        ({"events": ["payment.captured", "payment.cancelled"]}, "events[1]"),
        ({"events": []}, "events"),
        ({"merchant_accounts": ["ma_nobodys"]}, "merchant_accounts[0]"),
        ({"merchant_accounts": []}, "merchant_accounts"),
        ({"secret": "whsec_mine"}, "secret"),
    ],
)
async def test_what_an_endpoint_cannot_be_is_named(still: Shop, changes: dict[str, Any], field: str) -> None:
    made = (await still.hub.post(PATH, NEW)).json()

    new = await still.hub.post(PATH, NEW | changes)
    changed = await still.hub.client.patch(f"{PATH}/{made['id']}", json=changes)

    assert told_of(new) == told_of(changed) == (422, "validation_failed", field)


async def test_a_misspelt_type_is_told_the_nearest(still: Shop) -> None:
    answer = await still.hub.post(PATH, NEW | {"events": ["refund.succeded"]})

    assert "refund.succeeded" in answer.json()["errors"][0]["message"]


async def test_live_mode_takes_https_and_no_address_inside(still: Shop) -> None:
    live = await caller(still, Role.ADMIN, livemode=True)

    plain = await still.hub.post(PATH, NEW | {"url": "http://shop.invalid/"}, headers=live)
    inside = await still.hub.post(PATH, NEW | {"url": "https://127.0.0.1:8443/"}, headers=live)
    public = await still.hub.post(PATH, NEW, headers=live)

    assert told_of(plain) == told_of(inside) == (422, "validation_failed", "url")
    assert public.status_code == 201


async def test_the_other_mode_sees_none_of_it(still: Shop) -> None:
    made = (await still.hub.post(PATH, NEW)).json()
    live = await caller(still, Role.ADMIN, livemode=True)

    hidden = await still.hub.client.get(f"{PATH}/{made['id']}", headers=live)
    listed = await still.hub.client.get(PATH, headers=live)

    assert (hidden.status_code, listed.json()["data"]) == (404, [])


@pytest.mark.parametrize(
    ("role", "reads", "writes"),
    [
        (Role.OPERATOR, 200, 201),
        (Role.ADMIN, 200, 201),
        (Role.AUDITOR, 200, 403),
        (Role.SERVICE, 403, 403),
        (Role.SUPPORT, 403, 403),
        (Role.FINANCE, 403, 403),
    ],
)
async def test_operators_write_and_auditors_read(still: Shop, role: Role, reads: int, writes: int) -> None:
    headers = await caller(still, role)

    read = await still.hub.client.get(PATH, headers=headers)
    written = await still.hub.post(PATH, NEW, headers=headers)

    assert (read.status_code, written.status_code) == (reads, writes)


async def test_a_key_for_some_accounts_makes_and_sees_endpoints_within_them_only(still: Shop) -> None:
    await accounts(still, "ma_1", "ma_2")
    narrow = await caller(still, Role.OPERATOR, merchant_accounts=frozenset({"ma_1"}))
    everything = (await still.hub.post(PATH, NEW)).json()
    both = (await still.hub.post(PATH, NEW | {"merchant_accounts": ["ma_1", "ma_2"]})).json()

    refused = [
        await still.hub.post(PATH, NEW | {"merchant_accounts": given}, headers=narrow) for given in (None, ["ma_2"])
    ]
    made = await still.hub.post(PATH, NEW | {"merchant_accounts": ["ma_1"]}, headers=narrow)
    widened = await still.hub.client.patch(
        f"{PATH}/{made.json()['id']}", json={"merchant_accounts": None}, headers=narrow
    )
    listed = (await still.hub.client.get(PATH, headers=narrow)).json()["data"]
    hidden = [await still.hub.client.get(f"{PATH}/{one['id']}", headers=narrow) for one in (everything, both)]

    assert [answer.status_code for answer in (*refused, widened)] == [403] * 3
    assert [one["id"] for one in listed] == [made.json()["id"]]
    assert [answer.status_code for answer in hidden] == [404, 404]


async def test_a_deleted_endpoint_is_gone_for_good(still: Shop) -> None:
    path = f"{PATH}/{(await still.hub.post(PATH, NEW)).json()['id']}"
    await still.hub.client.delete(path)

    again = [
        await still.hub.client.delete(path),
        await still.hub.client.patch(path, json={"status": "enabled"}),
        await still.hub.post(f"{path}/rotate_secret", {}),
        await still.hub.post(f"{path}/redeliver", {"status": "all"}),
    ]

    assert [answer.status_code for answer in again] == [404] * 4


async def test_redelivery_of_what_is_not_there_is_not_found_and_a_strange_endpoint_is_named(still: Shop) -> None:
    (event_id,) = await write(still.hub.parts.database, event())
    unpublished = await still.hub.post(f"/v1/events/{event_id}/redeliver", {})
    await publish(still.hub.parts.database, 1)

    strange = await still.hub.post(f"/v1/events/{event_id}/redeliver", {"endpoint": "we_nobodys"})
    nowhere = await still.hub.post(f"/v1/events/{event_id}/redeliver", {})

    assert unpublished.status_code == 404
    assert told_of(strange) == (422, "validation_failed", "endpoint")
    assert (nowhere.status_code, nowhere.json()) == (202, {"count": 0})


async def test_the_log_is_listed_in_pages_by_status_last_published_first(still: Shop) -> None:
    database = still.hub.parts.database
    made = (await still.hub.post(PATH, NEW | {"events": ["*"]})).json()
    await write(database, *(event() for _ in range(3)))
    await publish(database, 3)
    await still.hub.post(f"{PATH}/{made['id']}/redeliver", {"status": "all", "from_position": 1})

    path = f"{PATH}/{made['id']}/deliveries"
    first = (await still.hub.get(path, limit=2, status="pending")).json()
    second = (await still.hub.get(path, limit=2, cursor=first["next_cursor"])).json()
    dead = (await still.hub.get(path, status="dead")).json()
    unknown = await still.hub.get(path, status="lost")

    assert [one["position"] for one in first["data"] + second["data"]] == [3, 2, 1]
    assert (dead["data"], second["next_cursor"], unknown.status_code) == ([], None, 422)


def test_every_type_that_payments_and_refunds_emit_is_known() -> None:
    written = {
        text
        for module in (payment_rules, undoing)
        for function in vars(module).values()
        if callable(function) and hasattr(function, "__code__")
        for text in strings(function.__code__.co_consts)
    }
    emitted = {text for text in written if text.startswith(("payment.", "refund.", "dispute."))}

    assert emitted
    assert emitted <= set(TYPES)


def strings(constants: tuple[Any, ...]) -> set[str]:
    found = {one for one in constants if isinstance(one, str)}
    for one in constants:
        found |= strings(one) if isinstance(one, tuple) else set()
    return found
