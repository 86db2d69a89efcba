"""A ruleset is looked at by API as by the commands: what is wrong, what is new; on both databases."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from hub.access.rules import Role
from tests.hub.rulesets.ruling import PATH, Rules, ruling


@pytest.fixture
async def rules(database_url: str) -> AsyncIterator[Rules]:
    async with ruling(database_url) as made:
        yield made


def document(account: str, **when: Any) -> dict[str, Any]:
    use = {"strategy": "priority", "accounts": [account]}
    return {"name": "main", "rules": [{"name": "euro", "when": {"fact": "amount"} | when, "use": use}]}


async def test_what_is_wrong_is_told_with_its_place_and_nothing_is_stored(rules: Rules) -> None:
    asked = [document(rules.account, gte=5), document(rules.account, gte=5, lt=3), document("ma_nobody", gte=5)]

    answers = [(await rules.post(f"{PATH}/check", one)).json() for one in asked]
    listed = (await rules.hub.client.get(PATH, headers=rules.operator)).json()["data"]

    assert [answer["usable"] for answer in answers] == [True, False, False]
    assert [[one["field"] for one in answer["problems"]] for answer in answers] == [
        [],
        ["rules[0].when"],
        ["rules[0].use.accounts[0]"],
    ]
    assert listed == []


async def test_a_warning_leaves_a_ruleset_usable(rules: Rules) -> None:
    asked = document(rules.account, gte=5)
    asked["rules"] *= 2
    asked["rules"][1] = asked["rules"][1] | {"name": "never"}

    answer = (await rules.post(f"{PATH}/check", asked)).json()

    assert (answer["usable"], [one["field"] for one in answer["warnings"]]) == (True, ["rules[1]"])


async def test_what_is_no_ruleset_is_refused_by_field(rules: Rules) -> None:
    answer = await rules.post(f"{PATH}/check", {"name": "main", "rulez": []})

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "rulez")


async def compared(rules: Rules, ruleset: str, headers: dict[str, str] | None = None, **query: str) -> Any:
    path = f"{PATH}/{ruleset}/diff"
    return await rules.hub.client.get(path, params=query, headers=headers or rules.operator)


async def test_a_version_is_compared_with_the_base_or_with_another(rules: Rules) -> None:
    first, second = [(await rules.post(PATH, document(rules.account, gte=least))).json()["id"] for least in (5, 7)]
    alone = (await compared(rules, second)).json()
    await rules.activate(first)

    with_base = (await compared(rules, second)).json()
    backwards = (await compared(rules, first, against=second)).json()

    assert (alone["against"], [one["kind"] for one in alone["differences"]]) == (None, ["added"])
    [changed] = with_base["differences"]
    assert (with_base["against"], changed["kind"], changed["part"]) == (first, "changed", "when")
    assert ('"gte":5' in changed["before"], '"gte":7' in changed["after"]) == (True, True)
    assert (backwards["against"], backwards["differences"][0]["after"]) == (second, changed["before"])


async def test_what_is_not_there_or_another_modes_is_not_compared(rules: Rules) -> None:
    made = await rules.write()
    live = await rules.hub.key(Role.OPERATOR, livemode=True)

    nobody = await compared(rules, "rs_nobody")
    nothing = await compared(rules, made, against="rs_nobody")
    other_mode = await compared(rules, made, live)

    assert [nobody.status_code, nothing.status_code, other_mode.status_code] == [404, 422, 404]
    assert nothing.json()["errors"][0]["field"] == "against"


async def test_whoever_may_not_read_rules_looks_at_none(rules: Rules) -> None:
    made = await rules.write()
    service = await rules.hub.key(Role.SERVICE)

    answers = [await compared(rules, made, service), await rules.post(f"{PATH}/check", {"name": "main"}, service)]

    assert [answer.status_code for answer in answers] == [403, 403]
