import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from hub.commits import PATIENCE_S, TOGETHER_MAX, Commits
from hub.connections import Connections

TABLE = "CREATE TABLE kept (id int PRIMARY KEY, transaction bigint DEFAULT txid_current())"
KEEP = "INSERT INTO kept (id) VALUES ($1)"
LATER = "WITH slow AS MATERIALIZED (SELECT pg_sleep($2)) INSERT INTO kept (id) SELECT $1 FROM slow"

END_WHO_SLEEPS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND wait_event = 'PgSleep'"
)


@pytest.fixture
async def connections(postgres_url: str) -> AsyncIterator[Connections]:
    opened = await Connections(postgres_url, 5).started()
    await opened.fetchval(TABLE)
    yield opened
    await opened.close()


@pytest.fixture
async def commits(connections: Connections) -> AsyncIterator[Commits]:
    made = Commits(connections)
    yield made
    await made.close()


async def kept(connections: Connections) -> dict[int, int]:
    return {row["id"]: row["transaction"] for row in await connections.fetch("SELECT * FROM kept")}


async def keep(commits: Commits, *numbers: int) -> list[BaseException | None]:
    return await asyncio.gather(
        *(commits.run(KEEP, (number,), f"{number:04}") for number in numbers), return_exceptions=True
    )


async def test_what_is_alone_leaves_at_once(commits: Commits, connections: Connections) -> None:
    await commits.run(KEEP, (1,), "1")

    assert set(await kept(connections)) == {1}


async def test_what_comes_meanwhile_is_committed_together(commits: Commits, connections: Connections) -> None:
    await keep(commits, *range(10))

    found = await kept(connections)
    assert set(found) == set(range(10))
    assert len({found[number] for number in range(1, 10)}) == 1


async def test_a_group_is_bounded(commits: Commits, connections: Connections) -> None:
    await keep(commits, *range(1 + 3 * TOGETHER_MAX))

    assert len(set((await kept(connections)).values())) == 4


async def test_one_that_is_refused_takes_nobody_with_it(commits: Commits, connections: Connections) -> None:
    told = await keep(commits, 0, 1, 2, 1, 3)

    assert [type(failure) for failure in told] == [
        type(None), type(None), type(None), asyncpg.UniqueViolationError, type(None)
    ]  # fmt: skip
    assert set(await kept(connections)) == {0, 1, 2, 3}


async def test_a_value_that_cannot_be_sent_is_told_to_its_sender_alone(
    commits: Commits, connections: Connections
) -> None:
    rows: list[tuple[object, ...]] = [(0,), (1,), ("two",), (2**40,), (3,)]

    told = await asyncio.gather(*(commits.run(KEEP, row, str(row[0])) for row in rows), return_exceptions=True)

    assert [isinstance(failure, asyncpg.DataError) for failure in told] == [False, False, True, True, False]
    assert set(await kept(connections)) == {0, 1, 3}


async def test_who_has_gone_is_not_committed(commits: Commits, connections: Connections) -> None:
    first = asyncio.create_task(commits.run(LATER, (0, 0.05), "0"))
    await asyncio.sleep(0)
    second, third = (asyncio.create_task(commits.run(LATER, (number, 0.0), str(number))) for number in (1, 2))
    await asyncio.sleep(0)

    second.cancel()
    await asyncio.gather(first, third)

    assert set(await kept(connections)) == {0, 2}


async def test_a_lost_connection_is_told_to_everybody_in_the_group(
    commits: Commits, connections: Connections, postgres_url: str
) -> None:
    first = asyncio.create_task(commits.run(LATER, (0, 0.05), "0"))
    await asyncio.sleep(0)
    group = asyncio.gather(
        *(commits.run(LATER, (number, 5.0), str(number)) for number in (1, 2)), return_exceptions=True
    )
    await first
    other = await asyncpg.connect(postgres_url)
    ended = False
    async with asyncio.timeout(10):
        while not ended:
            ended = await other.fetchval(END_WHO_SLEEPS)
    await other.close()

    assert all(isinstance(failure, asyncpg.PostgresError | OSError) for failure in await group)
    assert set(await kept(connections)) == {0}
    await commits.run(LATER, (3, 0.0), "3")


async def test_one_that_is_held_up_does_not_hold_up_the_others_for_long(commits: Commits) -> None:
    slow = asyncio.create_task(commits.run(LATER, (0, 20 * PATIENCE_S), "0"))
    await asyncio.sleep(0)

    await commits.run(LATER, (1, 0.0), "1")

    assert not slow.done()
    await slow


async def test_two_who_lock_the_same_rows_in_groups_do_not_wait_for_each_other(connections: Connections) -> None:
    await connections.fetchval("INSERT INTO kept (id) SELECT generate_series(0, 9)")
    change = "UPDATE kept SET transaction = transaction + 1 WHERE id = $1"
    both = Commits(connections), Commits(connections)

    for _ in range(20):
        rows = [(commits, number) for n in range(10) for commits, number in ((both[0], n), (both[1], 9 - n))]
        await asyncio.gather(*(commits.run(change, (number,), str(number)) for commits, number in rows))

    deadlocks = await connections.fetchval("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    assert deadlocks == 0
