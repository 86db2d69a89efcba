"""The relay gives every event one position, in an order that no consumer sees change, on both databases."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest

from hub.database import Database, open_database
from hub.events.store import become_relay, give_positions, oldest_unpublished, publish
from tests.hub.events.writing import event, positions, write

DIES_AT_WORK = """
import asyncio, sys
from hub.database import open_database
from hub.events import store

async def work():
    database = await open_database(sys.argv[1])
    async with database.transaction() as connection:
        assert await store.become_relay(database, connection)
        print(await store.give_positions(connection, 2), flush=True)
        await asyncio.Event().wait()

asyncio.run(work())
"""


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = await open_database(database_url)
    yield opened
    await opened.close()


async def test_events_get_positions_without_gaps_in_the_order_they_were_written(database: Database) -> None:
    ids = await write(database, *(event() for _ in range(5)))

    given = [await publish(database, 2) for _ in range(4)]

    assert given == [2, 2, 1, 0]
    assert list((await positions(database)).items()) == [(one, n) for n, one in enumerate(ids, start=1)]


async def test_an_event_committed_late_comes_after_what_was_shown_although_its_id_is_smaller(
    database: Database,
) -> None:
    slow, quick = event(), event()
    await write(database, quick)
    await publish(database, 10)
    await write(database, slow)

    await publish(database, 10)

    assert await positions(database) == {quick["id"]: 1, slow["id"]: 2}


async def test_both_modes_share_one_order(database: Database) -> None:
    ids = await write(database, event(), event(livemode=True), event())

    await publish(database, 10)

    assert await positions(database) == {one: n for n, one in enumerate(ids, start=1)}


async def test_the_oldest_unpublished_event_is_told_until_it_is_published(database: Database) -> None:
    first, second = event(), event()
    await write(database, first, second)

    before = await oldest_unpublished(database)
    await publish(database, 10)

    assert before == first["created_at"]
    assert await oldest_unpublished(database) is None


async def test_a_relay_that_fails_has_given_nothing(database: Database) -> None:
    ids = await write(database, event(), event())

    with pytest.raises(ZeroDivisionError):
        await _fail(database)
    after_failure = await positions(database)
    await publish(database, 10)

    assert set(after_failure.values()) == {None}
    assert await positions(database) == {one: n for n, one in enumerate(ids, start=1)}


async def _fail(database: Database) -> None:
    async with database.transaction() as connection:
        await give_positions(connection, 1)
        raise ZeroDivisionError


async def test_a_relay_killed_at_work_leaves_everything_to_the_next(database: Database, database_url: str) -> None:
    ids = await write(database, *(event() for _ in range(3)))
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", DIES_AT_WORK, database_url, stdout=asyncio.subprocess.PIPE
    )
    assert child.stdout is not None
    async with asyncio.timeout(30):
        at_work = await child.stdout.readline()

    child.send_signal(signal.SIGKILL)
    await child.wait()
    given = await _soon_published(database)

    assert (at_work, given) == (b"2\n", 3)
    assert await positions(database) == {one: n for n, one in enumerate(ids, start=1)}


async def _soon_published(database: Database) -> int:
    """PostgreSQL finds out a moment later that who held the lock is gone."""
    for _ in range(200):
        if given := await publish(database, 10):
            return given
        await asyncio.sleep(0.05)
    raise AssertionError("the lock of a killed relay stayed")


async def test_while_one_relay_works_another_does_not_wait_for_it(postgres_url: str) -> None:
    database = await open_database(postgres_url)
    held = asyncio.Event()
    over = asyncio.Event()
    await write(database, event())

    working = asyncio.create_task(_hold_as_relay(database, held, over))
    await held.wait()
    meanwhile = await publish(database, 10)
    over.set()
    await working

    assert (meanwhile, await publish(database, 10)) == (0, 1)
    await database.close()


async def _hold_as_relay(database: Database, held: asyncio.Event, over: asyncio.Event) -> None:
    async with database.transaction() as connection:
        assert await become_relay(database, connection)
        held.set()
        await over.wait()


async def test_two_relays_at_once_give_each_event_one_position(database: Database, database_url: str) -> None:
    other = await open_database(database_url)
    ids = await write(database, *(event() for _ in range(200)))

    async def relay(through: Database) -> None:
        while await oldest_unpublished(through) is not None:
            await publish(through, 7)

    await asyncio.gather(relay(database), relay(other), relay(database), relay(other))
    await other.close()

    given: dict[str, Any] = await positions(database)
    assert given == {one: n for n, one in enumerate(ids, start=1)}
