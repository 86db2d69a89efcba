"""A backtest as an operator meets it: asked for, worked at by the worker, shown."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from hub.access.rules import Role
from hub.backtests import store
from hub.backtests.jobs import TRIES_MAX, replay_next
from hub.backtests.service import LEASE_S, LostError, work_at
from hub.backtests.tables import backtests
from hub.due_rows import claim_due
from tests.hub.house import House, add_account, house
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


async def test_a_key_of_another_job_may_not(database_url: str, tmp_path: Path) -> None:
    async with house(database_url, tmp_path, with_worker=False) as made:
        body = {"ruleset": await ruleset(made, "adyen-eu"), "from": YESTERDAY}
        service = await made.caller(Role.SERVICE)

        answer = await made.hub.client.post(PATH, json=body, headers=service)

        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
        assert (await made.hub.client.get(PATH, headers=service)).status_code == 403


async def test_a_key_of_some_accounts_learns_of_those_alone(database_url: str, tmp_path: Path) -> None:
    async with house(database_url, tmp_path, with_worker=False) as made:
        stripe, adyen = made.accounts["stripe-eu"], made.accounts["adyen-eu"]
        await charged(made, 2, country="DE")  # At Stripe.
        await charged(made, 1, country="DE", merchant_account=adyen)
        declining = await made.method(stripe="pm_card_chargeDeclinedProcessingError", adyen="stored_visa")
        passed_on = await made.hub.charge(payment_method=declining, country="DE")
        assert [one["merchant_account"] for one in passed_on.json()["attempts"]] == [stripe, adyen]
        some = await made.caller(Role.OPERATOR, merchant_accounts=frozenset({adyen}))
        tried = await ruleset(made, "stripe-eu")

        body = {"ruleset": tried, "from": YESTERDAY}
        asking = await made.hub.client.post(PATH, json=body, headers=some)
        foreign = await made.hub.client.post(PATH, json=body | {"merchant_account": stripe}, headers=some)
        whole = (await asked(made, tried))["id"]
        while await replay_next(made.hub.parts.shell, asyncio.Event()):
            pass

        told = await made.hub.client.get(asking.headers["location"], headers=some)
        assert stripe not in told.text
        result = told.json()["result"]
        assert (result["payments"], result["nowhere"]) == (2, 1)  # The rules name nobody whom the key reaches.
        flows = [(flow["from"], flow["to"]) for group in result["groups"] for flow in group["flows"]]
        assert flows == [(adyen, None), (adyen, adyen)]  # The payment that names its account skips the rules.
        assert (foreign.status_code, foreign.json()["errors"][0]["field"]) == (422, "merchant_account")
        assert (await made.hub.client.get(f"{PATH}/{whole}", headers=some)).status_code == 404
        listed = (await made.hub.client.get(PATH, headers=some)).json()["data"]
        assert [one["id"] for one in listed] == [asking.json()["id"]]
        assert (await ended(made, whole))["result"]["payments"] == 4


async def test_counts_that_were_not_kept_are_told_and_nothing_is_concluded_without_them(
    database_url: str, tmp_path: Path
) -> None:
    async with house(database_url, tmp_path) as made:
        await charged(made, 3, country="DE")
        often = {"all": [{"fact": "velocity.payment_method.1h", "gte": 2}, {"fact": "country", "eq": "DE"}]}
        rules = [{"name": "often", "when": often, "refuse": "blocked_by_risk_rule"}]

        tried = await ruleset(made, "adyen-eu", rules=rules)
        result = (await ended(made, (await asked(made, tried))["id"]))["result"]

        assert result["unknown_facts"] == [{"fact": "velocity.payment_method.1h", "payments": 3}]
        assert (result["undecided"], result["no_evidence"], result["moved"], result["refused"]) == (3, 3, 0, 0)
        (flow,) = result["groups"][0]["flows"]
        assert (flow["evidence"], flow["approvals"], flow["to"]) == ("unknown_facts", None, made.accounts["adyen-eu"])


async def test_daily_limits_keep_nobody_away_and_the_result_says_so(database_url: str, tmp_path: Path) -> None:
    async with house(database_url, tmp_path) as made:
        limited = await add_account(made, "limited", "adyen", "Limited", limits={"daily_count_max": 1})
        await charged(made, 2, country="DE")

        result = (await ended(made, (await asked(made, await ruleset(made, "limited")))["id"]))["result"]

        assert result["moved"] == 2
        (left_out,) = result["left_out"]
        assert (left_out["what"], left_out["merchant_accounts"]) == ("daily_limits", [limited])
        assert "replayed by itself" in left_out["why"]


async def test_one_whose_worker_was_killed_is_taken_up_where_it_was_once_its_lease_ends(
    database_url: str, tmp_path: Path
) -> None:
    async with house(database_url, tmp_path, with_worker=False) as made:
        await charged(made, 3)
        asking = await asked(made, await ruleset(made, "adyen-eu"))
        parts = made.hub.parts
        (row,) = await claim_due(parts.database, backtests, 1, LEASE_S)
        killed = await store.opened(parts.database, row)
        await store.keep(parts.database, killed, {"total": 3, "status": "running"}, LEASE_S)

        assert not await replay_next(parts.shell, asyncio.Event())  # It may still be at work.
        await lease_ends(made)
        assert await replay_next(parts.shell, asyncio.Event())

        body = (await made.hub.get(f"{PATH}/{asking['id']}")).json()
        assert (body["status"], body["progress"]) == ("done", {"done": 3, "total": 3})


async def test_one_that_kills_every_worker_ends_as_failed_and_says_why(database_url: str, tmp_path: Path) -> None:
    async with house(database_url, tmp_path, with_worker=False) as made:
        parts = made.hub.parts
        asking = await asked(made, await ruleset(made, "adyen-eu"))
        for _ in range(TRIES_MAX):
            assert await claim_due(parts.database, backtests, 1, LEASE_S)
            await lease_ends(made)

        assert await replay_next(parts.shell, asyncio.Event())

        body = (await made.hub.get(f"{PATH}/{asking['id']}")).json()
        assert (body["status"], body["result"], body["ended_at"] is None) == ("failed", None, False)
        assert f"taken up {TRIES_MAX} times and came no further" in body["error"]
        assert not await replay_next(parts.shell, asyncio.Event())


async def lease_ends(made: House) -> None:
    """What time brings about: whoever held it may hold it no more."""
    async with made.hub.parts.database.transaction() as connection:
        await connection.execute(update(backtests).values(due_at=datetime.now(UTC) - timedelta(minutes=1)))
