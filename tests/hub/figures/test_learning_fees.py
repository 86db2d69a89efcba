"""The loop: what settled lines show is what routing reckons with; on both databases."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from hub.database import Database, open_database
from hub.figures.learning_fees import learn_fees
from hub.figures.store import effective
from hub.payments.shell import Shell
from hub.settlement.tables import settlement_batches
from normalization.settlements import LineType
from routing.costs import EffectiveFee
from tests.hub.house import house
from tests.hub.reporting.facts import MARCH, Shop, line, open_shop

CARD = {"card_brand": "visa", "card_funding": "credit", "card_country": "DE"}


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = await open_database(database_url)
    yield opened
    await opened.close()


async def settled(shop: Shop, count: int, percent_bps: int, days: int = 0, **told: Any) -> None:
    """Charge and settle at a price; the last line of them costs far more."""
    at = MARCH + timedelta(days=days)
    lines = []
    for n in range(1, count + 1):
        minor = 1_000 * n
        fee = minor * percent_bps // 10_000 + 20 + (5_000 if n == count else 0)
        lines.append(line(LineType.CHARGE, minor, fee, on=at.date(), of=await shop.charged(at, minor), **(CARD | told)))
    await shop.settled(at, *lines)
    async with shop.database.transaction() as connection:
        done = update(settlement_batches).where(settlement_batches.c.ended_at.is_(None))
        await connection.execute(done.values(ended_at=at))


async def fees_of(shop: Shop) -> dict[str | None, tuple[int, int, int]]:
    async with shop.database.reading() as connection:
        known: tuple[EffectiveFee, ...] = tuple((await effective(connection)).get(shop.account, ()))
    return {fee.card_brand: (fee.percent_ppm, fee.fixed_minor, fee.lines) for fee in known}


class Only:
    """What of the shell the job needs."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def clock(self) -> Any:
        return MARCH


async def learn(database: Database) -> list[int]:
    """Do the job until nothing is left, three times at most."""
    shell: Shell = Only(database)  # type: ignore[assignment] # the job needs a database and a clock, nothing more
    return [await learn_fees(shell) for _ in range(3)]


async def test_fees_are_learned_from_each_report_once_and_anew_with_the_next(database: Database) -> None:
    shop = await open_shop(database)
    await settled(shop, 25, 150)
    first, then = await learn(database), await fees_of(shop)
    await settled(shop, 60, 250, days=1, card_brand="amex")

    again = await learn(database)

    assert (first, again) == ([1, 0, 0], [1, 0, 0])
    assert then == {None: (15_000, 20, 24), "visa": (15_000, 20, 24)}
    found = await fees_of(shop)
    assert (found["visa"], found["amex"]) == ((15_000, 20, 24), (25_000, 20, 59))


async def test_too_few_lines_teach_nothing_and_are_not_looked_at_again(database: Database) -> None:
    shop = await open_shop(database)
    await settled(shop, 5, 150)

    assert await learn(database) == [1, 0, 0]
    assert await fees_of(shop) == {}


async def test_the_cheaper_account_is_the_one_that_settled_lines_show(sqlite_url: str, tmp_path: Path) -> None:
    async with house(sqlite_url, tmp_path, with_worker=False) as home:
        cheap, dear = home.accounts["stripe-eu"], home.accounts["adyen-eu"]
        for account, bps in ((cheap, 300), (dear, 100)):
            fees = {"fees": [{"percent_bps": bps, "fixed_minor": 0}]}
            assert (await home.hub.client.patch(f"/v1/merchant_accounts/{account}", json=fees)).status_code == 200
        ruleset = {"name": "main", "rules": [], "otherwise": {"strategy": "least_cost", "accounts": [cheap, dear]}}
        made = (await home.hub.post("/v1/routing/rulesets", ruleset)).json()["id"]
        await home.hub.post(f"/v1/routing/rulesets/{made}/activate", {"rollout_percent": 100})
        database = home.hub.parts.database

        before = (await home.hub.charge(payment_method=home.payment_method)).json()
        await settled(Shop(database, cheap), 25, 80)
        await settled(Shop(database, dear, "adyen"), 25, 290)
        assert await learn(database) == [1, 1, 0]
        await home.hub.parts.shell.figures.refresh()
        after = (await home.hub.charge(payment_method=home.payment_method)).json()
        shown = (await home.hub.get("/v1/routing/fees")).json()["data"]

    assert (before["merchant_account"], after["merchant_account"]) == (dear, cheap)
    off = {one["merchant_account"]: one["difference"]["percent_ppm"] for one in shown if one["card_brand"] is None}
    assert off == {cheap: 8_000 - 30_000, dear: 29_000 - 10_000}
