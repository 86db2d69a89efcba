"""What tests of several rooms need: real databases, and the same random examples on every run."""

import asyncio
import logging
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import structlog
from hypothesis import Phase, settings
from redis.asyncio import Redis

from hub.migrations import migrate
from tests.canaries import PLANTED, none_in_database, none_in_file, none_in_postgres, pytest_runtest_makereport
from tests.servers import Postgres, Valkey

__all__ = ["pytest_runtest_makereport"]  # A hook, by its name.
IN_MEMORY = Path("/dev/shm")  # noqa: S108 - only mkdtemp and pytest make folders in it, each its user's alone
IN_MEMORY_BYTES_MIN = 4 * 1024**3


def keep_files_in_memory() -> None:
    """Put temporary files where no disk is asked: a database is copied there in a twentieth of the processor's time.

    What a test writes survives the death of every process there too, which is all that tests take from a process.
    """
    if "TMPDIR" in os.environ or not os.access(IN_MEMORY, os.W_OK):
        return
    if shutil.disk_usage(IN_MEMORY).free >= IN_MEMORY_BYTES_MIN:
        os.environ["TMPDIR"] = str(IN_MEMORY)  # Which processes started here inherit.
        tempfile.tempdir = None  # Where to look is looked up anew.


def log_plainly() -> None:
    """Write exceptions as Python does: structlog's default paints each frame, a quarter of a second each time."""
    plain = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*structlog.get_config()["processors"][:-1], plain])
    logging.getLogger("httpx").setLevel(logging.WARNING)  # A test's own client says aloud what it asks for.


keep_files_in_memory()
log_plainly()
# Explaining a failure traces every call of every example, whether one fails or not.
PHASES = [phase for phase in Phase if phase is not Phase.explain]
settings.register_profile("ci", derandomize=True, deadline=None, phases=PHASES)
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


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite database with all tables and nothing in them: copied in a thousandth of the time it takes to make."""
    path = tmp_path_factory.mktemp("template") / "hub.db"
    with ThreadPoolExecutor(1) as aside:  # A test's event loop may be running here.
        aside.submit(migrate, f"sqlite:///{path}").result()
    return path


@pytest.fixture(scope="session")
def postgres_template(postgres: Postgres) -> str:
    """As `sqlite_template`, on PostgreSQL."""
    with ThreadPoolExecutor(1) as aside:  # A test's event loop may be running here.
        url = aside.submit(asyncio.run, postgres.fresh_database()).result()
        aside.submit(migrate, url).result()
    return url


@pytest.fixture
def empty_sqlite_url(tmp_path: Path) -> str:
    """Where SQLite may put a new database."""
    return f"sqlite:///{tmp_path / 'hub.db'}"


@pytest.fixture
def sqlite_url(request: pytest.FixtureRequest, tmp_path: Path, sqlite_template: Path) -> Iterator[str]:
    """Where a new SQLite database stands with the hub's tables; no secret may be in it at the end."""
    path = shutil.copyfile(sqlite_template, tmp_path / "hub.db")
    yield f"sqlite:///{path}"
    if request.node.get_closest_marker(PLANTED) is None:
        none_in_file(path)


@pytest.fixture
async def empty_postgres_url(postgres: Postgres) -> AsyncIterator[str]:
    """Where a new, empty database of this test's own stands."""
    url = await postgres.fresh_database()
    yield url
    await postgres.drop_database(url)


@pytest.fixture
async def postgres_url(
    request: pytest.FixtureRequest, postgres: Postgres, postgres_template: str
) -> AsyncIterator[str]:
    """Where a new database of this test's own stands, with the hub's tables; no secret may be in it at the end."""
    url = await postgres.fresh_database(postgres_template)
    yield url
    try:
        if request.node.get_closest_marker(PLANTED) is None:
            await none_in_postgres(url)
    finally:
        await postgres.drop_database(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """Run the test on both databases, each new, with the hub's tables."""
    url: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest) -> str:
    """Run the test on both databases, each new and empty."""
    url: str = request.getfixturevalue("empty_sqlite_url" if request.param == "sqlite" else "empty_postgres_url")
    return url


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def module_database_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """As `database_url`, for the tests of one module together."""
    with ThreadPoolExecutor(1) as aside:
        if request.param == "sqlite":
            path = tmp_path_factory.mktemp("database") / "hub.db"
            url = f"sqlite:///{shutil.copyfile(request.getfixturevalue('sqlite_template'), path)}"
        else:
            postgres: Postgres = request.getfixturevalue("postgres")
            template: str = request.getfixturevalue("postgres_template")
            url = aside.submit(asyncio.run, postgres.fresh_database(template)).result()
        yield url
        if request.node.get_closest_marker(PLANTED) is None:
            aside.submit(asyncio.run, none_in_database(url)).result()
