"""Rulesets as operators meet them, on both databases."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from hub.access.rules import Role
from tests.hub.periphery_app import Periphery, periphery

ACCOUNT = {"name": "acme", "processor": "stripe", "credentials": {"api_key": "sk_test_" + "a" * 24}}
PATH = "/v1/routing/rulesets"


@pytest.fixture
async def hub(database_url: str) -> AsyncIterator[Periphery]:
    async with periphery(database_url) as running:
        yield running


@pytest.fixture
async def operator(hub: Periphery) -> dict[str, str]:
    return await hub.key(Role.OPERATOR)


@pytest.fixture
async def account(hub: Periphery, operator: dict[str, str]) -> str:
    made: str = (await hub.client.post("/v1/merchant_accounts", json=ACCOUNT, headers=operator)).json()["id"]
    return made


def ruleset(account: str, *, name: str = "main", strategy: str = "priority") -> dict[str, Any]:
    use = {"strategy": strategy, "accounts": [account]}
    when = {"all": [{"fact": "currency", "in": ["EUR", "SEK"]}, {"fact": "risk_score", "gte": 0, "lt": 60}]}
    blocked = {"name": "block", "when": {"fact": "risk_score", "gte": 95}, "refuse": "blocked_by_risk_rule"}
    return {"name": name, "rules": [blocked, {"name": "eu", "when": when, "use": use}], "otherwise": use}


async def test_a_ruleset_decides_once_it_is_activated(hub: Periphery, operator: dict[str, str], account: str) -> None:
    made = (await hub.client.post(PATH, json=ruleset(account), headers=operator)).json()
    before = hub.directory.routing(livemode=False).ruleset

    answer = await hub.client.post(f"{PATH}/{made['id']}/activate", json={"rollout_percent": 100}, headers=operator)

    after = hub.directory.routing(livemode=False).ruleset
    assert (made["version"], made["active"], before) == (1, False, None)
    assert (answer.status_code, answer.json()["active"]) == (200, True)
    assert after is not None
    decided = [decision.name for decision in after.decisions]
    assert (after.id, after.version, decided[:2]) == (made["id"], 1, ["block", "eu"])


async def test_writing_a_name_again_makes_its_next_version_and_leaves_the_active_one(
    hub: Periphery, operator: dict[str, str], account: str
) -> None:
    first = (await hub.client.post(PATH, json=ruleset(account), headers=operator)).json()
    await hub.client.post(f"{PATH}/{first['id']}/activate", headers=operator)

    second = (await hub.client.post(PATH, json=ruleset(account), headers=operator)).json()
    listed = (await hub.client.get(PATH, headers=operator)).json()["data"]

    assert [(r["id"], r["version"], r["active"]) for r in listed] == [
        (second["id"], 2, False),
        (first["id"], 1, True),
    ]


async def test_what_was_written_is_shown_as_it_was_written(
    hub: Periphery, operator: dict[str, str], account: str
) -> None:
    written = ruleset(account)
    made = (await hub.client.post(PATH, json=written, headers=operator)).json()

    shown = (await hub.client.get(f"{PATH}/{made['id']}", headers=operator)).json()

    assert shown["rules"][1]["when"] == written["rules"][1]["when"]
    assert shown["otherwise"]["accounts"] == [account]


async def test_what_is_wrong_is_told_with_its_place(hub: Periphery, operator: dict[str, str], account: str) -> None:
    wrong = ruleset(account)
    wrong["rules"][1]["use"]["accounts"] = ["ma_nowhere"]
    wrong["rules"][0]["when"] = {"fact": "moon_phase", "eq": "full"}

    answer = await hub.client.post(PATH, json=wrong, headers=operator)

    assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")
    assert {"rules[0].when.fact", "rules[1].use.accounts[0]"} <= {e["field"] for e in answer.json()["errors"]}


@pytest.mark.parametrize("percent", [0, 101, "100", 12.5])
async def test_a_share_is_a_whole_number_of_percent(
    hub: Periphery, operator: dict[str, str], account: str, percent: object
) -> None:
    made = (await hub.client.post(PATH, json=ruleset(account), headers=operator)).json()

    answer = await hub.client.post(f"{PATH}/{made['id']}/activate", json={"rollout_percent": percent}, headers=operator)

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "rollout_percent")
    assert hub.directory.routing(livemode=False).ruleset is None


@pytest.mark.parametrize("role", [Role.SERVICE, Role.SUPPORT, Role.FINANCE, Role.AUDITOR])
async def test_no_other_role_writes_or_activates(
    hub: Periphery, operator: dict[str, str], account: str, role: Role
) -> None:
    made = (await hub.client.post(PATH, json=ruleset(account), headers=operator)).json()
    other = await hub.key(role)

    write = await hub.client.post(PATH, json=ruleset(account), headers=other)
    activate = await hub.client.post(f"{PATH}/{made['id']}/activate", headers=other)

    assert [write.status_code, activate.status_code] == [403, 403]


async def test_the_other_mode_sees_nothing_of_it(hub: Periphery, operator: dict[str, str], account: str) -> None:
    made = (await hub.client.post(PATH, json=ruleset(account), headers=operator)).json()
    live = await hub.key(Role.OPERATOR, livemode=True)

    shown = await hub.client.get(f"{PATH}/{made['id']}", headers=live)
    activate = await hub.client.post(f"{PATH}/{made['id']}/activate", headers=live)
    listed = await hub.client.get(PATH, headers=live)
    write = await hub.client.post(PATH, json=ruleset(account), headers=live)

    assert [shown.status_code, activate.status_code, listed.json()["data"]] == [404, 404, []]
    assert (write.status_code, write.json()["errors"][0]["message"]) == (422, "is no merchant account of this mode")


async def test_what_is_to_be_looked_at_comes_with_the_answer(
    hub: Periphery, operator: dict[str, str], account: str
) -> None:
    written = ruleset(account)
    written["rules"].append({"name": "late", "when": written["rules"][1]["when"], "refuse": "blocked_by_risk_rule"})
    await hub.client.patch(f"/v1/merchant_accounts/{account}", json={"status": "paused"}, headers=operator)

    made = (await hub.client.post(PATH, json=written, headers=operator)).json()
    active = (await hub.client.post(f"{PATH}/{made['id']}/activate", headers=operator)).json()

    places = ["rules[2]", "rules[1].use.accounts[0]", "otherwise.accounts[0]"]
    assert [warning["field"] for warning in made["warnings"]] == places
    assert active["warnings"] == made["warnings"]


async def test_a_condition_that_nothing_meets_is_refused_with_its_place(
    hub: Periphery, operator: dict[str, str], account: str
) -> None:
    wrong = ruleset(account)
    wrong["rules"][1]["when"]["all"][1] = {"fact": "risk_score", "gte": 60, "lt": 60}

    answer = await hub.client.post(PATH, json=wrong, headers=operator)

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "rules[1].when.all[1]")


async def test_pages_follow_each_other_until_the_end(hub: Periphery, operator: dict[str, str], account: str) -> None:
    made = [(await hub.client.post(PATH, json=ruleset(account), headers=operator)).json()["id"] for _ in range(3)]

    first = (await hub.client.get(f"{PATH}?limit=2", headers=operator)).json()
    second = (await hub.client.get(f"{PATH}?limit=2&cursor={first['next_cursor']}", headers=operator)).json()

    assert [r["id"] for r in first["data"] + second["data"]] == made[::-1]
    assert second["next_cursor"] is None
