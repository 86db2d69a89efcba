"""A stored ruleset that this version cannot read keeps nothing else away; on both databases."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from hub.doctor_rulesets import look_at_rulesets
from hub.merchants.store import bump
from hub.payments.planning import nowhere
from hub.rulesets.deciding import STAND_IN
from hub.rulesets.tables import ruleset_activations, rulesets
from routing.accounts import AccountStatus
from routing.plan import plan
from tests.hub.rulesets.ruling import PATH, SHADOW, Rules, ruling
from tests.routing.samples import account, facts, ruleset, snapshot

AT = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
FOREIGN = {"id": "rs_of_tomorrow", "livemode": False, "name": "main", "version": 9, "document": '{"new": 1}'}


@pytest.fixture
async def rules(database_url: str) -> AsyncIterator[Rules]:
    async with ruling(database_url) as made:
        yield made


async def change(rules: Rules, number: int, kind: str = "activate", percent: int = 100, **more: Any) -> None:
    """Make a change of what decides to a ruleset of another version, as a process of that version would."""
    row = {"id": f"rsa_{number}", "livemode": False, "number": number, "kind": kind, "ruleset": FOREIGN["id"]}
    async with rules.hub.database.transaction() as connection:
        await connection.execute(rulesets.insert(), FOREIGN | {"created_at": AT})
        await connection.execute(
            ruleset_activations.insert(), row | {"rollout_percent": percent, "created_at": AT} | more
        )
        await bump(connection, livemode=False)
    await rules.hub.directory.refresh()


async def drained(rules: Rules) -> bool:
    """Whether a change of an account is still heard of."""
    await rules.hub.client.patch(
        f"/v1/merchant_accounts/{rules.account}", json={"status": "draining"}, headers=rules.operator
    )
    [account] = rules.hub.directory.routing(livemode=False).accounts.accounts
    return account.status is AccountStatus.DRAINING


@pytest.mark.parametrize(
    ("kind", "percent", "more"),
    [("activate", 100, {}), ("activate", 10, {}), ("shadow", 100, {}), ("activate", 100, {"starts_at": AT})],
    ids=["base", "rollout", "shadow", "scheduled"],
)
async def test_what_decided_before_goes_on_and_so_does_everything_else(
    rules: Rules, kind: str, percent: int, more: dict[str, Any]
) -> None:
    good = await rules.write()
    await rules.activate(good)

    await change(rules, 2, kind, percent, **({"starts_at": rules.clock.at.replace(hour=10)} if more else {}))
    rules.clock.at = rules.clock.at.replace(hour=11)

    known = rules.hub.directory.routing(livemode=False)
    assert (rules.deciding("invoice-1"), known.rollout, known.shadow) == (good, None, None)
    assert await drained(rules)


async def test_a_process_that_starts_finds_nobody_where_it_cannot_read_what_decides(
    rules: Rules, database_url: str
) -> None:
    await rules.activate(await rules.write())
    await change(rules, 2)

    async with ruling(database_url) as started:
        known = started.hub.directory.routing(livemode=False)

    assert known.ruleset is not None
    assert (known.ruleset.id, known.ruleset.version, known.ruleset.otherwise) == (FOREIGN["id"], STAND_IN, None)


def test_what_rules_would_decide_is_refused_for_now_and_what_names_its_account_is_charged() -> None:
    nobody = ruleset()
    known = snapshot(account("ma_1"), ruleset=replace(nobody, version=STAND_IN))
    decided, pinned = plan(facts(), known), plan(facts(merchant_account="ma_1"), known)

    refused = nowhere(decided, "no merchant account takes this payment")

    assert (refused.code, "cannot read it" in refused.detail) == ("merchant_accounts_unavailable", True)
    assert [choice.merchant_account for choice in pinned.order] == ["ma_1"]


async def test_what_can_be_read_decides_as_soon_as_it_is_activated(rules: Rules) -> None:
    await change(rules, 1)

    good = await rules.write()
    await rules.activate(good)

    assert rules.deciding("invoice-1") == good


async def test_it_is_listed_with_what_is_wrong_and_cannot_be_made_to_decide(rules: Rules) -> None:
    await change(rules, 1, "shadow")

    listed = (await rules.hub.client.get(PATH, headers=rules.operator)).json()["data"]
    answers = [await rules.post(f"{PATH}/{FOREIGN['id']}/{how}", {}) for how in ("activate", "shadow")]
    ended = await rules.post(f"{SHADOW}/end", {})

    [shown] = listed
    assert ("another version of the hub" in shown["unreadable"], shown["rules"]) == (True, [])
    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(409, "ruleset_unreadable")] * 2
    assert ended.status_code == 200


async def test_the_doctor_names_what_cannot_be_read(rules: Rules) -> None:
    await rules.activate(await rules.write())
    async with rules.hub.database.reading() as connection:
        before = await look_at_rulesets(connection, AT)
    await change(rules, 2, "shadow")

    async with rules.hub.database.reading() as connection:
        found = await look_at_rulesets(connection, AT)

    assert (before.ok, found.ok, str(FOREIGN["id"]) in found.told, found.mend is not None) == (True, False, True, True)
