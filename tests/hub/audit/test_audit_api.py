"""The audit log as auditors read it, on both databases."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from hub.access.rules import Role
from hub.audit import store
from tests.hub.periphery_app import Periphery, periphery

PATH = "/v1/audit_log"
NEW = {"name": "checkout", "principal": "shop", "role": "service"}


@pytest.fixture
async def hub(database_url: str) -> AsyncIterator[Periphery]:
    async with periphery(database_url) as running:
        yield running


async def listed(hub: Periphery, who: dict[str, str], **query: object) -> list[dict[str, object]]:
    answer = await hub.client.get(PATH, params={name: str(value) for name, value in query.items()}, headers=who)
    assert answer.status_code == 200, answer.text
    rows: list[dict[str, object]] = answer.json()["data"]
    return rows


async def test_who_did_what_is_listed_newest_first_and_narrowed(hub: Periphery) -> None:
    grace, auditor = await hub.key(Role.ADMIN, principal="grace"), await hub.key(Role.AUDITOR)
    made = (await hub.client.post("/v1/api_keys", json=NEW, headers=grace)).json()
    await hub.client.delete(f"/v1/api_keys/{made['id']}", headers=grace)

    both = await listed(hub, auditor, object_id=made["id"])

    assert [(one["action"], one["principal"]) for one in both] == [
        ("api_key.revoked", "grace"),
        ("api_key.created", "grace"),
    ]
    assert both[1]["details"] == {"name": "checkout", "principal": "shop", "role": "service", "scopes": made["scopes"]}
    assert await listed(hub, auditor, principal="grace", action="api_key.revoked") == both[:1]
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    assert await listed(hub, auditor, principal="grace", created_before=tomorrow.isoformat()) == both
    assert await listed(hub, auditor, created_after=tomorrow.isoformat()) == []


async def test_pages_follow_each_other_and_positions_are_there_once_chained(hub: Periphery) -> None:
    auditor = await hub.key(Role.AUDITOR)
    for _ in range(2):
        await hub.key(Role.SUPPORT)
    await store.seal(hub.database, 10)

    first = (await hub.client.get(f"{PATH}?limit=2", headers=auditor)).json()
    second = (await hub.client.get(f"{PATH}?limit=2&cursor={first['next_cursor']}", headers=auditor)).json()

    assert [one["position"] for one in (*first["data"], *second["data"])] == [3, 2, 1]
    assert len(first["data"][0]["hash"]) == 64
    assert second["next_cursor"] is None


async def test_the_other_mode_is_not_shown(hub: Periphery) -> None:
    live = await hub.key(Role.AUDITOR, livemode=True)
    await hub.key(Role.SUPPORT)

    assert {one["livemode"] for one in await listed(hub, live)} == {True}


async def test_only_who_may_read_everything_reads_it(hub: Periphery) -> None:
    refused = [
        await hub.client.get(PATH, headers=await hub.key(role))
        for role in (Role.SERVICE, Role.SUPPORT, Role.FINANCE, Role.OPERATOR)
    ]
    narrow = await hub.client.get(PATH, headers=await hub.key(Role.AUDITOR, merchant_accounts=frozenset({"ma_1"})))

    assert {(one.status_code, one.json()["code"]) for one in (*refused, narrow)} == {(403, "forbidden")}


@pytest.mark.parametrize("query", ["created_after=2026-11-22", "created_before=x", "cursor=x", "limit=0", "subject=x"])
async def test_a_wrong_parameter_is_named(hub: Periphery, query: str) -> None:
    answer = await hub.client.get(f"{PATH}?{query}", headers=await hub.key(Role.AUDITOR))

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, query.partition("=")[0])
