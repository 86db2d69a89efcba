"""Rules go by how often a payment method, customer or device was tried and declined before."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from hub.payments.store import find_payment
from routing.facts import Facts
from tests.hub.figures.living import decide, eventually, second_of
from tests.hub.house import QUICK, House, Hub, house
from tests.servers import Valkey

DEVICE = {"device_id": "d-1"}
OFTEN = {"name": "often", "when": {"fact": "declines.device.1h", "gte": 2}, "refuse": "blocked_by_risk_rule"}
THIRD = {"name": "third", "when": {"fact": "velocity.payment_method.24h", "gte": 2}, "refuse": "blocked_by_risk_rule"}


@pytest.fixture(params=["with Valkey", "without"])
def shared_url(request: pytest.FixtureRequest) -> str | None:
    """Where Valkey answers, or nowhere."""
    url: str | None = request.getfixturevalue("redis_url") if request.param == "with Valkey" else None
    return url


@pytest.fixture
async def home(shared_url: str | None, sqlite_url: str, tmp_path: Path) -> AsyncIterator[House]:
    async with house(sqlite_url, tmp_path, settings=replace(QUICK, redis_url=shared_url), with_worker=False) as made:
        yield made


def otherwise(home: House) -> dict[str, Any]:
    return {"strategy": "priority", "accounts": [home.accounts["stripe-eu"]]}


async def told(hub: Hub, home: House, **changes: Any) -> dict[str, Any]:
    answer = await hub.charge(**{"payment_method": home.payment_method} | changes)
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def facts_of(home: House, payment: str) -> Facts:
    found = await find_payment(home.hub.parts.database, livemode=False, payment_id=payment)
    assert found is not None
    return msgspec.json.decode(found.facts, type=Facts)


@pytest.mark.fault_case(id="API-12")
async def test_a_device_that_was_declined_twice_is_refused(home: House) -> None:
    await decide(home, rules=[OFTEN], otherwise=otherwise(home))
    bad = await home.method(stripe="pm_card_chargeDeclinedInsufficientFunds")
    other = await home.method(stripe="pm_card_chargeDeclinedExpiredCard")

    for method in (bad, other):
        assert (await told(home.hub, home, payment_method=method, risk=DEVICE))["status"] == "failed"

    async def refused() -> bool:
        return (await told(home.hub, home, risk=DEVICE))["decline"] is not None

    await eventually(refused)
    assert (await told(home.hub, home, risk={"device_id": "d-2"}))["status"] == "captured"


async def test_attempts_before_this_one_are_counted_and_kept_with_the_payment(home: House) -> None:
    await decide(home, rules=[THIRD], otherwise=otherwise(home))
    for _ in range(2):
        assert (await told(home.hub, home))["status"] == "captured"

    async def refused() -> bool:
        return bool((await told(home.hub, home))["routing"]["rule"] == "third")

    await eventually(refused)
    last = await told(home.hub, home)
    assert (await facts_of(home, last["id"])).counted["velocity.payment_method.24h"] >= 2


async def test_nothing_is_asked_where_no_rule_compares_it(home: House) -> None:
    await decide(home, otherwise=otherwise(home))

    paid = await told(home.hub, home)

    assert (await facts_of(home, paid["id"])).counted == {}


async def test_a_payment_that_tells_no_device_leaves_the_rule_undecided(home: House) -> None:
    await decide(home, rules=[OFTEN], otherwise=otherwise(home))

    paid = await told(home.hub, home)

    assert (paid["status"], paid["routing"]["unknown_facts"]) == ("captured", ["declines.device.1h"])


async def test_processes_count_together(redis_url: str, postgres_url: str, tmp_path: Path) -> None:
    settings = replace(QUICK, redis_url=redis_url)
    async with house(postgres_url, tmp_path, settings=settings, second=True, with_worker=False) as home:
        await decide(home, rules=[THIRD], otherwise=otherwise(home))
        for hub in (home.hub, second_of(home)):
            assert (await told(hub, home))["status"] == "captured"

        async def refused_in_both() -> bool:
            found = [(await told(hub, home))["routing"]["rule"] for hub in (home.hub, second_of(home))]
            return found == ["third", "third"]

        await eventually(refused_in_both)


async def test_when_valkey_dies_the_facts_are_unknown_and_charges_go_on(
    valkey: Valkey, redis_url: str, sqlite_url: str, tmp_path: Path
) -> None:
    async with house(sqlite_url, tmp_path, settings=replace(QUICK, redis_url=redis_url), with_worker=False) as home:
        await decide(home, rules=[THIRD], otherwise=otherwise(home))
        try:
            valkey.crash()
            paid = [await told(home.hub, home) for _ in range(3)]
        finally:
            valkey.restart()

        assert {one["status"] for one in paid} == {"captured"}
        assert paid[-1]["routing"]["unknown_facts"] == ["velocity.payment_method.24h"]
