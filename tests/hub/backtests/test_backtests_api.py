"""A backtest as an operator meets it: asked for, worked at by the worker, shown."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hub.access.rules import Role
from hub.backtests import store
from hub.backtests.jobs import TRIES_MAX, replay_next
from hub.backtests.service import LostError, work_at
from hub.backtests.tables import backtests
from hub.due_rows import claim_due
from tests.hub.house import House, house
from tests.hub.money import rows

PATH = "/v1/routing/backtests"
YESTERDAY = (datetime.now(UTC) - timedelta(days=1)).isoformat()


async def ruleset(made: House, *accounts: str, **more: Any) -> str:
    """Write one that sends everything to *accounts*, by name, the first in front."""
    use = {"strategy": "priority", "accounts": [made.accounts[name] for name in accounts]}
    answer = await made.hub.post("/v1/routing/rulesets", {"name": "tried", "otherwise": use} | more)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def charged(made: House, count: int, **changes: Any) -> None:
    for _ in range(count):
        answer = await made.hub.charge(payment_method=made.payment_method, **changes)
        assert answer.status_code == 201, answer.text


async def asked(made: House, ruleset_id: str, **more: Any) -> dict[str, Any]:
    answer = await made.hub.post(PATH, {"ruleset": ruleset_id, "from": YESTERDAY} | more)
    assert answer.status_code == 202, answer.text
    assert answer.headers["location"] == f"{PATH}/{answer.json()['id']}"
    body: dict[str, Any] = answer.json()
    return body


async def ended(made: House, backtest_id: str) -> dict[str, Any]:
    body: dict[str, Any] = {}
    for _ in range(200):
        body = (await made.hub.get(f"{PATH}/{backtest_id}")).json()
        if body["status"] in {"done", "failed"}:
            return body
        await asyncio.sleep(0.05)
    raise AssertionError(body)


async def test_the_worker_tells_what_would_move_and_what_is_to_be_expected_of_it(
    database_url: str, tmp_path: Path
) -> None:
    async with house(database_url, tmp_path) as made:
        stripe, adyen = made.accounts["stripe-eu"], made.accounts["adyen-eu"]
        await charged(made, 3, country="DE", merchant_account=adyen)
        await charged(made, 2, country="FR")

        body = await ended(made, (await asked(made, await ruleset(made, "adyen-eu", "stripe-eu")))["id"])

        result = body["result"]
        assert (body["status"], body["progress"]) == ("done", {"done": 5, "total": 5})
        assert (result["payments"], result["moved"], result["approved"]) == (5, 2, 5)
        (moved,) = [flow for group in result["groups"] for flow in group["flows"] if flow["from"] != flow["to"]]
        assert (moved["from"], moved["to"], moved["payments"]) == (stripe, adyen, 2)
        assert (moved["evidence"], moved["approvals"]) == ("no_evidence", None)  # Adyen has none from France.
        assert result["no_evidence"] == 2


async def test_where_there_is_evidence_the_bounds_are_told(database_url: str, tmp_path: Path) -> None:
    async with house(database_url, tmp_path) as made:
        await charged(made, 4, country="DE", brand="acme")
        rules = [
            {
                "name": "adyen",
                "when": {"fact": "brand", "eq": "acme"},
                "use": {"strategy": "priority", "accounts": [made.accounts["adyen-eu"]]},
            }
        ]
        await charged(made, 2, country="DE", merchant_account=made.accounts["adyen-eu"])

        tried = await ruleset(made, "stripe-eu", rules=rules)
        result = (await ended(made, (await asked(made, tried))["id"]))["result"]

        (group,) = result["groups"]
        (moved,) = [flow for flow in group["flows"] if flow["from"] != flow["to"]]
        assert (moved["payments"], moved["evidence"], moved["outcomes"]) == (4, "measured", 2)
        assert moved["approvals"] == {"expected": 4.0, "low": pytest.approx(1.4, abs=0.1), "high": 4.0}


async def test_what_a_rule_refuses_and_what_nobody_takes_is_told_apart(database_url: str, tmp_path: Path) -> None:
    async with house(database_url, tmp_path) as made:
        await charged(made, 1, risk_score=99)
        await charged(made, 1, currency="USD")
        rules = [{"name": "block", "when": {"fact": "risk_score", "gte": 95}, "refuse": "blocked_by_risk_rule"}]

        tried = await ruleset(made, "adyen-eu", rules=rules)
        result = (await ended(made, (await asked(made, tried))["id"]))["result"]

        assert (result["refused"], result["nowhere"]) == (1, 1)
        whys = {flow["why"] for group in result["groups"] for flow in group["flows"]}
        assert whys == {"refused", "no_merchant_account"}


async def test_only_what_went_to_one_account_is_replayed_where_one_is_named(database_url: str, tmp_path: Path) -> None:
    async with house(database_url, tmp_path) as made:
        await charged(made, 2, merchant_account=made.accounts["adyen-eu"])
        await charged(made, 1)

        asking = await asked(made, await ruleset(made, "stripe-eu"), merchant_account=made.accounts["adyen-eu"])

        assert (await ended(made, asking["id"]))["progress"] == {"done": 2, "total": 2}


async def test_one_that_was_left_is_gone_on_with_where_it_was(database_url: str, tmp_path: Path) -> None:
    async with house(database_url, tmp_path, with_worker=False) as made:
        await charged(made, 5)
        asking = await asked(made, await ruleset(made, "adyen-eu"))
        parts = made.hub.parts
        snapshot = parts.directory.routing(livemode=False)
        stopped = asyncio.Event()

        (row,) = await claim_due(parts.database, backtests, 1, 60.0)
        began = await store.opened(parts.database, row)
        done = await work_at(
            parts.database, began, snapshot, parts.clock, stop=stopped, told=lambda *_: stopped.set(), page_size=1
        )
        left = (await made.hub.get(f"{PATH}/{asking['id']}")).json()
        assert (done, left["status"]) == (False, "running")
        assert 0 < left["progress"]["done"] <= 5

        assert await replay_next(parts.shell, asyncio.Event())
        body = (await made.hub.get(f"{PATH}/{asking['id']}")).json()
        assert (body["status"], body["progress"]["done"], body["result"]["payments"]) == ("done", 5, 5)
        assert not await replay_next(parts.shell, asyncio.Event())


async def test_who_comes_second_to_one_keeps_nothing_of_it(database_url: str, tmp_path: Path) -> None:
    async with house(database_url, tmp_path, with_worker=False) as made:
        await charged(made, 2)
        await asked(made, await ruleset(made, "adyen-eu"))
        parts = made.hub.parts
        (row,) = await claim_due(parts.database, backtests, 1, 0.0)
        late = await store.opened(parts.database, row)
        assert await replay_next(parts.shell, asyncio.Event())

        with pytest.raises(LostError):
            await work_at(
                parts.database, late, parts.directory.routing(livemode=False), parts.clock, stop=asyncio.Event()
            )

        assert await rows(made, "SELECT status, done FROM backtests") == [{"status": "done", "done": 2}]


async def test_one_that_comes_no_further_is_given_up(database_url: str, tmp_path: Path) -> None:
    async with house(database_url, tmp_path, with_worker=False) as made:
        asking = await asked(made, await ruleset(made, "adyen-eu"))
        for _ in range(TRIES_MAX):
            assert await claim_due(made.hub.parts.database, backtests, 1, 0.0)

        assert await replay_next(made.hub.parts.shell, asyncio.Event())

        body = (await made.hub.get(f"{PATH}/{asking['id']}")).json()
        assert (body["status"], body["result"]) == ("failed", None)
        assert "came no further" in body["error"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"ruleset": "rs_none"}, "ruleset"),
        ({"from": "2026-01-01T00:00:00"}, "from"),
        ({"to": "2026-01-01T00:00:00"}, "to"),
        ({"to": "2020-01-01T00:00:00Z"}, "from"),
    ],
)
async def test_what_cannot_be_replayed_is_refused_by_field(
    database_url: str, tmp_path: Path, changes: dict[str, str], field: str
) -> None:
    async with house(database_url, tmp_path, with_worker=False) as made:
        body = {"ruleset": await ruleset(made, "adyen-eu"), "from": YESTERDAY} | changes

        answer = await made.hub.post(PATH, body)

        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)


async def test_lists_are_paged_and_each_mode_sees_its_own(database_url: str, tmp_path: Path) -> None:
    async with house(database_url, tmp_path, with_worker=False) as made:
        tried = await ruleset(made, "adyen-eu")
        ids = [(await asked(made, tried))["id"] for _ in range(3)]
        live = await made.caller(Role.ADMIN, livemode=True)

        first = (await made.hub.get(PATH, limit=2)).json()
        second = (await made.hub.get(PATH, limit=2, cursor=first["next_cursor"])).json()

        assert [one["id"] for one in first["data"] + second["data"]] == ids[::-1]
        assert second["next_cursor"] is None
        assert (await made.hub.client.get(f"{PATH}/{ids[0]}", headers=live)).status_code == 404
        assert (await made.hub.client.get(PATH, headers=live)).json()["data"] == []
        assert (await made.hub.client.get(PATH, params={"cursor": "?"})).status_code == 422


async def test_a_key_of_some_accounts_or_of_another_job_may_not(database_url: str, tmp_path: Path) -> None:
    async with house(database_url, tmp_path, with_worker=False) as made:
        body = {"ruleset": await ruleset(made, "adyen-eu"), "from": YESTERDAY}
        some = await made.caller(Role.OPERATOR, merchant_accounts=frozenset({made.accounts["adyen-eu"]}))
        service = await made.caller(Role.SERVICE)

        for headers in (some, service):
            answer = await made.hub.client.post(PATH, json=body, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
            assert (await made.hub.client.get(PATH, headers=headers)).status_code == 403
