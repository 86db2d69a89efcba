"""What decides is activated in part, at an instant, rolled back and shadowed; on both databases."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, update
from sqlalchemy.exc import DBAPIError

from hub.access.rules import Role
from hub.database import open_database
from hub.rulesets.tables import ruleset_activations, rulesets
from routing.rollout import within
from tests.hub.rulesets.ruling import BACK, PATH, SHADOW, Rules, ruling


@pytest.fixture
async def rules(database_url: str) -> AsyncIterator[Rules]:
    async with ruling(database_url) as made:
        yield made


async def test_a_part_of_the_payments_goes_by_the_new_ruleset_and_the_rest_by_the_old(rules: Rules) -> None:
    old, new = await rules.write(), await rules.write()
    await rules.activate(old)

    answer = await rules.activate(new, 30, reason="try it")

    shares = [(await rules.hub.client.get(f"{PATH}/{one}", headers=rules.operator)).json() for one in (old, new)]
    assert (answer.status_code, answer.json()["rollout_percent"]) == (200, 30)
    assert [(share["active"], share["rollout_percent"]) for share in shares] == [(True, 70), (True, 30)]
    for reference in (f"invoice-{n}" for n in range(50)):
        assert rules.deciding(reference) == (new if within("rollout", new, 30, reference) else old)


async def test_a_share_grows_and_becomes_the_whole(rules: Rules) -> None:
    old, new = await rules.write(), await rules.write()
    await rules.activate(old)

    shapes = []
    for percent in (10, 50, 100):
        await rules.activate(new, percent)
        shapes.append(await rules.shape())

    assert shapes == [(old, (new, 10)), (old, (new, 50)), (new, None)]


async def test_the_base_takes_no_part_of_itself(rules: Rules) -> None:
    old = await rules.write()
    await rules.activate(old)

    answer = await rules.activate(old, 50)

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "rollout_percent")


async def test_what_is_scheduled_decides_from_its_instant_on_though_nothing_is_written_then(rules: Rules) -> None:
    old, new = await rules.write(), await rules.write()
    await rules.activate(old)
    starts_at = rules.clock.at + timedelta(hours=3)

    answer = await rules.activate(new, starts_at=starts_at.isoformat(), reason="at noon")
    before = (rules.deciding("invoice-1"), await rules.shown())
    rules.clock.at = starts_at
    after = (rules.deciding("invoice-1"), await rules.shape())

    assert (answer.json()["active"], before[0], after) == (False, old, (new, (new, None)))
    [scheduled] = before[1]["scheduled"]
    assert (scheduled["ruleset"], scheduled["since"], scheduled["reason"]) == (new, "2026-11-22T12:00:00Z", "at noon")


async def test_a_process_that_starts_after_the_instant_finds_the_same(rules: Rules) -> None:
    old, new = await rules.write(), await rules.write()
    await rules.activate(old)
    await rules.activate(new, 20, starts_at="2026-11-22T10:00:00Z")
    other = await rules.write()
    rules.clock.at += timedelta(hours=2)
    await rules.activate(other, starts_at="2026-11-22T13:00:00Z")  # The directory reads everything anew.

    known = rules.hub.directory.routing(livemode=False)

    assert known.ruleset is not None
    assert known.rollout is not None
    assert (known.ruleset.id, known.rollout.ruleset.id, known.rollout.percent) == (old, new, 20)


@pytest.mark.parametrize(
    ("starts_at", "words"),
    [("2028-01-01T00:00:00Z", "days ahead"), ("tomorrow", "time"), ("2026-11-22T12:00:00", "offset")],
)
async def test_an_instant_that_cannot_be_meant_is_refused(rules: Rules, starts_at: str, words: str) -> None:
    answer = await rules.activate(await rules.write(), starts_at=starts_at)

    [error] = answer.json()["errors"]
    assert (answer.status_code, error["field"]) == (422, "starts_at")
    assert words in error["message"]


async def test_a_rollback_returns_to_what_decided_before_whatever_lay_between(rules: Rules) -> None:
    first, second, third = [await rules.write() for _ in range(3)]
    await rules.activate(first)
    for percent in (10, 50, 100):
        await rules.activate(second, percent)
    await rules.activate(third, 5)

    shapes = []
    for _ in range(2):
        answer = await rules.post(f"{PATH}/rollback", BACK)
        shapes.append(await rules.shape())
        assert answer.json() == await rules.shown()

    assert shapes == [(second, None), (first, None)]
    assert rules.deciding("invoice-1") == first


async def test_a_rollback_calls_off_what_is_scheduled(rules: Rules) -> None:
    first, second, third = [await rules.write() for _ in range(3)]
    await rules.activate(first)
    await rules.activate(second)
    await rules.activate(third, starts_at="2026-11-22T10:00:00Z")

    await rules.post(f"{PATH}/rollback", BACK)
    rules.clock.at += timedelta(hours=3)

    assert (rules.deciding("invoice-1"), (await rules.shown())["scheduled"]) == (first, [])


async def test_what_is_scheduled_is_called_off_alone(rules: Rules) -> None:
    first, second = await rules.write(), await rules.write()
    await rules.activate(first)
    await rules.activate(second, starts_at="2026-11-22T10:00:00Z")

    answers = [await rules.post(f"{PATH}/rollback", BACK | {"scheduled_only": True}) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 409]
    assert (answers[1].json()["code"], await rules.shape()) == ("nothing_to_undo", (first, None))


async def test_where_nothing_was_before_there_is_nothing_to_roll_back_to(rules: Rules) -> None:
    only = await rules.write()
    answers = [await rules.post(f"{PATH}/rollback", BACK)]
    await rules.activate(only)
    answers.append(await rules.post(f"{PATH}/rollback", BACK))

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(409, "nothing_to_undo")] * 2
    assert await rules.shape() == (only, None)


async def test_a_change_of_what_decides_live_payments_says_why(rules: Rules) -> None:
    live = await rules.hub.key(Role.OPERATOR, livemode=True)
    made = (await rules.post(PATH, {"name": "main"}, live)).json()["id"]
    activate = f"{PATH}/{made}/activate"
    part = {"rollout_percent": 5}

    answers = [await rules.post(activate, body, live) for body in (part, part | {"reason": "go"})]
    answers += [await rules.post(f"{PATH}/rollback", body, live) for body in ({}, BACK)]

    assert [answer.status_code for answer in answers] == [422, 200, 422, 200]
    assert {answer.json()["errors"][0]["field"] for answer in answers[::2]} == {"reason"}


async def test_in_test_mode_nobody_need_say_why(rules: Rules) -> None:
    first, second = await rules.write(), await rules.write()
    for ruleset in (first, second):
        await rules.activate(ruleset)

    answer = await rules.post(f"{PATH}/rollback", {})

    assert (answer.status_code, answer.json()["base"]["ruleset"]) == (200, first)


async def test_every_change_is_audited_with_who_and_why(rules: Rules) -> None:
    first, second = await rules.write(), await rules.write()
    await rules.activate(first, reason="go")
    await rules.activate(second, 10, starts_at="2026-11-22T10:00:00Z", reason="later")
    await rules.post(f"{PATH}/rollback", {"reason": "not yet", "scheduled_only": True})
    await rules.activate(second, reason="now")
    await rules.post(f"{PATH}/rollback", BACK)
    await rules.post(f"{PATH}/{second}/shadow", {"percent": 50, "reason": "look"})
    await rules.post(f"{SHADOW}/end", {"reason": "seen"})

    audited = await rules.audited()

    assert {principal for _, principal, _ in audited} == {"ada"}
    assert [(action, details.get("reason")) for action, _, details in audited][2:] == [
        ("ruleset.activated", "go"),
        ("ruleset.activated", "later"),
        ("ruleset.unscheduled", "not yet"),
        ("ruleset.activated", "now"),
        ("ruleset.rolled_back", "approvals fell"),
        ("ruleset.shadowed", "look"),
        ("ruleset.shadow_ended", "seen"),
    ]
    assert audited[3][2]["starts_at"] == "2026-11-22T10:00:00Z"
    assert audited[2][2] == {"name": "main", "version": 1, "percent": 100, "reason": "go"}


async def test_a_shadow_stands_beside_what_decides_until_it_is_ended(rules: Rules) -> None:
    first, second = await rules.write(), await rules.write()
    await rules.activate(first)

    began = (await rules.post(f"{PATH}/{second}/shadow", {"percent": 50})).json()
    known = rules.hub.directory.routing(livemode=False)
    ended = (await rules.post(f"{SHADOW}/end", {})).json()
    again = await rules.post(f"{SHADOW}/end", {})

    assert (began["shadow"]["ruleset"], began["shadow"]["percent"], ended["shadow"]) == (second, 50, None)
    assert known.shadow is not None
    assert (known.shadow.ruleset.id, rules.deciding("invoice-1")) == (second, first)
    assert rules.hub.directory.routing(livemode=False).shadow is None
    assert (again.status_code, again.json()["code"]) == (409, "nothing_to_undo")


@pytest.mark.parametrize("role", [Role.SERVICE, Role.SUPPORT, Role.FINANCE, Role.AUDITOR])
async def test_no_other_role_changes_what_decides(rules: Rules, role: Role) -> None:
    made = await rules.write()
    other = await rules.hub.key(role)

    answers = [
        await rules.post(path, body, other)
        for path, body in (
            (f"{PATH}/rollback", BACK),
            (f"{PATH}/{made}/shadow", {}),
            (f"{SHADOW}/end", {}),
        )
    ]

    assert [answer.status_code for answer in answers] == [403] * 3


async def test_an_auditor_sees_what_decides_and_a_service_does_not(rules: Rules) -> None:
    auditor, service = await rules.hub.key(Role.AUDITOR), await rules.hub.key(Role.SERVICE)

    seen = [
        (await rules.hub.client.get(path, headers=who)).status_code
        for who in (auditor, service)
        for path in (f"{PATH}/active", SHADOW)
    ]

    assert seen == [200, 404, 403, 403]


async def test_the_other_mode_has_its_own_standing(rules: Rules) -> None:
    made = await rules.write()
    await rules.activate(made)
    await rules.activate(await rules.write(), 10)
    await rules.post(f"{PATH}/{made}/shadow", {})
    live = await rules.hub.key(Role.OPERATOR, livemode=True)

    shown = (await rules.hub.client.get(f"{PATH}/active", headers=live)).json()
    answers = [
        await rules.post(f"{PATH}/rollback", BACK, live),
        await rules.post(f"{PATH}/{made}/shadow", {}, live),
        await rules.post(f"{SHADOW}/end", {}, live),
        await rules.hub.client.get(SHADOW, headers=live),
    ]

    assert (shown["base"], shown["rollout"], shown["shadow"]) == (None, None, None)
    assert [answer.status_code for answer in answers] == [409, 404, 409, 404]


@pytest.mark.parametrize(
    "change",
    [
        update(rulesets).values(document="{}"),
        delete(rulesets),
        update(ruleset_activations).values(rollout_percent=1),
        delete(ruleset_activations),
    ],
    ids=str,
)
async def test_a_version_and_a_change_stay_as_they_were_written(database_url: str, change: Any) -> None:
    database = await open_database(database_url)
    at = datetime.now(UTC)
    row = {"id": "rs_1", "livemode": False, "name": "main", "version": 1, "document": "{}", "created_at": at}
    made = {"id": "rsa_1", "livemode": False, "number": 1, "kind": "activate", "ruleset": "rs_1", "created_at": at}
    async with database.transaction() as connection:
        await connection.execute(rulesets.insert(), row)
        await connection.execute(ruleset_activations.insert(), made | {"rollout_percent": 100})

    with pytest.raises(DBAPIError, match="append-only"):
        async with database.transaction() as connection:
            await connection.execute(change)
    await database.close()
