"""Two processes on one database: what one learns, the other goes by; with Valkey, without, and when it dies."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from msgspec.structs import replace

from tests.hub.house import QUICK, House, Hub, add_account, house
from tests.hub.money import agrees, rows
from tests.hub.payments.faulty import eventually
from tests.processes import free_port
from tests.servers import Valkey

WITHIN_S = 1.0
SOON = replace(QUICK, inquiry_first_ms=100, snapshot_poll_ms=200)


@pytest.fixture(params=["with Valkey", "without"])
def shared_url(request: pytest.FixtureRequest) -> str | None:
    """Where Valkey answers, or nowhere."""
    url: str | None = request.getfixturevalue("redis_url") if request.param == "with Valkey" else None
    return url


def second_of(made: House) -> Hub:
    assert made.second is not None
    return made.second


async def within(check: Callable[[], Awaitable[Any]], seconds: float = WITHIN_S) -> None:
    """Wait until *check* is true, *seconds* at most, with half a second's grace for a busy machine."""
    ends_at = asyncio.get_running_loop().time() + seconds + 0.5
    while asyncio.get_running_loop().time() < ends_at:
        if await check():
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"not within {seconds} s")


async def charge_at(hub: Hub, made: House, account: str) -> httpx.Response:
    return await hub.charge(payment_method=made.payment_method, merchant_account=made.accounts[account])


async def test_a_paused_account_takes_nothing_new_in_either_process(
    shared_url: str | None, postgres_url: str, tmp_path: Path
) -> None:
    # Where Valkey tells of a change, polling is not needed for it.
    settings = replace(SOON, redis_url=shared_url, snapshot_poll_ms=60_000 if shared_url else 200)
    async with house(postgres_url, tmp_path, settings=settings, second=True) as made:
        second = second_of(made)
        if shared_url:
            await asyncio.gather(*(h.parts.directory.listening() for h in (made.hub, second)))

        async def status_there() -> bool:
            return (await charge_at(second, made, "stripe-eu")).status_code == 503

        path = f"/v1/merchant_accounts/{made.accounts['stripe-eu']}"
        assert (await made.hub.client.patch(path, json={"status": "paused"})).status_code == 200
        assert (await charge_at(made.hub, made, "stripe-eu")).status_code == 503
        await within(status_there)
        await agrees(made)


async def test_a_new_account_and_new_rules_hold_in_either_process(
    shared_url: str | None, postgres_url: str, tmp_path: Path
) -> None:
    async with house(postgres_url, tmp_path, settings=replace(SOON, redis_url=shared_url), second=True) as made:
        second = second_of(made)
        await add_account(made, "adyen-2", "adyen", "second")
        rules = {
            "name": "main", "rules": [], "otherwise": {"strategy": "priority", "accounts": [made.accounts["adyen-2"]]}
        }  # fmt: skip
        ruleset = await made.hub.client.post("/v1/routing/rulesets", json=rules)
        assert ruleset.status_code == 201, ruleset.text
        active = await made.hub.client.post(f"/v1/routing/rulesets/{ruleset.json()['id']}/activate", json={})
        assert active.status_code in {200, 201}, active.text

        async def goes_there() -> bool:
            paid = await second.charge(payment_method=made.payment_method)
            return bool(paid.json().get("merchant_account") == made.accounts["adyen-2"])

        await within(goes_there)
        await agrees(made)


@pytest.mark.fault_case(id="API-11")
async def test_both_processes_count_one_limit(redis_url: str, postgres_url: str, tmp_path: Path) -> None:
    settings = replace(SOON, redis_url=redis_url, rate_limit_per_minute=20)
    async with house(postgres_url, tmp_path, settings=settings, second=True) as made:
        caller = await made.caller()
        hubs = (made.hub, second_of(made))

        answers = await asyncio.gather(*(
            hubs[n % 2].client.get("/v1/payments", headers=caller) for n in range(60)
        ))  # fmt: skip

        assert sorted(a.status_code for a in answers) == [200] * 20 + [429] * 40
        assert all(int(a.headers["Retry-After"]) > 0 for a in answers if a.status_code == 429)


async def test_an_account_that_failed_in_one_process_is_avoided_by_the_other(
    redis_url: str, postgres_url: str, tmp_path: Path
) -> None:
    async with house(postgres_url, tmp_path, settings=replace(SOON, redis_url=redis_url), second=True) as made:
        dead = {"base_url": f"http://127.0.0.1:{free_port()}"}
        await add_account(made, "dead", "stripe", "dead", credentials=dead)
        for _ in range(5):
            assert (await charge_at(made.hub, made, "dead")).json()["status"] == "failed"
        assert (await charge_at(made.hub, made, "dead")).status_code == 503

        async def avoided() -> bool:
            answer = await charge_at(second_of(made), made, "dead")
            return answer.status_code == 503

        await within(avoided)
        await agrees(made)


async def test_what_one_process_lost_the_other_finds(shared_url: str | None, postgres_url: str, tmp_path: Path) -> None:
    async with house(postgres_url, tmp_path, settings=replace(SOON, redis_url=shared_url), second=True) as made:
        await made.control("stripe", "POST", "webhooks", {"mode": "drop"})
        await made.fault("stripe", "silent_after", "purchase", count=8)

        lost = await asyncio.gather(*(charge_at(made.hub, made, "stripe-eu") for _ in range(8)))

        assert {answer.status_code for answer in lost} == {202}
        for answer in lost:
            await eventually(made, answer.json()["id"], status="captured")
        told = await rows(made, "SELECT count(*) AS n FROM transfers")
        assert told == [{"n": 8}]
        again = await second_of(made).get(f"/v1/payments/{lost[0].json()['id']}")
        assert again.json()["status"] == "captured"
        await agrees(made)


@pytest.mark.fault_case(id="RD-01")
async def test_charging_goes_on_when_valkey_dies(
    valkey: Valkey, redis_url: str, postgres_url: str, tmp_path: Path
) -> None:
    async with house(postgres_url, tmp_path, settings=replace(SOON, redis_url=redis_url), second=True) as made:
        assert (await charge_at(made.hub, made, "stripe-eu")).json()["status"] == "captured"
        try:
            valkey.crash()
            answers = [await charge_at(hub, made, "adyen-eu") for hub in (made.hub, second_of(made)) * 2]
            path = f"/v1/merchant_accounts/{made.accounts['stripe-eu']}"
            assert (await made.hub.client.patch(path, json={"status": "paused"})).status_code == 200

            async def told_by_polling() -> bool:
                return (await charge_at(second_of(made), made, "stripe-eu")).status_code == 503

            await within(told_by_polling, 2 * WITHIN_S)
        finally:
            valkey.restart()

        assert [answer.json()["status"] for answer in answers] == ["captured"] * 4
        after = await asyncio.gather(*(charge_at(hub, made, "adyen-eu") for hub in (made.hub, second_of(made)) * 5))
        assert {answer.json()["status"] for answer in after} == {"captured"}
        await agrees(made)
