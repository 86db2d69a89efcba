"""Who has a delivery in hand has its whole subject, and nobody waits for what was put off."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from hub.database import Database, open_database
from hub.webhooks import store
from hub.webhooks.store import Ended, Waiting
from tests.hub.webhooks.telling import arrive, delivery, inbox

LEASE_S = 30.0
NOW = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = await open_database(database_url)
    yield opened
    await opened.close()


def keys(claimed: list[Waiting]) -> list[str]:
    return [one.delivery.key for one in claimed]


def ended(one: Waiting, status: str = "done", again_s: float | None = None) -> Ended:
    return Ended(waiting=one, status=status, tries=one.tries, again_s=again_s)


async def test_deliveries_of_one_subject_come_in_the_order_they_arrived(database: Database) -> None:
    await arrive(database, "ma_1", *(delivery("pi_1", key=key) for key in ("a", "b", "c")))

    assert keys(await store.claim(database, 10, LEASE_S)) == ["a", "b", "c"]


async def test_a_subject_in_hand_is_claimed_by_nobody_else_also_what_arrives_meanwhile(database: Database) -> None:
    await arrive(database, "ma_1", delivery("pi_1", key="a"), delivery("pi_2", key="b"))
    [first, _] = await store.claim(database, 10, LEASE_S)
    await arrive(database, "ma_1", delivery("pi_1", key="c"), delivery("pi_3", key="d"))
    await arrive(database, "ma_2", delivery("pi_1", key="another account's"))

    assert keys(await store.claim(database, 10, LEASE_S)) == ["d", "another account's"]
    await store.settle(database, [ended(first)], NOW)
    assert keys(await store.claim(database, 10, LEASE_S)) == ["c"]


async def test_a_subject_whose_reader_died_is_free_when_its_lease_has_run_out(database: Database) -> None:
    await arrive(database, "ma_1", delivery("pi_1", key="a"))
    assert keys(await store.claim(database, 10, 0.05)) == ["a"]

    await asyncio.sleep(0.1)

    [again] = await store.claim(database, 10, LEASE_S)
    assert again.tries == 2


async def test_who_lost_its_lease_writes_over_nothing(database: Database) -> None:
    await arrive(database, "ma_1", delivery("pi_1", key="a"))
    [slow] = await store.claim(database, 10, 0.05)
    await asyncio.sleep(0.1)
    [other] = await store.claim(database, 10, LEASE_S)
    await store.settle(database, [ended(other)], NOW)

    await store.settle(database, [ended(slow, "waiting", 5.0), ended(slow, "parked")], NOW)

    assert await inbox(database, "ma_1") == {"a": ("done", 2)}


async def test_what_was_put_off_holds_up_nothing_newer_of_its_subject(database: Database) -> None:
    await arrive(database, "ma_1", delivery("pi_1", key="a"))
    [first] = await store.claim(database, 10, LEASE_S)
    await store.settle(database, [ended(first, "waiting", 600.0)], NOW)
    await arrive(database, "ma_1", delivery("pi_1", key="b"))

    assert keys(await store.claim(database, 10, LEASE_S)) == ["b"]


async def test_many_workers_never_share_a_subject(database: Database) -> None:
    await arrive(database, "ma_1", *(delivery(f"pi_{n % 10}") for n in range(60)))

    claims = await asyncio.gather(*(store.claim(database, 15, LEASE_S) for _ in range(8)))

    subjects = [{one.delivery.subject for one in claimed} for claimed in claims]
    assert sum(len(one) for one in subjects) == len(set().union(*subjects))
    assert any(subjects)


async def test_what_matched_wakes_what_could_not_be_matched_of_the_same_subject(database: Database) -> None:
    await arrive(database, "ma_1", delivery("pi_1", key="a"), delivery("pi_2", key="b"), delivery("pi_1", key="c"))
    [a, b, c] = await store.claim(database, 10, LEASE_S)
    await store.settle(database, [ended(a, "unmatched"), ended(b, "unmatched", 600.0)], NOW)
    await arrive(database, "ma_2", delivery("pi_1", key="another account's"))
    [d] = await store.claim(database, 10, LEASE_S)
    await store.settle(database, [ended(d, "unmatched")], NOW)
    assert await store.claim(database, 10, LEASE_S) == []

    await store.settle(database, [ended(c)], NOW)

    assert keys(await store.claim(database, 10, LEASE_S)) == ["a"]
