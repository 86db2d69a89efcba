"""Payments are found by the ruleset and rule that decided them, on both databases."""

from typing import Any

import pytest

from tests.hub.house import House

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def activated(home: House, name: str, **rules: Any) -> str:
    otherwise = {"strategy": "priority", "accounts": [home.accounts["stripe-eu"]]}
    made = await home.hub.post("/v1/routing/rulesets", {"name": name, "otherwise": otherwise} | rules)
    assert made.status_code == 201, made.text
    ruleset = str(made.json()["id"])
    await home.hub.post(f"/v1/routing/rulesets/{ruleset}/activate", {})
    return ruleset


async def found(home: House, **query: Any) -> list[str]:
    answer = await home.hub.get("/v1/payments", **query)
    assert answer.status_code == 200, answer.text
    return [one["id"] for one in answer.json()["data"]]


async def test_payments_are_found_by_what_decided_them(home: House) -> None:
    rich = {
        "name": "rich",
        "when": {"fact": "amount", "gte": 10_000},
        "use": {"strategy": "priority", "accounts": [home.accounts["stripe-eu"]]},
    }
    blocked = {"name": "blocked", "when": {"fact": "risk_score", "gte": 90}, "refuse": "blocked_by_risk_rule"}
    first = await activated(home, "searched", rules=[rich])
    old = [
        (await home.hub.charge(payment_method=home.payment_method, amount=amount)).json()["id"]
        for amount in (500, 20_000)
    ]
    second = await activated(home, "searched", rules=[rich, blocked])
    new = [
        (await home.hub.charge(payment_method=home.payment_method, risk_score=score)).json()["id"] for score in (10, 95)
    ]
    pinned = (
        await home.hub.charge(payment_method=home.payment_method, merchant_account=home.accounts["stripe-eu"])
    ).json()["id"]

    assert await found(home, ruleset=first) == [old[1], old[0]]
    assert await found(home, ruleset="searched") == [new[1], new[0], old[1], old[0]]
    assert await found(home, ruleset="searched", ruleset_version=2) == [new[1], new[0]]
    assert await found(home, ruleset=second, ruleset_version=1) == []
    assert await found(home, rule="blocked") == [new[1]]
    assert await found(home, ruleset="searched", rule="otherwise") == [new[0], old[0]]
    assert pinned not in await found(home, ruleset="searched")


async def test_the_next_page_goes_on_and_the_other_mode_finds_nothing(home: House) -> None:
    ruleset = await activated(home, "paged")
    made = [(await home.hub.charge(payment_method=home.payment_method)).json()["id"] for _ in range(3)]
    live = await home.caller(livemode=True)

    page = (await home.hub.get("/v1/payments", ruleset=ruleset, limit=2)).json()
    rest = await found(home, ruleset=ruleset, limit=2, cursor=page["next_cursor"])
    other = await home.hub.client.get("/v1/payments", params={"ruleset": ruleset}, headers=live)

    assert [one["id"] for one in page["data"]] + rest == made[::-1]
    assert other.json()["data"] == []


async def test_a_version_that_is_no_number_is_refused(home: House) -> None:
    answer = await home.hub.get("/v1/payments", ruleset="main", ruleset_version="last")

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "ruleset_version")
