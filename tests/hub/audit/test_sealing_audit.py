"""The audit log is chained by one sealer at a time and verified by command, on both databases."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from sqlalchemy import select, text, update

from hub.access.store import AUDIT, audit_row
from hub.access.tables import audit_log
from hub.audit import store
from hub.audit.chain import START
from hub.audit.verifying import verify
from hub.database import Database, open_database
from hub.doctor_audit import look_at_audit
from tests.hub.commands import DEVELOPMENT_KEY, hub

AT = datetime(2026, 11, 22, 9, tzinfo=UTC)

PUT_IN = """
    INSERT INTO audit_log (id, livemode, principal, action, object_id, details, created_at, position, hash)
    SELECT 'aud_x', livemode, 'eve', action, object_id, details, created_at, 6, hash FROM audit_log WHERE position = 5
"""


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = await open_database(database_url)
    yield opened
    await opened.close()


async def written(database: Database, count: int) -> None:
    rows = [audit_row(None, "payment.capture", f"pay_{n}", {"n": n}, livemode=False, at=AT) for n in range(count)]
    async with database.transaction() as connection:
        await connection.execute(AUDIT, rows)


async def tampered(database: Database, *statements: str) -> None:
    """Change what the database refuses to change, as somebody can who owns it."""
    off = ["ALTER TABLE audit_log DISABLE TRIGGER USER"]
    if not database.is_postgresql:
        off = ["DROP TRIGGER audit_log_no_update", "DROP TRIGGER audit_log_no_delete"]
    async with database.transaction() as connection:
        for statement in (*off, *statements):
            await connection.execute(text(statement))


async def test_every_row_is_chained_in_batches_and_the_chain_holds(database: Database) -> None:
    await written(database, 5)

    counts = [(await store.seal(database, 2))[0] for _ in range(4)]
    verdict = await verify(database, page=2)

    assert counts == [2, 2, 1, 0]
    assert (verdict.ok, verdict.head.position, verdict.unsealed) == (True, 5, 0)
    assert verdict.head.hash != START


async def test_a_row_that_comes_later_follows_whatever_its_id(database: Database) -> None:
    await written(database, 2)
    await store.seal(database, 10)
    early = audit_row(None, "payment.void", "pay_1", {}, livemode=False, at=AT) | {"id": "aud_0"}
    async with database.transaction() as connection:
        await connection.execute(AUDIT, early)

    await store.seal(database, 10)

    async with database.reading() as connection:
        position = await connection.scalar(select(audit_log.c.position).where(audit_log.c.id == "aud_0"))
    assert position == 3
    assert (await verify(database)).ok


@pytest.mark.fault_case(id="LED-04")
async def test_of_sealers_at_once_each_row_is_chained_by_one(database_url: str, database: Database) -> None:
    await written(database, 40)
    others = [await open_database(database_url) for _ in range(3)]

    async def until_none_are_left(through: Database) -> None:
        while True:
            async with through.reading() as connection:
                if not await store.unsealed(connection):
                    return
            await store.seal(through, 7)

    await asyncio.gather(*(until_none_are_left(one) for one in others))
    for one in others:
        await one.close()

    verdict = await verify(database)
    assert (verdict.ok, verdict.head.position) == (True, 40)


async def test_a_sealer_that_dies_before_its_commit_leaves_nothing(database: Database) -> None:
    class KilledError(Exception): ...

    async def killed() -> None:
        async with database.transaction() as connection:
            assert (await store.chain(connection, 2))[0] == 2
            raise KilledError

    await written(database, 3)
    with pytest.raises(KilledError):
        await killed()

    assert (await store.seal(database, 10))[0] == 3
    assert (await verify(database)).ok


@pytest.mark.fault_case(id="LED-03")
@pytest.mark.parametrize(
    ("statement", "position"),
    [
        ("UPDATE audit_log SET principal = 'eve' WHERE position = 2", 2),
        ("DELETE FROM audit_log WHERE position = 3", 3),
        ("UPDATE audit_log SET hash = NULL WHERE position = 4", 4),
        (PUT_IN, 6),
    ],
)
async def test_what_was_changed_deleted_or_put_in_is_found(database: Database, statement: str, position: int) -> None:
    await written(database, 5)
    await store.seal(database, 10)
    await tampered(database, statement)

    verdict = await verify(database)

    assert not verdict.ok
    assert verdict.broken is not None
    assert verdict.broken.position == position


@pytest.mark.fault_case(id="LED-03")
async def test_a_cut_off_end_is_found_by_a_head_that_was_kept(database: Database) -> None:
    await written(database, 5)
    await store.seal(database, 10)
    kept = (await verify(database)).head.hash
    await written(database, 1)
    await store.seal(database, 10)
    grown = await verify(database, kept)
    await tampered(database, "DELETE FROM audit_log WHERE position > 3")
    await written(database, 4)
    await store.seal(database, 10)

    assert (grown.ok, grown.has_head) == (True, True)
    assert (await verify(database)).ok
    cut = await verify(database, kept)
    assert (cut.ok, cut.has_head) == (False, False)


async def test_the_database_lets_a_chained_row_be_neither_changed_nor_chained_anew(database: Database) -> None:
    await written(database, 1)
    await store.seal(database, 10)

    for values in ({"principal": "eve"}, {"position": 2}, {"hash": "0" * 64}):
        with pytest.raises(Exception, match="append-only"):
            async with database.transaction() as connection:
                await connection.execute(update(audit_log).values(values))


async def test_the_doctor_says_when_rows_wait_longer_than_a_minute(database: Database) -> None:
    await written(database, 1)

    async with database.reading() as connection:
        soon = await look_at_audit(connection, AT + timedelta(seconds=59))
        late = await look_at_audit(connection, AT + timedelta(seconds=61))

    assert (soon.ok, late.ok) == (True, False)
    assert late.told.startswith("not chained since 2026-11-22 09:00 UTC")


async def test_the_command_tells_the_head_and_what_is_wrong(sqlite_url: str) -> None:
    database = await open_database(sqlite_url)
    await written(database, 3)
    await store.seal(database, 2)
    settings = {"HUB_DATABASE_URL": sqlite_url, "HUB_KEYS": DEVELOPMENT_KEY}

    good = hub("audit", "verify", **settings)
    head = good.stdout.strip().splitlines()[1].rpartition(" ")[2]
    again = hub("audit", "verify", "--head", head, "--json", **settings)
    await tampered(database, "UPDATE audit_log SET action = 'nothing' WHERE position = 1")
    await database.close()
    bad = hub("audit", "verify", "--head", "f" * 64, **settings)

    assert good.returncode == 0, good.stderr
    assert "The chain holds" in good.stdout
    assert "Not chained yet: 1," in good.stdout
    told = msgspec.json.decode(again.stdout)
    assert (again.returncode, told["ok"], told["head"]["hash"]) == (0, True, head)
    assert (bad.returncode, "The chain is broken at position 1" in bad.stdout) == (1, True)
