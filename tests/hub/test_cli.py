"""The `hub` command: help at once, servers that refuse to start unsafely, keys shown once."""

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import msgspec
import pytest

from hub.access.rules import Role
from hub.access.service import Keys
from hub.cli import ROLES, main
from hub.database import open_database
from tests.hub.commands import DEVELOPMENT_KEY, environment, hub, started
from tests.processes import accepts, free_port

LOADED = "import sys, hub.cli; print([m for m in ('litestar', 'sqlalchemy', 'stripe') if m in sys.modules])"


def test_every_command_of_the_contract_is_there() -> None:
    assert set(main.commands) >= {"dev", "demo", "serve", "worker", "migrate", "keys", "doctor"}


def test_help_loads_neither_framework_nor_database_nor_processors() -> None:
    told = subprocess.run((sys.executable, "-c", LOADED), env=environment(), capture_output=True, text=True, check=True)

    assert told.stdout == "[]\n"


def test_keys_can_be_made_for_every_role() -> None:
    assert set(ROLES) == set(Role)


async def test_a_key_is_printed_once_and_opens_the_hub(sqlite_url: str) -> None:
    made = await asyncio.to_thread(hub, *KEY, HUB_DATABASE_URL=sqlite_url)

    database = await open_database(sqlite_url)
    caller = await Keys(database).authenticate(f"Bearer {made.stdout.strip()}")
    await database.close()
    assert (caller.principal, caller.role, caller.livemode) == ("ada", Role.SUPPORT, True)


KEY = ("keys", "create", "--name", "desk", "--principal", "ada", "--role", "support", "--mode", "live")


def test_a_key_that_would_have_expired_is_not_made(sqlite_url: str) -> None:
    refused = hub(*KEY, "--expires", "2020-01-01", HUB_DATABASE_URL=sqlite_url)

    assert (refused.returncode, refused.stdout) == (1, "")
    assert "--expires is in the past" in refused.stderr


def test_serving_is_refused_with_the_sealing_key_that_everybody_knows(sqlite_url: str) -> None:
    refused = hub("serve", HUB_DATABASE_URL=sqlite_url)

    assert refused.returncode == 1
    assert "HUB_KEYS is not set" in refused.stderr


@pytest.mark.fault_case(id="CR-11")
def test_serving_is_refused_before_the_database_is_migrated(empty_sqlite_url: str) -> None:
    refused = hub("serve", HUB_DATABASE_URL=empty_sqlite_url, HUB_KEYS=DEVELOPMENT_KEY)

    assert refused.returncode == 1
    assert "hub migrate" in refused.stderr


def test_a_database_that_does_not_answer_is_told_in_a_sentence() -> None:
    refused = hub("migrate", HUB_DATABASE_URL=f"postgresql://hub:secret@127.0.0.1:{free_port()}/hub")

    assert refused.returncode == 1
    assert "does not answer" in refused.stderr
    assert "secret" not in refused.stderr
    assert "Traceback" not in refused.stderr


def test_migrating_twice_changes_nothing(empty_sqlite_url: str) -> None:
    codes = [hub("migrate", HUB_DATABASE_URL=empty_sqlite_url).returncode for _ in range(2)]

    assert codes == [0, 0]


def test_two_workers_serve_one_port_and_end_with_their_parent(sqlite_url: str) -> None:
    port = free_port()
    settings = {"HUB_DATABASE_URL": sqlite_url, "HUB_KEYS": DEVELOPMENT_KEY, "HUB_PORT": str(port), "HUB_DRAIN_MS": "0"}
    with started("serve", "--workers", "2", **settings) as process:
        with httpx.Client(transport=httpx.HTTPTransport(retries=12)) as client:
            answer = client.get(f"http://127.0.0.1:{port}/health/ready")
        process.send_signal(signal.SIGTERM)
        code = process.wait(60)

    assert (answer.status_code, code) == (200, 0)
    assert not accepts(port)


def test_a_worker_tells_what_it_counts_and_ends_when_it_is_asked_to(sqlite_url: str) -> None:
    port = str(free_port())
    settings = {"HUB_DATABASE_URL": sqlite_url, "HUB_KEYS": DEVELOPMENT_KEY, "HUB_WORKER_METRICS_PORT": port}
    with started("worker", **settings) as process:
        assert process.stderr is not None
        told = msgspec.json.decode(process.stderr.readline())
        counted = httpx.get(f"http://127.0.0.1:{port}/metrics")
        process.send_signal(signal.SIGTERM)
        code = process.wait(60)

    assert (told["event"], code) == ("worker_started", 0)
    assert "hub_unknown_seconds" in counted.text


def test_a_wrong_url_of_a_database_is_told_in_a_sentence(tmp_path: Path) -> None:
    refused = hub("migrate", HUB_DATABASE_URL=f"mysql://{tmp_path}")

    assert refused.returncode == 1
    assert "Traceback" not in refused.stderr
