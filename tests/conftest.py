"""What tests of several rooms need: real databases, and the same random examples on every run."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from redis.asyncio import Redis

from tests.servers import Postgres, Valkey

settings.register_profile("ci", derandomize=True, deadline=None)
settings.load_profile("ci")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One server for each test process; tests take databases of it."""
    server = Postgres()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def valkey() -> Iterator[Valkey]:
    """One server for each test process; a test takes `redis_url`."""
    server = Valkey()
    yield server
    server.stop()


@pytest.fixture
async def redis_url(valkey: Valkey) -> str:
    """Where an empty Valkey answers."""
    async with Redis.from_url(valkey.url) as client:
        await client.flushall()
    return valkey.url


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """Where SQLite may put a new database."""
    return f"sqlite:///{tmp_path / 'hub.db'}"


@pytest.fixture
async def postgres_url(postgres: Postgres) -> AsyncIterator[str]:
    """Where a new, empty database of this test's own stands."""
    url = await postgres.fresh_database()
    yield url
    await postgres.drop_database(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """Run the test on both databases, each new and empty."""
    url: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    return url
