"""Merchant accounts as operators meet them, on both databases."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select, update

from hub.access.rules import Role
from hub.access.tables import audit_log
from hub.merchants.profile import Profile
from hub.merchants.service import VERSIONS_APART
from hub.merchants.store import bump, versions
from hub.merchants.tables import merchant_accounts
from hub.rulesets.tables import ruleset_activations, rulesets
from hub.settings import Settings
from routing.accounts import AccountStatus
from tests.hub.periphery_app import Periphery, periphery

AT = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
STRIPE_KEY = "sk_test_" + "a" * 24
NEW = {"name": "acme-eu", "processor": "stripe", "credentials": {"api_key": STRIPE_KEY}, "currencies": ["EUR"]}


async def comes_up(hub: Periphery, account_id: str) -> bool:
    """Whether an account is connected within five seconds."""
    for _ in range(500):
        if hub.directory.connected(account_id) is not None:
            return True
        await asyncio.sleep(0.01)
    return False


@pytest.fixture
async def hub(database_url: str) -> AsyncIterator[Periphery]:
    async with periphery(database_url) as running:
        yield running


async def added(hub: Periphery, headers: dict[str, str], **changes: object) -> dict[str, Any]:
    answer = await hub.client.post("/v1/merchant_accounts", json={**NEW, **changes}, headers=headers)
    assert answer.status_code == 201, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


async def test_an_added_account_can_be_charged_at_once(hub: Periphery) -> None:
    made = await added(hub, await hub.key(Role.OPERATOR), region="UK", countries=["DE"], risk_max=59)

    connected = hub.directory.connected(made["id"])

    assert connected is not None
    assert connected.account.countries == {"DE", "GB", "GG", "IM", "JE", "GI"}
    assert connected.account.risk_max == 59
    assert hub.directory.routing(livemode=False).accounts.accounts == (connected.account,)
    assert hub.directory.routing(livemode=True).accounts.accounts == ()


@pytest.mark.fault_case(id="SEC-04")
@pytest.mark.fault_case(id="SEC-01")
async def test_credentials_are_sealed_and_never_shown(hub: Periphery) -> None:
    operator = await hub.key(Role.OPERATOR)
    made = await added(hub, operator)

    shown = await hub.client.get(f"/v1/merchant_accounts/{made['id']}", headers=operator)

    async with hub.database.reading() as connection:
        row = (await connection.execute(select(merchant_accounts))).mappings().one()
        told = (await connection.execute(select(audit_log.c.details))).scalars().all()
    assert STRIPE_KEY not in shown.text + str(made) + str(told)
    assert "credentials" not in shown.json()
    assert STRIPE_KEY.encode() not in row["credentials"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"processor": "paypal"}, "processor"),
        ({"credentials": {}}, "credentials.api_key"),
        ({"credentials": {"api_key": 1}}, "credentials.api_key"),
        ({"credentials": {"api_key": STRIPE_KEY, "user": "x"}}, "credentials.user"),
        ({"credentials": {"api_key": "sk_live_" + "a" * 24}}, "credentials.api_key"),
        ({"countries": ["de"]}, "countries"),
        ({"currencies": ["EURO"]}, "currencies[0]"),
        ({"risk_min": 60, "risk_max": 50}, "risk_min"),
        ({"risk_max": 101}, "risk_max"),
        ({"fees": [{"percent_bps": -1}]}, "fees[0].percent_bps"),
        ({"limits": {"ticket_max": 0}}, "limits.ticket_max"),
        ({"status": "closed"}, "status"),
        ({"livemode": True}, "livemode"),
    ],
)
async def test_a_wrong_field_is_named_and_nothing_is_stored(
    hub: Periphery, changes: dict[str, Any], field: str
) -> None:
    operator = await hub.key(Role.OPERATOR)

    answer = await hub.client.post("/v1/merchant_accounts", json={**NEW, **changes}, headers=operator)
    listed = await hub.client.get("/v1/merchant_accounts", headers=operator)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field
    assert listed.json()["data"] == []


async def test_in_live_mode_no_other_server_stands_behind_an_account(hub: Periphery) -> None:
    live = await hub.key(Role.OPERATOR, livemode=True)
    credentials = {"api_key": "sk_live_" + "a" * 24, "base_url": "http://127.0.0.1:1"}

    answer = await hub.client.post("/v1/merchant_accounts", json={**NEW, "credentials": credentials}, headers=live)

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "credentials.base_url")


async def test_a_name_is_taken_once_in_a_mode(hub: Periphery) -> None:
    operator = await hub.key(Role.OPERATOR)
    await added(hub, operator)
    other = await added(hub, operator, name="other")

    second = await hub.client.post("/v1/merchant_accounts", json=NEW, headers=operator)
    renamed = await hub.client.patch(f"/v1/merchant_accounts/{other['id']}", json={"name": "acme-eu"}, headers=operator)

    assert [(a.status_code, a.json()["code"]) for a in (second, renamed)] == [(409, "name_taken")] * 2


async def test_a_paused_account_stays_connected_for_what_it_holds(hub: Periphery) -> None:
    operator = await hub.key(Role.OPERATOR)
    made = await added(hub, operator)
    before = hub.directory.connected(made["id"])

    changed = await hub.client.patch(
        f"/v1/merchant_accounts/{made['id']}", json={"status": "paused", "risk_min": 10}, headers=operator
    )

    after = hub.directory.connected(made["id"])
    assert (changed.json()["status"], changed.json()["risk_min"], changed.json()["currencies"]) == (
        "paused",
        10,
        ["EUR"],
    )
    assert before is not None
    assert after is not None
    assert after.account.status is AccountStatus.PAUSED
    assert after.adapter is before.adapter


async def test_new_credentials_connect_anew(hub: Periphery) -> None:
    operator = await hub.key(Role.OPERATOR)
    made = await added(hub, operator)
    before = hub.directory.connected(made["id"])

    credentials = {"api_key": "sk_test_" + "b" * 24}
    await hub.client.patch(f"/v1/merchant_accounts/{made['id']}", json={"credentials": credentials}, headers=operator)

    after = hub.directory.connected(made["id"])
    assert before is not None
    assert after is not None
    assert after.adapter is not before.adapter


async def test_a_change_that_would_not_be_valid_changes_nothing(hub: Periphery) -> None:
    operator = await hub.key(Role.OPERATOR)
    made = await added(hub, operator, risk_max=50)
    path = f"/v1/merchant_accounts/{made['id']}"

    answer = await hub.client.patch(path, json={"risk_min": 60, "status": "paused"}, headers=operator)

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "risk_min")
    assert (await hub.client.get(path, headers=operator)).json()["status"] == "active"


@pytest.mark.parametrize("role", [Role.SERVICE, Role.SUPPORT, Role.FINANCE, Role.AUDITOR])
async def test_no_other_role_adds_or_changes_accounts(hub: Periphery, role: Role) -> None:
    made = await added(hub, await hub.key(Role.OPERATOR))
    other = await hub.key(role)

    add = await hub.client.post("/v1/merchant_accounts", json=NEW, headers=other)
    change = await hub.client.patch(f"/v1/merchant_accounts/{made['id']}", json={}, headers=other)

    assert [add.status_code, change.status_code] == [403, 403]


async def test_the_other_mode_sees_nothing_of_it(hub: Periphery) -> None:
    made = await added(hub, await hub.key(Role.OPERATOR))
    live = await hub.key(Role.OPERATOR, livemode=True)
    path = f"/v1/merchant_accounts/{made['id']}"

    shown = await hub.client.get(path, headers=live)
    change = await hub.client.patch(path, json={"status": "paused"}, headers=live)
    listed = await hub.client.get("/v1/merchant_accounts", headers=live)

    assert [shown.status_code, change.status_code, listed.json()["data"]] == [404, 404, []]


async def test_a_key_for_certain_accounts_sees_only_those(hub: Periphery) -> None:
    operator = await hub.key(Role.OPERATOR)
    first, second = await added(hub, operator), await added(hub, operator, name="second")
    narrow = await hub.key(Role.OPERATOR, merchant_accounts=frozenset({first["id"]}))

    listed = await hub.client.get("/v1/merchant_accounts", headers=narrow)
    hidden = await hub.client.get(f"/v1/merchant_accounts/{second['id']}", headers=narrow)
    add = await hub.client.post("/v1/merchant_accounts", json={**NEW, "name": "third"}, headers=narrow)

    assert [account["id"] for account in listed.json()["data"]] == [first["id"]]
    assert [hidden.status_code, add.status_code] == [404, 403]


async def test_pages_follow_each_other_until_the_end(hub: Periphery) -> None:
    operator = await hub.key(Role.OPERATOR)
    made = [(await added(hub, operator, name=f"account {n}"))["id"] for n in range(3)]

    first = (await hub.client.get("/v1/merchant_accounts?limit=2", headers=operator)).json()
    second = (await hub.client.get(f"/v1/merchant_accounts?cursor={first['next_cursor']}", headers=operator)).json()

    assert [account["id"] for account in first["data"] + second["data"]] == made[::-1]
    assert second["next_cursor"] is None


async def test_another_process_learns_of_a_change_by_polling(database_url: str) -> None:
    quick = Settings(snapshot_poll_ms=20)
    async with periphery(database_url, settings=quick) as here, periphery(database_url, settings=quick) as there:
        made = await added(here, await here.key(Role.OPERATOR))

        assert await comes_up(there, made["id"])


async def test_another_process_learns_of_a_change_by_redis_at_once(database_url: str, redis_url: str) -> None:
    slow = Settings(snapshot_poll_ms=600_000)
    async with (
        periphery(database_url, settings=slow, redis_url=redis_url) as here,
        periphery(database_url, settings=slow, redis_url=redis_url) as there,
    ):
        await there.directory.listening()
        made = await added(here, await here.key(Role.OPERATOR))

        assert await comes_up(there, made["id"])


async def test_an_account_whose_seal_is_broken_is_left_out_and_the_others_stay(hub: Periphery) -> None:
    operator = await hub.key(Role.OPERATOR)
    broken, sound = await added(hub, operator), await added(hub, operator, name="sound")
    async with hub.database.transaction() as connection:
        await connection.execute(
            update(merchant_accounts)
            .where(merchant_accounts.c.id == broken["id"])
            .values(credentials=b"\x01\x00nothing", credentials_version=2)
        )

    await hub.client.patch(f"/v1/merchant_accounts/{sound['id']}", json={"status": "draining"}, headers=operator)

    assert hub.directory.connected(broken["id"]) is None
    known = {account.id: account.connected for account in hub.directory.routing(livemode=False).accounts.accounts}
    assert known == {broken["id"]: False, sound["id"]: True}


async def test_rules_that_cannot_be_read_do_not_end_the_polling(sqlite_url: str) -> None:
    async with periphery(sqlite_url, settings=Settings(snapshot_poll_ms=20)) as hub:
        of_another_version = {"id": "rs_1", "livemode": False, "name": "main", "version": 1, "document": '{"new": 1}'}
        change = {"id": "rsa_1", "livemode": False, "number": 1, "kind": "shadow", "ruleset": "rs_1"}
        async with hub.database.transaction() as connection:
            await connection.execute(rulesets.insert(), of_another_version | {"created_at": AT})
            await connection.execute(ruleset_activations.insert(), change | {"rollout_percent": 100, "created_at": AT})
            await bump(connection, livemode=False)
        await asyncio.sleep(0.1)
        async with hub.database.transaction() as connection:
            await connection.execute(ruleset_activations.insert(), change | {
                "id": "rsa_2", "number": 2, "kind": "end_shadow", "rollout_percent": 100, "created_at": AT,
            })  # fmt: skip
            await bump(connection, livemode=False)

        async with hub.database.reading() as connection:
            wanted = (await versions(connection))[False]
        for _ in range(100):
            if hub.directory.routing(livemode=False).version == wanted * VERSIONS_APART:
                return
            await asyncio.sleep(0.02)
        raise AssertionError("the change was not taken up")


async def stored(hub: Periphery, account_id: str, **values: str) -> None:
    """Put into an account's row what another version may have written there."""
    async with hub.database.transaction() as connection:
        await connection.execute(update(merchant_accounts).where(merchant_accounts.c.id == account_id).values(values))


async def test_an_account_of_which_something_cannot_be_read_is_listed_with_the_rest_and_says_what(
    hub: Periphery,
) -> None:
    operator = await hub.key(Role.OPERATOR)
    made, sound = await added(hub, operator), await added(hub, operator, name="sound")
    await stored(hub, made["id"], profile='{"region": "MOON", "currencies": ["EUR"]}', status="asleep")

    listed = (await hub.client.get("/v1/merchant_accounts", headers=operator)).json()["data"]
    shown = (await hub.client.get(f"/v1/merchant_accounts/{made['id']}", headers=operator)).json()

    assert [(one["id"], one["unreadable"]) for one in listed] == [
        (sound["id"], []),
        (made["id"], ["region", "status"]),
    ]
    assert (shown["name"], shown["currencies"], shown["status"]) == ("acme-eu", ["EUR"], "paused")


async def test_an_account_whose_profile_is_nonsense_can_be_paused_and_is_mended_by_sending_all_of_it(
    hub: Periphery,
) -> None:
    operator = await hub.key(Role.OPERATOR)
    made = await added(hub, operator)
    path = f"/v1/merchant_accounts/{made['id']}"
    await stored(hub, made["id"], profile="nonsense")

    paused = await hub.client.patch(path, json={"status": "paused"}, headers=operator)
    in_part = await hub.client.patch(path, json={"currencies": ["EUR"]}, headers=operator)
    whole = {name: made[name] for name in Profile.__struct_fields__}
    mended = await hub.client.patch(path, json=whole | {"status": "active"}, headers=operator)

    assert (paused.status_code, set(paused.json()["unreadable"])) == (200, set(whole))
    assert (in_part.status_code, in_part.json()["errors"][0]["field"]) == (422, "region")
    assert (mended.status_code, mended.json()["unreadable"]) == (200, [])
    assert hub.directory.connected(made["id"]) is not None
