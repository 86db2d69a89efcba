"""API keys as their users meet them, on both databases."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from hub.access.rules import Role
from hub.access.service import Keys
from hub.access.tables import api_keys, audit_log
from hub.errors import ProblemError
from hub.settings import Settings
from tests.hub.periphery_app import Periphery, periphery

NEW = {"name": "checkout", "principal": "shop", "role": "service"}


@pytest.fixture
async def hub(database_url: str) -> AsyncIterator[Periphery]:
    async with periphery(database_url) as running:
        yield running


async def test_a_made_key_opens_the_door_and_its_secret_is_shown_once(hub: Periphery) -> None:
    admin = await hub.key(Role.ADMIN)

    made = (await hub.client.post("/v1/api_keys", json={**NEW, "role": "auditor"}, headers=admin)).json()
    shown = await hub.client.get(f"/v1/api_keys/{made['id']}", headers={"authorization": f"Bearer {made['key']}"})

    assert made["key"].startswith("hub_test_")
    assert shown.status_code == 200
    assert "key" not in shown.json()
    assert shown.json()["hint"] == made["key"][:13]


@pytest.mark.fault_case(id="AZ-07")
async def test_only_a_hash_is_stored_and_the_making_is_on_record(hub: Periphery) -> None:
    admin = await hub.key(Role.ADMIN, principal="grace")

    made = (await hub.client.post("/v1/api_keys", json=NEW, headers=admin)).json()

    async with hub.database.reading() as connection:
        row = (await connection.execute(select(api_keys).where(api_keys.c.id == made["id"]))).mappings().one()
        told = (await connection.execute(select(audit_log).where(audit_log.c.object_id == made["id"]))).mappings().one()
    assert made["key"] not in str(row)
    assert (told["action"], told["principal"], told["position"]) == ("api_key.created", "grace", None)
    assert made["key"] not in told["details"]


@pytest.mark.parametrize(
    "header", [None, "Bearer x", "Basic abc", "Bearer hub_test_" + "0" * 32, "Bearer hub_test_é" + "0" * 31]
)
async def test_without_a_valid_key_nothing_opens(hub: Periphery, header: str | None) -> None:
    headers = {"authorization": header.encode()} if header else {}

    answer = await hub.client.get("/v1/api_keys", headers=headers)  # type: ignore[arg-type] # bytes, to send any letter

    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_revoked_key_is_refused_at_once_and_stays_listed(hub: Periphery) -> None:
    admin = await hub.key(Role.ADMIN)
    made = (await hub.client.post("/v1/api_keys", json={**NEW, "role": "auditor"}, headers=admin)).json()
    auditor = {"authorization": f"Bearer {made['key']}"}
    before = await hub.client.get("/v1/api_keys", headers=auditor)

    gone = await hub.client.delete(f"/v1/api_keys/{made['id']}", headers=admin)
    after = await hub.client.get("/v1/api_keys", headers=auditor)
    shown = await hub.client.get(f"/v1/api_keys/{made['id']}", headers=admin)

    assert [before.status_code, gone.status_code, after.status_code] == [200, 204, 401]
    assert shown.json()["revoked_at"] is not None


async def test_an_expired_key_is_refused(hub: Periphery) -> None:
    expired = await hub.key(Role.ADMIN, expires_at=datetime.now(UTC) - timedelta(seconds=1))

    assert (await hub.client.get("/v1/api_keys", headers=expired)).status_code == 401


async def test_a_key_expires_at_the_instant_that_was_meant_wherever_it_was_written(hub: Periphery) -> None:
    wanted = NEW | {"expires_at": "2099-01-01T12:00:00+14:00"}

    made = (await hub.client.post("/v1/api_keys", json=wanted, headers=await hub.key(Role.ADMIN))).json()

    assert datetime.fromisoformat(made["expires_at"]) == datetime(2098, 12, 31, 22, tzinfo=UTC)


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ADMIN])
async def test_no_other_role_makes_keys(hub: Periphery, role: Role) -> None:
    answer = await hub.client.post("/v1/api_keys", json=NEW, headers=await hub.key(role))

    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


async def test_a_key_of_the_other_mode_sees_nothing(hub: Periphery) -> None:
    made = (await hub.client.post("/v1/api_keys", json=NEW, headers=await hub.key(Role.ADMIN))).json()
    live = await hub.key(Role.ADMIN, livemode=True)

    shown = await hub.client.get(f"/v1/api_keys/{made['id']}", headers=live)
    gone = await hub.client.delete(f"/v1/api_keys/{made['id']}", headers=live)
    listed = await hub.client.get("/v1/api_keys", headers=live)

    assert [shown.status_code, gone.status_code] == [404, 404]
    assert [key["livemode"] for key in listed.json()["data"]] == [True]


async def test_pages_follow_each_other_until_the_end(hub: Periphery) -> None:
    admin = await hub.key(Role.ADMIN)
    made = [(await hub.client.post("/v1/api_keys", json=NEW, headers=admin)).json()["id"] for _ in range(4)]

    first = (await hub.client.get("/v1/api_keys?limit=3", headers=admin)).json()
    second = (await hub.client.get(f"/v1/api_keys?limit=3&cursor={first['next_cursor']}", headers=admin)).json()

    listed = [key["id"] for key in first["data"] + second["data"]]
    assert listed[:4] == made[::-1]
    assert len(listed) == 5
    assert second["next_cursor"] is None


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=101", "limit=x", "cursor=x", "cursor=%FF", "cursor=%ED%A0%80", "cursor=é"]
)
async def test_a_wrong_page_is_refused_naming_the_parameter(hub: Periphery, query: str) -> None:
    answer = await hub.client.get(f"/v1/api_keys?{query}", headers=await hub.key(Role.ADMIN))

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == query.split("=", maxsplit=1)[0]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"role": None}, "role"),
        ({"scopes": ["payments:read"]}, "role"),
        ({"role": None, "scopes": ["payments:steal"]}, "scopes"),
        ({"role": "king"}, "role"),
        ({"name": ""}, "name"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"expires_at": "2030-01-01T00:00:00"}, "expires_at"),
        ({"expires_at": "9999-12-31T23:59:59-12:00"}, "expires_at"),
        ({"expires_at": "0001-01-01T00:00:00+12:00"}, "expires_at"),
        ({"refund_max": {"EUR": "1"}}, "refund_max.*"),
        ({"livemode": True}, "livemode"),
    ],
)
async def test_a_wrong_field_is_named(hub: Periphery, change: dict[str, Any], field: str) -> None:
    answer = await hub.client.post("/v1/api_keys", json={**NEW, **change}, headers=await hub.key(Role.ADMIN))

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field


async def test_a_key_that_may_make_keys_makes_none_wider_than_itself(hub: Periphery) -> None:
    admin = await hub.key(Role.ADMIN)
    scopes = ["api_keys:write", "payments:read"]
    narrow = {"name": "narrow", "principal": "ci", "scopes": scopes}
    made = (await hub.client.post("/v1/api_keys", json=narrow, headers=admin)).json()
    maker = {"authorization": f"Bearer {made['key']}"}

    wider = await hub.client.post("/v1/api_keys", json={**narrow, "scopes": ["refunds:write"]}, headers=maker)
    other = await hub.client.post("/v1/api_keys", json={**narrow, "principal": "someone"}, headers=maker)
    equal = await hub.client.post("/v1/api_keys", json={**narrow, "scopes": ["payments:read"]}, headers=maker)

    assert [wider.status_code, other.status_code, equal.status_code] == [403, 403, 201]


async def test_a_key_that_sends_too_fast_is_told_to_wait(database_url: str) -> None:
    async with periphery(database_url, settings=Settings(rate_limit_per_minute=2)) as hub:
        auditor = await hub.key(Role.AUDITOR)
        answers = [await hub.client.get("/v1/api_keys", headers=auditor) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert 1 <= int(answers[2].headers["retry-after"]) <= 60


async def test_an_address_that_does_not_exist_and_a_method_it_lacks_are_problems(hub: Periphery) -> None:
    nowhere = await hub.client.get("/v1/nothing")
    wrong = await hub.client.put("/v1/api_keys")

    assert (nowhere.status_code, nowhere.json()["code"]) == (404, "not_found")
    assert (wrong.status_code, wrong.json()["code"]) == (405, "method_not_allowed")
    assert nowhere.json()["request_id"] == nowhere.headers["x-request-id"]


@pytest.mark.parametrize("address", ["/v1/api_keys/%00", "/v1/api_keys?cursor=%00"])
async def test_an_address_with_nul_never_reaches_the_database(hub: Periphery, address: str) -> None:
    answer = await hub.client.get(address, headers=await hub.key(Role.ADMIN))

    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_request")


async def test_every_handler_documents_its_problems(hub: Periphery) -> None:
    paths: dict[str, dict[str, Any]] = hub.app.openapi_schema.to_schema()["paths"]

    for path, operations in paths.items():
        for method, operation in operations.items():
            told = {s: set(a["content"]) for s, a in operation["responses"].items() if s >= "400"}
            assert {"400", "401", "403", "429", "500", "503"} <= told.keys(), f"{method} {path}"
            assert set().union(*told.values()) == {"application/problem+json"}, f"{method} {path}"


@pytest.mark.fault_case(id="AZ-04")
async def test_a_key_revoked_by_another_process_is_refused_when_its_cached_time_is_over(database_url: str) -> None:
    now = 0.0
    async with periphery(database_url) as hub:
        there = Keys(hub.database, cache_ms=5_000, monotonic=lambda: now)
        admin, auditor = await hub.key(Role.ADMIN), await hub.key(Role.AUDITOR)
        caller = await there.authenticate(auditor["authorization"])
        await hub.client.delete(f"/v1/api_keys/{caller.key_id}", headers=admin)

        within = await there.authenticate(auditor["authorization"])
        now = 5.0
        with pytest.raises(ProblemError) as refused:
            await there.authenticate(auditor["authorization"])

    assert within == caller
    assert refused.value.code == "unauthorized"
