"""The servers under the tests are real, and gone when the tests are."""

import os
import select
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest
from redis.asyncio import Redis

from tests.processes import Account, Server, ServerDidNotStartError, accepts, as_nobody, without_root
from tests.servers import Postgres, Valkey

GONE_SECONDS_MAX = 20
DURABILITY = ("fsync", "full_page_writes", "synchronous_commit")


async def ask(url: str, statement: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def test_a_fresh_database_is_a_copy_of_its_template(postgres: Postgres) -> None:
    template = await postgres.fresh_database()
    await ask(template, "CREATE TABLE money (minor bigint)")

    copy = await postgres.fresh_database(template)

    assert await ask(copy, "SELECT count(*) FROM money") == 0
    assert copy != template
    await postgres.drop_database(copy)
    await postgres.drop_database(template)


async def test_a_durable_database_keeps_its_commits_through_a_crash() -> None:
    database = Postgres(durable=True)
    await ask(database.url, "CREATE TABLE kept AS SELECT 4999 AS minor")

    database.crash()
    database.restart()

    assert await ask(database.url, "SELECT minor FROM kept") == 4999
    assert [await ask(database.url, f"SHOW {setting}") for setting in DURABILITY] == ["on", "on", "on"]
    database.stop()


async def test_valkey_comes_back_empty_on_the_same_port() -> None:
    server = Valkey()
    async with Redis.from_url(server.url) as client:
        await client.set("seen", "1")
    server.crash()
    server.restart()

    async with Redis.from_url(server.url) as client:
        assert await client.get("seen") is None
    server.stop()


async def test_both_databases_are_new_for_every_test(database_url: str) -> None:
    assert database_url.startswith(("sqlite:///", "postgresql://"))


async def test_valkey_is_empty_for_every_test(redis_url: str) -> None:
    async with Redis.from_url(redis_url) as client:
        assert await client.dbsize() == 0


def test_a_server_that_does_not_start_fails_with_its_own_log(tmp_path: Path) -> None:
    command = (sys.executable, "-c", "import sys; sys.exit('data directory has wrong ownership')")
    server = Server(tmp_path / "log", lambda _port: command, accepts)

    with pytest.raises(ServerDidNotStartError, match="data directory has wrong ownership"):
        server.start()


def test_servers_end_when_the_test_process_is_killed(tmp_path: Path) -> None:
    code = "from tests.servers import *; p, v = Postgres(), Valkey(); print(p.pid, v.pid, flush=True); input()"
    tests = subprocess.Popen(
        (sys.executable, "-c", code),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"TMPDIR": str(tmp_path)},
    )
    assert tests.stdout is not None
    servers = [os.pidfd_open(int(pid)) for pid in tests.stdout.readline().split()]

    tests.kill()
    tests.communicate()

    assert len(servers) == 2
    for server in servers:
        assert select.select([server], [], [], GONE_SECONDS_MAX)[0]  # A pidfd is readable once its process ended.
        os.close(server)


@pytest.mark.parametrize("run_by", [as_nobody, without_root] if os.geteuid() == 0 else [without_root])
async def test_postgres_runs_whoever_runs_the_tests(run_by: Callable[[Path, Path], Account]) -> None:
    database = Postgres(run_by=run_by)

    assert await ask(database.url, "SELECT 1") == 1
    database.stop()
