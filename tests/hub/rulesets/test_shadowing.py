"""A shadow's plans are counted beside live traffic, and nothing of them is carried out."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from sqlalchemy import insert, text

from hub.database import Database, metadata, open_database
from hub.figures.asking_later import Answer
from hub.merchants.service import Directory
from hub.payments.store import find_payment
from hub.rulesets.shadowing import WAITING_MAX, ShadowDesk
from hub.rulesets.store import counts
from hub.rulesets.tables import ruleset_activations, rulesets
from routing.facts import Facts
from routing.plan import Snapshot, Trial, plan
from routing.rollout import within
from tests.hub.house import QUICK, House, house
from tests.routing.samples import account, facts, ruleset, snapshot, use

RICH = {"name": "rich", "when": {"fact": "amount", "gte": 10_000}, "refuse": "blocked_by_risk_rule"}
DECIDES = ruleset(otherwise=use("ma_1", "ma_2"))


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = await open_database(database_url)
    at = datetime.now(UTC)
    row = {"id": "rs_1", "livemode": False, "name": "main", "version": 1, "document": "{}", "created_at": at}
    change = {"id": "rsa_1", "livemode": False, "number": 1, "kind": "shadow", "ruleset": "rs_1", "created_at": at}
    async with opened.writer.begin() as connection:
        await connection.run_sync(metadata.create_all)
        await connection.execute(insert(rulesets), row)
        await connection.execute(insert(ruleset_activations), change | {"rollout_percent": 100})
    yield opened
    await opened.close()


def nobody_knows(*_: object) -> Answer:
    raise AssertionError("nothing was asked for")


def shadowed(percent: int = 100, **otherwise: Any) -> Snapshot:
    """Two accounts, of which the second would be first."""
    trial = Trial(change="rsa_1", ruleset=ruleset(otherwise=otherwise or use("ma_2", "ma_1")), percent=percent)
    return snapshot(account("ma_1"), account("ma_2"), ruleset=DECIDES, shadow=trial)


def note(desk: ShadowDesk, known: Snapshot, payments: int = 1, **changes: object) -> None:
    for number in range(payments):
        payment = facts(reference=f"invoice-{number}", **changes)
        desk.note(payment, known, plan(payment, known), None)


async def counted(database: Database) -> list[tuple[str, str, str, str, int]]:
    async with database.reading() as connection:
        rows = await counts(connection, "rsa_1")
    words = ("verdict", "shadow_rule", "merchant_account", "shadow_merchant_account", "payments")
    return [tuple(row[word] for word in words) for row in rows]


async def test_what_differs_is_counted_by_rule_and_account(database: Database) -> None:
    desk = ShadowDesk(database, nobody_knows)

    note(desk, shadowed(), 3)
    note(desk, shadowed(**use("ma_1")))
    await desk.catch_up()

    assert await counted(database) == [
        ("other_account", "otherwise", "ma_1", "ma_2", 3),
        ("other_order", "otherwise", "ma_1", "ma_1", 1),
    ]


async def test_counts_of_several_processes_add_up(database: Database) -> None:
    for desk in (ShadowDesk(database, nobody_knows), ShadowDesk(database, nobody_knows)):
        note(desk, shadowed(), 2)
        await desk.catch_up()

    assert [row[-1] for row in await counted(database)] == [4]


async def test_a_share_is_drawn_by_reference(database: Database) -> None:
    desk = ShadowDesk(database, nobody_knows)

    note(desk, shadowed(percent=20), 100)
    await desk.catch_up()

    drawn = sum(within("shadow", "rs_1", 20, f"invoice-{number}") for number in range(100))
    assert [row[-1] for row in await counted(database)] == [drawn]


async def test_a_payment_that_names_its_account_is_not_counted(database: Database) -> None:
    desk = ShadowDesk(database, nobody_knows)

    note(desk, shadowed(), merchant_account="ma_1")
    note(desk, snapshot(account("ma_1"), ruleset=DECIDES))
    await desk.catch_up()

    assert await counted(database) == []


async def test_counts_that_cannot_be_stored_wait_for_the_next_time(database: Database) -> None:
    desk = ShadowDesk(database, nobody_knows)
    async with database.writer.begin() as connection:
        await connection.execute(text("ALTER TABLE shadow_counts RENAME TO gone"))
    note(desk, shadowed(), 2)
    await desk.catch_up()
    async with database.writer.begin() as connection:
        await connection.execute(text("ALTER TABLE gone RENAME TO shadow_counts"))

    await desk.catch_up()

    assert [row[-1] for row in await counted(database)] == [2]


async def test_more_than_can_be_planned_are_left_out(database: Database) -> None:
    desk = ShadowDesk(database, nobody_knows)

    note(desk, shadowed(), WAITING_MAX + 10)
    await desk.catch_up()

    assert [row[-1] for row in await counted(database)] == [WAITING_MAX]


async def test_what_is_left_at_the_end_is_stored(database: Database) -> None:
    desk = ShadowDesk(database, nobody_knows, every_s=3_600)
    await desk.start()

    note(desk, shadowed())
    await desk.stop()

    assert [row[-1] for row in await counted(database)] == [1]


OFTEN = {"fact": "velocity.payment_method.1h", "gte": 2}
CAREFUL = {"name": "careful", "when": OFTEN, "refuse": "blocked_by_risk_rule"}


@pytest.fixture(params=["with Valkey", "without"])
def shared_url(request: pytest.FixtureRequest) -> str | None:
    """Where Valkey answers, or nowhere."""
    url: str | None = request.getfixturevalue("redis_url") if request.param == "with Valkey" else None
    return url


async def test_what_only_the_shadow_wants_counted_is_read_beside_the_charge(
    shared_url: str | None, sqlite_url: str, tmp_path: Path
) -> None:
    async with house(sqlite_url, tmp_path, settings=replace(QUICK, redis_url=shared_url), with_worker=False) as made:
        ours = use(made.accounts["stripe-eu"])
        await activated(made, {"name": "main", "otherwise": ours}, "activate")
        await activated(made, {"name": "main", "rules": [CAREFUL], "otherwise": ours}, "shadow")

        charged = [(await made.hub.charge(payment_method=made.payment_method)).json() for _ in range(4)]
        await made.hub.parts.shell.shadows.catch_up()
        shown = (await made.hub.get("/v1/routing/shadow")).json()

        assert [(one["status"], one["routing"]["unknown_facts"]) for one in charged] == [("captured", [])] * 4
        for one in charged:
            assert not (await facts_of(made, one["id"])).counted
        assert (shown["agreeing"], shown["refusal"]) == (2, 2)


async def facts_of(made: House, payment: str) -> Facts:
    found = await find_payment(made.hub.parts.database, livemode=False, payment_id=payment)
    assert found is not None
    return msgspec.json.decode(found.facts, type=Facts)


@pytest.fixture
async def home(database_url: str, tmp_path: Path) -> AsyncIterator[House]:
    async with house(database_url, tmp_path) as made:
        yield made


async def activated(home: House, document: dict[str, Any], how: str) -> str:
    written = (await home.hub.post("/v1/routing/rulesets", document)).json()["id"]
    answer = await home.hub.post(f"/v1/routing/rulesets/{written}/{how}", {"reason": "try"})
    assert answer.status_code == 200, answer.text
    return str(written)


async def known_within_a_second(directory: Directory, ruleset_id: str) -> None:
    for _ in range(100):
        deciding = directory.routing(livemode=False).ruleset
        if deciding is not None and deciding.id == ruleset_id:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"{ruleset_id} does not decide")


async def test_another_process_decides_by_what_was_activated_within_a_second(database_url: str, tmp_path: Path) -> None:
    async with house(database_url, tmp_path, second=True, with_worker=False) as made:
        assert made.second is not None
        directory = made.second.parts.directory
        stripe, adyen = made.accounts["stripe-eu"], made.accounts["adyen-eu"]
        first = await activated(made, {"name": "main", "otherwise": use(stripe, adyen)}, "activate")
        second = await activated(made, {"name": "main", "otherwise": use(adyen, stripe)}, "activate")

        await known_within_a_second(directory, second)
        went = [(await made.second.charge(payment_method=made.payment_method)).json()["merchant_account"]]
        await made.hub.post("/v1/routing/rulesets/rollback", {"reason": "back"})
        await known_within_a_second(directory, first)
        went.append((await made.second.charge(payment_method=made.payment_method)).json()["merchant_account"])

    assert went == [adyen, stripe]


async def test_live_charges_are_held_against_the_shadow(home: House) -> None:
    stripe, adyen = home.accounts["stripe-eu"], home.accounts["adyen-eu"]
    base = await activated(home, {"name": "main", "otherwise": use(stripe, adyen)}, "activate")
    other = {"name": "main", "rules": [RICH], "otherwise": use(adyen, stripe)}
    beside = await activated(home, other, "shadow")

    charged = [await home.hub.charge(payment_method=home.payment_method, amount=amount) for amount in (500, 20_000)]
    await home.hub.charge(payment_method=home.payment_method, currency="SEK")
    await home.hub.parts.shell.shadows.catch_up()
    shown = (await home.hub.get("/v1/routing/shadow")).json()
    await home.hub.post("/v1/routing/shadow/end", {})
    ended = (await home.hub.get("/v1/routing/shadow")).json()

    assert [(one.json()["merchant_account"], one.json()["routing"]["ruleset"]) for one in charged] == [
        (stripe, base)
    ] * 2
    assert await home.charges("adyen") == 0
    assert (shown["ruleset"], shown["version"], shown["percent"], shown["ended_at"]) == (beside, 2, 100, None)
    tally = ("payments", "agreeing", "other_account", "other_order", "refusal")
    assert [shown[word] for word in tally] == [3, 1, 1, 0, 1]
    assert {(one["rule"], one["shadow_rule"], one["payments"]) for one in shown["by_rule"]} == {
        ("otherwise", "otherwise", 2),
        ("otherwise", "rich", 1),
    }
    assert {(one["merchant_account"], one["shadow_merchant_account"]) for one in shown["by_account"]} == {
        (stripe, adyen),
        (stripe, None),
        (None, None),
    }
    assert (ended["payments"], ended["ended_at"] is None) == (3, False)
