"""`/health/ready` tells the truth: whether requests should be sent to this process now."""

from pathlib import Path

import httpx
import pytest
from msgspec.structs import replace
from sqlalchemy import text

from hub.database import open_database
from tests.hub.house import QUICK, serving
from tests.processes import free_port
from tests.servers import Postgres


async def change(database_url: str, statement: str, value: str) -> None:
    """Let somebody else change the database."""
    database = await open_database(database_url)
    async with database.transaction() as connection:
        await connection.execute(text(statement), {"value": value})
    await database.close()


def remove(sqlite_url: str) -> None:
    """Let somebody tidy up."""
    Path(sqlite_url.removeprefix("sqlite:///")).unlink()


async def ready(client: httpx.AsyncClient) -> tuple[int, str]:
    """The status, and what it says."""
    answer = await client.get("/health/ready")
    return answer.status_code, answer.json().get("detail", answer.json()["status"])


@pytest.mark.parametrize(
    ("revision", "floor", "status", "told"),
    [
        ("0003", "0027", 503, "run `hub migrate` first"),
        ("9998", "0027", 200, "ready"),
        ("9998", "9998", 503, "run that version"),
    ],
    ids=["older", "newer", "too new"],
)
async def test_ready_is_who_can_work_on_the_tables(
    revision: str, floor: str, status: int, told: str, database_url: str
) -> None:
    async with serving(replace(QUICK, database_url=database_url), "none", with_worker=False) as hub:
        assert await ready(hub.client) == (200, "ready")

        await change(database_url, "UPDATE schema_floor SET revision = :value", floor)
        await change(database_url, "UPDATE alembic_version SET version_num = :value", revision)

        found = await ready(hub.client)
        assert found[0] == status
        assert told in found[1]
        assert (await hub.client.get("/health/live")).status_code == 200


async def test_not_ready_once_the_database_is_gone(postgres_template: str, postgres: Postgres) -> None:
    url = await postgres.fresh_database(postgres_template)
    async with serving(replace(QUICK, database_url=url), "none", with_worker=False) as hub:
        await postgres.drop_database(url)

        assert await ready(hub.client) == (503, "the database does not answer")


async def test_not_ready_once_the_file_is_gone(sqlite_url: str) -> None:
    async with serving(replace(QUICK, database_url=sqlite_url), "none", with_worker=False) as hub:
        remove(sqlite_url)

        assert await ready(hub.client) == (503, "the database's file is gone")


@pytest.mark.fault_case(id="RD-01")
async def test_ready_without_its_redis(database_url: str) -> None:
    nobody = f"redis://127.0.0.1:{free_port()}"
    async with serving(replace(QUICK, database_url=database_url, redis_url=nobody), "none", with_worker=False) as hub:
        assert await ready(hub.client) == (200, "ready")
