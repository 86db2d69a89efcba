import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import asyncpg
import pytest
from sqlalchemy import text

from hub.connections import SILENT_S_MAX, Connections
from hub.database import is_lost, open_database

BACKEND = "SELECT pg_backend_pid()"
LAST_WORD = b"SFATAL\0VFATAL\0C57P01\0Mterminating connection due to administrator command\0\0"


class Wire:
    """What stands between the hub and PostgreSQL, and can say that the database goes down."""

    def __init__(self, url: str) -> None:
        self.real = urlsplit(url)
        self.url = ""
        self._open: list[asyncio.StreamWriter] = []
        self._passes = asyncio.Event()
        self._passes.set()
        self._carrying: set[asyncio.Task[None]] = set()

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(self.real.hostname, self.real.port)
        self._open.append(writer)
        for source, target in ((reader, back), (there, writer)):
            task = asyncio.create_task(self._copy(source, target, self._passes))
            self._carrying.add(task)
            task.add_done_callback(self._carrying.discard)

    async def _copy(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, passes: asyncio.Event) -> None:
        try:
            while said := await source.read(65536):
                await passes.wait()
                target.write(said)
        finally:
            target.close()

    def swallow(self) -> None:
        """Take everything and pass on nothing, on the connections that are open; new ones are carried as before."""
        self._passes.clear()
        self._passes = asyncio.Event()
        self._passes.set()

    async def end(self) -> None:
        """Carry nothing any more."""
        for task in self._carrying:
            task.cancel()
        await asyncio.gather(*self._carrying, return_exceptions=True)

    async def announce_the_end(self) -> None:
        """Say it on every connection, and leave them open for a moment as a busy server does."""
        for writer in self._open:
            writer.write(b"E" + (len(LAST_WORD) + 4).to_bytes(4, "big") + LAST_WORD)
        self._open.clear()
        await asyncio.sleep(0.05)


@asynccontextmanager
async def wire(url: str) -> AsyncIterator[Wire]:
    made = Wire(url)
    async with await asyncio.start_server(made.carry, "127.0.0.1") as server:
        port = server.sockets[0].getsockname()[1]
        made.url = url.replace(f":{made.real.port}/", f":{port}/")
        yield made
        await made.end()


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


async def test_a_connection_whose_end_was_announced_is_told_as_lost_and_replaced(postgres_url: str) -> None:
    async with wire(postgres_url) as between:
        connections = await Connections(between.url, 1).started()
        await between.announce_the_end()

        with pytest.raises(OSError, match="had ended"):
            await connections.fetchval(BACKEND)

        assert await connections.fetchval(BACKEND)
        await connections.close()


async def test_a_transaction_is_begun_on_a_connection_whose_end_was_not_announced(postgres_url: str) -> None:
    async with wire(postgres_url) as between:
        database = await open_database(between.url)
        for _ in range(2):
            async with database.transaction() as connection:
                assert await connection.scalar(text(BACKEND))
            await between.announce_the_end()
        await database.close()


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


async def test_a_database_that_vanishes_without_a_word_is_noticed(postgres_url: str) -> None:
    database = await open_database(postgres_url)
    assert database.pool is not None
    held = []
    async with database.reading() as connection:
        driver = (await connection.get_raw_connection()).driver_connection
        assert driver is not None
        held.append(driver._transport.get_extra_info("socket"))  # noqa: SLF001 - asyncpg tells it nowhere else
        own = await database.pool._take()  # noqa: SLF001 - the charge path's
        held.append(own._transport.get_extra_info("socket"))  # noqa: SLF001 - as above

        for one in held:
            assert one.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            assert one.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == SILENT_S_MAX * 1000
        database.pool._free.put_nowait(own)  # noqa: SLF001 - given back as it was taken
    await database.close()


async def test_a_statement_whose_answer_is_swallowed_is_given_up_with_its_connection(postgres_url: str) -> None:
    async with wire(postgres_url) as between:
        database = await open_database(between.url, statement_s=0.5)
        async with database.reading() as connection:
            lost = await connection.scalar(text(BACKEND))
        between.swallow()

        with pytest.raises(TimeoutError) as failure:
            async with asyncio.timeout(20), database.transaction() as connection:
                await connection.execute(text(BACKEND))
        async with asyncio.timeout(20), database.transaction() as connection:
            found = await connection.scalar(text(BACKEND))

        assert is_lost(failure.value)
        assert found != lost
        await database.close()


async def test_whoever_is_in_a_transaction_that_is_swallowed_gets_out_of_it(postgres_url: str) -> None:
    async with wire(postgres_url) as between:
        database = await open_database(between.url, statement_s=0.5)

        async def swallowed() -> None:
            async with database.transaction() as connection:
                await connection.execute(text(BACKEND))
                between.swallow()
                await connection.execute(text(BACKEND))

        with pytest.raises(TimeoutError):
            await asyncio.wait_for(swallowed(), 20)

        async with asyncio.timeout(20), database.transaction() as connection:
            assert await connection.scalar(text(BACKEND))
        await database.close()
