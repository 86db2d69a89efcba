"""`hub routes check|diff|apply`: a file under review, against a database that is there."""

import asyncio
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from redis.asyncio import Redis
from sqlalchemy import select

from hub.access.tables import audit_log
from hub.database import open_database
from hub.merchants.service import CHANNEL
from hub.merchants.tables import merchant_accounts
from hub.rulesets.store import changes
from hub.rulesets.tables import rulesets
from tests.hub.commands import hub

FILE = """
name = "main"

[[rules]]
name = "euro"
when = { all = [{ fact = "currency", in = ["EUR"] }, { fact = "risk_score", gte = 0, lt = 60 }] }
use = { strategy = "priority", accounts = ["acme", "ma_2"] }

[otherwise]
strategy = "priority"
accounts = ["ma_2"]
"""
ROW = {
    "livemode": False,
    "processor": "stripe",
    "status": "active",
    "profile": "{}",
    "credentials": b"",
    "credentials_version": 1,
}


@pytest.fixture
async def url(sqlite_url: str) -> str:
    """A migrated database with two accounts."""
    database = await open_database(sqlite_url)
    at = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
    async with database.transaction() as connection:
        for account_id, name in (("ma_1", "acme"), ("ma_2", "spare")):
            row = ROW | {"id": account_id, "name": name, "created_at": at, "updated_at": at}
            await connection.execute(merchant_accounts.insert(), row)
    await database.close()
    return sqlite_url


@pytest.fixture
def file(tmp_path: Path) -> Path:
    written = tmp_path / "routes.toml"
    written.write_text(FILE)
    return written


def rewrite(file: Path, content: str) -> None:
    file.write_text(content)


async def run(url: str, *words: str | Path) -> "subprocess.CompletedProcess[str]":
    asked = ("routes", *map(str, words), "--mode", "test")
    return await asyncio.to_thread(hub, *asked, HUB_DATABASE_URL=url)


async def stored(url: str) -> tuple[list[dict[str, Any]], list[tuple[str, int]], list[dict[str, Any]]]:
    """The versions' documents, what was activated for how much, and the audit log's details."""
    database = await open_database(url)
    async with database.reading() as connection:
        documents = (await connection.execute(select(rulesets.c.document).order_by(rulesets.c.id))).scalars().all()
        made = [(str(change.kind), change.percent) for change in await changes(connection, livemode=False)]
        details = (await connection.execute(select(audit_log.c.details).order_by(audit_log.c.id))).scalars().all()
    await database.close()
    return [msgspec.json.decode(one) for one in documents], made, [msgspec.json.decode(one) for one in details]


async def test_a_file_that_can_be_used_is_told_so_and_nothing_is_written(url: str, file: Path) -> None:
    checked = await run(url, "check", file)

    assert (checked.returncode, "1 rules, which can be used; 0 warnings" in checked.stdout) == (0, True), checked.stderr
    assert (await stored(url))[0] == []


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('"acme", "ma_2"', '"acme", "nobody"', "error: rules[0].use.accounts[1]: is no merchant account"),
        ("lt = 60", "lt = 0", "error: rules[0].when.all[1]: can never be true"),
        ("strategy", "stratgy", "error: rules[0].use.stratgy: is not a field"),
        ("lt = 60", "lt = inf", "error: rules[0].when.all[1].lt: must be"),
        ("[[rules]]", "[[rules]", "is no TOML"),
        ('name = "euro"', 'name = "4111111111111111"', "holds what looks like a card number"),
    ],
)
async def test_a_file_that_cannot_be_used_is_told_its_places(
    url: str, file: Path, old: str, new: str, told: str
) -> None:
    rewrite(file, FILE.replace(old, new))

    checked = await run(url, "check", file)

    assert (checked.returncode, told in checked.stderr) == (1, True), checked.stderr


DEEP = "when = " + "{ not = " * 400 + '{ fact = "amount", gte = 5 }' + " }" * 400


@pytest.mark.parametrize("command", ["check", "apply", "diff"])
async def test_a_file_nested_too_deep_is_told_so(url: str, file: Path, command: str) -> None:
    rewrite(file, f'name = "main"\n[[rules]]\nname = "deep"\n{DEEP}\n')

    done = await run(url, command, file)

    assert (done.returncode, "nested too deep" in done.stderr, "Traceback" in done.stderr) == (1, True, False)


async def test_running_processes_hear_of_an_activation_at_once(url: str, file: Path, redis_url: str) -> None:
    client = Redis.from_url(redis_url, decode_responses=True)
    async with client.pubsub(ignore_subscribe_messages=True) as told:
        await told.subscribe(CHANNEL)
        await told.get_message(timeout=5)

        done = await asyncio.to_thread(
            hub, "routes", "apply", str(file), "--mode", "test", "--activate",
            HUB_DATABASE_URL=url, HUB_REDIS_URL=redis_url,
        )  # fmt: skip
        heard = await told.get_message(timeout=5)
    await client.aclose()

    assert done.returncode == 0, done.stderr
    assert (heard is not None, heard and heard["channel"]) == (True, CHANNEL)


async def test_a_file_that_cannot_be_used_is_not_written(url: str, file: Path) -> None:
    rewrite(file, FILE.replace("lt = 60", "lt = 0"))

    applied = await run(url, "apply", file, "--activate")

    assert (applied.returncode, "can never be true" in applied.stderr) == (1, True)
    assert (await stored(url))[:2] == ([], [])


async def test_a_warning_keeps_nobody_from_using_the_file(url: str, file: Path) -> None:
    late = '[[rules]]\nname = "late"\nwhen = { fact = "hour_utc", lt = 6 }\nrefuse = "blocked_by_risk_rule"\n'
    rewrite(file, FILE.replace("[otherwise]", late + late.replace("late", "later") + "[otherwise]"))

    checked = await run(url, "check", file)

    assert (checked.returncode, "warning: rules[2]: never decides" in checked.stderr) == (0, True), checked.stderr


async def test_a_file_is_applied_activated_and_then_the_same(url: str, file: Path) -> None:
    before = await run(url, "diff", file)
    applied = await run(url, "apply", file, "--activate", "--reason", "reviewed")
    after = await run(url, "diff", file)
    again = await run(url, "apply", file)

    assert [one.returncode for one in (before, applied, after, again)] == [1, 0, 0, 0], applied.stderr
    assert ("nothing: none is active" in before.stdout, "'main' version 1: the same" in after.stdout) == (True, True)
    assert "says the same" in again.stdout
    [document], made, details = await stored(url)
    assert (document["rules"][0]["use"]["accounts"], made) == (["ma_1", "ma_2"], [("activate", 100)])
    assert [(one["command"], one["reason"], bool(one["user"])) for one in details] == [
        ("hub routes apply", "reviewed", True)
    ] * 2


async def test_what_a_file_says_otherwise_is_a_table_with_accounts_by_name(url: str, file: Path) -> None:
    await run(url, "apply", file, "--activate")
    rewrite(file, FILE.replace('"acme", "ma_2"', '"spare"').replace("lt = 60", "lt = 50"))

    differing = await run(url, "diff", file)

    assert differing.returncode == 1
    assert "2 differences" in differing.stdout
    for part in ("changed: when", '"lt":60', '"lt":50', '["acme","spare"]', '["spare"]'):
        assert part in differing.stdout, differing.stdout


async def test_a_next_version_may_decide_a_part_or_later(url: str, file: Path) -> None:
    await run(url, "apply", file, "--activate")
    rewrite(file, FILE.replace("lt = 60", "lt = 50"))

    part = await run(url, "apply", file, "--activate", "--percent", "20")
    later = await run(url, "apply", file, "--activate", "--starts-at", "2026-12-01T06:00:00Z")

    assert "decides 20% of the payments from now on" in part.stdout, part.stderr
    assert "decides 100% of the payments from 2026-12-01 06:00:00 UTC on" in later.stdout, later.stderr
    documents, made, _ = await stored(url)
    assert (len(documents), made) == (2, [("activate", 100), ("activate", 20), ("activate", 100)])


async def test_wrong_words_are_a_matter_of_usage(url: str, file: Path) -> None:
    ended = [
        await run(url, "apply", file, "--percent", "20"),
        await run(url, "apply", file, "--activate", "--percent", "0"),
        await run(url, "check", file.with_name("gone.toml")),
    ]

    assert [one.returncode for one in ended] == [2, 2, 2]
