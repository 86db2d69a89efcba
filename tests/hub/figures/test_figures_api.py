"""What `/v1/routing/health` and `/v1/routing/fees` show, to whom, and that payments are routed by it."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

from hub.access.rules import Role
from hub.figures.tables import effective_fees
from hub.ids import new_id
from tests.hub.figures.living import decide, eventually, health_of
from tests.hub.house import House, add_account, house

PATHS = ("/v1/routing/health", "/v1/routing/fees")
SCHEDULE: list[dict[str, Any]] = [{"currency": "EUR", "percent_bps": 140, "fixed_minor": 25}, {"percent_bps": 290}]


async def learn_fee(home: House, account: str, **changes: Any) -> None:
    row = {
        "id": new_id("fee_"), "livemode": False, "merchant_account": account, "currency": "EUR", "card_brand": "",
        "card_funding": "", "card_region": "", "percent_ppm": 15_000, "fixed_minor": 30, "lines": 400,
        "learned_at": datetime.now(UTC),
    }  # fmt: skip
    async with home.hub.parts.database.transaction() as connection:
        await connection.execute(insert(effective_fees).values(row | changes))
    await home.hub.parts.shell.figures.read_slowly()


async def set_fees(home: House, name: str, fees: list[dict[str, Any]]) -> str:
    account = home.accounts[name]
    answer = await home.hub.client.patch(f"/v1/merchant_accounts/{account}", json={"fees": fees})
    assert answer.status_code == 200, answer.text
    return account


async def test_an_approval_rate_is_shown_with_the_outcomes_that_it_rests_on(database_url: str, tmp_path: Path) -> None:
    async with house(database_url, tmp_path, with_worker=False) as home:
        account = home.accounts["stripe-eu"]
        bad = await home.method(stripe="pm_card_chargeDeclinedExpiredCard")
        for method in (home.payment_method, home.payment_method, bad):
            await home.hub.charge(payment_method=method, merchant_account=account)

        async def three() -> bool:
            return [one["outcomes"] for one in (await health_of(home.hub, account))["approvals"]] == [3.0]

        await eventually(three)
        shown = await health_of(home.hub, account)

    assert (shown["status"], shown["circuit"], shown["chargeback_rate"]) == ("active", "closed", None)
    assert [one["currency"] for one in shown["approvals"]] == ["EUR"]
    assert 0.7 < shown["approvals"][0]["approval"] < 0.8


async def test_a_payment_is_stored_with_the_version_of_the_figures_that_decided(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with house(sqlite_url, tmp_path, with_worker=False) as home:
        both = [home.accounts["stripe-eu"], home.accounts["adyen-eu"]]
        await decide(home, otherwise={"strategy": "approval_rate", "accounts": both})

        async def version() -> int:
            return int((await home.hub.get("/v1/routing/health")).json()["figures"])

        before = await version()
        first = (await home.hub.charge(payment_method=home.payment_method)).json()

        async def learned() -> bool:
            return await version() != before

        await eventually(learned)
        second = (await home.hub.charge(payment_method=home.payment_method)).json()

    assert first["routing"]["figures"] == before
    assert second["routing"]["figures"] != before


async def test_the_cheapest_by_what_settlements_showed_is_taken(sqlite_url: str, tmp_path: Path) -> None:
    async with house(sqlite_url, tmp_path, with_worker=False) as home:
        dear = await set_fees(home, "stripe-eu", [{"percent_bps": 100}])
        cheap = await set_fees(home, "adyen-eu", [{"percent_bps": 120}])
        await decide(home, otherwise={"strategy": "least_cost", "accounts": [dear, cheap]})
        scheduled = (await home.hub.charge(payment_method=home.payment_method)).json()

        await learn_fee(home, dear, percent_ppm=19_000)

        learned = (await home.hub.charge(payment_method=home.payment_method)).json()
    assert (scheduled["merchant_account"], learned["merchant_account"]) == (dear, cheap)


async def test_the_schedule_is_held_against_what_was_learned(sqlite_url: str, tmp_path: Path) -> None:
    async with house(sqlite_url, tmp_path, with_worker=False) as home:
        account = await set_fees(home, "stripe-eu", SCHEDULE)
        await learn_fee(home, account)

        shown = (await home.hub.get("/v1/routing/fees")).json()["data"]

    named = {"merchant_account": account, "card_brand": None, "card_funding": None, "card_region": None}
    assert shown == [
        named
        | {
            "currency": "EUR",
            "schedule": {"percent_bps": 140, "fixed_minor": 25},
            "learned": {"percent_ppm": 15_000, "fixed_minor": 30, "lines": 400},
            "difference": {"percent_ppm": 1_000, "fixed_minor": 5},
        },
        named
        | {
            "currency": None,
            "schedule": {"percent_bps": 290, "fixed_minor": 0},
            "learned": None,
            "difference": None,
        },
    ]


async def test_a_key_sees_its_own_accounts_and_its_own_mode(sqlite_url: str, tmp_path: Path) -> None:
    async with house(sqlite_url, tmp_path, with_worker=False) as home:
        for name in ("stripe-eu", "adyen-eu"):
            await set_fees(home, name, SCHEDULE[:1])
        one = await home.caller(Role.OPERATOR, merchant_accounts=frozenset({home.accounts["adyen-eu"]}))
        live = await home.caller(Role.OPERATOR, livemode=True)
        for path in PATHS:
            own = (await home.hub.client.get(path, headers=one)).json()["data"]
            other = (await home.hub.client.get(path, headers=live)).json()["data"]

            assert [shown["merchant_account"] for shown in own] == [home.accounts["adyen-eu"]]
            assert other == []


@pytest.mark.parametrize("path", PATHS)
async def test_only_who_reads_accounts_is_shown_them(path: str, sqlite_url: str, tmp_path: Path) -> None:
    async with house(sqlite_url, tmp_path, with_worker=False) as home:
        statuses = {
            role: (await home.hub.client.get(path, headers=await home.caller(role))).status_code for role in Role
        }

    refused = {role for role, status in statuses.items() if status == 403}
    assert refused == {Role.SERVICE, Role.SUPPORT}
    assert set(statuses.values()) == {200, 403}


async def test_an_account_without_a_cost_in_the_currency_comes_last_and_says_so(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with house(sqlite_url, tmp_path, with_worker=False) as home:
        dollars = await add_account(home, "dollars", "stripe", "us", fees=[{"currency": "USD", "percent_bps": 290}])
        euros = await add_account(home, "euros", "stripe", "de", fees=[{"currency": "EUR", "percent_bps": 290}])
        bare = home.accounts["stripe-eu"]
        use = {"strategy": "net_revenue", "accounts": [dollars, bare, euros], "margin_bps": 500}
        tried = await home.hub.post("/v1/routing/rulesets", {"name": "tried", "rules": [], "otherwise": use})

        asked = {"amount": 4999, "currency": "EUR", "ruleset": tried.json()["id"]}
        told = (await home.hub.post("/v1/routing/simulate", asked)).json()["routing"]

    unpriced = {score["merchant_account"]: score.get("unpriced") for score in told["scores"]}
    assert unpriced == {euros: None, dollars: "no_fees_in_currency", bare: "no_fees"}
    assert next(iter(unpriced)) == euros
