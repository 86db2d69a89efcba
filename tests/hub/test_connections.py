import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from hub.connections import Connections

BACKEND = "SELECT pg_backend_pid()"


@pytest.fixture
async def connections(postgres_url: str) -> AsyncIterator[Connections]:
    opened = await Connections(postgres_url, 3).started()
    yield opened
    await opened.close()


async def test_the_connection_used_last_is_used_next(connections: Connections) -> None:
    used = {await connections.fetchval(BACKEND) for _ in range(5)}

    assert len(used) == 1


async def test_no_more_connections_are_opened_than_allowed(connections: Connections) -> None:
    asked = "SELECT pg_backend_pid() FROM pg_sleep($1::float)"

    used = await asyncio.gather(*(connections.fetchval(asked, 0.02) for _ in range(12)))

    assert len(set(used)) == 3


async def test_an_error_that_the_database_tells_costs_no_connection(connections: Connections) -> None:
    before = await connections.fetchval(BACKEND)

    with pytest.raises(asyncpg.DivisionByZeroError):
        await connections.fetchval("SELECT 1 / $1::int", 0)

    assert await connections.fetchval(BACKEND) == before


async def test_a_connection_that_the_database_closed_is_replaced(connections: Connections, postgres_url: str) -> None:
    before = await connections.fetchval(BACKEND)
    other = await asyncpg.connect(postgres_url)
    await other.execute("SELECT pg_terminate_backend($1, 5000)", before)
    await other.close()

    for _ in range(3):  # The first may still be sent to the connection that is gone.
        try:
            after = await connections.fetchval(BACKEND)
            break
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
            continue
    else:
        pytest.fail("no working connection")

    assert after != before


async def test_a_statement_given_up_takes_its_connection_with_it(connections: Connections) -> None:
    before = await connections.fetchval(BACKEND)

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await connections.fetchval("SELECT pg_sleep($1::float)", 5.0)

    assert await connections.fetchval(BACKEND) != before


async def test_rows_are_read_as_the_database_gives_them(connections: Connections) -> None:
    rows = await connections.fetch("SELECT * FROM generate_series(1, $1::int) AS number", 3)

    assert [row["number"] for row in rows] == [1, 2, 3]


async def test_a_database_that_is_away_is_told_and_costs_no_place(postgres_url: str) -> None:
    wrong = Connections(postgres_url + "_nowhere", 1)

    for _ in range(3):
        with pytest.raises(asyncpg.InvalidCatalogNameError):
            await wrong.fetchval(BACKEND)
